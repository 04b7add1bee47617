//! The records of `__transaction_state`: what transactional ids are doing.
//!
//! The number in front of a key is 0. A null value deletes.

use std::borrow::Cow;

use crate::dsl::wire;

wire! {
    record TransactionLogKey = 0, versions 0..=0;

    /// Which transactional id.
    struct TransactionLogKey<'a> {
        transactional_id: Cow<'a, str>,
    }
}

wire! {
    record TransactionLogValue = 0, versions 0..=1, flexible 1;

    /// Who may use the id, and what its transaction has come to.
    struct TransactionLogValue<'a> {
        producer_id: i64,
        producer_epoch: i16,
        /// Milliseconds.
        transaction_timeout_ms: i32,
        /// 0 empty, 1 ongoing, 2 and 3 about to be committed and aborted, 4 and 5 committed and
        /// aborted, 6 expired.
        transaction_status: i8,
        /// What the transaction writes to; null without one.
        transaction_partitions: Option<Vec<PartitionsSchema<'a>>>,
        /// Milliseconds since 1970.
        transaction_last_update_timestamp_ms: i64,
        /// Milliseconds since 1970; -1 without a transaction.
        transaction_start_timestamp_ms: i64,
        ; tagged {
            /// The id that the last end took the place of, or that of before it; -1 if none.
            0 => previous_producer_id: i64 [1..] = -1,
            /// The id that the end under way gives, when the epochs of the present one are used up; -1
            /// otherwise.
            1 => next_producer_id: i64 [1..] = -1,
            /// 2 for a transaction whose end raises the epoch.
            2 => client_transaction_version: i16 [1..] = 0,
        }
    }

    /// Partitions of one topic.
    struct PartitionsSchema<'a> {
        topic: Cow<'a, str>,
        partition_ids: Vec<i32>,
    }
}
