//! Partitions that are on their way to other brokers.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api ListPartitionReassignments = 46, versions 0..=0, flexible 0;

    /// Which partitions.
    struct Request<'a> {
        timeout_ms: i32 = 60000,
        /// Null asks for all.
        topics: Option<Vec<Topic<'a>>>,
    }

    /// Partitions of one topic.
    struct Topic<'a> {
        name: &'a str,
        partition_indexes: Vec<i32>,
    }

    /// Those that move.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        topics: Vec<TopicResult<'a>>,
    }

    /// Those of one topic.
    struct TopicResult<'a> {
        name: Cow<'a, str>,
        partitions: Vec<PartitionResult>,
    }

    /// One that moves.
    struct PartitionResult {
        partition_index: i32,
        replicas: Vec<i32>,
        adding_replicas: Vec<i32>,
        removing_replicas: Vec<i32>,
    }
}
