//! Where a log begins: requests to delete records, and the removal of what lies below.
//!
//! The log start moves first and durably, so that a crash in between leaves files that nobody can see, and never an
//! offset that comes back. Whole segments go then, from the front. It never decides how old or how much a log may be.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::checkpoint::Checkpoint;
use crate::error::{IoContext, Result};
use crate::keeper::Job;
use crate::partition::Partition;
use crate::reader::blocking;
use crate::segment::{SEAL_BYTES, Segment};

impl Partition {
    /// Makes records below `before` unreadable, durably, and returns the new log start.
    ///
    /// # Errors
    /// [`Error::OffsetOutOfRange`](crate::Error::OffsetOutOfRange) below 0 or past the high watermark;
    /// [`Error::Deleted`](crate::Error::Deleted); [`Error::Io`](crate::Error::Io).
    pub async fn delete_records(self: &Arc<Self>, before: i64) -> Result<i64> {
        self.check_log_start(before)?;
        let partition = Arc::clone(self);
        blocking(move || {
            partition.trim(before)?;
            Ok(partition.offsets().log_start)
        })
        .await
    }

    /// Makes records below `before` unreadable at once, and returns the new log start; never touches the disk. For who
    /// will ask for it again after a crash: it is durable, and the bytes are gone, only soon after a segment's worth
    /// of them is free, or else with the next [`Store::maintain`](crate::Store::maintain).
    ///
    /// # Errors
    /// [`Error::OffsetOutOfRange`](crate::Error::OffsetOutOfRange) below 0 or past the high watermark.
    pub fn advance_log_start(self: &Arc<Self>, before: i64) -> Result<i64> {
        self.check_log_start(before)?;
        self.progress.set_log_start(before);
        let log_start = self.offsets().log_start;
        let free_to = self.free_to(log_start);
        if self.trimmed_to.fetch_max(free_to, Ordering::Relaxed) < free_to {
            self.shared.keeper.send(Job::Trim(Arc::clone(self)));
        }
        Ok(log_start)
    }

    /// Refuses an offset at which the log cannot begin.
    pub(crate) fn check_log_start(&self, offset: i64) -> Result<()> {
        match (0..=self.offsets().high_watermark).contains(&offset) {
            true => Ok(()),
            false => Err(self.out_of_range(offset)),
        }
    }

    /// Up to where trimming pays with this log start: to the segment that holds it, or into that one if it is free
    /// enough to be closed, or to its end.
    fn free_to(&self, log_start: i64) -> i64 {
        let Some((segment, is_last)) = self.log.around(log_start) else {
            return 0;
        };
        let base = segment.base_offset();
        match is_last && is_mostly_free(&segment, log_start) {
            true if segment.next_offset() <= log_start => segment.next_offset(),
            true => base + 1,
            false => base,
        }
    }

    /// Has the log begin at `before`, or where it begins already, durably, and removes what lies below; blocks.
    pub(crate) fn trim(&self, before: i64) -> Result<()> {
        let mut upkeep = self.lock_upkeep()?;
        let log_start = before.max(self.offsets().log_start);
        self.move_log_start(log_start)?;
        self.remove_below(log_start, &mut upkeep)
    }

    /// Has appends go on in a new segment if most of this one is free.
    fn seal_if_free(&self, log_start: i64) {
        let last = self.log.last();
        if last.is_some_and(|last| !last.is_sealed() && is_mostly_free(&last, log_start)) {
            self.seal();
        }
    }

    /// Moves the log start forward to `offset`, durably.
    pub(crate) fn move_log_start(&self, offset: i64) -> Result<()> {
        let mut checkpoint = self.checkpoint.lock();
        // Whatever is in force: retention moves it without writing it down, and may fail to remove what lies below.
        if offset > checkpoint.log_start {
            let moved = Checkpoint {
                log_start: offset,
                ..checkpoint.clone()
            };
            let reserve = &self.shared.reserve;
            reserve.backed(|| self.save_checkpoint(&moved))?;
            *checkpoint = moved;
            self.progress.set_log_start(offset);
        }
        Ok(())
    }

    /// Removes segments that lie wholly before the log start, as far as a recovery point covers
    /// them: the producers in them must not be forgotten.
    pub(crate) fn remove_below(&self, log_start: i64, newest: &mut i64) -> Result<()> {
        self.tail.evict_below(log_start);
        self.subscribers.notify();
        self.seal_if_free(log_start);
        let reserve = &self.shared.reserve;
        if self.log.below(log_start) > self.log.below(log_start.min(*newest))
            && let Err(error) = reserve.backed(|| self.reach_recovery_point(newest, log_start))
        {
            tracing::warn!(partition = %self.id, %error, "segments kept for want of a recovery point");
        }
        let mut appender = self.appender.lock();
        // Asked before counting: what becomes visible in between is not below the log start.
        let is_settled = appender.is_settled();
        let mut count = self.log.below(log_start.min(*newest));
        let with_last = count > 0 && count == self.log.segments().len();
        if with_last && !(is_settled && appender.release_active()) {
            count -= 1;
        }
        let gone = self.log.take_first(count);
        drop(appender);
        self.remove_segments(&gone)
    }

    /// Removes segments that were taken out of the log, durably; those that cannot be removed stay in it.
    fn remove_segments(&self, gone: &[Arc<Segment>]) -> Result<()> {
        if gone.is_empty() {
            return Ok(());
        }
        for (i, segment) in gone.iter().enumerate() {
            // A log has no holes: what follows must not go before it.
            segment
                .remove_log()
                .inspect_err(|_| self.put_back(&gone[i..]))?;
            // Whoever still knows the segment must not keep its bytes on the disk.
            segment.close();
            // A list that stays speaks of nothing, and goes with the next open.
            if let Err(error) = segment.remove_list() {
                tracing::warn!(partition = %self.id, %error, "list of a removed segment kept");
            }
        }
        let disk = &self.shared.volume.disk;
        disk.sync_dir(&self.dir).on("sync", &self.dir)
    }

    /// Puts segments back that could not be removed. Nothing is appended to them any more, for a failure does not prove
    /// that the file is still there.
    fn put_back(&self, segments: &[Arc<Segment>]) {
        for segment in segments {
            segment.close();
            // The next one gets the name of one that is empty.
            if segment.size() > 0 {
                segment.seal();
            }
        }
        self.log.put_back(segments);
    }
}

/// Whether more than half of a segment lies below the log start, and that is enough to close it early. Offsets stand
/// for bytes, which would have to be looked up.
fn is_mostly_free(segment: &Segment, log_start: i64) -> bool {
    let (begin, end) = (segment.base_offset(), segment.next_offset());
    segment.size() >= SEAL_BYTES && log_start - begin > end - log_start
}
