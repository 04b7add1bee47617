//! Adds partitions to topics.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api CreatePartitions = 37, versions 0..=3, flexible 2;

    /// The topics that grow.
    struct Request<'a> {
        topics: Vec<Topic<'a>>,
        timeout_ms: i32,
        validate_only: bool,
    }

    /// A topic that grows.
    struct Topic<'a> {
        name: &'a str,
        /// Partitions that the topic is to have in all.
        count: i32,
        /// Null lets the broker choose.
        assignments: Option<Vec<Assignment>>,
    }

    /// The brokers that hold one new partition.
    struct Assignment {
        broker_ids: Vec<i32>,
    }

    /// Which topics grew.
    struct Response<'a> {
        throttle_time_ms: i32,
        results: Vec<TopicResult<'a>>,
    }

    /// Whether one topic grew.
    struct TopicResult<'a> {
        name: Cow<'a, str>,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
