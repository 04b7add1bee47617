//! Who keeps the metadata of the cluster.
//!
//! - v1: timestamps of the replicas.
//! - v2: error messages, directory ids, and where the nodes are reached.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api DescribeQuorum = 55, versions 0..=2, flexible 0;

    /// Which partitions: that of the metadata log.
    struct Request<'a> {
        topics: Vec<Topic<'a>>,
    }

    /// Partitions of one topic.
    struct Topic<'a> {
        topic_name: &'a str,
        partitions: Vec<Partition>,
    }

    /// A partition.
    struct Partition {
        partition_index: i32,
    }

    /// The quorum.
    struct Response<'a> {
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>> [2..],
        topics: Vec<TopicResult<'a>>,
        nodes: Vec<Node<'a>> [2..],
    }

    /// Quorums of one topic.
    struct TopicResult<'a> {
        topic_name: Cow<'a, str>,
        partitions: Vec<PartitionResult<'a>>,
    }

    /// A voter and where it is reached.
    struct Node<'a> {
        node_id: i32,
        listeners: Vec<Listener<'a>>,
    }

    /// The quorum of one partition.
    struct PartitionResult<'a> {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>> [2..],
        leader_id: i32,
        leader_epoch: i32,
        high_watermark: i64,
        current_voters: Vec<Replica>,
        observers: Vec<Replica>,
    }

    /// An address of a voter.
    struct Listener<'a> {
        name: Cow<'a, str>,
        host: Cow<'a, str>,
        port: u16,
    }

    /// A voter or observer.
    struct Replica {
        replica_id: i32,
        replica_directory_id: Uuid [2..],
        log_end_offset: i64,
        /// Milliseconds since 1970; -1 if unknown.
        last_fetch_timestamp: i64 [1..] = -1,
        /// Milliseconds since 1970; -1 if unknown.
        last_caught_up_timestamp: i64 [1..] = -1,
    }
}
