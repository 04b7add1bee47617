//! The producers that partitions remember.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DescribeProducers = 61, versions 0..=0, flexible 0;

    /// Which partitions.
    struct Request<'a> {
        topics: Vec<Topic<'a>>,
    }

    /// Partitions of one topic.
    struct Topic<'a> {
        name: &'a str,
        partition_indexes: Vec<i32>,
    }

    /// Producers by partition.
    struct Response<'a> {
        throttle_time_ms: i32,
        topics: Vec<TopicResult<'a>>,
    }

    /// Producers by partition of one topic.
    struct TopicResult<'a> {
        name: Cow<'a, str>,
        partitions: Vec<PartitionResult<'a>>,
    }

    /// The producers of one partition.
    struct PartitionResult<'a> {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        active_producers: Vec<ProducerState>,
    }

    /// What is remembered of one producer.
    struct ProducerState {
        producer_id: i64,
        producer_epoch: i32,
        last_sequence: i32 = -1,
        last_timestamp: i64 = -1,
        /// Of the last transaction marker; -1 without one.
        coordinator_epoch: i32,
        /// -1 without an open transaction.
        current_txn_start_offset: i64 = -1,
    }
}
