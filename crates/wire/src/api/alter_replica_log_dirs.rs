//! Moves replicas between the data directories of a broker.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api AlterReplicaLogDirs = 34, versions 1..=2, flexible 2;

    /// Where replicas are to be, by directory.
    struct Request<'a> {
        dirs: Vec<Dir<'a>>,
    }

    /// What is to be in one directory.
    struct Dir<'a> {
        path: &'a str,
        topics: Vec<Topic<'a>>,
    }

    /// Partitions of one topic.
    struct Topic<'a> {
        name: &'a str,
        partitions: Vec<i32>,
    }

    /// Which replicas are moving.
    struct Response<'a> {
        throttle_time_ms: i32,
        results: Vec<TopicResult<'a>>,
    }

    /// Which of one topic are.
    struct TopicResult<'a> {
        topic_name: Cow<'a, str>,
        partitions: Vec<PartitionResult>,
    }

    /// Whether one of them is.
    struct PartitionResult {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
