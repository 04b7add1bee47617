//! What removes data unasked: age and size.
//!
//! Whole segments go, from the front, as far as their policies say; how they go is the business of the log start.

use std::sync::Arc;

use crate::config::LogConfig;
use crate::error::{Error, Result};
use crate::partition::Partition;
use crate::reader::blocking;
use crate::shortage::Shortage;

impl Partition {
    /// Removes segments that are past their retention at `now_ms`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Corrupt`](crate::Error::Corrupt), [`Error::Deleted`](crate::Error::Deleted).
    pub async fn retain(self: &Arc<Self>, now_ms: i64) -> Result<()> {
        let partition = Arc::clone(self);
        blocking(move || partition.retain_blocking(now_ms)).await
    }

    /// The same, on this thread.
    pub(crate) fn retain_blocking(&self, now_ms: i64) -> Result<()> {
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
            let is_due = (!is_last && is_too_much(others, &config))
                || match segment.max_timestamp() {
                    // Its age cannot be told, but it is no younger than what follows: that decides.
                    Err(Error::Corrupt { .. }) if !is_last => {
                        total = others;
                        continue;
                    }
                    newest => is_too_old(newest?, now_ms, &config),
                };
            if !is_due {
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
        self.remove_below(start, &mut upkeep)
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
