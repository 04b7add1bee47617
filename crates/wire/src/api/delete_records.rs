//! Deletes the records before an offset.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DeleteRecords = 21, versions 0..=2, flexible 2;

    /// Where the partitions are to begin.
    struct Request<'a> {
        topics: Vec<Topic<'a>>,
        timeout_ms: i32,
    }

    /// Offsets in one topic.
    struct Topic<'a> {
        name: &'a str,
        partitions: Vec<Partition>,
    }

    /// The offset in one partition.
    struct Partition {
        partition_index: i32,
        /// First offset that stays; -1 for the high watermark.
        offset: i64,
    }

    /// Where the partitions begin now.
    struct Response<'a> {
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
        /// First offset that is left; -1 after an error.
        low_watermark: i64,
        error_code: ErrorCode,
    }
}
