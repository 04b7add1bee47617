//! From a point in time to an offset, exact to the record.

use std::sync::Arc;

use millstream_batch::{BatchRef, Record};

use crate::error::Result;
use crate::partition::Partition;
use crate::reader::blocking;
use crate::segment::Segment;

/// Records of one batch are decompressed up to this many bytes to be looked at.
pub const DECOMPRESSED_LIMIT: usize = 128 << 20;

/// A record found by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampedOffset {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp, in ms.
    pub timestamp: i64,
    /// The leader epoch it was written under.
    pub leader_epoch: i32,
}

impl Partition {
    /// The first visible record whose timestamp is `timestamp` or later, if there is one.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt), [`Error::Io`](crate::Error::Io).
    pub async fn offset_for_timestamp(
        self: &Arc<Self>,
        timestamp: i64,
    ) -> Result<Option<TimestampedOffset>> {
        let partition = Arc::clone(self);
        blocking(move || partition.find(timestamp)).await
    }

    /// The first of the visible records with the greatest timestamp; `None` if there are none.
    ///
    /// # Errors
    /// As [`Partition::offset_for_timestamp`].
    pub async fn max_timestamp(self: &Arc<Self>) -> Result<Option<TimestampedOffset>> {
        let partition = Arc::clone(self);
        blocking(move || {
            let greatest = partition.greatest_timestamp()?;
            greatest.map_or(Ok(None), |timestamp| partition.find(timestamp))
        })
        .await
    }

    fn find(&self, timestamp: i64) -> Result<Option<TimestampedOffset>> {
        for segment in self.log.segments() {
            if segment.max_timestamp()? >= timestamp
                && let Some(found) = self.find_in(&segment, timestamp)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn find_in(&self, segment: &Segment, timestamp: i64) -> Result<Option<TimestampedOffset>> {
        let log_start = self.offsets().log_start;
        let mut walk = segment.walk_from_timestamp(timestamp)?;
        loop {
            let position = walk.position();
            let next = walk
                .next()
                .map_err(|broken| segment.broken(broken, position))?;
            let Some(batch) = next else { return Ok(None) };
            if batch.header.max_timestamp >= timestamp
                && let Some(found) = first_in(&batch, timestamp, log_start)
            {
                return Ok(Some(found));
            }
        }
    }

    fn greatest_timestamp(&self) -> Result<Option<i64>> {
        let log_start = self.offsets().log_start;
        let mut greatest = None;
        for segment in self.log.segments() {
            let own = if segment.base_offset() >= log_start {
                (segment.size() > 0)
                    .then(|| segment.max_timestamp())
                    .transpose()?
            } else {
                greatest_from(&segment, log_start)?
            };
            greatest = greatest.max(own);
        }
        Ok(greatest)
    }
}

/// The greatest timestamp of a segment's batches that reach past `offset`.
fn greatest_from(segment: &Segment, offset: i64) -> Result<Option<i64>> {
    let mut walk = segment.walk_from_offset(offset)?;
    let mut greatest = None;
    loop {
        let position = walk.position();
        let next = walk
            .next()
            .map_err(|broken| segment.broken(broken, position))?;
        let Some(batch) = next else {
            return Ok(greatest);
        };
        if batch.header.next_offset() > offset {
            greatest = greatest.max(Some(batch.header.max_timestamp));
        }
    }
}

/// The first record of a batch at or after both a point in time and an offset.
///
/// A batch that cannot be opened counts as a whole: its producer compressed something else, and a
/// reader that starts there misses nothing.
fn first_in(batch: &BatchRef<'_>, timestamp: i64, log_start: i64) -> Option<TimestampedOffset> {
    let leader_epoch = batch.header.leader_epoch;
    let whole = TimestampedOffset {
        offset: batch.header.base_offset.max(log_start),
        timestamp: batch.header.max_timestamp,
        leader_epoch,
    };
    let Ok(records) = batch.records(DECOMPRESSED_LIMIT) else {
        return (batch.header.next_offset() > log_start).then_some(whole);
    };
    let wanted = |r: &Record<'_>| r.timestamp >= timestamp && r.offset >= log_start;
    let found = records.iter().map_while(Result::ok).find(wanted)?;
    let (offset, timestamp) = (found.offset, found.timestamp);
    Some(TimestampedOffset {
        offset,
        timestamp,
        leader_epoch,
    })
}
