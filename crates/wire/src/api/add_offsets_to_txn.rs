//! Makes the positions of a consumer group part of a producer's transaction before it commits them.
//!
//! - v4: TRANSACTION_ABORTABLE.

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api AddOffsetsToTxn = 25, versions 0..=4, flexible 3;

    /// The group and the transaction.
    struct Request<'a> {
        transactional_id: &'a str,
        producer_id: i64,
        producer_epoch: i16,
        group_id: &'a str,
    }

    /// Whether they are.
    struct Response {
        throttle_time_ms: i32,
        error_code: ErrorCode,
    }
}
