//! From a point in time to an offset, exact to the record.

use std::sync::Arc;

use millstream_batch::{BatchRef, Record};

use crate::error::Result;
use crate::partition::Partition;
use crate::segment::Segment;
use crate::stretch::{SoundBatches, Stretch};
use crate::turns::TURN_BYTES;

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
        self.in_turn(TURN_BYTES, move || partition.find(timestamp))
            .await
    }

    /// The first of the visible records with the greatest timestamp; `None` if there are none.
    ///
    /// # Errors
    /// As [`Partition::offset_for_timestamp`].
    pub async fn max_timestamp(self: &Arc<Self>) -> Result<Option<TimestampedOffset>> {
        let partition = Arc::clone(self);
        self.in_turn(TURN_BYTES, move || {
            let greatest = partition.greatest_timestamp()?;
            greatest.map_or(Ok(None), |timestamp| partition.find(timestamp))
        })
        .await
    }

    fn find(&self, timestamp: i64) -> Result<Option<TimestampedOffset>> {
        let log_start = self.offsets().log_start;
        self.first_of_segments(|segment| {
            if segment.max_timestamp()? < timestamp {
                return Ok(None);
            }
            let stretch = segment.stretch_from_timestamp(timestamp, TURN_BYTES)?;
            self.first_of_batches(segment, stretch, |batch| {
                (batch.header.max_timestamp >= timestamp)
                    .then(|| first_in(batch, timestamp, log_start))
                    .flatten()
            })
        })
    }

    fn greatest_timestamp(&self) -> Result<Option<i64>> {
        let log_start = self.offsets().log_start;
        let mut greatest = None;
        self.first_of_segments::<()>(|segment| {
            greatest = greatest.max(self.greatest_of(segment, log_start)?);
            Ok(None)
        })?;
        Ok(greatest)
    }

    /// The greatest timestamp of a segment's records from `offset` on.
    fn greatest_of(&self, segment: &Segment, offset: i64) -> Result<Option<i64>> {
        if segment.base_offset() >= offset {
            let own = (segment.size() > 0).then(|| segment.max_timestamp());
            return own.transpose();
        }
        let mut greatest = None;
        let stretch = segment.stretch(offset, TURN_BYTES)?;
        self.first_of_batches::<()>(segment, stretch, |batch| {
            greatest = greatest.max(greatest_in(batch, offset));
            None
        })?;
        Ok(greatest)
    }

    /// What `look` finds in the first segment in which it finds anything. A segment that is removed
    /// meanwhile is passed over, and what stands in its place is looked at.
    fn first_of_segments<T>(
        &self,
        mut look: impl FnMut(&Segment) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let mut next = self.log.holding(self.offsets().log_start);
        while let Some(segment) = next {
            next = match look(&segment) {
                Ok(None) => self.log.after(&segment),
                Err(error) => {
                    self.check_removed(&segment, error)?;
                    self.log.holding(segment.base_offset())
                }
                found => return found,
            };
        }
        Ok(None)
    }

    /// What `look` finds in the first batch in which it finds anything, from the beginning of a stretch
    /// to the end of its segment.
    fn first_of_batches<T>(
        &self,
        segment: &Segment,
        mut stretch: Stretch,
        mut look: impl FnMut(&BatchRef<'_>) -> Option<T>,
    ) -> Result<Option<T>> {
        while stretch.len() > 0 {
            let bytes = stretch.read(segment)?;
            let mut batches = SoundBatches::new(segment, &stretch, &bytes, &self.epochs);
            while let Some(batch) = batches.next(i64::MIN)? {
                if let Some(found) = look(&batch) {
                    return Ok(Some(found));
                }
            }
            let end = stretch.bytes.end;
            stretch = segment.stretch(stretch.offsets.end, TURN_BYTES)?;
            if stretch.bytes.start < end {
                break;
            }
        }
        Ok(None)
    }
}

/// The greatest timestamp of a batch's records from `offset` on. A batch that cannot be opened counts
/// as a whole.
fn greatest_in(batch: &BatchRef<'_>, offset: i64) -> Option<i64> {
    let header = &batch.header;
    if header.base_offset < offset
        && let Ok(records) = batch.records(DECOMPRESSED_LIMIT)
    {
        let own = records.iter().map_while(Result::ok);
        let visible = own.filter(|record| record.offset >= offset);
        return visible.map(|record| record.timestamp).max();
    }
    (header.next_offset() > offset).then_some(header.max_timestamp)
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
