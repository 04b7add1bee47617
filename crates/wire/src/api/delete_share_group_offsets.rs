//! Lets an empty share group forget topics.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api DeleteShareGroupOffsets = 92, versions 0..=0, flexible 0;

    /// A group and the topics to be forgotten.
    struct Request<'a> {
        group_id: &'a str,
        topics: Vec<Topic<'a>>,
    }

    /// One topic.
    struct Topic<'a> {
        topic_name: &'a str,
    }

    /// Results by topic.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        responses: Vec<TopicResult<'a>>,
    }

    /// The result of one topic.
    struct TopicResult<'a> {
        topic_name: Cow<'a, str>,
        topic_id: Uuid,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
