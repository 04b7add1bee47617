//! Deletes groups that have no member, with their positions.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DeleteGroups = 42, versions 0..=2, flexible 2;

    /// Which groups.
    struct Request<'a> {
        groups_names: Vec<&'a str>,
    }

    /// Which groups were deleted.
    struct Response<'a> {
        throttle_time_ms: i32,
        results: Vec<GroupResult<'a>>,
    }

    /// Whether one group was deleted.
    struct GroupResult<'a> {
        group_id: Cow<'a, str>,
        error_code: ErrorCode,
    }
}
