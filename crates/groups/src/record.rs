//! What is written down, in terms of this crate. How it looks as bytes is the driver's business.

use std::sync::Arc;

use crate::{ConsumerRecord, GroupId, MemberId, Offset};

/// One durable change. The newest record of a key is the truth about it; `None` says that there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// How far a group has come in a partition.
    Offset {
        /// The group.
        group: GroupId,
        /// The topic's name.
        topic: Arc<str>,
        /// The partition's index.
        partition: i32,
        /// The position, or `None` once it is forgotten.
        value: Option<Offset>,
    },
    /// The last generation that a group settled on.
    Group {
        /// The group.
        group: GroupId,
        /// The generation, or `None` once the group is deleted.
        value: Option<Generation>,
    },
    /// Something about a consumer group.
    Consumer {
        /// The group.
        group: GroupId,
        /// What has changed.
        record: ConsumerRecord,
    },
    /// That there is a share group.
    ShareGroup {
        /// The group.
        group: GroupId,
        /// Its epoch, or `None` once the group is deleted.
        value: Option<i32>,
    },
}

/// A settled generation: what a group needs to go on from after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Counts the rebalances.
    pub generation: i32,
    /// What kind of group it is; empty if unknown.
    pub protocol_type: String,
    /// What the members agreed on; `None` without members.
    pub protocol: Option<String>,
    /// The member that computed the assignment; `None` without members.
    pub leader: Option<MemberId>,
    /// When the group last changed its state, in Unix milliseconds.
    pub changed_ms: Option<i64>,
    /// The members with their assignments.
    pub members: Vec<MemberRecord>,
}

/// A member as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRecord {
    /// Its id.
    pub member_id: MemberId,
    /// Its instance id, if it is static.
    pub instance_id: Option<String>,
    /// The client's name for itself.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// How long it may take to rejoin, in milliseconds.
    pub rebalance_timeout_ms: i32,
    /// How long it may be silent, in milliseconds.
    pub session_timeout_ms: i32,
    /// What it attached to the agreed protocol.
    pub subscription: Arc<[u8]>,
    /// What the leader gave it.
    pub assignment: Arc<[u8]>,
}
