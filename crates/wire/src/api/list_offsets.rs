//! Finds offsets by time or by their role.
//!
//! - v2: isolation level.
//! - v4: leader epochs.
//! - v7: -3 asks for the record with the largest timestamp.
//! - v8: -4 asks for the earliest offset on local disk.
//! - v9: -5 asks for the latest offset in remote storage.
//! - v10: a timeout, for offsets in remote storage.
//! - v11: -6 asks for the earliest offset that is not yet in remote storage.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api ListOffsets = 2, versions 1..=11, flexible 6;

    /// What is sought in each partition.
    struct Request<'a> {
        /// -1 for a consumer.
        replica_id: i32,
        /// 0 reads everything; 1 only what is committed.
        isolation_level: i8 [2..],
        topics: Vec<Topic<'a>>,
        timeout_ms: i32 [10..],
    }

    /// What is sought in one topic.
    struct Topic<'a> {
        name: &'a str,
        partitions: Vec<Partition>,
    }

    /// What is sought in one partition.
    struct Partition {
        partition_index: i32,
        current_leader_epoch: i32 [4..] = -1,
        /// The first record at or after this time is sought; or -1 latest, -2 earliest, -3 the
        /// record with the largest timestamp, -4 earliest on local disk, -5 latest in remote
        /// storage, -6 earliest that is not yet in remote storage.
        timestamp: i64,
    }

    /// The offsets found.
    struct Response<'a> {
        throttle_time_ms: i32 [2..],
        topics: Vec<TopicResult<'a>>,
    }

    /// The offsets found in one topic.
    struct TopicResult<'a> {
        name: Cow<'a, str>,
        partitions: Vec<PartitionResult>,
    }

    /// The offset found in one partition.
    struct PartitionResult {
        partition_index: i32,
        error_code: ErrorCode,
        /// -1 unless a record was sought by its time.
        timestamp: i64 = -1,
        /// -1 if there is no such record.
        offset: i64 = -1,
        leader_epoch: i32 [4..] = -1,
    }
}
