//! Acknowledges records that a member of a share group has acquired.
//!
//! - v2: locks can be renewed.

use std::borrow::Cow;

pub use super::share_fetch::{AcknowledgementBatch, CurrentLeader, NodeEndpoint, Partition, Topic};

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
}
