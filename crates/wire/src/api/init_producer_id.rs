//! Gives a producer its id and epoch.
//!
//! - v3: a producer may ask for a new epoch of the id that it has.
//! - v4: PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH.
//! - v5: TRANSACTION_ABORTABLE.

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api InitProducerId = 22, versions 0..=5, flexible 2;

    /// Who asks.
    struct Request<'a> {
        /// Null for a producer that is idempotent only.
        transactional_id: Option<&'a str>,
        transaction_timeout_ms: i32,
        /// -1 without one.
        producer_id: i64 [3..] = -1,
        /// -1 without one.
        producer_epoch: i16 [3..] = -1,
    }

    /// The id and epoch.
    struct Response {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        producer_id: i64 = -1,
        producer_epoch: i16,
    }
}
