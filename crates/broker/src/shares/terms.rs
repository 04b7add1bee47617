//! On which terms a group gets the messages of a topic: those of the queue, or else those of the group.

use millstream_queue::Limits;

use crate::catalog::Topic;
use crate::config::{GroupConfig, IsolationLevel, OffsetReset, QueueOrdering};

/// Messages of a partition that may be delayed, or wait for their key, while later ones go on.
const HELD_BACK: u64 = 100_000;

/// The terms.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// Bounds of what is handed out.
    pub(super) limits: Limits,
    /// How long a consumer has a message, in milliseconds.
    pub(super) lock_ms: i64,
    /// Where it begins in a partition that it has not come to before.
    pub(super) begin: OffsetReset,
    /// Whether locks may be renewed.
    pub(super) renewable: bool,
    /// Whether only what is committed is handed out.
    pub(super) committed: bool,
    /// Of a queue, what else it promises.
    pub(super) queue: Option<QueueTerms>,
}

/// What a queue promises beside.
#[derive(Debug, Clone)]
pub(super) struct QueueTerms {
    /// How long each message is held back, in milliseconds.
    pub(super) delay_ms: i64,
    /// Whether messages of one key go to one consumer at a time.
    pub(super) by_key: bool,
    /// Where messages go that nobody works off.
    pub(super) dead_letters: Option<String>,
}

impl Terms {
    /// The terms of `group` in `topic`.
    pub(super) fn of(topic: &Topic, group: &GroupConfig) -> Self {
        let config = topic.config();
        if !config.queue_enable {
            return Self::of_group(group);
        }
        Self {
            limits: Limits {
                deliveries: narrow(config.queue_delivery_count_limit),
                in_flight: u64::from(config.queue_max_in_flight.unsigned_abs()),
                held_back: HELD_BACK,
            },
            lock_ms: config.queue_visibility_timeout_ms,
            begin: OffsetReset::Earliest,
            queue: Some(QueueTerms {
                delay_ms: config.queue_delay_ms,
                by_key: config.queue_ordering == QueueOrdering::Key,
                dead_letters: config.queue_dead_letter_topic.clone(),
            }),
            ..Self::of_group(group)
        }
    }

    fn of_group(group: &GroupConfig) -> Self {
        Self {
            limits: Limits {
                deliveries: narrow(group.share_delivery_count_limit),
                in_flight: u64::from(group.share_partition_max_record_locks.unsigned_abs()),
                held_back: HELD_BACK,
            },
            lock_ms: group.share_record_lock_duration_ms.into(),
            begin: group.share_auto_offset_reset,
            renewable: group.share_renew_acknowledge_enable,
            committed: group.share_isolation_level == IsolationLevel::ReadCommitted,
            queue: None,
        }
    }
}

fn narrow(limit: i32) -> u16 {
    u16::try_from(limit).unwrap_or(u16::MAX)
}
