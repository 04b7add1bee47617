//! How much each partition takes on disk.
//!
//! - v3: an error for the whole response.
//! - v4: size of the disk.
//! - v5: whether new partitions are kept away from it.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DescribeLogDirs = 35, versions 1..=5, flexible 2;

    /// Which partitions.
    struct Request<'a> {
        /// Null asks for all.
        topics: Option<Vec<Topic<'a>>>,
    }

    /// Partitions of one topic.
    struct Topic<'a> {
        topic: &'a str,
        partitions: Vec<i32>,
    }

    /// The data directories.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode [3..],
        results: Vec<LogDir<'a>>,
    }

    /// A data directory.
    struct LogDir<'a> {
        error_code: ErrorCode,
        log_dir: Cow<'a, str>,
        topics: Vec<TopicResult<'a>>,
        /// -1 if unknown.
        total_bytes: i64 [4..] = -1,
        /// -1 if unknown.
        usable_bytes: i64 [4..] = -1,
        is_cordoned: bool [5..],
    }

    /// What a topic takes there.
    struct TopicResult<'a> {
        name: Cow<'a, str>,
        partitions: Vec<PartitionResult>,
    }

    /// What a partition takes there.
    struct PartitionResult {
        partition_index: i32,
        /// In bytes.
        partition_size: i64,
        /// Records that this replica is behind.
        offset_lag: i64,
        /// The partition is on its way to another directory.
        is_future_key: bool,
    }
}
