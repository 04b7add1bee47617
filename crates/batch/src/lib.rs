//! Kafka record batches (format v2) as bytes: view, check, stamp, build.
//!
//! A batch travels from the producer to the disk and on to the consumer as the bytes that the producer sent. This
//! crate knows their layout ([`Header`]), proves that bytes are exactly one batch ([`Batch`]), walks a run of them
//! ([`Batches`]), reads the records inside ([`Records`]), decides whether a produced batch may enter a log
//! ([`produce::admit`]), leaves records out of one ([`Records::rewrite`]), builds batches for the broker's own logs
//! ([`Builder`]), and knows how the end of a transaction is written down ([`Marker`]).
//!
//! It does no I/O, owns no clock, and never allocates by a length that it has not checked.

mod batch;
mod batches;
mod builder;
mod codec;
mod error;
mod header;
mod marker;
pub mod produce;
mod record;
mod snappy;
mod varint;

pub use batch::Batch;
pub use batches::{BatchRef, Batches};
pub use builder::Builder;
pub use codec::{Codec, Compression};
pub use error::Error;
pub use header::{
    CRC_START, HEADER_LEN, Header, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, SIZE_PREFIX_LEN,
    TimestampType,
};
pub use marker::{Marker, Outcome};
pub use record::{Iter, Record, RecordHeader, Records, records};
