//! Makes partitions part of a producer's transaction before it writes to them.
//!
//! - v0–v3: one transaction; what clients send.
//! - v4: any number of transactions, and asking without adding; what brokers send each other.
//! - v5: TRANSACTION_ABORTABLE.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api AddPartitionsToTxn = 24, versions 0..=5, flexible 3;

    /// Partitions and the transactions that they become part of.
    struct Request<'a> {
        transactions: Vec<Transaction<'a>> [4..],
        transactional_id: &'a str [..=3],
        producer_id: i64 [..=3],
        producer_epoch: i16 [..=3],
        topics: Vec<Topic<'a>> [..=3],
    }

    /// One transaction.
    struct Transaction<'a> {
        transactional_id: &'a str,
        producer_id: i64,
        producer_epoch: i16,
        /// Asks whether the partitions are part of it, and adds none.
        verify_only: bool,
        topics: Vec<Topic<'a>>,
    }

    /// Partitions of one topic.
    struct Topic<'a> {
        name: &'a str,
        partitions: Vec<i32>,
    }

    /// Which partitions are part of their transaction.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode [4..],
        results_by_transaction: Vec<TransactionResult<'a>> [4..],
        results_by_topic: Vec<TopicResult<'a>> [..=3],
    }

    /// The results for one transaction.
    struct TransactionResult<'a> {
        transactional_id: Cow<'a, str>,
        topic_results: Vec<TopicResult<'a>>,
    }

    /// The results for one topic.
    struct TopicResult<'a> {
        name: Cow<'a, str>,
        results_by_partition: Vec<PartitionResult>,
    }

    /// The result for one partition.
    struct PartitionResult {
        partition_index: i32,
        partition_error_code: ErrorCode,
    }
}
