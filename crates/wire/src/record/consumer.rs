//! What consumers embed in JoinGroup and SyncGroup: subscriptions and assignments.

use std::borrow::Cow;

use crate::dsl::wire;

wire! {
    record ConsumerProtocolSubscription = 0, versions 0..=3;

    /// What a consumer wants.
    struct ConsumerProtocolSubscription<'a> {
        topics: Vec<Cow<'a, str>>,
        /// For the assignor alone.
        user_data: Option<Cow<'a, [u8]>>,
        /// What the consumer has from the last generation.
        owned_partitions: Vec<OwnedPartitions<'a>> [1..],
        /// The generation in which it got them; -1 if unknown.
        generation_id: i32 [2..] = -1,
        rack_id: Option<Cow<'a, str>> [3..],
    }

    /// Partitions of one topic that the consumer has.
    struct OwnedPartitions<'a> {
        topic: Cow<'a, str>,
        partitions: Vec<i32>,
    }
}

wire! {
    record ConsumerProtocolAssignment = 0, versions 0..=3;

    /// What a consumer gets.
    struct ConsumerProtocolAssignment<'a> {
        assigned_partitions: Vec<AssignedPartitions<'a>>,
        user_data: Option<Cow<'a, [u8]>>,
    }

    /// Partitions of one topic.
    struct AssignedPartitions<'a> {
        topic: Cow<'a, str>,
        partitions: Vec<i32>,
    }
}
