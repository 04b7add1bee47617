//! Stores the positions of a group.
//!
//! - v2–v4: a retention time, which is ignored.
//! - v6: leader epochs.
//! - v7: static members.
//! - v9: member epochs of the consumer protocol.
//! - v10: topics by id.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api OffsetCommit = 8, versions 2..=10, flexible 8;

    /// Positions and who commits them.
    struct Request<'a> {
        group_id: &'a str,
        /// -1 outside of group membership.
        generation_id_or_member_epoch: i32 = -1,
        member_id: &'a str,
        group_instance_id: Option<&'a str> [7..],
        retention_time_ms: i64 [..=4] = -1,
        topics: Vec<Topic<'a>>,
    }

    /// Positions in one topic.
    struct Topic<'a> {
        name: &'a str [..=9],
        topic_id: Uuid [10..],
        partitions: Vec<Partition<'a>>,
    }

    /// The position in one partition.
    struct Partition<'a> {
        partition_index: i32,
        /// The next offset to be read.
        committed_offset: i64,
        /// Epoch of the last record that was read; -1 if unknown.
        committed_leader_epoch: i32 [6..] = -1,
        committed_metadata: Option<&'a str>,
    }

    /// Which positions were stored.
    struct Response<'a> {
        throttle_time_ms: i32 [3..],
        topics: Vec<TopicResult<'a>>,
    }

    /// The results for one topic.
    struct TopicResult<'a> {
        name: Cow<'a, str> [..=9],
        topic_id: Uuid [10..],
        partitions: Vec<PartitionResult>,
    }

    /// The result for one partition.
    struct PartitionResult {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
