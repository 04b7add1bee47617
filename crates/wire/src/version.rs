//! The version of a message: its number, and which of the two encodings that number uses.

/// One version of one message.
///
/// Kafka has two encodings. The *classic* one has fixed-width lengths; the *flexible* one has
/// varint lengths and ends each structure with tagged fields. Every message switches at a version
/// of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The version's number as sent in the request header.
    pub n: i16,
    /// Whether this version uses the flexible encoding.
    pub flexible: bool,
}

impl Version {
    /// Version `n` in the classic encoding.
    pub const fn classic(n: i16) -> Self {
        Self { n, flexible: false }
    }

    /// Version `n` in the flexible encoding.
    pub const fn flexible(n: i16) -> Self {
        Self { n, flexible: true }
    }
}
