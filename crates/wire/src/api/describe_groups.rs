//! State and members of classic groups.
//!
//! - v3: authorized operations.
//! - v4: instance ids.
//! - v6: an error message, and GROUP_ID_NOT_FOUND for a missing group, which is `Dead` without an
//!   error before.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DescribeGroups = 15, versions 0..=6, flexible 5;

    /// Which groups.
    struct Request<'a> {
        groups: Vec<&'a str>,
        include_authorized_operations: bool [3..],
    }

    /// The groups.
    struct Response<'a> {
        throttle_time_ms: i32 [1..],
        groups: Vec<Group<'a>>,
    }

    /// A group or why there is none.
    struct Group<'a> {
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>> [6..],
        group_id: Cow<'a, str>,
        group_state: Cow<'a, str>,
        protocol_type: Cow<'a, str>,
        /// Name of the chosen protocol: the assignor's, to consumers.
        protocol_data: Cow<'a, str>,
        members: Vec<Member<'a>>,
        /// Bits by operation; `i32::MIN` unless they were asked for.
        authorized_operations: i32 [3..] = i32::MIN,
    }

    /// A member of the group.
    struct Member<'a> {
        member_id: Cow<'a, str>,
        group_instance_id: Option<Cow<'a, str>> [4..],
        client_id: Cow<'a, str>,
        client_host: Cow<'a, str>,
        /// What the member sent with the chosen protocol.
        member_metadata: Cow<'a, [u8]>,
        member_assignment: Cow<'a, [u8]>,
    }
}
