//! Makes rules of access.
//!
//! - v1: patterns of names.
//! - v3: users as a type of resource.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api CreateAcls = 30, versions 1..=3, flexible 2;

    /// The rules.
    struct Request<'a> {
        creations: Vec<Creation<'a>>,
    }

    /// Who may do what to what, or may not.
    struct Creation<'a> {
        resource_type: i8,
        resource_name: &'a str,
        resource_pattern_type: i8 = 3,
        principal: &'a str,
        host: &'a str,
        operation: i8,
        permission_type: i8,
    }

    /// What became of them, in the order of the request.
    struct Response<'a> {
        throttle_time_ms: i32,
        results: Vec<CreationResult<'a>>,
    }

    /// What became of one of them.
    struct CreationResult<'a> {
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
