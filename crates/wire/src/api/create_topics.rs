//! Creates topics.
//!
//! - v4: -1 asks for the default number of partitions and replicas.
//! - v5: the response tells the configuration.
//! - v7: the response tells the topic's id.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api CreateTopics = 19, versions 2..=7, flexible 5;

    /// The topics wanted.
    struct Request<'a> {
        topics: Vec<Topic<'a>>,
        timeout_ms: i32 = 60000,
        /// Only say what would happen.
        validate_only: bool,
    }

    /// A topic.
    struct Topic<'a> {
        name: &'a str,
        /// -1 for the default, or when partitions are assigned by hand.
        num_partitions: i32,
        /// -1 for the default, or when partitions are assigned by hand.
        replication_factor: i16,
        /// Empty unless partitions are assigned by hand.
        assignments: Vec<Assignment>,
        configs: Vec<Config<'a>>,
    }

    /// The brokers that hold one partition.
    struct Assignment {
        partition_index: i32,
        broker_ids: Vec<i32>,
    }

    /// A setting of the topic.
    struct Config<'a> {
        name: &'a str,
        /// Null for the default.
        value: Option<&'a str>,
    }

    /// Which topics were created.
    struct Response<'a> {
        throttle_time_ms: i32,
        topics: Vec<TopicResult<'a>>,
    }

    /// A topic as created, or why it was not.
    struct TopicResult<'a> {
        name: Cow<'a, str>,
        topic_id: Uuid [7..],
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        num_partitions: i32 [5..] = -1,
        replication_factor: i16 [5..] = -1,
        configs: Option<Vec<ConfigResult<'a>>> [5..],
        ; tagged {
            /// Why the configuration is not told.
            0 => topic_config_error_code: ErrorCode [5..],
        }
    }

    /// A setting of the topic as it took effect.
    struct ConfigResult<'a> {
        name: Cow<'a, str>,
        value: Option<Cow<'a, str>>,
        read_only: bool,
        /// As in DescribeConfigs.
        config_source: i8 = -1,
        is_sensitive: bool,
    }
}
