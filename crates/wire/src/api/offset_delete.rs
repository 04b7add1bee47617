//! Forgets positions of a group.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api OffsetDelete = 47, versions 0..=0;

    /// Which positions.
    struct Request<'a> {
        group_id: &'a str,
        topics: Vec<Topic<'a>>,
    }

    /// Positions in one topic.
    struct Topic<'a> {
        name: &'a str,
        partitions: Vec<Partition>,
    }

    /// The position in one partition.
    struct Partition {
        partition_index: i32,
    }

    /// Which positions were forgotten.
    struct Response<'a> {
        error_code: ErrorCode,
        throttle_time_ms: i32,
        topics: Vec<TopicResult<'a>>,
    }

    /// The results for one topic.
    struct TopicResult<'a> {
        name: Cow<'a, str>,
        partitions: Vec<PartitionResult>,
    }

    /// The result for one partition.
    struct PartitionResult {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
