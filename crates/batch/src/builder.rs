//! Builds batches for the broker's own logs, for markers, and for tests.

use bytes::{Bytes, BytesMut};

use crate::header::{
    CONTROL, HEADER_LEN, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, TRANSACTIONAL,
};
use crate::varint::put;
use crate::{Batch, Codec, Compression, Error, Header, RecordHeader};

/// Collects records and makes one batch of them, with base offset 0.
#[derive(Debug, Clone)]
pub struct Builder {
    header: Header,
    compression: Compression,
    payload: Vec<u8>,
    record: Vec<u8>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// An empty batch without compression and without an idempotent producer.
    #[must_use]
    pub fn new() -> Self {
        Self {
            header: Header {
                base_offset: 0,
                length: 0,
                leader_epoch: -1,
                crc: 0,
                attributes: 0,
                last_offset_delta: -1,
                base_timestamp: 0,
                max_timestamp: i64::MIN,
                producer_id: NO_PRODUCER_ID,
                producer_epoch: NO_PRODUCER_EPOCH,
                base_sequence: NO_SEQUENCE,
                count: 0,
            },
            compression: Codec::None.into(),
            payload: Vec::new(),
            record: Vec::new(),
        }
    }

    /// Compresses the records.
    #[must_use]
    pub fn compression(mut self, compression: impl Into<Compression>) -> Self {
        self.compression = compression.into();
        self
    }

    /// Marks the batch as sent by an idempotent producer.
    #[must_use]
    pub fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> Self {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Makes the batch part of a transaction.
    #[must_use]
    pub fn transactional(mut self) -> Self {
        self.header.attributes |= TRANSACTIONAL;
        self
    }

    /// Makes the batch hold a control record, which consumers skip.
    #[must_use]
    pub fn control(mut self) -> Self {
        self.header.attributes |= CONTROL;
        self
    }

    /// Adds a record without headers; see [`Builder::push`].
    #[must_use]
    pub fn record(mut self, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> Self {
        self.push(timestamp, key, value, &[]);
        self
    }

    /// Adds a record; its timestamp is in ms since 1970.
    pub fn push(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader<'_>],
    ) {
        if self.header.count == 0 {
            self.header.base_timestamp = timestamp;
        }
        self.header.count += 1;
        self.header.last_offset_delta += 1;
        self.header.max_timestamp = self.header.max_timestamp.max(timestamp);
        self.encode(timestamp, key, value, headers);
    }

    fn encode(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader<'_>],
    ) {
        let record = &mut self.record;
        record.clear();
        record.push(0);
        put(record, timestamp.wrapping_sub(self.header.base_timestamp));
        put(record, i64::from(self.header.last_offset_delta));
        put_bytes(record, key);
        put_bytes(record, value);
        put(record, headers.len() as i64);
        for header in headers {
            put_bytes(record, Some(header.key));
            put_bytes(record, header.value);
        }
        put_bytes(&mut self.payload, Some(&self.record));
    }

    /// Number of records so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.header.count.cast_unsigned() as usize
    }

    /// Whether there is no record yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.header.count == 0
    }

    /// Size of the records so far in bytes, before compression.
    #[must_use]
    pub fn size(&self) -> usize {
        self.payload.len()
    }

    /// Makes the batch.
    ///
    /// # Errors
    /// [`Error::Invalid`] without any record, [`Error::TooLarge`] beyond what the length field can say,
    /// [`Error::Codec`] if the codec refuses.
    pub fn build(mut self) -> Result<Batch, Error> {
        if self.is_empty() {
            return Err(Error::Invalid("a batch needs a record"));
        }
        self.header.attributes |= self.compression.codec as i16;
        let bytes = packed(self.compression, &self.payload)?;
        Batch::assemble(self.header, bytes)
    }
}

/// Room for a header, then `payload` compressed.
pub(crate) fn packed(compression: Compression, payload: &[u8]) -> Result<BytesMut, Error> {
    let mut bytes = vec![0; HEADER_LEN];
    compression.compress(payload, &mut bytes)?;
    Ok(BytesMut::from(Bytes::from(bytes)))
}

/// Appends a length, −1 for `None`, and the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    put(out, bytes.map_or(-1, |bytes| bytes.len() as i64));
    out.extend_from_slice(bytes.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_needs_a_record() {
        assert!(matches!(Builder::new().build(), Err(Error::Invalid(_))));
    }

    #[test]
    fn the_header_describes_the_records() {
        let batch = Builder::new()
            .producer(9, 2, 30)
            .transactional()
            .record(50, None, Some(b"a"))
            .record(70, None, Some(b"b"))
            .record(60, None, Some(b"c"))
            .build()
            .unwrap();
        let header = batch.header();
        assert_eq!((header.count, header.last_offset_delta), (3, 2));
        assert_eq!((header.base_timestamp, header.max_timestamp), (50, 70));
        assert_eq!(header.last_sequence(), 32);
        assert!(header.is_transactional() && !header.is_control());
        assert_eq!(header.size(), batch.size());
    }
}
