//! What can be wrong with a batch.

use crate::Codec;

/// Why bytes are not a batch, or why a batch may not enter a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes end before the batch does.
    #[error("batch is cut short: {needed} bytes needed, {available} available")]
    Truncated {
        /// Bytes that the header or the part being read calls for.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// There are bytes left after the one batch that was expected.
    #[error("{0} bytes follow the batch where exactly one batch is expected")]
    TrailingBytes(usize),
    /// The length field cannot be true.
    #[error("batch length {0} is below the header's own size or beyond all bounds")]
    Length(i32),
    /// The message format is not v2.
    #[error("record format (magic) {0} is not supported, only 2 is")]
    Magic(i8),
    /// The checksum does not match the contents.
    #[error("batch checksum is {actual:#010x}, its header says {expected:#010x}")]
    Checksum {
        /// The CRC-32C in the header.
        expected: u32,
        /// The CRC-32C of the bytes.
        actual: u32,
    },
    /// The attributes name a codec that does not exist.
    #[error("compression codec {0} is unknown")]
    UnknownCodec(i16),
    /// A codec could not read or write its data.
    #[error("{codec} data is damaged: {reason}")]
    Codec {
        /// Which codec.
        codec: Codec,
        /// What its library said.
        reason: String,
    },
    /// The records are larger than the reader allows once decompressed.
    #[error("records exceed {limit} bytes when decompressed")]
    DecompressedTooLarge {
        /// The bound that was set, in bytes.
        limit: usize,
    },
    /// The batch is larger than the log allows.
    #[error("batch of {size} bytes exceeds the allowed {limit}")]
    TooLarge {
        /// Size of the whole batch in bytes.
        size: usize,
        /// The bound that was set, in bytes.
        limit: usize,
    },
    /// A header field or the records contradict the format's rules.
    #[error("invalid batch: {0}")]
    Invalid(&'static str),
    /// The producer claims a timestamp type that only the broker may set.
    #[error("a producer may not send log append time")]
    UnexpectedLogAppendTime,
    /// Records at these positions in the batch bear timestamps outside what the log allows.
    #[error("{} records have timestamps outside the allowed range", .0.len())]
    Timestamps(Vec<i32>),
    /// Records at these positions in the batch have no key although the log is compacted by key.
    #[error("{} records have no key in a compacted topic", .0.len())]
    MissingKeys(Vec<i32>),
}
