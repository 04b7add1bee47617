//! One partition: what its small files say, and whether its segments keep what those promise.

use std::collections::BTreeSet;
use std::path::Path;

use super::Scope;
use super::directory::{sorted, strange};
use super::lists::Lists;
use super::report::Report;
use super::segment::Segments;
use crate::checkpoint::Checkpoint;
use crate::compaction;
use crate::error::Result;
use crate::segment::{self, SegmentName, Volume};
use crate::snapshot::{self, parse_names};

/// Checks the directory of a partition.
pub(super) fn check(scope: &Scope, dir: &Path, report: &mut Report<'_>) -> Result<()> {
    let volume = &scope.volume;
    report.summary.partitions += 1;
    let names = sorted(volume, dir, report)?;
    let found = report.sound(compaction::segments(volume, dir, &names))?;
    let found = found.unwrap_or_default();
    tell_leftovers(dir, &found.leftovers, report);
    tell_strange(dir, &names, report);
    let checkpoint = report.sound(Checkpoint::load(&*volume.disk, dir, volume.cluster_id))?;
    let log_start = checkpoint.as_ref().map(|checkpoint| checkpoint.log_start);
    let points = parse_names(&names, snapshot::EXTENSION);
    let point = newest_readable(volume, dir, &points, report)?;
    let mut segments = Segments {
        scope,
        dir,
        clean: report.summary.clean,
        point,
        epochs: checkpoint.map(|checkpoint| checkpoint.epochs),
        next: None,
        cut: false,
        lists: Lists::default(),
    };
    for &name in &found.standing {
        segments.check(name, report)?;
    }
    let next = segments.next.unwrap_or(0);
    let last = found.standing.last().copied();
    let end = last.unwrap_or(SegmentName::appended(0)).path(dir, "log");
    if let Some(log_start) = log_start
        && next.max(log_start) < point
    {
        let what = format!("the log ends at offset {next}, but all below {point} was kept");
        report.damage(&end, 0, what);
    }
    if report.summary.clean && next > points.last().copied().unwrap_or(0) {
        let what = format!("the log ends at offset {next}, and no recovery point covers that");
        report.damage(&end, 0, what);
    }
    Ok(())
}

/// The offset of the newest recovery point that can be read, or 0.
fn newest_readable(
    volume: &Volume,
    dir: &Path,
    points: &[i64],
    report: &mut Report<'_>,
) -> Result<i64> {
    let mut newest = 0;
    for &offset in points {
        if report.sound(snapshot::load(volume, dir, offset))?.is_some() {
            newest = offset;
        }
    }
    Ok(newest)
}

/// Tells of files that mean nothing to this store.
fn tell_strange(dir: &Path, names: &[String], report: &mut Report<'_>) {
    let logs = names.iter().map(|name| SegmentName::parse(name, "log"));
    let logs: BTreeSet<SegmentName> = logs.flatten().collect();
    for name in names {
        let path = dir.join(name);
        let has_log = |derived: SegmentName| logs.contains(&derived);
        if SegmentName::parse(name, segment::ABORTED).is_some_and(|list| !has_log(list)) {
            let what = "is left of a segment that is gone: the next start removes it";
            report.crash(&path, 0, what.into());
            continue;
        }
        match SegmentName::parse(name, segment::INDEX).map(has_log) {
            Some(false) => report.note(&path, "is the index of no segment".into()),
            Some(true) => {}
            None if ["checkpoint", compaction::NAME].contains(&&**name)
                || SegmentName::parse(name, "log").is_some()
                || SegmentName::parse(name, segment::ABORTED).is_some()
                || SegmentName::parse(name, snapshot::EXTENSION).is_some() => {}
            None => strange(&path, report),
        }
    }
}

/// Tells of segments that compaction had not put in place, or not taken away, when the process stopped.
fn tell_leftovers(dir: &Path, leftovers: &[SegmentName], report: &mut Report<'_>) {
    for name in leftovers {
        let what = "is left of a compaction that was under way: the next start removes it";
        report.crash(&name.path(dir, "log"), 0, what.into());
    }
}
