//! Why bytes are not the message they claim to be.

use nom::error::{ErrorKind, ParseError};

use crate::decode::MAX_ELEMENTS;

/// A message that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field needs more bytes than the message has left.
    #[error("truncated: a field reaches past the {left} bytes that are left")]
    Truncated {
        /// Bytes between the start of the field and the end of the message.
        left: usize,
    },
    /// A length or an element count is below -1, or takes more bytes than a length may; or a string is
    /// longer than 32767 bytes.
    #[error("invalid length {0}")]
    InvalidLength(i64),
    /// An array announces more elements than the message has bytes left.
    #[error("array of {count} elements in {left} bytes")]
    ImpossibleCount {
        /// Elements announced.
        count: usize,
        /// Bytes left in the message.
        left: usize,
    },
    /// An array is longer than any honest message needs.
    #[error("array of {0} elements; the most are {MAX_ELEMENTS}")]
    TooManyElements(usize),
    /// A null where this version of the message has none.
    #[error("null in a field that cannot be null")]
    UnexpectedNull,
    /// A string that is not UTF-8.
    #[error("string is not valid UTF-8")]
    InvalidUtf8,
    /// A variable-length integer that does not end.
    #[error("varint is longer than its type")]
    InvalidVarint,
    /// A tagged field whose announced size is not that of its value.
    #[error("tagged field has {0} bytes after its value")]
    TaggedFieldTooLong(usize),
    /// An API key that is not served.
    #[error("unknown api key {0}")]
    UnknownApiKey(i16),
    /// A cluster metadata record of a kind that is not kept here.
    #[error("unknown metadata record {0}")]
    UnknownRecordKey(i16),
    /// A cluster metadata record in an unknown frame.
    #[error("unknown frame version {0} of a metadata record")]
    UnknownFrameVersion(u32),
    /// A record of an internal topic in a version that this release does not know.
    #[error("unsupported version {version} of record {record}")]
    UnsupportedRecordVersion {
        /// The record's name.
        record: &'static str,
        /// The version found.
        version: i16,
    },
}

impl ParseError<&[u8]> for Error {
    /// The number parsers and `take` of nom fail for one reason only: the input is too short.
    fn from_error_kind(input: &[u8], _: ErrorKind) -> Self {
        Self::Truncated { left: input.len() }
    }

    fn append(_: &[u8], _: ErrorKind, first: Self) -> Self {
        first
    }
}
