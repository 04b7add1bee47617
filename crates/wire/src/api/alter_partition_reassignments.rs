//! Moves partitions between brokers.
//!
//! - v1: whether the number of replicas may change.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api AlterPartitionReassignments = 45, versions 0..=1, flexible 0;

    /// Where partitions are to be.
    struct Request<'a> {
        timeout_ms: i32 = 60000,
        allow_replication_factor_change: bool [1..] = true,
        topics: Vec<Topic<'a>>,
    }

    /// Partitions of one topic.
    struct Topic<'a> {
        name: &'a str,
        partitions: Vec<Partition>,
    }

    /// Where one partition is to be.
    struct Partition {
        partition_index: i32,
        /// Null calls a move off that is under way.
        replicas: Option<Vec<i32>>,
    }

    /// Which partitions are moving.
    struct Response<'a> {
        throttle_time_ms: i32,
        allow_replication_factor_change: bool [1..] = true,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        responses: Vec<TopicResult<'a>>,
    }

    /// Which of one topic are.
    struct TopicResult<'a> {
        name: Cow<'a, str>,
        partitions: Vec<PartitionResult<'a>>,
    }

    /// Whether one of them is.
    struct PartitionResult<'a> {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
