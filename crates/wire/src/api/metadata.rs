//! Brokers, topics and who leads which partition.
//!
//! - v0: an empty list of topics means all of them; from 1 on null does, and empty means none.
//! - v4: the client may forbid automatic creation.
//! - v7: leader epochs.
//! - v8–v10: authorized operations of the cluster, later asked of DescribeCluster.
//! - v10: topic ids in the response.
//! - v12: topics by id in the request.
//! - v13: an error for the whole response.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api Metadata = 3, versions 0..=13, flexible 9;

    /// Asks for some topics or for all.
    struct Request<'a> {
        /// Null asks for all topics.
        topics: Option<Vec<Topic<'a>>> [.., null 1..],
        allow_auto_topic_creation: bool [4..] = true,
        include_cluster_authorized_operations: bool [8..=10],
        include_topic_authorized_operations: bool [8..],
    }

    /// A topic, by name or by id.
    struct Topic<'a> {
        /// Nil when the topic is asked for by name.
        topic_id: Uuid [10..],
        /// Null when the topic is asked for by id.
        name: Option<&'a str> [.., null 10..],
    }

    /// What the cluster looks like.
    struct Response<'a> {
        throttle_time_ms: i32 [3..],
        brokers: Vec<Broker<'a>>,
        cluster_id: Option<Cow<'a, str>> [2..],
        /// -1 when it is unknown.
        controller_id: i32 [1..] = -1,
        topics: Vec<TopicResult<'a>>,
        /// Bits by operation; `i32::MIN` unless they were asked for.
        cluster_authorized_operations: i32 [8..=10] = i32::MIN,
        error_code: ErrorCode [13..],
    }

    /// A broker and where clients reach it.
    struct Broker<'a> {
        node_id: i32,
        host: Cow<'a, str>,
        port: i32,
        rack: Option<Cow<'a, str>> [1..],
    }

    /// A topic or why there is none.
    struct TopicResult<'a> {
        error_code: ErrorCode,
        /// Null for an id that is not known.
        name: Option<Cow<'a, str>> [.., null 12..],
        topic_id: Uuid [10..],
        is_internal: bool [1..],
        partitions: Vec<PartitionResult>,
        /// Bits by operation; `i32::MIN` unless they were asked for.
        topic_authorized_operations: i32 [8..] = i32::MIN,
    }

    /// A partition and its replicas.
    struct PartitionResult {
        error_code: ErrorCode,
        partition_index: i32,
        /// -1 without a leader.
        leader_id: i32,
        leader_epoch: i32 [7..] = -1,
        replica_nodes: Vec<i32>,
        isr_nodes: Vec<i32>,
        offline_replicas: Vec<i32> [5..],
    }
}
