//! Acquires records for a member of a share group and acknowledges others on the way.
//!
//! - v2: strict limits for the number of records; locks can be renewed.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Records, Uuid};

wire! {
    api ShareFetch = 78, versions 1..=2, flexible 1;

    /// Partitions of a share session. All of the session are fetched from; those named here are
    /// added to it.
    struct Request<'a> {
        group_id: Option<&'a str>,
        member_id: Option<&'a str>,
        /// 0 opens a session, -1 closes it, otherwise the next in turn.
        share_session_epoch: i32,
        /// How long to wait for `min_bytes`.
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = i32::MAX,
        /// May be exceeded up to the end of a batch, unless the mode is strict.
        max_records: i32,
        /// How many records a batch of acquired ones should have at most.
        batch_size: i32,
        /// 0 keeps whole batches together; 1 never exceeds `max_records`.
        share_acquire_mode: i8 [2..],
        /// Whether an acknowledgement below is a renewal.
        is_renew_ack: bool [2..],
        topics: Vec<Topic>,
        forgotten_topics_data: Vec<ForgottenTopic>,
    }

    /// Partitions of one topic.
    struct Topic {
        topic_id: Uuid,
        partitions: Vec<Partition>,
    }

    /// A partition and what to acknowledge in it.
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

    /// Partitions that leave the session.
    struct ForgottenTopic {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }

    /// Batches by topic and partition.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        /// For how long acquired records are locked, in milliseconds.
        acquisition_lock_timeout_ms: i32,
        responses: Vec<TopicResult<'a>>,
        node_endpoints: Vec<NodeEndpoint<'a>>,
    }

    /// The batches of one topic.
    struct TopicResult<'a> {
        topic_id: Uuid,
        partitions: Vec<PartitionResult<'a>>,
    }

    /// The batches of one partition.
    struct PartitionResult<'a> {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        acknowledge_error_code: ErrorCode,
        acknowledge_error_message: Option<Cow<'a, str>>,
        current_leader: CurrentLeader,
        /// May hold more records than were acquired.
        records: Records,
        acquired_records: Vec<AcquiredRecords>,
    }

    /// Who leads the partition instead.
    struct CurrentLeader {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }

    /// Records from one offset up to another, both included, which the member has now.
    struct AcquiredRecords {
        first_offset: i64,
        last_offset: i64,
        /// How often they were handed out, this time included.
        delivery_count: i16,
    }

    /// Where a leader that is named above is reached.
    struct NodeEndpoint<'a> {
        node_id: i32,
        host: Cow<'a, str>,
        port: i32,
        rack: Option<Cow<'a, str>>,
    }
}
