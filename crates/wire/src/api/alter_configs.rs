//! Replaces all settings of topics and brokers.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api AlterConfigs = 33, versions 0..=2, flexible 2;

    /// The settings that are to remain.
    struct Request<'a> {
        resources: Vec<Resource<'a>>,
        /// Only say what would happen.
        validate_only: bool,
    }

    /// All settings of one resource.
    struct Resource<'a> {
        /// As in DescribeConfigs.
        resource_type: i8,
        resource_name: &'a str,
        configs: Vec<Config<'a>>,
    }

    /// A setting.
    struct Config<'a> {
        name: &'a str,
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
