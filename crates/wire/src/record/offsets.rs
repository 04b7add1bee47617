//! The records of `__consumer_offsets`: positions and groups.
//!
//! The number in front of a key says what it is: 0 and 1 a position, 2 a classic group, 11 a share
//! group. A null value deletes.

use std::borrow::Cow;

use crate::Uuid;
use crate::dsl::wire;

wire! {
    record OffsetCommitKey = 1, versions 0..=1;

    /// Whose position, and where.
    struct OffsetCommitKey<'a> {
        group: Cow<'a, str>,
        topic: Cow<'a, str>,
        partition: i32,
    }
}

wire! {
    record OffsetCommitValue = 1, versions 0..=4, flexible 4;

    /// A position.
    struct OffsetCommitValue<'a> {
        /// The next offset to be read.
        offset: i64,
        /// -1 if unknown.
        leader_epoch: i32 [3..] = -1,
        metadata: Cow<'a, str>,
        /// Milliseconds since 1970.
        commit_timestamp: i64,
        /// When a client asked for a time of its own; -1 otherwise.
        expire_timestamp: i64 [1..=1] = -1,
        ; tagged {
            0 => topic_id: Uuid [4..],
        }
    }
}

wire! {
    record GroupMetadataKey = 2, versions 2..=2;

    /// Which group.
    struct GroupMetadataKey<'a> {
        group: Cow<'a, str>,
    }
}

wire! {
    record GroupMetadataValue = 2, versions 0..=4, flexible 4;

    /// A generation of a group.
    struct GroupMetadataValue<'a> {
        protocol_type: Cow<'a, str>,
        generation: i32,
        /// Null without members.
        protocol: Option<Cow<'a, str>>,
        /// Member id of the leader; null without members.
        leader: Option<Cow<'a, str>>,
        /// Milliseconds since 1970.
        current_state_timestamp: i64 [2..] = -1,
        members: Vec<Member<'a>>,
    }

    /// A member in that generation.
    struct Member<'a> {
        member_id: Cow<'a, str>,
        group_instance_id: Option<Cow<'a, str>> [3..],
        client_id: Cow<'a, str>,
        client_host: Cow<'a, str>,
        /// Milliseconds; the session timeout when it is -1.
        rebalance_timeout: i32 [1..] = -1,
        /// Milliseconds.
        session_timeout: i32,
        /// What the member sent with the chosen protocol.
        subscription: Cow<'a, [u8]>,
        assignment: Cow<'a, [u8]>,
    }
}

wire! {
    record ShareGroupMetadataKey = 11, versions 11..=11;

    /// Which share group.
    struct ShareGroupMetadataKey<'a> {
        group: Cow<'a, str>,
    }
}

wire! {
    record ShareGroupMetadataValue = 11, versions 0..=0, flexible 0;

    /// A share group exists.
    struct ShareGroupMetadataValue {
        /// Grows with every change of its members or of what they want.
        epoch: i32,
        /// Tells whether the topics that the members want have changed.
        metadata_hash: i64,
    }
}
