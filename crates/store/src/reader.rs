//! Reading records: from memory, from the page cache, or from the disk.
//!
//! Batches are handed out whole and as they were written. A read never waits for a disk on the
//! runtime's threads: what is not at hand is read on a blocking one, a bounded piece at a time and in
//! turn with all other readers.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::cold::{Cold, Found, Run};
use crate::error::{Error, Result};
use crate::partition::Partition;
use crate::progress::Stop;
use crate::segment::Segment;
use crate::tail::Wanted;
use crate::turns::TURN_BYTES;

impl Partition {
    /// Whole batches from the one that holds `from`, or the next there is, up to `until`
    /// (exclusive; the high watermark or the last stable offset), in at most `max_bytes`.
    /// With `at_least_one` the first batch comes even if it alone is larger.
    ///
    /// What comes from the disk was proven by checksums and neighbours. Sound batches before a damaged
    /// one are returned; a read that would begin with it fails.
    ///
    /// # Errors
    /// [`Error::OffsetOutOfRange`]; [`Error::Corrupt`] if the log holds no sound batch where one should
    /// be; [`Error::Deleted`]; [`Error::Io`].
    pub async fn read(
        &self,
        from: i64,
        max_bytes: usize,
        until: i64,
        at_least_one: bool,
    ) -> Result<Vec<Bytes>> {
        let offsets = self.offsets();
        if from < offsets.log_start || from > offsets.log_end {
            return Err(self.out_of_range(from));
        }
        let wanted = Wanted {
            from,
            until: until.min(offsets.high_watermark),
            max_bytes,
            at_least_one,
        };
        self.gather(wanted).await
    }

    /// Reads piece by piece, until there is enough or memory has the rest.
    async fn gather(&self, mut wanted: Wanted) -> Result<Vec<Bytes>> {
        let mut found = Vec::new();
        while wanted.from < wanted.until && (wanted.max_bytes > 0 || wanted.at_least_one) {
            if let Some(batches) = self.tail.read(wanted) {
                found.extend(batches);
                break;
            }
            match self.read_segments(wanted).await {
                Ok(Some(run)) => {
                    wanted.pass(run.next_offset, run.bytes.len());
                    found.push(run.bytes);
                    if !run.goes_on {
                        break;
                    }
                }
                Err(error) if found.is_empty() => return Err(error),
                // Whoever reads on from here is told.
                Ok(None) | Err(_) => break,
            }
        }
        Ok(found)
    }

    /// Reads from the first segment that has anything at or after the offset wanted: the one that
    /// should hold it may end before, where offsets were lost to a full disk.
    async fn read_segments(&self, wanted: Wanted) -> Result<Option<Run>> {
        let mut next = self.log.holding(wanted.from);
        loop {
            // Asked only now: what was removed before it could be found lies below the log start.
            if wanted.from < self.offsets().log_start {
                return Err(self.out_of_range(wanted.from));
            }
            let Some(segment) = next else { return Ok(None) };
            next = match self.read_segment(&segment, wanted).await {
                Ok(Found::Run(run)) => return Ok(Some(run)),
                Ok(Found::End) => self.log.after(&segment),
                Ok(Found::Nothing | Found::Larger(_)) => return Ok(None),
                Err(error) => {
                    self.check_removed(&segment, error)?;
                    self.log.holding(wanted.from)
                }
            };
        }
    }

    async fn read_segment(&self, segment: &Arc<Segment>, wanted: Wanted) -> Result<Found> {
        let cold = Cold {
            segment: Arc::clone(segment),
            epochs: Arc::clone(&self.epochs),
            wanted,
        };
        if let Some(found) = cold.read_cached() {
            return Ok(found);
        }
        let mut room = TURN_BYTES;
        loop {
            let cold = cold.clone();
            match self.in_turn(room, move || cold.read(room)).await? {
                Found::Larger(size) => room = size,
                found => return Ok(found),
            }
        }
    }

    /// Does what reads up to `bytes` from the disk when it is its turn.
    pub(crate) async fn in_turn<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.shared.turns.take(bytes).await?;
        blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
    }

    /// Whether an error comes from nothing but that the segment was taken out of the log after it was
    /// found there.
    ///
    /// # Errors
    /// The error if not; [`Error::Deleted`] if the whole partition was removed.
    pub(crate) fn check_removed(&self, segment: &Arc<Segment>, error: Error) -> Result<()> {
        let is_missing =
            matches!(&error, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
        let is_listed = || {
            self.log
                .segments()
                .iter()
                .any(|own| Arc::ptr_eq(own, segment))
        };
        match self.progress.stopped() {
            Some(Stop::Deleted) if is_missing => Err(Error::Deleted { partition: self.id }),
            _ if is_missing && !is_listed() => Ok(()),
            _ => Err(error),
        }
    }

    /// The error for an offset that the partition does not hold.
    pub fn out_of_range(&self, offset: i64) -> Error {
        let offsets = self.offsets();
        Error::OffsetOutOfRange {
            partition: self.id,
            offset,
            log_start: offsets.log_start,
            log_end: offsets.log_end,
        }
    }
}

/// Runs what waits for a disk on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    // The task is only ever cancelled when the runtime shuts down.
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(Error::Closed))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use millstream_batch::Builder;
    use uuid::Uuid;

    use super::*;
    use crate::config::{LogConfig, StoreOptions, TopicPartition};
    use crate::disk::faulty::FaultyDisk;
    use crate::error::IoContext;
    use crate::intake::AppendMode;
    use crate::store::Store;

    #[tokio::test]
    async fn a_missing_file_is_told_from_one_that_was_removed_in_the_meantime() {
        let disk = Arc::new(FaultyDisk::default());
        let store = Store::open_on(disk, Path::new("/data"), StoreOptions::default(), 0).unwrap();
        let id = TopicPartition {
            topic_id: Uuid::nil(),
            index: 0,
        };
        let partition = store.create_partition(id, LogConfig::default()).unwrap();
        let batch = Builder::new().record(0, None, Some(b"x")).build().unwrap();
        partition.append(batch, AppendMode::Client, 0).unwrap();
        partition.settle().await.unwrap();
        let segment = partition.log.last().unwrap();
        let check = |kind: io::ErrorKind| {
            let failed: io::Result<()> = Err(kind.into());
            let error = failed.on("open", segment.log_path()).unwrap_err();
            partition.check_removed(&segment, error)
        };
        let missing = check(io::ErrorKind::NotFound);
        assert!(matches!(missing, Err(Error::Io { .. })), "the log has it");
        partition.delete_records(1).await.unwrap();
        assert!(check(io::ErrorKind::NotFound).is_ok());
        assert!(check(io::ErrorKind::Other).is_err());
        store.delete_partition(&id).unwrap();
        let deleted = check(io::ErrorKind::NotFound);
        assert!(matches!(deleted, Err(Error::Deleted { .. })));
    }
}
