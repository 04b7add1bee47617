//! The background thread of a store: what must happen, but not on the way of an append.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use crate::disk::Disk;
use crate::error::Error;
use crate::partition::Partition;
use crate::reserve::Reserve;
use crate::writeback::Round;

/// Work for the background thread.
#[derive(Debug)]
pub(crate) enum Job {
    /// Sync, index and remember the producers of a partition up to an offset.
    RecoveryPoint {
        /// The partition.
        partition: Arc<Partition>,
        /// Offset up to which everything is written.
        next_offset: i64,
        /// Producer states at that offset, encoded.
        producers: Vec<u8>,
    },
    /// Remove what lies below the log start of a partition.
    Trim(Arc<Partition>),
    /// Sync what the page-cache policy left unsynced.
    WriteBack(Round),
    /// Remove the directory of a deleted partition.
    Remove(PathBuf),
    /// Make the reserve whole again.
    Restore(Arc<Reserve>),
    /// Stop.
    End,
}

/// The way to the background thread.
#[derive(Debug)]
pub(crate) struct Keeper(Sender<Job>);

impl Keeper {
    /// A handle that sends over `sender`.
    pub(crate) fn new(sender: Sender<Job>) -> Self {
        Keeper(sender)
    }

    /// Hands over a job; dropped if the thread has ended, for then recovery does it.
    pub(crate) fn send(&self, job: Job) {
        let _ = self.0.send(job);
    }
}

/// Does jobs until told to stop.
pub(crate) fn run(disk: &dyn Disk, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::RecoveryPoint {
                partition,
                next_offset,
                producers,
            } => {
                if let Err(error) = partition.save_recovery_point(next_offset, &producers) {
                    tracing::warn!(partition = %partition.id(), %error, "no recovery point made");
                }
                // There may be segments that only waited for it.
                if partition.log.below(partition.offsets().log_start) > 0 {
                    trim(&partition);
                }
            }
            Job::Trim(partition) => trim(&partition),
            Job::WriteBack(round) => round.run(),
            Job::Remove(dir) => {
                if let Err(error) = remove(disk, &dir) {
                    tracing::warn!(dir = %dir.display(), %error, "deleted partition left on disk");
                }
            }
            Job::Restore(reserve) => reserve.restore(),
            Job::End => break,
        }
    }
}

fn trim(partition: &Partition) {
    match partition.trim(partition.offsets().log_start) {
        Ok(()) | Err(Error::Deleted { .. }) => {}
        Err(error) => {
            tracing::warn!(partition = %partition.id(), %error, "segments below the log start kept");
        }
    }
}

/// Removes a deleted partition, and its topic with the last one.
fn remove(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    disk.remove_dir(dir)?;
    // Another partition of the topic may be made at this very moment.
    dir.parent()
        .map_or(Ok(true), |topic| disk.remove_empty_dir(topic))
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::OsDisk;
    use crate::disk::faulty::FaultyDisk;

    #[test]
    fn a_topic_goes_with_its_last_partition_and_never_before() {
        let check = |disk: &dyn Disk, data: &Path| {
            let (gone, other) = (data.join("topic/0.deleted"), data.join("topic/1"));
            for dir in [&gone, &other] {
                disk.create_dir(dir).unwrap();
                disk.create(&dir.join("0.log")).unwrap();
            }
            remove(disk, &gone).unwrap();
            assert_eq!(disk.list(&data.join("topic")).unwrap(), ["1"]);
            remove(disk, &other).unwrap();
            assert!(disk.list(data).unwrap().is_empty());
        };
        check(&FaultyDisk::default(), Path::new("/data"));
        check(&OsDisk, tempfile::tempdir().unwrap().path());
    }
}
