//! Raises or lowers the levels at which the cluster works.
//!
//! - v1: upgrade types; only validating.
//! - v2: the answer is one for all updates.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api UpdateFeatures = 57, versions 0..=2, flexible 0;

    /// The levels wished for. All are reached, or none is.
    struct Request<'a> {
        timeout_ms: i32 = 60000,
        feature_updates: Vec<FeatureUpdate<'a>>,
        /// Only say what would happen.
        validate_only: bool [1..],
    }

    /// The level wished for one feature.
    struct FeatureUpdate<'a> {
        feature: &'a str,
        /// 0 switches it off.
        max_version_level: i16,
        /// Brokers pay no heed to it.
        allow_downgrade: bool [..=0],
        /// 1 only upwards, 2 also downwards if nothing is lost, 3 downwards whatever is lost.
        upgrade_type: i8 [1..] = 1,
    }

    /// What came of it.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        results: Vec<FeatureResult<'a>> [..=1],
    }

    /// What came of one of them.
    struct FeatureResult<'a> {
        feature: Cow<'a, str>,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
