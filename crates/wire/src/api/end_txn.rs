//! Commits or aborts a transaction.
//!
//! - v2: PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH.
//! - v4: TRANSACTION_ABORTABLE.
//! - v5: every end raises the producer's epoch; the response tells id and epoch (KIP-890).

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api EndTxn = 26, versions 0..=5, flexible 3;

    /// Which transaction, and how it ends.
    struct Request<'a> {
        transactional_id: &'a str,
        producer_id: i64,
        producer_epoch: i16,
        /// Commit, or else abort.
        committed: bool,
    }

    /// Whether it has ended.
    struct Response {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        /// What the producer goes on with; -1 on an error.
        producer_id: i64 [5..] = -1,
        /// What the producer goes on with; -1 on an error.
        producer_epoch: i16 [5..] = -1,
    }
}
