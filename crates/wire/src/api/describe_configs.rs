//! The settings of topics, brokers and groups.
//!
//! - v3: types and documentation.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DescribeConfigs = 32, versions 1..=4, flexible 4;

    /// Which settings.
    struct Request<'a> {
        resources: Vec<Resource<'a>>,
        include_synonyms: bool,
        include_documentation: bool [3..],
    }

    /// A thing that has settings.
    struct Resource<'a> {
        /// Kafka's number of the kind: 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32
        /// group.
        resource_type: i8,
        resource_name: &'a str,
        /// Null asks for all.
        configuration_keys: Option<Vec<&'a str>>,
    }

    /// The settings.
    struct Response<'a> {
        throttle_time_ms: i32,
        results: Vec<ResourceResult<'a>>,
    }

    /// The settings of one resource.
    struct ResourceResult<'a> {
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        /// As in the request.
        resource_type: i8,
        resource_name: Cow<'a, str>,
        configs: Vec<Config<'a>>,
    }

    /// A setting.
    struct Config<'a> {
        name: Cow<'a, str>,
        /// Null if there is none, or if it is secret.
        value: Option<Cow<'a, str>>,
        read_only: bool,
        /// 1 topic, 2 broker (dynamic), 3 all brokers (dynamic), 4 broker (static), 5 default, 6
        /// logger, 7 client metrics, 8 group.
        config_source: i8 = -1,
        is_sensitive: bool,
        synonyms: Vec<Synonym<'a>>,
        /// 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password.
        config_type: i8 [3..],
        documentation: Option<Cow<'a, str>> [3.., null 1..],
    }

    /// A setting that this one falls back to, or took its value from.
    struct Synonym<'a> {
        name: Cow<'a, str>,
        value: Option<Cow<'a, str>>,
        /// As `config_source`.
        source: i8,
    }
}
