//! Reads record batches from partitions, waiting until there are enough.
//!
//! - v7: fetch sessions; a request then names only what changed.
//! - v9: the client's leader epoch.
//! - v10: zstd batches may be returned.
//! - v11: rack of the client.
//! - v12: flexible; the epoch of the last record that the client has; current leader and diverging
//!   epoch.
//! - v13: topics by id.
//! - v15: `replica_id` moves into `replica_state`.
//! - v16: endpoints of leaders.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Records, Uuid};

wire! {
    api Fetch = 1, versions 4..=18, flexible 12;

    /// Positions by topic and partition.
    struct Request<'a> {
        /// -1 for a consumer.
        replica_id: i32 [..=14] = -1,
        /// How long to wait for `min_bytes`.
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = i32::MAX,
        /// 0 reads everything; 1 only what is committed.
        isolation_level: i8,
        /// 0 without a session.
        session_id: i32 [7..],
        /// 0 opens a session, -1 goes without, otherwise the next in turn.
        session_epoch: i32 [7..] = -1,
        topics: Vec<Topic<'a>>,
        forgotten_topics_data: Vec<ForgottenTopic<'a>> [7..],
        /// Empty if the client has none.
        rack_id: &'a str [11..],
        ; tagged {
            /// Only replicas set it.
            0 => cluster_id: Option<&'a str> [12..],
            1 => replica_state: ReplicaState [15..],
        }
    }

    /// Who fetches, if it is a replica.
    struct ReplicaState {
        /// -1 for a consumer.
        replica_id: i32 = -1,
        replica_epoch: i64 = -1,
    }

    /// Positions in one topic.
    struct Topic<'a> {
        topic: &'a str [..=12],
        topic_id: Uuid [13..],
        partitions: Vec<Partition>,
    }

    /// Partitions that leave the session.
    struct ForgottenTopic<'a> {
        topic: &'a str [..=12],
        topic_id: Uuid [13..],
        partitions: Vec<i32>,
    }

    /// The position in one partition.
    struct Partition {
        partition: i32,
        /// -1 if the client does not know it.
        current_leader_epoch: i32 [9..] = -1,
        /// First offset wanted.
        fetch_offset: i64,
        last_fetched_epoch: i32 [12..] = -1,
        /// Only replicas set it.
        log_start_offset: i64 [5..] = -1,
        partition_max_bytes: i32,
        ; tagged {
            0 => replica_directory_id: Uuid [17..],
            1 => high_watermark: i64 [18..] = i64::MAX,
        }
    }

    /// Batches by topic and partition.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode [7..],
        /// 0 without a session.
        session_id: i32 [7..],
        responses: Vec<TopicResult<'a>>,
        ; tagged {
            0 => node_endpoints: Vec<NodeEndpoint<'a>> [16..],
        }
    }

    /// The batches of one topic.
    struct TopicResult<'a> {
        topic: Cow<'a, str> [..=12],
        topic_id: Uuid [13..],
        partitions: Vec<PartitionResult>,
    }

    /// Where a leader that is named above is reached.
    struct NodeEndpoint<'a> {
        node_id: i32,
        host: Cow<'a, str>,
        port: i32,
        rack: Option<Cow<'a, str>>,
    }

    /// The batches of one partition.
    struct PartitionResult {
        partition_index: i32,
        error_code: ErrorCode,
        high_watermark: i64,
        /// No transaction below it is open.
        last_stable_offset: i64 = -1,
        log_start_offset: i64 [5..] = -1,
        /// Null unless only committed records are read.
        aborted_transactions: Option<Vec<AbortedTransaction>>,
        /// -1 for this broker.
        preferred_read_replica: i32 [11..] = -1,
        records: Records,
        ; tagged {
            0 => diverging_epoch: DivergingEpoch [12..],
            1 => current_leader: CurrentLeader [12..],
            2 => snapshot_id: SnapshotId [12..],
        }
    }

    /// Where the client's log parts from this one.
    struct DivergingEpoch {
        epoch: i32 = -1,
        end_offset: i64 = -1,
    }

    /// Who leads the partition instead.
    struct CurrentLeader {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }

    /// A snapshot to be read in the place of records.
    struct SnapshotId {
        end_offset: i64 = -1,
        epoch: i32 = -1,
    }

    /// A transaction whose records are to be ignored.
    struct AbortedTransaction {
        producer_id: i64,
        first_offset: i64,
    }
}
