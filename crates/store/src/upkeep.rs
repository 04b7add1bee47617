//! What has to be done now and then, in a whole store and in each of its partitions.
//!
//! When that is, somebody else says.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::partition::Partition;
use crate::progress::Stop;
use crate::reader::blocking;
use crate::store::Store;

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

impl Partition {
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
}
