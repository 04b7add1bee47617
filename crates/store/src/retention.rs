//! What removes data: age, size, and requests to delete records.
//!
//! Whole segments go, from the front. The log start moves first and durably, so that a crash in
//! between leaves files that nobody can see, and never an offset that comes back.

use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::config::LogConfig;
use crate::error::{Error, IoContext, Result};
use crate::partition::Partition;
use crate::progress::Stop;
use crate::reader::blocking;
use crate::segment::Segment;
use crate::shortage::Shortage;
use crate::store::Store;

impl Partition {
    /// Makes records below `before` unreadable, durably, and returns the new log start.
    ///
    /// # Errors
    /// [`Error::OffsetOutOfRange`] below 0 or past the high watermark; [`Error::Deleted`];
    /// [`Error::Io`].
    pub async fn delete_records(self: &Arc<Self>, before: i64) -> Result<i64> {
        if !(0..=self.offsets().high_watermark).contains(&before) {
            return Err(self.out_of_range(before));
        }
        let partition = Arc::clone(self);
        blocking(move || {
            let mut upkeep = partition.lock_upkeep()?;
            partition.move_log_start(before)?;
            partition.remove_below_log_start(&mut upkeep)?;
            Ok(partition.offsets().log_start)
        })
        .await
    }

    /// Removes segments that are past their retention at `now_ms`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Corrupt`], [`Error::Deleted`].
    pub async fn retain(self: &Arc<Self>, now_ms: i64) -> Result<()> {
        let partition = Arc::clone(self);
        blocking(move || partition.retain_blocking(now_ms)).await
    }

    fn retain_blocking(&self, now_ms: i64) -> Result<()> {
        let mut upkeep = self.lock_upkeep()?;
        let config = self.config.load();
        let mut start = self.offsets().log_start;
        let segments = self.log.segments();
        let mut total: u64 = segments.iter().map(|segment| segment.size()).sum();
        for (i, segment) in segments.iter().enumerate() {
            // Looked at before the age: what becomes visible in between is not that old.
            let end = segment.next_offset();
            let others = total.saturating_sub(segment.size());
            let is_last = i + 1 == segments.len();
            if (is_last || !is_too_much(others, &config))
                && !is_too_old(segment.max_timestamp()?, now_ms, &config)
            {
                break;
            }
            total = others;
            start = start.max(end);
        }
        let left = segments.last().map_or(start, |last| last.next_offset());
        match self.move_log_start(start) {
            // Without room to write that down, the segments that stay tell where the log starts.
            Err(error) if start < left && Shortage::of(&error).is_some() => {
                self.progress.set_log_start(start);
            }
            moved => moved?,
        }
        self.remove_below_log_start(&mut upkeep)
    }

    /// Moves the log start forward to `offset`, durably.
    fn move_log_start(&self, offset: i64) -> Result<()> {
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
    fn remove_below_log_start(&self, newest: &mut i64) -> Result<()> {
        let log_start = self.offsets().log_start;
        self.tail.evict_below(log_start);
        self.subscribers.notify();
        if self.segments_below(log_start) > self.segments_below(log_start.min(*newest))
            && let Some((offset, producers)) = self.settled()
            && let Err(error) = self
                .shared
                .reserve
                .backed(|| self.save_recovery_point_over(newest, offset, &producers))
        {
            tracing::warn!(partition = %self.id, %error, "segments kept for want of a recovery point");
        }
        let mut appender = self.appender.lock();
        // Asked before counting: what becomes visible in between is not below the log start.
        let is_settled = appender.is_settled();
        let mut count = self.segments_below(log_start.min(*newest));
        let with_last = count > 0 && count == self.log.segments().len();
        if with_last && !(is_settled && appender.release_active()) {
            count -= 1;
        }
        let gone = self.log.take_first(count);
        drop(appender);
        self.remove_segments(&gone)
    }

    /// How many segments end at or before an offset. One that another follows counts as ending where
    /// that one begins, for the writer may have put more into it than is visible yet.
    fn segments_below(&self, offset: i64) -> usize {
        let segments = self.log.segments();
        let last = segments.last().map(|segment| segment.next_offset());
        let begins = segments.iter().skip(1).map(|segment| segment.base_offset());
        begins.chain(last).take_while(|&end| end <= offset).count()
    }

    /// Everything that has to be done now and then. A partition that is poisoned gives its room back as
    /// any other does: what goes lies below a recovery point, so that it was synced before the disk failed.
    fn maintain(&self, now_ms: i64) -> Result<()> {
        if matches!(self.progress.stopped(), Some(Stop::Closed | Stop::Deleted)) {
            return Ok(());
        }
        let expiration_ms = self.shared.options.producer_expiration_ms;
        self.intake.lock().producers.expire(now_ms, expiration_ms);
        self.retain_blocking(now_ms)?;
        if self.is_saved() {
            // Nothing came since the last time.
            self.appender.lock().release_active();
        } else if let Some((offset, producers)) = self.settled() {
            self.save_recovery_point(offset, &producers)?;
        }
        let _upkeep = self.upkeep.lock();
        let appender = self.appender.lock();
        for segment in self.log.segments() {
            if !appender.is_active(&segment) {
                segment.close_if_idle();
            }
        }
        Ok(())
    }

    /// Removes segments that were taken out of the log, durably; those that cannot be removed stay in it.
    fn remove_segments(&self, gone: &[Arc<Segment>]) -> Result<()> {
        if gone.is_empty() {
            return Ok(());
        }
        for (i, segment) in gone.iter().enumerate() {
            // A log has no holes: what follows must not go before it.
            segment
                .remove()
                .inspect_err(|_| self.log.put_back(&gone[i..]))?;
            // Whoever still knows the segment must not keep its bytes on the disk.
            segment.close();
        }
        let disk = &self.shared.volume.disk;
        disk.sync_dir(&self.dir).on("sync", &self.dir)
    }

    /// The end of the log and the producer states there, if nothing is on its way.
    pub(crate) fn settled(&self) -> Option<(i64, Vec<u8>)> {
        let _appender = self.appender.lock();
        let intake = self.intake.lock();
        self.progress
            .is_settled_at(intake.next_offset)
            .then(|| (self.offsets().high_watermark, intake.producers.encode()))
    }
}

impl Store {
    /// Does what has to be done now and then: retention, expiry of producers, recovery points of
    /// idle partitions, closing of idle files. What fails is logged, and tried again next time.
    pub async fn maintain(&self, now_ms: i64) {
        let partitions = self.partitions();
        let reserve = Arc::clone(&self.shared.reserve);
        let _ = blocking(move || {
            for partition in partitions {
                match partition.maintain(now_ms) {
                    Ok(()) | Err(Error::Deleted { .. }) => {}
                    Err(error) => {
                        tracing::warn!(partition = %partition.id(), %error, "maintenance failed");
                    }
                }
            }
            if !reserve.is_whole() {
                reserve.restore();
            }
            Ok(())
        })
        .await;
    }
}

/// Whether `others` bytes are enough, so that the oldest segment may go.
fn is_too_much(others: u64, config: &LogConfig) -> bool {
    config.retention_bytes.is_some_and(|limit| others >= limit)
}

/// Whether the newest record of a segment is too old; one without timestamps never is.
fn is_too_old(max_timestamp: i64, now_ms: i64, config: &LogConfig) -> bool {
    let passed = |ms| max_timestamp >= 0 && now_ms.saturating_sub(max_timestamp) > ms;
    config.retention_ms.is_some_and(passed)
}
