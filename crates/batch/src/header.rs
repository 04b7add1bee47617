//! The 61 bytes in front of every batch.
//!
//! ```text
//!   0  base offset            i64 ┐
//!   8  batch length           i32 │ bytes after this field
//!  12  partition leader epoch i32 │ the broker writes the first 16 bytes
//!  16  magic                  i8  ┘ 2
//!  17  crc                    u32   CRC-32C of byte 21 to the end
//!  21  attributes             i16   0–2 codec, 3 log append time, 4 transactional, 5 control, 6 delete horizon
//!  23  last offset delta      i32
//!  27  base timestamp         i64   ms
//!  35  max timestamp          i64   ms
//!  43  producer id            i64   −1: none
//!  51  producer epoch         i16
//!  53  base sequence          i32
//!  57  record count           i32
//!  61  records                      one compressed blob if the codec is not 0
//! ```
//! All numbers are big endian.

use crate::{Codec, Error};

/// Size of a batch header in bytes.
pub const HEADER_LEN: usize = 61;
/// Bytes up to and including the length field; the length counts what follows them.
pub const SIZE_PREFIX_LEN: usize = 12;
/// Smallest value of the length field: the rest of a header and no records.
const MIN_LENGTH: i32 = (HEADER_LEN - SIZE_PREFIX_LEN) as i32;
/// First byte of a batch that its checksum covers; it covers all from there on.
pub const CRC_START: usize = 21;
/// Producer id of a batch from a producer that is not idempotent.
pub const NO_PRODUCER_ID: i64 = -1;
/// Producer epoch of a batch from a producer that is not idempotent.
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// Base sequence of a batch from a producer that is not idempotent, and of every marker.
pub const NO_SEQUENCE: i32 = -1;

pub(crate) const MAGIC: i8 = 2;
pub(crate) const CODEC_MASK: i16 = 0b111;
pub(crate) const LOG_APPEND_TIME: i16 = 1 << 3;
pub(crate) const TRANSACTIONAL: i16 = 1 << 4;
pub(crate) const CONTROL: i16 = 1 << 5;
pub(crate) const DELETE_HORIZON: i16 = 1 << 6;

/// Who set the timestamps of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer, record by record.
    CreateTime,
    /// The broker, one time for the whole batch.
    LogAppendTime,
}

/// The fields of a batch header, as they stand in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Offset of the first record.
    pub base_offset: i64,
    /// Bytes that follow the length field; at least 49.
    pub length: i32,
    /// Epoch of the leader that appended the batch; outside the checksum.
    pub leader_epoch: i32,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Flag bits; see the accessors.
    pub attributes: i16,
    /// Last record's offset minus the base offset.
    pub last_offset_delta: i32,
    /// Time in ms which record timestamps are relative to: that of the first record, or the delete horizon.
    pub base_timestamp: i64,
    /// Largest timestamp in ms.
    pub max_timestamp: i64,
    /// Id of the idempotent producer, or −1.
    pub producer_id: i64,
    /// Epoch of the idempotent producer, or −1.
    pub producer_epoch: i16,
    /// Sequence number of the first record, or −1.
    pub base_sequence: i32,
    /// Number of records; fewer than the offsets span once compaction has removed some.
    pub count: i32,
}

impl Header {
    /// Reads the header at the beginning of `bytes`.
    ///
    /// Checks what makes the rest readable and no more: 61 bytes are there, the length is possible, the magic is 2,
    /// the codec exists. The checksum is [`Header::check_crc`]'s matter.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Length`], [`Error::Magic`], [`Error::UnknownCodec`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(Error::Truncated {
            needed: HEADER_LEN,
            available: bytes.len(),
        })?;
        let header = Self::read(bytes);
        let magic = i8::from_be_bytes([bytes[16]]);
        if magic != MAGIC {
            return Err(Error::Magic(magic));
        }
        if header.length < MIN_LENGTH {
            return Err(Error::Length(header.length));
        }
        Codec::from_attributes(header.attributes)?;
        Ok(header)
    }

    fn read(bytes: &[u8; HEADER_LEN]) -> Self {
        Self {
            base_offset: i64::from_be_bytes(field(bytes, 0)),
            length: i32::from_be_bytes(field(bytes, 8)),
            leader_epoch: i32::from_be_bytes(field(bytes, 12)),
            crc: u32::from_be_bytes(field(bytes, 17)),
            attributes: i16::from_be_bytes(field(bytes, 21)),
            last_offset_delta: i32::from_be_bytes(field(bytes, 23)),
            base_timestamp: i64::from_be_bytes(field(bytes, 27)),
            max_timestamp: i64::from_be_bytes(field(bytes, 35)),
            producer_id: i64::from_be_bytes(field(bytes, 43)),
            producer_epoch: i16::from_be_bytes(field(bytes, 51)),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            count: i32::from_be_bytes(field(bytes, 57)),
        }
    }

    /// Writes the header into the first 61 bytes of a batch.
    pub(crate) fn write(&self, bytes: &mut [u8; HEADER_LEN]) {
        bytes[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.leader_epoch.to_be_bytes());
        bytes[16..17].copy_from_slice(&MAGIC.to_be_bytes());
        bytes[17..21].copy_from_slice(&self.crc.to_be_bytes());
        bytes[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..61].copy_from_slice(&self.count.to_be_bytes());
    }

    /// Size of the whole batch in bytes, header included.
    #[must_use]
    pub fn size(&self) -> usize {
        SIZE_PREFIX_LEN + usize::try_from(self.length).unwrap_or(0)
    }

    /// Whether the checksum matches `batch`, the bytes of this whole batch.
    ///
    /// # Errors
    /// [`Error::Truncated`] if fewer bytes than [`Header::size`] are given, [`Error::Checksum`] if they are damaged.
    pub fn check_crc(&self, batch: &[u8]) -> Result<(), Error> {
        let covered = batch.get(CRC_START..self.size()).ok_or(Error::Truncated {
            needed: self.size(),
            available: batch.len(),
        })?;
        match crc32c::crc32c(covered) {
            actual if actual == self.crc => Ok(()),
            actual => Err(Error::Checksum {
                expected: self.crc,
                actual,
            }),
        }
    }

    /// How the records are compressed.
    #[must_use]
    pub fn codec(&self) -> Codec {
        Codec::from_attributes(self.attributes).unwrap_or(Codec::None)
    }

    /// Who set the timestamps.
    #[must_use]
    pub fn timestamp_type(&self) -> TimestampType {
        match self.attributes & LOG_APPEND_TIME {
            0 => TimestampType::CreateTime,
            _ => TimestampType::LogAppendTime,
        }
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether the batch holds a control record (a marker), which consumers skip.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// Time in ms until which compaction keeps the tombstones and markers in this batch, if it has set one.
    #[must_use]
    pub fn delete_horizon(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// Whether an idempotent producer sent the batch.
    #[must_use]
    pub fn has_producer(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// Offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.base_offset
            .saturating_add(i64::from(self.last_offset_delta))
    }

    /// Offset that follows the last record.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// Sequence number of the last record; after 2147483647 comes 0. −1 without a base sequence.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        match self.base_sequence {
            NO_SEQUENCE => NO_SEQUENCE,
            base => base.wrapping_add(self.last_offset_delta) & i32::MAX,
        }
    }
}

fn field<const N: usize>(bytes: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Header {
        Header {
            base_offset: 7,
            length: 100,
            leader_epoch: 3,
            crc: 0xdead_beef,
            attributes: 0,
            last_offset_delta: 9,
            base_timestamp: 1_000,
            max_timestamp: 2_000,
            producer_id: 42,
            producer_epoch: 1,
            base_sequence: 5,
            count: 10,
        }
    }

    fn bytes(header: &Header) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        header.write(&mut bytes);
        bytes
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Header::parse(&bytes(&sample())), Ok(sample()));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = bytes(&sample());
        for available in 0..HEADER_LEN {
            let expected = Error::Truncated {
                needed: HEADER_LEN,
                available,
            };
            assert_eq!(Header::parse(&bytes[..available]), Err(expected));
        }
    }

    #[test]
    fn impossible_lengths_are_refused() {
        for length in [i32::MIN, -1, 0, 48] {
            let header = Header { length, ..sample() };
            assert_eq!(Header::parse(&bytes(&header)), Err(Error::Length(length)));
        }
        let smallest = Header {
            length: 49,
            ..sample()
        };
        assert_eq!(Header::parse(&bytes(&smallest)), Ok(smallest));
        assert_eq!(smallest.size(), HEADER_LEN);
    }

    #[test]
    fn other_formats_and_codecs_are_refused() {
        for magic in [0, 1, 3] {
            let mut bytes = bytes(&sample());
            bytes[16] = magic;
            let magic = i8::try_from(magic).unwrap();
            assert_eq!(Header::parse(&bytes), Err(Error::Magic(magic)));
        }
        for codec in 5..=7 {
            let header = Header {
                attributes: codec,
                ..sample()
            };
            assert_eq!(
                Header::parse(&bytes(&header)),
                Err(Error::UnknownCodec(codec))
            );
        }
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let last_sequence = |base_sequence, last_offset_delta| {
            Header {
                base_sequence,
                last_offset_delta,
                ..sample()
            }
            .last_sequence()
        };
        assert_eq!(last_sequence(5, 9), 14);
        assert_eq!(last_sequence(i32::MAX, 0), i32::MAX);
        assert_eq!(last_sequence(i32::MAX, 1), 0);
        assert_eq!(last_sequence(i32::MAX - 1, 3), 1);
        assert_eq!(last_sequence(NO_SEQUENCE, 3), NO_SEQUENCE);
    }
}
