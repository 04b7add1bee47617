//! One whole batch that has been checked and may still be stamped.

use bytes::{Bytes, BytesMut};

use crate::header::{CRC_START, HEADER_LEN, Header, LOG_APPEND_TIME, SIZE_PREFIX_LEN};
use crate::{BatchRef, Error, Records};

/// Exactly one batch: its length is that of its bytes, its format is v2, its checksum is right.
///
/// It owns its bytes alone, so that the broker's fields are written in place.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    header: Header,
    bytes: BytesMut,
}

impl Batch {
    /// Takes `bytes` as a batch.
    ///
    /// # Errors
    /// Those of [`Header::parse`], [`Error::TrailingBytes`] if the bytes hold more than one batch, and
    /// [`Error::Checksum`].
    pub fn parse(bytes: BytesMut) -> Result<Self, Error> {
        let header = Header::parse(&bytes)?;
        header.check_crc(&bytes)?;
        match bytes.len() - header.size() {
            0 => Ok(Self { header, bytes }),
            trailing => Err(Error::TrailingBytes(trailing)),
        }
    }

    /// Puts a header in front of encoded records; length and checksum are computed here.
    ///
    /// `bytes` holds room for the header and then the records.
    pub(crate) fn assemble(mut header: Header, mut bytes: BytesMut) -> Result<Self, Error> {
        let size = bytes.len();
        header.length = i32::try_from(size - SIZE_PREFIX_LEN).map_err(|_| Error::TooLarge {
            size,
            limit: i32::MAX as usize,
        })?;
        write_header(&mut header, &mut bytes);
        Ok(Self { header, bytes })
    }

    /// The header as it stands in the bytes.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes of the whole batch.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The batch as one that others hold.
    #[must_use]
    pub fn view(&self) -> BatchRef<'_> {
        BatchRef {
            header: self.header,
            bytes: &self.bytes,
        }
    }

    /// Size of the whole batch in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The records' bytes, compressed if the codec says so.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.bytes[HEADER_LEN..]
    }

    /// Opens the records, which may take up to `limit` bytes when decompressed.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::DecompressedTooLarge`].
    pub fn records(&self, limit: usize) -> Result<Records<'_>, Error> {
        Records::open(self.header, self.payload(), limit)
    }

    /// Gives every record the timestamp `now_ms`, as a log of `LogAppendTime` wants it, and renews the checksum.
    pub fn set_log_append_time(&mut self, now_ms: i64) {
        self.header.attributes |= LOG_APPEND_TIME;
        self.header.max_timestamp = now_ms;
        write_header(&mut self.header, &mut self.bytes);
    }

    /// Copies the batch into memory of its own if it shares that of a much larger buffer.
    ///
    /// A batch carved from a request keeps the whole request in memory for as long as it lives; `shared` is the
    /// request's size in bytes.
    #[must_use]
    pub fn detach(self, shared: usize) -> Self {
        match self.bytes.len() < shared / 4 {
            true => Self {
                header: self.header,
                bytes: BytesMut::from(&self.bytes[..]),
            },
            false => self,
        }
    }

    /// Writes where the batch stands in its log and gives up the right to change it. The checksum does not cover
    /// these fields.
    #[must_use]
    pub fn stamp(mut self, base_offset: i64, leader_epoch: i32) -> Bytes {
        self.bytes[0..8].copy_from_slice(&base_offset.to_be_bytes());
        self.bytes[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
        self.bytes.freeze()
    }
}

fn write_header(header: &mut Header, bytes: &mut BytesMut) {
    if let Some(front) = bytes.first_chunk_mut() {
        header.write(front);
    }
    header.crc = crc32c::crc32c(&bytes[CRC_START..]);
    bytes[17..21].copy_from_slice(&header.crc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, TimestampType};

    fn batch() -> Batch {
        Builder::new()
            .record(100, Some(b"key"), Some(b"value"))
            .record(90, None, None)
            .build()
            .unwrap()
    }

    #[test]
    fn bytes_of_a_batch_parse_to_that_batch() {
        let batch = batch();
        assert_eq!(Batch::parse(BytesMut::from(batch.bytes())), Ok(batch));
    }

    #[test]
    fn any_flipped_byte_under_the_checksum_is_found() {
        let bytes = BytesMut::from(batch().bytes());
        for at in CRC_START..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            assert!(Batch::parse(damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn truncated_and_doubled_batches_are_refused() {
        let bytes = BytesMut::from(batch().bytes());
        for len in 0..bytes.len() {
            let cut = BytesMut::from(&bytes[..len]);
            assert!(matches!(Batch::parse(cut), Err(Error::Truncated { .. })));
        }
        let doubled = BytesMut::from(&[&bytes[..], &bytes[..]].concat()[..]);
        assert_eq!(
            Batch::parse(doubled),
            Err(Error::TrailingBytes(bytes.len()))
        );
    }

    #[test]
    fn stamping_leaves_the_checksum_alone() {
        let before = *batch().header();
        let stamped = batch().stamp(1234, 5);
        let after = Header::parse(&stamped).unwrap();
        assert_eq!((after.base_offset, after.leader_epoch), (1234, 5));
        assert_eq!(after.crc, before.crc);
        assert_eq!(after.check_crc(&stamped), Ok(()));
    }

    #[test]
    fn log_append_time_renews_the_checksum() {
        let mut batch = batch();
        batch.set_log_append_time(777);
        let parsed = Batch::parse(BytesMut::from(batch.bytes())).unwrap();
        assert_eq!(
            parsed.header().timestamp_type(),
            TimestampType::LogAppendTime
        );
        assert_eq!(parsed.header().max_timestamp, 777);
    }

    #[test]
    fn a_small_batch_lets_go_of_a_large_frame() {
        let small = batch();
        let size = small.size();
        let mut frame = BytesMut::from(small.bytes());
        frame.resize(100 * size, 0);
        let carved = Batch::parse(frame.split_to(size)).unwrap();
        let detached = carved.detach(100 * size);
        assert_eq!(detached, small);
        assert!(frame.freeze().is_unique(), "nothing else holds the frame");
    }
}
