//! Puts an empty share group to other offsets.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api AlterShareGroupOffsets = 91, versions 0..=0, flexible 0;

    /// A group and its new offsets.
    struct Request<'a> {
        group_id: &'a str,
        topics: Vec<Topic<'a>>,
    }

    /// Offsets in one topic.
    struct Topic<'a> {
        topic_name: &'a str,
        partitions: Vec<Partition>,
    }

    /// The offset in one partition.
    struct Partition {
        partition_index: i32,
        /// First offset to be handed out.
        start_offset: i64,
    }

    /// Results by topic and partition.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        responses: Vec<TopicResult<'a>>,
    }

    /// The results of one topic.
    struct TopicResult<'a> {
        topic_name: Cow<'a, str>,
        topic_id: Uuid,
        partitions: Vec<PartitionResult<'a>>,
    }

    /// The result of one partition.
    struct PartitionResult<'a> {
        partition_index: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
