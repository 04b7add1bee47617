//! Removes rules of access.
//!
//! - v1: patterns of names.
//! - v3: users as a type of resource.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DeleteAcls = 31, versions 1..=3, flexible 2;

    /// Which rules: those that match any of the filters.
    struct Request<'a> {
        filters: Vec<Filter<'a>>,
    }

    /// Null and the number 1 match anything.
    struct Filter<'a> {
        resource_type_filter: i8,
        resource_name_filter: Option<&'a str>,
        pattern_type_filter: i8 = 3,
        principal_filter: Option<&'a str>,
        host_filter: Option<&'a str>,
        operation: i8,
        permission_type: i8,
    }

    /// What each filter removed, in the order of the request.
    struct Response<'a> {
        throttle_time_ms: i32,
        filter_results: Vec<FilterResult<'a>>,
    }

    /// What one of them removed.
    struct FilterResult<'a> {
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        matching_acls: Vec<MatchingAcl<'a>>,
    }

    /// A rule that was to be removed.
    struct MatchingAcl<'a> {
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        resource_type: i8,
        resource_name: Cow<'a, str>,
        pattern_type: i8 = 3,
        principal: Cow<'a, str>,
        host: Cow<'a, str>,
        operation: i8,
        permission_type: i8,
    }
}
