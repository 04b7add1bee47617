//! Where leader epochs end, so that a client notices when the log was cut below what it has read.
//!
//! - v3: `replica_id`.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api OffsetForLeaderEpoch = 23, versions 2..=4, flexible 4;

    /// Epochs by partition.
    struct Request<'a> {
        /// -1 for a consumer; -2 for one that debugs.
        replica_id: i32 [3..] = -2,
        topics: Vec<Topic<'a>>,
    }

    /// Epochs in one topic.
    struct Topic<'a> {
        topic: &'a str,
        partitions: Vec<Partition>,
    }

    /// The epoch in one partition.
    struct Partition {
        partition: i32,
        /// -1 if the client does not know it.
        current_leader_epoch: i32 = -1,
        /// The epoch whose end is sought.
        leader_epoch: i32,
    }

    /// Where the epochs end.
    struct Response<'a> {
        throttle_time_ms: i32,
        topics: Vec<TopicResult<'a>>,
    }

    /// Ends in one topic.
    struct TopicResult<'a> {
        topic: Cow<'a, str>,
        partitions: Vec<PartitionResult>,
    }

    /// The end in one partition; -1 and -1 if the epoch is not known.
    struct PartitionResult {
        error_code: ErrorCode,
        partition: i32,
        /// Largest epoch that is not above the one sought.
        leader_epoch: i32 = -1,
        /// First offset behind that epoch.
        end_offset: i64 = -1,
    }
}
