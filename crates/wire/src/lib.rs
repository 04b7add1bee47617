//! The Kafka wire format: every message declared once, decoded from and encoded to bytes.
//!
//! A file of [`api`] declares one API with the `wire!` macro and reads like the specification.
//! Requests borrow the frame that they are decoded from; responses refer to record batches instead
//! of copying them. This crate does no I/O, keeps no state and knows nothing of topics, logs or
//! groups.

mod decode;
mod dsl;
mod encode;
mod encoder;
mod error;
mod error_code;
mod header;
mod id;
mod records;
mod tags;
mod version;

#[cfg(test)]
mod tests;

pub mod api;
pub mod record;

pub use api::{Api, ApiKey};
pub use decode::{Decode, Parsed, decode_message, range_within};
pub use encode::Encode;
pub use encoder::{Encoder, Frame};
pub use error::Error;
pub use error_code::ErrorCode;
pub use header::{RequestHeader, response_frame};
#[cfg(feature = "client")]
pub use header::{ResponseHeader, request_frame};
pub use id::base64_id;
pub use records::Records;
pub use uuid::Uuid;
pub use version::Version;
