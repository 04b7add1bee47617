//! What transactional ids are doing.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DescribeTransactions = 65, versions 0..=0, flexible 0;

    /// Which ids.
    struct Request<'a> {
        transactional_ids: Vec<&'a str>,
    }

    /// Their transactions.
    struct Response<'a> {
        throttle_time_ms: i32,
        transaction_states: Vec<TransactionState<'a>>,
    }

    /// The transaction of one id.
    struct TransactionState<'a> {
        error_code: ErrorCode,
        transactional_id: Cow<'a, str>,
        /// Kafka's name of the state, such as `CompleteCommit`.
        transaction_state: Cow<'a, str>,
        transaction_timeout_ms: i32,
        /// Milliseconds since 1970; -1 without an open transaction.
        transaction_start_time_ms: i64,
        producer_id: i64,
        producer_epoch: i16,
        topics: Vec<TopicData<'a>>,
    }

    /// Partitions of one topic.
    struct TopicData<'a> {
        topic: Cow<'a, str>,
        partitions: Vec<i32>,
    }
}
