//! Things that have settings.
//!
//! - v0: client metrics only.
//! - v1: any kind.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api ListConfigResources = 74, versions 0..=1, flexible 0;

    /// Which kinds.
    struct Request {
        /// Empty asks for all; numbers as in DescribeConfigs.
        resource_types: Vec<i8> [1..],
    }

    /// The resources.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        config_resources: Vec<ConfigResource<'a>>,
    }

    /// A resource.
    struct ConfigResource<'a> {
        resource_name: Cow<'a, str>,
        /// As in DescribeConfigs.
        resource_type: i8 [1..] = 16,
    }
}
