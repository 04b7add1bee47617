//! Appends record batches to partitions.
//!
//! - v3, v4: one batch of format 2 for each partition.
//! - v5: log start offset in the response.
//! - v7: zstd.
//! - v8: the records at fault, and a message.
//! - v10: the current leader and its endpoint when the client asked the wrong broker.
//! - v12: a transaction takes up a partition with the first batch.
//! - v13: topics by id.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    // librdkafka before 2.11.1 switches compression and message format 2 on only if Produce 0 is
    // advertised; it then sends version 3 or later.
    api Produce = 0, versions 3..=13, flexible 9, advertised 0..=13;

    /// Batches by topic and partition.
    struct Request<'a> {
        /// Null outside of transactions.
        transactional_id: Option<&'a str>,
        /// -1: answer when durable; 1: when written; 0: never.
        acks: i16,
        /// How long to wait for durability.
        timeout_ms: i32,
        topic_data: Vec<Topic<'a>>,
    }

    /// The batches for one topic.
    struct Topic<'a> {
        name: &'a str [..=12],
        topic_id: Uuid [13..],
        partition_data: Vec<Partition<'a>>,
    }

    /// The batch for one partition.
    struct Partition<'a> {
        index: i32,
        records: Option<&'a [u8]>,
    }

    /// What became of each batch. There is none when `acks` is 0.
    struct Response<'a> {
        responses: Vec<TopicResult<'a>>,
        throttle_time_ms: i32,
        ; tagged {
            0 => node_endpoints: Vec<NodeEndpoint<'a>> [10..],
        }
    }

    /// The results for one topic.
    struct TopicResult<'a> {
        name: Cow<'a, str> [..=12],
        topic_id: Uuid [13..],
        partition_responses: Vec<PartitionResult<'a>>,
    }

    /// Where a leader that is named above is reached.
    struct NodeEndpoint<'a> {
        node_id: i32,
        host: Cow<'a, str>,
        port: i32,
        rack: Option<Cow<'a, str>>,
    }

    /// The result for one partition.
    struct PartitionResult<'a> {
        index: i32,
        error_code: ErrorCode,
        /// Offset of the first record.
        base_offset: i64,
        /// -1 unless the topic stamps records itself.
        log_append_time_ms: i64 = -1,
        log_start_offset: i64 [5..] = -1,
        record_errors: Vec<RecordError<'a>> [8..],
        error_message: Option<Cow<'a, str>> [8..],
        ; tagged {
            0 => current_leader: CurrentLeader [10..],
        }
    }

    /// A record because of which its batch was refused.
    struct RecordError<'a> {
        /// Position of the record in its batch.
        batch_index: i32,
        batch_index_error_message: Option<Cow<'a, str>>,
    }

    /// Who leads the partition instead.
    struct CurrentLeader {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }
}
