//! The groups that this broker coordinates.
//!
//! - v4: filter by state.
//! - v5: filter by type.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api ListGroups = 16, versions 0..=5, flexible 3;

    /// Filters; an empty one lets everything pass.
    struct Request<'a> {
        states_filter: Vec<&'a str> [4..],
        types_filter: Vec<&'a str> [5..],
    }

    /// The groups that pass.
    struct Response<'a> {
        throttle_time_ms: i32 [1..],
        error_code: ErrorCode,
        groups: Vec<Group<'a>>,
    }

    /// A group.
    struct Group<'a> {
        group_id: Cow<'a, str>,
        protocol_type: Cow<'a, str>,
        group_state: Cow<'a, str> [4..],
        group_type: Cow<'a, str> [5..],
    }
}
