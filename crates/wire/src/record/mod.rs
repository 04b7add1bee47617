//! Records of internal topics, and what consumers embed in group requests.
//!
//! All of them carry their version in front: as an `i16` ([`from_bytes`], [`to_bytes`]), or in the
//! frame that [`metadata`] reads and writes.

pub mod consumer;
pub mod consumer_group;
pub mod metadata;
pub mod offsets;
pub mod shares;
pub mod transactions;

use std::ops::RangeInclusive;

use bytes::{BufMut, Bytes};

use crate::decode::finish;
use crate::{Decode, Encode, Encoder, Error, Version, decode_message};

/// A structure that is stored or embedded together with its version.
pub trait Record: Encode {
    /// Kafka's name of the structure.
    const NAME: &'static str;
    /// Its number among the structures of its kind.
    const KEY: i16;
    /// Versions that can be read and written.
    const VERSIONS: RangeInclusive<i16>;
    /// First version in the flexible encoding.
    const FLEXIBLE_SINCE: i16 = i16::MAX;

    /// Version `n` with its encoding. Fails if it is not among [`VERSIONS`](Self::VERSIONS).
    fn version(n: i16) -> Result<Version, Error> {
        if Self::VERSIONS.contains(&n) {
            Ok(Version {
                n,
                flexible: n >= Self::FLEXIBLE_SINCE,
            })
        } else {
            Err(Error::UnsupportedRecordVersion {
                record: Self::NAME,
                version: n,
            })
        }
    }
}

/// The number in front of a structure: its version, or for the keys of `__consumer_offsets` its
/// kind.
pub fn peek_version(bytes: &[u8]) -> Result<i16, Error> {
    finish(i16::decode(bytes, Version::classic(0)))
}

/// Reads a structure with its version in front.
pub fn from_bytes<'a, T: Record + Decode<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    let version = T::version(peek_version(bytes)?)?;
    decode_message(&bytes[size_of::<i16>()..], version)
}

/// Writes a structure with its version in front. Fails if the structure has no such version.
pub fn to_bytes<T: Record>(record: &T, version: i16) -> Result<Bytes, Error> {
    let version = T::version(version)?;
    let mut out = Encoder::new();
    out.buffer().put_i16(version.n);
    record.encode(&mut out, version);
    Ok(out.into_bytes())
}
