//! The records inside a batch.
//!
//! ```text
//! length           varint   bytes after this field
//! attributes       i8       unused
//! timestamp delta  varlong  to the batch's base timestamp
//! offset delta     varint   to the batch's base offset
//! key              varint length (−1: null), bytes
//! value            varint length (−1: null), bytes
//! headers          varint count, then per header: varint length and name, varint length (−1: null) and value
//! ```

mod rewrite;

use std::borrow::Cow;

use crate::varint::{take_int, take_long};
use crate::{BatchRef, Error, Header, TimestampType};

/// One record. Key and value are as the producer sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// Offset in the partition.
    pub offset: i64,
    /// Milliseconds since 1970; the batch's own if the broker set it.
    pub timestamp: i64,
    /// The key, if there is one.
    pub key: Option<&'a [u8]>,
    /// The value; none marks the key as deleted in a compacted topic.
    pub value: Option<&'a [u8]>,
    /// Headers in the producer's order.
    pub headers: Vec<RecordHeader<'a>>,
}

/// One header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader<'a> {
    /// Name, UTF-8 by convention.
    pub key: &'a [u8],
    /// Value, if there is one.
    pub value: Option<&'a [u8]>,
}

/// The records of one batch, decompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records<'a> {
    header: Header,
    payload: Cow<'a, [u8]>,
}

/// Opens the records of the batch at the beginning of `bytes`; they may take up to `limit` bytes when decompressed.
///
/// # Errors
/// Those of [`Header::parse`], [`Error::Truncated`], [`Error::Codec`], [`Error::DecompressedTooLarge`].
pub fn records(bytes: &[u8], limit: usize) -> Result<Records<'_>, Error> {
    BatchRef::first(bytes)?.records(limit)
}

impl<'a> Records<'a> {
    pub(crate) fn open(header: Header, payload: &'a [u8], limit: usize) -> Result<Self, Error> {
        let payload = header.codec().decompress(payload, limit)?;
        Ok(Self { header, payload })
    }

    /// The encoded records without compression.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Walks the records; ends after the first error.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            header: &self.header,
            left: self.header.count,
            rest: &self.payload,
        }
    }
}

impl<'a> IntoIterator for &'a Records<'_> {
    type Item = Result<Record<'a>, Error>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Iterator over the records of one batch; see [`Records::iter`].
///
/// Yields exactly as many records as the header counts, or an error if the bytes hold more or fewer.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    header: &'a Header,
    left: i32,
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Record<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return match std::mem::take(&mut self.rest) {
                [] => None,
                _ => Some(Err(Error::Invalid("there are more records than counted"))),
            };
        }
        self.left -= 1;
        let record = self.take_record();
        if record.is_err() {
            (self.left, self.rest) = (0, &[]);
        }
        Some(record)
    }
}

impl<'a> Iter<'a> {
    fn take_record(&mut self) -> Result<Record<'a>, Error> {
        let mut body = take_bytes(&mut self.rest)?
            .ok_or(Error::Invalid("the length of a record is negative"))?;
        let (_attributes, rest) = body
            .split_first()
            .ok_or(Error::Invalid("a record is empty"))?;
        body = rest;
        let timestamp_delta = take_long(&mut body)?;
        let offset_delta = take_int(&mut body)?;
        let record = Record {
            offset: self
                .header
                .base_offset
                .saturating_add(i64::from(offset_delta)),
            timestamp: self.timestamp(timestamp_delta),
            key: take_bytes(&mut body)?,
            value: take_bytes(&mut body)?,
            headers: take_headers(&mut body)?,
        };
        match body {
            [] => Ok(record),
            _ => Err(Error::Invalid("a record is longer than its contents")),
        }
    }

    fn timestamp(&self, delta: i64) -> i64 {
        match self.header.timestamp_type() {
            TimestampType::CreateTime => self.header.base_timestamp.saturating_add(delta),
            TimestampType::LogAppendTime => self.header.max_timestamp,
        }
    }
}

fn take_headers<'a>(input: &mut &'a [u8]) -> Result<Vec<RecordHeader<'a>>, Error> {
    let count = take_int(input)?;
    if count < 0 {
        return Err(Error::Invalid("the number of headers is negative"));
    }
    // Grows as headers are read: the count itself is not to be trusted.
    let mut headers = Vec::new();
    for _ in 0..count {
        headers.push(RecordHeader {
            key: take_bytes(input)?.ok_or(Error::Invalid("a header has no name"))?,
            value: take_bytes(input)?,
        });
    }
    Ok(headers)
}

fn take_bytes<'a>(input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Error> {
    let len = match take_int(input)? {
        -1 => return Ok(None),
        len => usize::try_from(len).map_err(|_| Error::Invalid("a length is negative"))?,
    };
    let (bytes, rest) = input.split_at_checked(len).ok_or(Error::Truncated {
        needed: len,
        available: input.len(),
    })?;
    *input = rest;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Builder};
    use bytes::BytesMut;
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    fn two_records() -> Builder {
        let headers = [
            RecordHeader {
                key: b"trace",
                value: Some(b"abc"),
            },
            RecordHeader {
                key: b"empty",
                value: None,
            },
        ];
        let mut builder = Builder::new().record(1_000, Some(b"k"), Some(b"v"));
        builder.push(900, None, None, &headers);
        builder
    }

    #[test]
    fn records_come_back_as_they_were_built() {
        let bytes = two_records().build().unwrap().stamp(40, 1);
        let records = records(&bytes, LIMIT).unwrap();
        let [first, second] = &records.iter().collect::<Result<Vec<_>, _>>().unwrap()[..] else {
            panic!("two records expected");
        };
        assert_eq!((first.offset, first.timestamp), (40, 1_000));
        assert_eq!((first.key, first.value), (Some(&b"k"[..]), Some(&b"v"[..])));
        assert_eq!((second.offset, second.timestamp), (41, 900));
        assert_eq!((second.key, second.value), (None, None));
        assert_eq!(second.headers[0].value, Some(&b"abc"[..]));
        assert_eq!(second.headers[1].key, b"empty");
        assert_eq!(second.headers[1].value, None);
    }

    #[test]
    fn log_append_time_is_every_records_time() {
        let mut batch = two_records().build().unwrap();
        batch.set_log_append_time(5);
        let times: Vec<i64> = batch
            .records(LIMIT)
            .unwrap()
            .iter()
            .map(|record| record.unwrap().timestamp)
            .collect();
        assert_eq!(times, [5, 5]);
    }

    #[test]
    fn more_or_fewer_records_than_counted_are_errors() {
        for count in [1, 3] {
            let batch = two_records().build().unwrap();
            let header = Header {
                count,
                ..*batch.header()
            };
            let lying = Batch::assemble(header, BytesMut::from(batch.bytes())).unwrap();
            let records = lying.records(LIMIT).unwrap();
            assert!(records.iter().any(|record| record.is_err()), "{count}");
        }
    }

    proptest! {
        #[test]
        fn garbage_records_never_panic(payload: Vec<u8>, count: i32) {
            let mut bytes = BytesMut::from(two_records().build().unwrap().bytes());
            bytes.truncate(crate::HEADER_LEN);
            bytes.extend_from_slice(&payload);
            let header = Header { count, ..Header::parse(&bytes).unwrap() };
            let batch = Batch::assemble(header, bytes).unwrap();
            let walked = batch.records(LIMIT).unwrap().iter().count();
            prop_assert!(walked <= payload.len() + 1);
        }
    }
}
