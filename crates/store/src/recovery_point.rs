//! Making recovery points: when the log may be taken at its word up to an offset, and what that takes.
//!
//! Who needs one makes it if nothing is on its way, or else has the writer make it with its next group. What is in the
//! file of one, `snapshot` knows.

use crate::error::Result;
use crate::partition::Partition;
use crate::progress::Stop;
use crate::snapshot;

impl Partition {
    /// Whether the newest recovery point is the end of the log.
    pub(crate) fn is_saved(&self) -> bool {
        *self.upkeep.lock() == self.offsets().high_watermark
    }

    /// The end of the log and the producer states there, if nothing is on its way.
    pub(crate) fn settled(&self) -> Option<(i64, Vec<u8>)> {
        let _appender = self.appender.lock();
        let intake = self.intake.lock();
        self.progress
            .is_settled_at(intake.next_offset)
            .then(|| (self.offsets().high_watermark, intake.producers.encode()))
    }

    /// Sees to it that a recovery point comes for everything below `end`: at once if nothing is on its way. For who
    /// holds the lock on the `newest`.
    pub(crate) fn reach_recovery_point(&self, newest: &mut i64, end: i64) -> Result<()> {
        if *newest >= end {
            return Ok(());
        }
        match self.settled() {
            Some((offset, producers)) => {
                self.save_recovery_point_over(newest, offset, &producers)?;
            }
            // Appends never pause: the writer makes one with its next group.
            None => {
                let enough = self.shared.options.recovery_point_bytes;
                let since = &mut self.appender.lock().since_recovery_point;
                *since = enough.max(*since);
            }
        }
        Ok(())
    }

    /// Makes everything below `offset` cheap to recover: synced, indexed, aborted transactions listed, producers
    /// remembered.
    ///
    /// A failed sync poisons the partition, for nobody knows what it left on the disk. Without the
    /// rest a later recovery only has more to scan.
    pub(crate) fn save_recovery_point(&self, offset: i64, producers: &[u8]) -> Result<()> {
        self.save_recovery_point_over(&mut self.upkeep.lock(), offset, producers)
    }

    /// The same for who holds the lock on the `newest`.
    pub(crate) fn save_recovery_point_over(
        &self,
        newest: &mut i64,
        offset: i64,
        producers: &[u8],
    ) -> Result<()> {
        let stopped = self.progress.stopped();
        if offset <= *newest || matches!(stopped, Some(Stop::Poisoned | Stop::Deleted)) {
            return Ok(());
        }
        for segment in self.log.segments() {
            if segment.take_unsaved() {
                segment.sync().inspect_err(|error| {
                    // Or it would be closed for idle, and with its file go what is known of the failure.
                    segment.set_unsaved();
                    self.poison(error);
                })?;
                segment
                    .save_index()
                    .inspect_err(|_| segment.set_unsaved())?;
            }
            segment.save_aborted(offset)?;
        }
        snapshot::save(&self.shared.volume, &self.dir, offset, producers)?;
        *newest = offset;
        Ok(())
    }
}
