//! Consumer groups with their members.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api ConsumerGroupDescribe = 69, versions 0..=1, flexible 0;

    /// The groups wanted.
    struct Request<'a> {
        group_ids: Vec<&'a str>,
        include_authorized_operations: bool,
    }

    /// The groups in the order of the request.
    struct Response<'a> {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup<'a>>,
    }

    /// One group.
    struct DescribedGroup<'a> {
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        group_id: Cow<'a, str>,
        /// `Empty`, `Assigning`, `Reconciling`, `Stable` or `Dead`.
        group_state: Cow<'a, str>,
        group_epoch: i32,
        assignment_epoch: i32,
        assignor_name: Cow<'a, str>,
        members: Vec<Member<'a>>,
        /// A set of bits; the lowest number if it was not asked for.
        authorized_operations: i32 = i32::MIN,
    }

    /// A member, what it has and what it is to have.
    struct Member<'a> {
        member_id: Cow<'a, str>,
        instance_id: Option<Cow<'a, str>>,
        rack_id: Option<Cow<'a, str>>,
        member_epoch: i32,
        client_id: Cow<'a, str>,
        client_host: Cow<'a, str>,
        subscribed_topic_names: Vec<Cow<'a, str>>,
        subscribed_topic_regex: Option<Cow<'a, str>>,
        assignment: Assignment<'a>,
        target_assignment: Assignment<'a>,
        /// 0 for the classic protocol, 1 for that of consumer groups, -1 if unknown.
        member_type: i8 [1..] = -1,
    }

    /// Partitions that a member reads.
    struct Assignment<'a> {
        topic_partitions: Vec<TopicPartitions<'a>>,
    }

    /// Partitions of one topic.
    struct TopicPartitions<'a> {
        topic_id: Uuid,
        topic_name: Cow<'a, str>,
        partitions: Vec<i32>,
    }
}
