//! Which APIs and versions the broker speaks, and which features are switched on. The first request
//! on a connection.
//!
//! - v0 layout: the answer to a version that is not served, with UNSUPPORTED_VERSION.
//! - v3: flexible; the client names its software; features.
//! - v4: features whose lowest version is 0 may be listed; before that they are left out.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api ApiVersions = 18, versions 0..=4, flexible 3;

    /// Asks for everything there is.
    struct Request<'a> {
        client_software_name: &'a str [3..],
        client_software_version: &'a str [3..],
    }

    /// The APIs and features of this broker.
    struct Response<'a> {
        error_code: ErrorCode,
        api_keys: Vec<ApiVersion>,
        throttle_time_ms: i32 [1..],
        ; tagged {
            /// Features that this broker can be switched to.
            0 => supported_features: Vec<SupportedFeature<'a>> [3..],
            /// Grows with each change of the finalized features; -1 says that they are unknown.
            1 => finalized_features_epoch: i64 [3..] = -1,
            /// Valid only if the epoch is not negative.
            2 => finalized_features: Vec<FinalizedFeature<'a>> [3..],
            /// Of no use without ZooKeeper; always false.
            3 => zk_migration_ready: bool [3..],
        }
    }

    /// One API.
    struct ApiVersion {
        api_key: i16,
        /// Lowest version advertised.
        min_version: i16,
        /// Highest version advertised.
        max_version: i16,
    }

    /// A feature that could be switched on.
    struct SupportedFeature<'a> {
        name: Cow<'a, str>,
        min_version: i16,
        max_version: i16,
    }

    /// A feature that is switched on in the whole cluster.
    struct FinalizedFeature<'a> {
        name: Cow<'a, str>,
        max_version_level: i16,
        min_version_level: i16,
    }
}
