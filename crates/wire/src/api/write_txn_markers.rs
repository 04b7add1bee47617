//! Ends transactions in single partitions, without their coordinator. Operators end hanging ones by it.
//!
//! - v2: the version of the transaction protocol (KIP-1228).

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api WriteTxnMarkers = 27, versions 1..=2, flexible 1;

    /// The markers.
    struct Request<'a> {
        markers: Vec<Marker<'a>>,
    }

    /// What ends in which partitions, and how.
    struct Marker<'a> {
        producer_id: i64,
        producer_epoch: i16,
        /// Commit, or else abort.
        transaction_result: bool,
        topics: Vec<Topic<'a>>,
        coordinator_epoch: i32,
        /// 2 for transactions that raise the epoch when they end.
        transaction_version: i8 [2..],
    }

    /// Partitions of one topic.
    struct Topic<'a> {
        name: &'a str,
        partition_indexes: Vec<i32>,
    }

    /// What has become of each.
    struct Response<'a> {
        markers: Vec<MarkerResult<'a>>,
    }

    /// The results for one marker.
    struct MarkerResult<'a> {
        producer_id: i64,
        topics: Vec<TopicResult<'a>>,
    }

    /// The results for one topic.
    struct TopicResult<'a> {
        name: Cow<'a, str>,
        partitions: Vec<PartitionResult>,
    }

    /// The result for one partition.
    struct PartitionResult {
        partition_index: i32,
        error_code: ErrorCode,
    }
}
