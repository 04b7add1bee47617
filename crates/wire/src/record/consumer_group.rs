//! The records of `__consumer_offsets` that tell of consumer groups (KIP-848).
//!
//! The number in front of a key says what it is: 3 a group, 4 the topics of a group as Kafka 4.0 wrote
//! them, 5 a member, 6 the epoch of the target assignment, 7 a member's target, 8 what a member has,
//! 16 the topics that match a regular expression. A null value deletes.

use std::borrow::Cow;

use crate::Uuid;
use crate::dsl::wire;

wire! {
    record ConsumerGroupMetadataKey = 3, versions 3..=3;

    /// Which group.
    struct ConsumerGroupMetadataKey<'a> {
        group: Cow<'a, str>,
    }
}

wire! {
    record ConsumerGroupMetadataValue = 3, versions 0..=0, flexible 0;

    /// A consumer group exists.
    struct ConsumerGroupMetadataValue {
        /// Grows with every change of its members or of what they want.
        epoch: i32,
        ; tagged {
            /// Tells whether the topics that the members want have changed.
            0 => metadata_hash: i64 = 0,
        }
    }
}

wire! {
    record ConsumerGroupPartitionMetadataKey = 4, versions 4..=4;

    /// Whose topics.
    struct ConsumerGroupPartitionMetadataKey<'a> {
        group: Cow<'a, str>,
    }
}

wire! {
    record ConsumerGroupMemberMetadataKey = 5, versions 5..=5;

    /// Which member.
    struct ConsumerGroupMemberMetadataKey<'a> {
        group: Cow<'a, str>,
        member_id: Cow<'a, str>,
    }
}

wire! {
    record ConsumerGroupMemberMetadataValue = 5, versions 0..=0, flexible 0;

    /// A member and what it wants.
    struct ConsumerGroupMemberMetadataValue<'a> {
        instance_id: Option<Cow<'a, str>>,
        rack_id: Option<Cow<'a, str>>,
        client_id: Cow<'a, str>,
        client_host: Cow<'a, str>,
        subscribed_topic_names: Vec<Cow<'a, str>>,
        subscribed_topic_regex: Option<Cow<'a, str>>,
        /// Milliseconds.
        rebalance_timeout_ms: i32 = -1,
        server_assignor: Option<Cow<'a, str>>,
        ; tagged {
            /// Null unless the member speaks the classic protocol.
            0 => classic: Option<Classic<'a>>,
        }
    }

    /// What a member of the classic protocol said beside that.
    struct Classic<'a> {
        /// Milliseconds.
        session_timeout_ms: i32,
        supported_protocols: Vec<Protocol<'a>>,
    }

    /// A protocol that it offered.
    struct Protocol<'a> {
        name: Cow<'a, str>,
        metadata: Cow<'a, [u8]>,
    }
}

wire! {
    record ConsumerGroupTargetAssignmentMetadataKey = 6, versions 6..=6;

    /// Whose target assignment.
    struct ConsumerGroupTargetAssignmentMetadataKey<'a> {
        group: Cow<'a, str>,
    }
}

wire! {
    record ConsumerGroupTargetAssignmentMetadataValue = 6, versions 0..=0, flexible 0;

    /// A target assignment.
    struct ConsumerGroupTargetAssignmentMetadataValue {
        /// The epoch of the group that it was made for.
        assignment_epoch: i32,
        ; tagged {
            /// Milliseconds since 1970.
            0 => assignment_timestamp: i64 = 0,
        }
    }
}

wire! {
    record ConsumerGroupTargetAssignmentMemberKey = 7, versions 7..=7;

    /// Whose target.
    struct ConsumerGroupTargetAssignmentMemberKey<'a> {
        group: Cow<'a, str>,
        member_id: Cow<'a, str>,
    }
}

wire! {
    record ConsumerGroupTargetAssignmentMemberValue = 7, versions 0..=0, flexible 0;

    /// What a member is to have.
    struct ConsumerGroupTargetAssignmentMemberValue {
        topic_partitions: Vec<Target>,
    }

    /// Partitions of one topic.
    struct Target {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}

wire! {
    record ConsumerGroupCurrentMemberAssignmentKey = 8, versions 8..=8;

    /// Who has it.
    struct ConsumerGroupCurrentMemberAssignmentKey<'a> {
        group: Cow<'a, str>,
        member_id: Cow<'a, str>,
    }
}

wire! {
    record ConsumerGroupCurrentMemberAssignmentValue = 8, versions 0..=0, flexible 0;

    /// What a member has.
    struct ConsumerGroupCurrentMemberAssignmentValue {
        member_epoch: i32,
        previous_member_epoch: i32,
        /// 0 stable, 1 has to give up partitions, 2 waits for others to do so, 127 unknown.
        state: i8,
        assigned_partitions: Vec<Current>,
        partitions_pending_revocation: Vec<Current>,
    }

    /// Partitions of one topic.
    struct Current {
        topic_id: Uuid,
        partitions: Vec<i32>,
        ; tagged {
            /// In which epoch the member was given each of them.
            0 => assignment_epochs: Option<Vec<i32>>,
        }
    }
}

wire! {
    record ConsumerGroupRegularExpressionKey = 16, versions 16..=16;

    /// Whose expression, and which.
    struct ConsumerGroupRegularExpressionKey<'a> {
        group: Cow<'a, str>,
        regular_expression: Cow<'a, str>,
    }
}

wire! {
    record ConsumerGroupRegularExpressionValue = 16, versions 0..=0, flexible 0;

    /// The topics that match.
    struct ConsumerGroupRegularExpressionValue<'a> {
        topics: Vec<Cow<'a, str>>,
        /// Which state of all topics they were found in.
        version: i64,
        /// Milliseconds since 1970.
        timestamp: i64,
    }
}
