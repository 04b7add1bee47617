//! The leader hands in the assignment of a generation, and every member is answered with its own
//! part.
//!
//! - v3: static members.
//! - v5: type and name of the protocol, to be checked.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api SyncGroup = 14, versions 0..=5, flexible 4;

    /// Asks for the assignment of a generation.
    struct Request<'a> {
        group_id: &'a str,
        generation_id: i32,
        member_id: &'a str,
        group_instance_id: Option<&'a str> [3..],
        protocol_type: Option<&'a str> [5..],
        protocol_name: Option<&'a str> [5..],
        /// Empty unless the member leads.
        assignments: Vec<Assignment<'a>>,
    }

    /// What one member is to do.
    struct Assignment<'a> {
        member_id: &'a str,
        assignment: &'a [u8],
    }

    /// The member's own assignment.
    struct Response<'a> {
        throttle_time_ms: i32 [1..],
        error_code: ErrorCode,
        protocol_type: Option<Cow<'a, str>> [5..],
        protocol_name: Option<Cow<'a, str>> [5..],
        assignment: Cow<'a, [u8]>,
    }
}
