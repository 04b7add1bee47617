//! Changes single settings of topics, brokers and groups.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api IncrementalAlterConfigs = 44, versions 0..=1, flexible 1;

    /// The settings that change.
    struct Request<'a> {
        resources: Vec<Resource<'a>>,
        /// Only say what would happen.
        validate_only: bool,
    }

    /// The settings of one resource that change.
    struct Resource<'a> {
        /// As in DescribeConfigs.
        resource_type: i8,
        resource_name: &'a str,
        configs: Vec<Config<'a>>,
    }

    /// A setting and what is done to it.
    struct Config<'a> {
        name: &'a str,
        /// 0 set, 1 delete, 2 append to a list, 3 take out of a list.
        config_operation: i8,
        value: Option<&'a str>,
    }

    /// Which resources were altered.
    struct Response<'a> {
        throttle_time_ms: i32,
        responses: Vec<ResourceResult<'a>>,
    }

    /// Whether one resource was altered.
    struct ResourceResult<'a> {
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        resource_type: i8,
        resource_name: Cow<'a, str>,
    }
}
