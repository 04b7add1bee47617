//! The limits that a coordinator works within. It never reads them from anywhere by itself.

use crate::Assignor;

/// What a [`Shard`](crate::Shard) is told at its start. Named after Kafka's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `group.min.session.timeout.ms`: shorter ones are refused.
    pub min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`: longer ones are refused.
    pub max_session_timeout_ms: i32,
    /// `group.initial.rebalance.delay.ms`: how long an empty group waits for more first members.
    pub initial_rebalance_delay_ms: i32,
    /// `group.max.size`: members of one group.
    pub max_size: usize,
    /// `group.share.max.size`: members of one share group.
    pub share_max_size: usize,
    /// `group.consumer.max.size`: members of one consumer group.
    pub consumer_max_size: usize,
    /// `group.consumer.assignors`: those that members may wish for; the first is for groups without a wish.
    pub assignors: Vec<Assignor>,
    /// `group.consumer.migration.policy`: which ways groups may go from one protocol to the other.
    pub migration: Migration,
    /// How long a parked join of a new member is kept: it has no id yet to heartbeat with.
    pub new_member_join_timeout_ms: i32,
    /// The largest generation that can be written down, in bytes of what members say and are given.
    pub max_generation_bytes: usize,
    /// `offset.metadata.max.bytes`: the longest note that a commit may carry.
    pub offset_metadata_max_bytes: usize,
    /// `offsets.retention.minutes`, in milliseconds.
    pub offsets_retention_ms: i64,
}

/// Which ways a group may go while it has members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// From the classic protocol to that of consumer groups.
    pub upgrades: bool,
    /// Back.
    pub downgrades: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min_session_timeout_ms: 6_000,
            max_session_timeout_ms: 1_800_000,
            initial_rebalance_delay_ms: 3_000,
            max_size: i32::MAX as usize,
            share_max_size: 200,
            consumer_max_size: i32::MAX as usize,
            assignors: Assignor::ALL.to_vec(),
            migration: Migration {
                upgrades: true,
                downgrades: true,
            },
            new_member_join_timeout_ms: 300_000,
            max_generation_bytes: 50 << 20,
            offset_metadata_max_bytes: 4_096,
            offsets_retention_ms: 10_080 * 60_000,
        }
    }
}
