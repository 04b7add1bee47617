//! The data directory itself: whose it is, whether it was closed cleanly, and what lies in it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::report::{Finding, Report, Summary};
use super::{Depth, partition};
use crate::config::TopicPartition;
use crate::disk::Disk;
use crate::error::{Error, IoContext, Result};
use crate::format::{self, Kind};
use crate::meta;
use crate::segment::Volume;
use crate::store::DELETED;

/// Files and directories that belong there.
const KNOWN: [&str; 5] = ["lock", "meta", "clean", "journal", "topics"];

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
    for name in sorted(&volume, dir, &mut report)? {
        if !KNOWN.contains(&name.as_str()) {
            strange(&dir.join(name), &mut report);
        }
    }
    let topics = dir.join("topics");
    for name in sorted(&volume, &topics, &mut report)? {
        let dir = topics.join(&name);
        match name.parse() {
            Ok(topic_id) => topic(&volume, &dir, topic_id, depth, &mut report)?,
            Err(_) => strange(&dir, &mut report),
        }
    }
    Ok(report.summary)
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

fn topic(
    volume: &Volume,
    dir: &Path,
    topic_id: Uuid,
    depth: Depth,
    report: &mut Report<'_>,
) -> Result<()> {
    for name in sorted(volume, dir, report)? {
        let dir = dir.join(&name);
        if name.ends_with(DELETED) {
            let what = "what is left of a deleted partition: the next start removes it";
            report.crash(&dir, 0, what.into());
        } else if let Ok(index) = name.parse() {
            report.about(Some(TopicPartition { topic_id, index }));
            partition::check(volume, &dir, depth, report)?;
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
