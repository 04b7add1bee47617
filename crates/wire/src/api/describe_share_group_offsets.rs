//! Where share groups stand in partitions.
//!
//! - v1: how many records are left.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api DescribeShareGroupOffsets = 90, versions 0..=1, flexible 0;

    /// The groups wanted.
    struct Request<'a> {
        groups: Vec<Group<'a>>,
    }

    /// A group and where it is asked for.
    struct Group<'a> {
        group_id: &'a str,
        /// Null asks for every partition.
        topics: Option<Vec<Topic<'a>>>,
    }

    /// Partitions of one topic.
    struct Topic<'a> {
        topic_name: &'a str,
        partitions: Vec<i32>,
    }

    /// The groups in the order of the request.
    struct Response<'a> {
        throttle_time_ms: i32,
        groups: Vec<GroupResult<'a>>,
    }

    /// Where one group stands.
    struct GroupResult<'a> {
        group_id: Cow<'a, str>,
        topics: Vec<TopicResult<'a>>,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }

    /// Where it stands in one topic.
    struct TopicResult<'a> {
        topic_name: Cow<'a, str>,
        topic_id: Uuid,
        partitions: Vec<PartitionResult<'a>>,
    }

    /// Where it stands in one partition.
    struct PartitionResult<'a> {
        partition_index: i32,
        /// Every record below it is done with; -1 if the group has not come here.
        start_offset: i64,
        leader_epoch: i32,
        /// Records that are not done with; -1 if that is not known.
        lag: i64 [1..] = -1,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        ; tagged {
            /// Records that consumers have. This and what follows is Millstream's own; others pass it over.
            10000 => in_flight: i64 = -1,
            /// Records that are held back until they are due, or until others with their key are done with.
            10001 => delayed: i64 = -1,
            /// Records that were given up, ever.
            10002 => dead: i64 = -1,
            /// Records above the start offset that are done with.
            10003 => acknowledged: i64 = -1,
        }
    }
}
