//! Joins a share group, stays in it, or leaves it.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api ShareGroupHeartbeat = 76, versions 1..=1, flexible 1;

    /// A member and what it wants.
    struct Request<'a> {
        group_id: &'a str,
        /// Made by the client, 36 characters at most.
        member_id: &'a str,
        /// 0 joins, -1 leaves, otherwise the epoch that the member was told.
        member_epoch: i32,
        /// Null if it is none or as before.
        rack_id: Option<&'a str>,
        /// Null if it is as before.
        subscribed_topic_names: Option<Vec<&'a str>>,
    }

    /// What the member gets.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        member_id: Option<Cow<'a, str>>,
        member_epoch: i32,
        /// When the next heartbeat is due, in milliseconds.
        heartbeat_interval_ms: i32,
        /// Null if it is as before.
        assignment: Option<Assignment>,
    }

    /// All partitions that the member may fetch from.
    struct Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }

    /// Partitions of one topic.
    struct TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}
