//! Joins a consumer group, stays in it, or leaves it.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api ConsumerGroupHeartbeat = 68, versions 0..=1, flexible 0;

    /// A member, what it wants and what it has.
    struct Request<'a> {
        group_id: &'a str,
        /// Made by the client; in version 0 empty when it joins, and given to it by the broker.
        member_id: &'a str,
        /// 0 joins, -1 leaves, -2 leaves for a while, otherwise the epoch that the member was told.
        member_epoch: i32,
        /// Null if it is none or as before.
        instance_id: Option<&'a str>,
        /// Null if it is none or as before.
        rack_id: Option<&'a str>,
        /// How long the member may take to give up partitions, in milliseconds; -1 if it is as before.
        rebalance_timeout_ms: i32 = -1,
        /// Null if it is as before.
        subscribed_topic_names: Option<Vec<&'a str>>,
        /// Null if it is as before; empty for none.
        subscribed_topic_regex: Option<&'a str> [1..],
        /// Null if it is none or as before.
        server_assignor: Option<&'a str>,
        /// The partitions that the member has; null if they are as before.
        topic_partitions: Option<Vec<Owned>>,
    }

    /// Partitions of one topic that a member has.
    struct Owned {
        topic_id: Uuid,
        partitions: Vec<i32>,
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

    /// All partitions that the member may read.
    struct Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }

    /// Partitions of one topic.
    struct TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}
