//! Elects the leaders of partitions.
//!
//! - v1: unclean elections.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api ElectLeaders = 43, versions 0..=2, flexible 2;

    /// For which partitions.
    struct Request<'a> {
        /// 0 the preferred leader, 1 any replica that is there.
        election_type: i8 [1..],
        /// Null asks for all.
        topic_partitions: Option<Vec<Topic<'a>>>,
        timeout_ms: i32 = 60000,
    }

    /// Partitions of one topic.
    struct Topic<'a> {
        topic: &'a str,
        partitions: Vec<i32>,
    }

    /// What came of the elections.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode [1..],
        replica_election_results: Vec<TopicResult<'a>>,
    }

    /// What came of them in one topic.
    struct TopicResult<'a> {
        topic: Cow<'a, str>,
        partition_result: Vec<PartitionResult<'a>>,
    }

    /// What came of one of them.
    struct PartitionResult<'a> {
        partition_id: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
