//! Deletes topics.
//!
//! - v5: an error message.
//! - v6: topics by name or by id.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api DeleteTopics = 20, versions 1..=6, flexible 4;

    /// Which topics.
    struct Request<'a> {
        topics: Vec<Topic<'a>> [6..],
        topic_names: Vec<&'a str> [..=5],
        timeout_ms: i32,
    }

    /// A topic, by name or by id.
    struct Topic<'a> {
        /// Null when the topic is named by its id.
        name: Option<&'a str>,
        topic_id: Uuid,
    }

    /// Which topics were deleted.
    struct Response<'a> {
        throttle_time_ms: i32,
        responses: Vec<TopicResult<'a>>,
    }

    /// Whether one topic was deleted.
    struct TopicResult<'a> {
        name: Option<Cow<'a, str>> [.., null 6..],
        topic_id: Uuid [6..],
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>> [5..],
    }
}
