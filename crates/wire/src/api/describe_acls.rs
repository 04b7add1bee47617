//! Lists rules of access.
//!
//! - v1: patterns of names.
//! - v3: users as a type of resource.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DescribeAcls = 29, versions 1..=3, flexible 2;

    /// Which rules. Null and the number 1 match anything.
    struct Request<'a> {
        resource_type_filter: i8,
        resource_name_filter: Option<&'a str>,
        pattern_type_filter: i8 = 3,
        principal_filter: Option<&'a str>,
        host_filter: Option<&'a str>,
        operation: i8,
        permission_type: i8,
    }

    /// The rules, by what they protect.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        resources: Vec<Resource<'a>>,
    }

    /// What is protected.
    struct Resource<'a> {
        resource_type: i8,
        resource_name: Cow<'a, str>,
        pattern_type: i8 = 3,
        acls: Vec<Acl<'a>>,
    }

    /// Who may do what, or may not.
    struct Acl<'a> {
        principal: Cow<'a, str>,
        host: Cow<'a, str>,
        operation: i8,
        permission_type: i8,
    }
}
