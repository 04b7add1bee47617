//! Which transactional ids there are.
//!
//! - v1: only those whose transaction is open for long.
//! - v2: only those whose id matches an expression in RE2's syntax.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api ListTransactions = 66, versions 0..=2, flexible 0;

    /// Which of them; an empty list stands for all.
    struct Request<'a> {
        /// Kafka's names of states, such as `CompleteCommit`.
        state_filters: Vec<&'a str>,
        producer_id_filters: Vec<i64>,
        /// Milliseconds; negative for any.
        duration_filter: i64 [1..] = -1,
        /// Null for any.
        transactional_id_pattern: Option<&'a str> [2..],
    }

    /// The ids.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        /// Those of the filters that name no state.
        unknown_state_filters: Vec<Cow<'a, str>>,
        transaction_states: Vec<TransactionState<'a>>,
    }

    /// One id.
    struct TransactionState<'a> {
        transactional_id: Cow<'a, str>,
        producer_id: i64,
        transaction_state: Cow<'a, str>,
    }
}
