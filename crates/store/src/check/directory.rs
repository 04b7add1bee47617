//! The data directory itself: whose it is, whether it was closed cleanly, and what lies in it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::refilled::Refill;
use super::report::{Finding, Report, Summary};
use super::{Depth, Scope, partition};
use crate::config::TopicPartition;
use crate::disk::Disk;
use crate::error::{Error, IoContext, Result};
use crate::format::{self, Kind};
use crate::meta;
use crate::segment::Volume;
use crate::store::DELETED;

/// Files and directories that belong there.
const KNOWN: [&str; 6] = ["lock", "meta", "clean", "reserve", "journal", "topics"];

/// Checks everything below a data directory.
pub(super) fn check(
    disk: Arc<dyn Disk>,
    dir: &Path,
    depth: Depth,
    tell: &mut dyn FnMut(&Finding),
) -> Result<Summary> {
    let mut report = Report::new(Summary::default(), tell);
    let Some(cluster_id) = report.sound(meta::load(&*disk, dir))? else {
        return Ok(report.summary);
    };
    let cluster_id = cluster_id.ok_or_else(|| no_data(dir))?;
    let volume = Volume { disk, cluster_id };
    report.summary.cluster_id = cluster_id;
    report.summary.clean = is_clean(&volume, dir, &mut report)?;
    let names = sorted(&volume, dir, &mut report)?;
    for name in names.iter().filter(|name| !KNOWN.contains(&name.as_str())) {
        strange(&dir.join(name), &mut report);
    }
    let topics = dir.join("topics");
    let refill = match !report.summary.clean && names.iter().any(|name| name == "journal") {
        true => journal(&volume, &dir.join("journal"), &topics, &mut report)?,
        false => Refill::default(),
    };
    let scope = Scope {
        volume,
        depth,
        refill,
    };
    for name in sorted(&scope.volume, &topics, &mut report)? {
        let dir = topics.join(&name);
        match name.parse() {
            Ok(topic_id) => topic(&scope, &dir, topic_id, &mut report)?,
            Err(_) => strange(&dir, &mut report),
        }
    }
    Ok(report.summary)
}

/// What the next opening takes from the journal.
fn journal(volume: &Volume, dir: &Path, topics: &Path, report: &mut Report<'_>) -> Result<Refill> {
    let refill = report.sound(Refill::load(volume, dir, topics))?;
    let refill = refill.unwrap_or_default();
    if refill.segments() > 0 {
        let what = format!(
            "the next start puts back what {} segments may lack; they are checked as if it had",
            refill.segments()
        );
        report.crash(dir, 0, what);
    }
    Ok(refill)
}

fn no_data(dir: &Path) -> Error {
    Error::Io {
        action: "read",
        path: dir.join("meta"),
        source: io::ErrorKind::NotFound.into(),
    }
}

fn is_clean(volume: &Volume, dir: &Path, report: &mut Report<'_>) -> Result<bool> {
    let path = dir.join("clean");
    let mark = format::load(&*volume.disk, &path, Kind::Clean, volume.cluster_id);
    Ok(report.sound(mark)?.flatten().is_some())
}

fn topic(scope: &Scope, dir: &Path, topic_id: Uuid, report: &mut Report<'_>) -> Result<()> {
    for name in sorted(&scope.volume, dir, report)? {
        let dir = dir.join(&name);
        if name.ends_with(DELETED) {
            let what = "what is left of a deleted partition: the next start removes it";
            report.crash(&dir, 0, what.into());
        } else if let Ok(index) = name.parse() {
            report.about(Some(TopicPartition { topic_id, index }));
            partition::check(scope, &dir, report)?;
            report.about(None);
        } else {
            strange(&dir, report);
        }
    }
    Ok(())
}

/// What no version of this store would have made there, unless it was interrupted.
pub(super) fn strange(path: &Path, report: &mut Report<'_>) {
    if path.extension().is_some_and(|extension| extension == "new") {
        let what = "was being written when the process stopped: it counts for nothing";
        report.crash(path, 0, what.into());
    } else {
        report.note(path, "does not belong here: it counts for nothing".into());
    }
}

/// The names in a directory, in their order, so that two checks say the same.
pub(super) fn sorted(volume: &Volume, dir: &Path, report: &mut Report<'_>) -> Result<Vec<String>> {
    let names = volume.disk.list(dir).on("list", dir);
    let mut names = report.sound(names)?.unwrap_or_default();
    names.sort_unstable();
    Ok(names)
}
