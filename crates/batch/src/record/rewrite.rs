//! A batch without some of its records, as compaction leaves it.
//!
//! What names the batch and its producer stays as it was: base offset, last offset, leader epoch, producer id, epoch
//! and base sequence. The records that stay keep their offsets and timestamps. Which ones they are is not decided here.

use bytes::{Bytes, BytesMut};

use super::{Iter, Records, take_bytes};
use crate::builder::{packed, put_bytes};
use crate::header::{CODEC_MASK, DELETE_HORIZON};
use crate::varint::{put, take_long};
use crate::{Batch, Codec, Error, Header, Record, TimestampType};

/// Base timestamp of a batch that has no records any more.
const NO_TIMESTAMP: i64 = -1;

impl Records<'_> {
    /// The whole batch with only those records for which `keep` is true, in their order; a record beyond the end of
    /// `keep` goes. `horizon` is the time in ms until which tombstones and markers are to stay; `None` leaves what
    /// the batch says of that as it is. Records are compressed as they were.
    ///
    /// # Errors
    /// What reading the records can raise, and [`Error::Codec`] or [`Error::TooLarge`] from packing them.
    pub fn rewrite(&self, keep: &[bool], horizon: Option<i64>) -> Result<Bytes, Error> {
        let mut header = self.header;
        let set_anew = horizon.filter(|_| header.delete_horizon().is_none());
        if let Some(horizon) = set_anew {
            header.attributes |= DELETE_HORIZON;
            header.base_timestamp = horizon;
        }
        let mut kept = Kept::default();
        let mut keep = keep.iter().copied();
        let mut records = self.iter();
        while let Some(taken) = records.next_encoded() {
            let (record, encoded) = taken?;
            if keep.next() == Some(true) {
                kept.take(&record, encoded, set_anew)?;
            }
        }
        kept.assemble(header)
    }
}

/// The records that stay, encoded.
#[derive(Default)]
struct Kept {
    count: i32,
    max_timestamp: Option<i64>,
    payload: Vec<u8>,
    record: Vec<u8>,
}

impl Kept {
    /// Adds a record as it is encoded, or relative to another base timestamp.
    fn take(
        &mut self,
        record: &Record<'_>,
        encoded: &[u8],
        base_timestamp: Option<i64>,
    ) -> Result<(), Error> {
        self.count += 1;
        self.max_timestamp = self.max_timestamp.max(Some(record.timestamp));
        let Some(base) = base_timestamp else {
            self.payload.extend_from_slice(encoded);
            return Ok(());
        };
        let mut rest = encoded;
        let body = take_bytes(&mut rest)?.unwrap_or_default();
        let (attributes, mut rest) = body
            .split_first()
            .ok_or(Error::Invalid("a record is empty"))?;
        take_long(&mut rest)?;
        self.record.clear();
        self.record.push(*attributes);
        put(&mut self.record, record.timestamp.wrapping_sub(base));
        self.record.extend_from_slice(rest);
        put_bytes(&mut self.payload, Some(&self.record));
        Ok(())
    }

    fn assemble(self, mut header: Header) -> Result<Bytes, Error> {
        header.count = self.count;
        if self.count == 0 {
            header.attributes &= !(CODEC_MASK | DELETE_HORIZON);
            header.base_timestamp = NO_TIMESTAMP;
        }
        if let Some(greatest) = self.max_timestamp
            && header.timestamp_type() == TimestampType::CreateTime
        {
            header.max_timestamp = greatest;
        }
        let codec = match self.count {
            0 => Codec::None,
            _ => header.codec(),
        };
        let bytes: BytesMut = packed(codec.into(), &self.payload)?;
        let (base_offset, leader_epoch) = (header.base_offset, header.leader_epoch);
        Ok(Batch::assemble(header, bytes)?.stamp(base_offset, leader_epoch))
    }
}

impl<'a> Iter<'a> {
    /// The next record together with the bytes that encode it, length included.
    fn next_encoded(&mut self) -> Option<Result<(Record<'a>, &'a [u8]), Error>> {
        let before = self.rest;
        let record = self.next()?;
        let encoded = &before[..before.len() - self.rest.len()];
        Some(record.map(|record| (record, encoded)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchRef, Builder, RecordHeader, records};
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    /// Offset, timestamp, key and value of each record.
    type Told = Vec<(i64, i64, Option<Vec<u8>>, Option<Vec<u8>>)>;

    fn told(bytes: &[u8]) -> Told {
        let tell = |record: Record<'_>| {
            let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
            let (key, value) = (owned(record.key), owned(record.value));
            (record.offset, record.timestamp, key, value)
        };
        let records = records(bytes, LIMIT).unwrap();
        records.iter().map(|record| tell(record.unwrap())).collect()
    }

    fn rewritten(bytes: &[u8], keep: &[bool], horizon: Option<i64>) -> Bytes {
        let rewritten = records(bytes, LIMIT)
            .unwrap()
            .rewrite(keep, horizon)
            .unwrap();
        let batch = BatchRef::first(&rewritten).unwrap();
        assert_eq!(batch.bytes.len(), rewritten.len());
        batch.header.check_crc(&rewritten).unwrap();
        rewritten
    }

    fn four(codec: Codec) -> Bytes {
        let headers = [RecordHeader {
            key: b"trace",
            value: None,
        }];
        let mut builder = Builder::new()
            .compression(codec)
            .producer(9, 2, 30)
            .transactional()
            .record(1_000, Some(b"a"), Some(b"1"))
            .record(4_000, Some(b"b"), None);
        builder.push(900, Some(b"c"), Some(b"3"), &headers);
        builder
            .record(2_000, None, Some(b"4"))
            .build()
            .unwrap()
            .stamp(70, 5)
    }

    #[test]
    fn records_that_stay_keep_their_offsets_and_timestamps_through_every_codec() {
        for codec in Codec::ALL {
            let bytes = four(codec);
            let before = Header::parse(&bytes).unwrap();
            let all = told(&bytes);
            for horizon in [None, Some(5_000_000)] {
                let left = rewritten(&bytes, &[true, false, true, false], horizon);
                assert_eq!(told(&left), [all[0].clone(), all[2].clone()]);
                let after = Header::parse(&left).unwrap();
                let expected = Header {
                    length: after.length,
                    crc: after.crc,
                    count: 2,
                    max_timestamp: 1_000,
                    base_timestamp: horizon.unwrap_or(1_000),
                    attributes: after.attributes,
                    ..before
                };
                assert_eq!(after, expected, "{codec}");
                assert_eq!(after.delete_horizon(), horizon);
                assert_eq!((after.codec(), after.is_transactional()), (codec, true));
            }
        }
    }

    #[test]
    fn headers_of_records_survive_a_new_horizon() {
        let left = rewritten(&four(Codec::Zstd), &[false, false, true], Some(77));
        let records = records(&left, LIMIT).unwrap();
        let record = records.iter().next().unwrap().unwrap();
        assert_eq!(record.headers[0].key, b"trace");
        assert_eq!(record.timestamp, 900);
    }

    #[test]
    fn a_horizon_is_set_once() {
        let first = rewritten(&four(Codec::None), &[true; 4], Some(5_000));
        let second = rewritten(&first, &[false, true, true, true], Some(9_000));
        let header = Header::parse(&second).unwrap();
        assert_eq!(header.delete_horizon(), Some(5_000));
        assert_eq!(told(&second), told(&four(Codec::None))[1..]);
    }

    #[test]
    fn an_emptied_batch_is_a_header_that_still_covers_its_offsets() {
        for codec in Codec::ALL {
            for horizon in [None, Some(5_000)] {
                let left = rewritten(&four(codec), &[], horizon);
                let header = Header::parse(&left).unwrap();
                assert_eq!(left.len(), crate::HEADER_LEN);
                assert_eq!((header.count, header.base_timestamp), (0, -1));
                assert_eq!((header.base_offset, header.last_offset()), (70, 73));
                assert_eq!((header.base_sequence, header.last_sequence()), (30, 33));
                assert_eq!(header.max_timestamp, 4_000);
                assert_eq!(header.delete_horizon(), None);
                assert_eq!(told(&left), []);
                assert_eq!(rewritten(&left, &[], None), left);
            }
        }
    }

    #[test]
    fn log_append_time_stays_every_records_time() {
        let mut batch = Builder::new()
            .record(1, Some(b"a"), None)
            .record(2, Some(b"b"), None)
            .build()
            .unwrap();
        batch.set_log_append_time(777);
        let left = rewritten(batch.bytes(), &[true, false], Some(5_000));
        assert_eq!(told(&left), [(0, 777, Some(b"a".to_vec()), None)]);
        assert_eq!(Header::parse(&left).unwrap().max_timestamp, 777);
    }

    #[test]
    fn damaged_records_are_not_rewritten() {
        let bytes = four(Codec::None);
        let header = Header {
            count: 5,
            ..Header::parse(&bytes).unwrap()
        };
        let lying = Batch::assemble(header, BytesMut::from(&bytes[..])).unwrap();
        assert!(lying.records(LIMIT).unwrap().rewrite(&[], None).is_err());
    }

    proptest! {
        #[test]
        fn any_choice_of_records_is_what_is_left(
            given in prop::collection::vec(
                (0_i64..1 << 50, any::<Option<Vec<u8>>>(), any::<Option<Vec<u8>>>(), any::<bool>()), 1..30),
            codec in prop::sample::select(&Codec::ALL[..]),
            horizon in prop::option::of(0_i64..1 << 50),
        ) {
            let mut builder = Builder::new().compression(codec);
            for (timestamp, key, value, _) in &given {
                builder.push(*timestamp, key.as_deref(), value.as_deref(), &[]);
            }
            let bytes = builder.build().unwrap().stamp(1_000, 1);
            let keep: Vec<bool> = given.iter().map(|(.., keep)| *keep).collect();
            let mut expected = told(&bytes);
            let mut kept = keep.iter();
            expected.retain(|_| *kept.next().unwrap());
            prop_assert_eq!(told(&rewritten(&bytes, &keep, horizon)), expected);
        }
    }
}
