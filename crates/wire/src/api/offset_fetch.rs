//! The stored positions of groups.
//!
//! - v2: null topics ask for every position of the group.
//! - v5: leader epochs.
//! - v7: positions inside of open transactions can be waited for.
//! - v8: several groups in one request.
//! - v9: member epochs of the consumer protocol.
//! - v10: topics by id.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api OffsetFetch = 9, versions 1..=10, flexible 6;

    /// Asks for the positions of one group or, since version 8, of several.
    struct Request<'a> {
        group_id: &'a str [..=7],
        /// Null asks for every position.
        topics: Option<Vec<Topic<'a>>> [..=7, null 2..],
        groups: Vec<Group<'a>> [8..],
        /// Answer UNSTABLE_OFFSET_COMMIT where an open transaction may move the position.
        require_stable: bool [7..],
    }

    /// A group whose positions are asked for.
    struct Group<'a> {
        group_id: &'a str,
        /// Null for one that is no member.
        member_id: Option<&'a str> [9..],
        member_epoch: i32 [9..] = -1,
        /// Null asks for every position.
        topics: Option<Vec<Topic<'a>>>,
    }

    /// A topic and its partitions.
    struct Topic<'a> {
        name: &'a str [..=9],
        topic_id: Uuid [10..],
        partition_indexes: Vec<i32>,
    }

    /// The positions.
    struct Response<'a> {
        throttle_time_ms: i32 [3..],
        topics: Vec<TopicResult<'a>> [..=7],
        error_code: ErrorCode [2..=7],
        groups: Vec<GroupResult<'a>> [8..],
    }

    /// The positions of one group.
    struct GroupResult<'a> {
        group_id: Cow<'a, str>,
        topics: Vec<TopicResult<'a>>,
        error_code: ErrorCode,
    }

    /// The positions in one topic.
    struct TopicResult<'a> {
        name: Cow<'a, str> [..=9],
        topic_id: Uuid [10..],
        partitions: Vec<PartitionResult<'a>>,
    }

    /// The position in one partition.
    struct PartitionResult<'a> {
        partition_index: i32,
        /// -1 if none is stored.
        committed_offset: i64,
        committed_leader_epoch: i32 [5..] = -1,
        metadata: Option<Cow<'a, str>>,
        error_code: ErrorCode,
    }
}
