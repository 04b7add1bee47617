//! The records of `__share_group_state`: what became of the records of a partition in a share group.
//!
//! The number in front of a key says what it is: 0 a snapshot of the whole state, 1 what changed
//! since the snapshot of the same epoch. A null value deletes.

use std::borrow::Cow;

use crate::Uuid;
use crate::dsl::wire;

wire! {
    record ShareSnapshotKey = 0, versions 0..=0;

    /// Whose state, and where.
    struct ShareSnapshotKey<'a> {
        group_id: Cow<'a, str>,
        topic_id: Uuid,
        partition: i32,
    }
}

wire! {
    record ShareSnapshotValue = 0, versions 0..=0, flexible 0;

    /// The whole state.
    struct ShareSnapshotValue {
        /// Counts the snapshots of this state.
        snapshot_epoch: i32,
        /// Grows whenever the state begins anew, so that its writers of before are fenced.
        state_epoch: i32,
        leader_epoch: i32,
        /// Every record below it is done with.
        start_offset: i64,
        /// When the state began, in milliseconds since 1970.
        create_timestamp: i64,
        /// When the snapshot was written, in milliseconds since 1970.
        write_timestamp: i64,
        state_batches: Vec<StateBatch>,
        ; tagged {
            /// How many offsets from the start offset on are done with; -1 if that is not known.
            0 => delivery_complete_count: i32 = -1,
            /// Records that were given up, ever. Millstream's own; others pass it over.
            10000 => dead: i64 = 0,
        }
    }

    /// The state of the records from one offset up to another, both included.
    struct StateBatch {
        first_offset: i64,
        last_offset: i64,
        /// 0 available, 2 acknowledged, 4 archived.
        delivery_state: i8,
        /// How often they were handed out.
        delivery_count: i16,
    }
}

wire! {
    record ShareUpdateKey = 1, versions 1..=1;

    /// Whose state, and where.
    struct ShareUpdateKey<'a> {
        group_id: Cow<'a, str>,
        topic_id: Uuid,
        partition: i32,
    }
}

wire! {
    record ShareUpdateValue = 1, versions 0..=0, flexible 0;

    /// What changed.
    struct ShareUpdateValue {
        /// Which snapshot it changes.
        snapshot_epoch: i32,
        leader_epoch: i32,
        /// -1 if it is as before.
        start_offset: i64,
        state_batches: Vec<StateBatch>,
        ; tagged {
            /// How many offsets from the start offset on are done with; -1 if that is not known.
            0 => delivery_complete_count: i32 = -1,
            /// Records that were given up, ever. Millstream's own; others pass it over.
            10000 => dead: i64 = 0,
        }
    }
}
