//! Acknowledges records that a member of a share group has acquired.
//!
//! - v2: locks can be renewed.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api ShareAcknowledge = 79, versions 1..=2, flexible 1;

    /// What became of records, by topic and partition.
    struct Request<'a> {
        group_id: Option<&'a str>,
        member_id: Option<&'a str>,
        /// -1 closes the session, otherwise the next in turn.
        share_session_epoch: i32,
        /// Whether an acknowledgement below is a renewal.
        is_renew_ack: bool [2..],
        topics: Vec<Topic>,
    }

    /// Partitions of one topic.
    struct Topic {
        topic_id: Uuid,
        partitions: Vec<Partition>,
    }

    /// What to acknowledge in one partition.
    struct Partition {
        partition_index: i32,
        acknowledgement_batches: Vec<AcknowledgementBatch>,
    }

    /// What became of the records from one offset up to another, both included.
    struct AcknowledgementBatch {
        first_offset: i64,
        last_offset: i64,
        /// One for all of the offsets or one for each: 0 there is no record, 1 accepted, 2 released,
        /// 3 rejected, 4 to be locked for longer.
        acknowledge_types: Vec<i8>,
    }

    /// Results by topic and partition.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        /// For how long renewed records are locked, in milliseconds.
        acquisition_lock_timeout_ms: i32 [2..],
        responses: Vec<TopicResult<'a>>,
        node_endpoints: Vec<NodeEndpoint<'a>>,
    }

    /// The results of one topic.
    struct TopicResult<'a> {
        topic_id: Uuid,
        partitions: Vec<PartitionResult<'a>>,
    }

    /// The result of one partition.
    struct PartitionResult<'a> {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        current_leader: CurrentLeader,
    }

    /// Who leads the partition instead.
    struct CurrentLeader {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }

    /// Where a leader that is named above is reached.
    struct NodeEndpoint<'a> {
        node_id: i32,
        host: Cow<'a, str>,
        port: i32,
        rack: Option<Cow<'a, str>>,
    }
}
