//! Members leave their group.
//!
//! - v3: several members at once, static ones by instance id.
//! - v5: the reason.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api LeaveGroup = 13, versions 0..=5, flexible 4;

    /// Who leaves.
    struct Request<'a> {
        group_id: &'a str,
        member_id: &'a str [..=2],
        members: Vec<Member<'a>> [3..],
    }

    /// A member, by its id or by its instance id.
    struct Member<'a> {
        member_id: &'a str,
        group_instance_id: Option<&'a str>,
        reason: Option<&'a str> [5..],
    }

    /// Whether they left.
    struct Response<'a> {
        throttle_time_ms: i32 [1..],
        error_code: ErrorCode,
        members: Vec<MemberResult<'a>> [3..],
    }

    /// Whether one of them left.
    struct MemberResult<'a> {
        member_id: Cow<'a, str>,
        group_instance_id: Option<Cow<'a, str>>,
        error_code: ErrorCode,
    }
}
