//! Markers: the records with which a coordinator says how a transaction ended.
//!
//! Each stands alone in a control batch that bears the producer's id and epoch and takes one offset of the partition.
//!
//! ```text
//! key     version i16 = 0 │ type i16: 0 abort, 1 commit
//! value   version i16 = 0 │ coordinator epoch i32
//! ```
//!
//! Control records of other types exist and are no markers; no transaction knows of them.

use crate::header::NO_SEQUENCE;
use crate::{Batch, BatchRef, Builder, Error};

/// Largest key and value together that are looked at, in bytes, once decompressed.
const LIMIT: usize = 1 << 10;
/// The version of key and value. Later ones may only add to the end.
const VERSION: i16 = 0;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its records count.
    Commit,
    /// Its records are to be skipped.
    Abort,
}

/// The end of a producer's transaction in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// The producer.
    pub producer_id: i64,
    /// The producer's epoch, from which on its batches are taken.
    pub producer_epoch: i16,
    /// How often the coordinator that says so had been elected.
    pub coordinator_epoch: i32,
    /// What it says.
    pub outcome: Outcome,
}

impl Marker {
    /// The marker as a batch of its own, with the time `now_ms`.
    ///
    /// # Errors
    /// Those of [`Builder::build`], which a marker gives no reason for.
    pub fn batch(&self, now_ms: i64) -> Result<Batch, Error> {
        let kind = match self.outcome {
            Outcome::Abort => ABORT,
            Outcome::Commit => COMMIT,
        };
        let key = [VERSION.to_be_bytes(), kind.to_be_bytes()].concat();
        let value = [
            &VERSION.to_be_bytes()[..],
            &self.coordinator_epoch.to_be_bytes(),
        ]
        .concat();
        Builder::new()
            .producer(self.producer_id, self.producer_epoch, NO_SEQUENCE)
            .transactional()
            .control()
            .record(now_ms, Some(&key), Some(&value))
            .build()
    }

    /// The marker that a batch holds, if it holds one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a control record that does not say of which type it is, or a marker that does not say its
    /// coordinator's epoch; and what reading the records can raise.
    pub fn of(batch: BatchRef<'_>) -> Result<Option<Self>, Error> {
        let header = batch.header;
        if !header.is_control() || header.count == 0 {
            return Ok(None);
        }
        let records = batch.records(LIMIT)?;
        let Some(record) = records.iter().next().transpose()? else {
            return Ok(None);
        };
        let kind = field(record.key, 2).ok_or(Error::Invalid("a control record has no type"))?;
        let outcome = match i16::from_be_bytes(kind) {
            ABORT => Outcome::Abort,
            COMMIT => Outcome::Commit,
            _ => return Ok(None),
        };
        let epoch = field(record.value, 2);
        let epoch = epoch.ok_or(Error::Invalid("a marker has no coordinator epoch"))?;
        Ok(Some(Self {
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            coordinator_epoch: i32::from_be_bytes(epoch),
            outcome,
        }))
    }
}

/// The bytes of a field that begins at `at`.
fn field<const N: usize>(bytes: Option<&[u8]>, at: usize) -> Option<[u8; N]> {
    bytes?.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(outcome: Outcome) -> Marker {
        Marker {
            producer_id: 77,
            producer_epoch: 5,
            coordinator_epoch: 9,
            outcome,
        }
    }

    /// A control batch with this record.
    fn control(key: Option<&[u8]>, value: Option<&[u8]>) -> Batch {
        let builder = Builder::new().producer(1, 0, NO_SEQUENCE).transactional();
        builder.control().record(0, key, value).build().unwrap()
    }

    #[test]
    fn a_marker_says_the_same_when_it_is_read_again() {
        for outcome in [Outcome::Commit, Outcome::Abort] {
            let batch = marker(outcome).batch(1_000).unwrap();
            assert_eq!(Marker::of(batch.view()), Ok(Some(marker(outcome))));
        }
    }

    #[test]
    fn a_marker_has_the_bytes_that_kafka_gives_it() {
        let batch = marker(Outcome::Commit).batch(1_000).unwrap();
        let header = batch.header();
        assert_eq!((header.attributes, header.count), (0b11_0000, 1));
        assert_eq!((header.producer_id, header.producer_epoch), (77, 5));
        assert_eq!((header.base_sequence, header.last_offset_delta), (-1, 0));
        assert_eq!(header.max_timestamp, 1_000);
        let records = batch.records(LIMIT).unwrap();
        let record = records.iter().next().unwrap().unwrap();
        assert_eq!(record.key, Some(&[0, 0, 0, 1][..]));
        assert_eq!(record.value, Some(&[0, 0, 0, 0, 0, 9][..]));
    }

    #[test]
    fn what_ends_no_transaction_is_no_marker() {
        let data = Builder::new().record(0, Some(&[0, 0, 0, 1]), Some(&[0; 6]));
        assert_eq!(Marker::of(data.build().unwrap().view()), Ok(None));
        let leader_change = control(Some(&[0, 0, 0, 2]), Some(&[0; 6]));
        assert_eq!(Marker::of(leader_change.view()), Ok(None));
    }

    #[test]
    fn fields_that_are_lacking_are_errors_and_more_of_them_are_not() {
        for (key, value) in [
            (None, Some(&[0; 6][..])),
            (Some(&[0, 0, 0][..]), Some(&[0; 6][..])),
            (Some(&[0, 0, 0, 0][..]), None),
            (Some(&[0, 0, 0, 0][..]), Some(&[0; 5][..])),
        ] {
            let read = Marker::of(control(key, value).view());
            assert!(matches!(read, Err(Error::Invalid(_))), "{key:?} {value:?}");
        }
        let newer = control(Some(&[0, 1, 0, 0, 7]), Some(&[0, 1, 0, 0, 0, 3, 7]));
        let read = Marker::of(newer.view()).unwrap().unwrap();
        assert_eq!((read.outcome, read.coordinator_epoch), (Outcome::Abort, 3));
    }
}
