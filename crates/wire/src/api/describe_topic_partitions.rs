//! Topics and their partitions, page by page.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api DescribeTopicPartitions = 75, versions 0..=0, flexible 0;

    /// Which topics, and where to go on.
    struct Request<'a> {
        /// Empty asks for all.
        topics: Vec<Topic<'a>>,
        response_partition_limit: i32 = 2000,
        /// Null for the first page.
        cursor: Option<Cursor<'a>>,
    }

    /// A topic.
    struct Topic<'a> {
        name: &'a str,
    }

    /// The first partition of this page.
    struct Cursor<'a> {
        topic_name: &'a str,
        partition_index: i32,
    }

    /// A page of partitions.
    struct Response<'a> {
        throttle_time_ms: i32,
        topics: Vec<TopicResult<'a>>,
        /// Null on the last page.
        next_cursor: Option<NextCursor<'a>>,
    }

    /// A topic or why there is none.
    struct TopicResult<'a> {
        error_code: ErrorCode,
        name: Option<Cow<'a, str>>,
        topic_id: Uuid,
        is_internal: bool,
        partitions: Vec<PartitionResult>,
        /// Bits by operation; `i32::MIN` unless known.
        topic_authorized_operations: i32 = i32::MIN,
    }

    /// The first partition of the next page.
    struct NextCursor<'a> {
        topic_name: Cow<'a, str>,
        partition_index: i32,
    }

    /// A partition and its replicas.
    struct PartitionResult {
        error_code: ErrorCode,
        partition_index: i32,
        /// -1 without a leader.
        leader_id: i32,
        leader_epoch: i32 = -1,
        replica_nodes: Vec<i32>,
        isr_nodes: Vec<i32>,
        eligible_leader_replicas: Option<Vec<i32>>,
        last_known_elr: Option<Vec<i32>>,
        offline_replicas: Vec<i32>,
    }
}
