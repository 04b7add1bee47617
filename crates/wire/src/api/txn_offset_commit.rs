//! Stores the positions of a group, to count once the transaction commits.
//!
//! - v2: leader epochs.
//! - v3: who commits, as a member of its group.
//! - v4: TRANSACTION_ABORTABLE.
//! - v5: the group becomes part of the transaction without being added before (KIP-890).

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api TxnOffsetCommit = 28, versions 0..=5, flexible 3;

    /// Positions, the transaction and who commits them.
    struct Request<'a> {
        transactional_id: &'a str,
        group_id: &'a str,
        producer_id: i64,
        producer_epoch: i16,
        /// -1 outside of group membership. A member's epoch in the consumer protocol.
        generation_id: i32 [3..] = -1,
        member_id: &'a str [3..],
        group_instance_id: Option<&'a str> [3..],
        topics: Vec<Topic<'a>>,
    }

    /// Positions in one topic.
    struct Topic<'a> {
        name: &'a str,
        partitions: Vec<Partition<'a>>,
    }

    /// The position in one partition.
    struct Partition<'a> {
        partition_index: i32,
        /// The next offset to be read.
        committed_offset: i64,
        /// Epoch of the last record that was read; -1 if unknown.
        committed_leader_epoch: i32 [2..] = -1,
        committed_metadata: Option<&'a str>,
    }

    /// Which positions were stored.
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
        error_code: ErrorCode,
    }
}
