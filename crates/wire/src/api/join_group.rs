//! A member enters a rebalance of its group, and is answered when the new generation has formed.
//!
//! - v1: rebalance timeout apart from the session timeout.
//! - v4: a first join without a member id is answered with an id and MEMBER_ID_REQUIRED.
//! - v5: static members.
//! - v7: the protocol's type in the response, and a name that may be null.
//! - v8: the reason why the member joins.
//! - v9: a leader that is told to keep the assignment.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api JoinGroup = 11, versions 0..=9, flexible 6;

    /// Asks to be in the next generation.
    struct Request<'a> {
        group_id: &'a str,
        session_timeout_ms: i32,
        /// How long the others wait for this member; the session timeout when it is -1.
        rebalance_timeout_ms: i32 [1..] = -1,
        /// Empty on the first join.
        member_id: &'a str,
        /// Null for a dynamic member.
        group_instance_id: Option<&'a str> [5..],
        protocol_type: &'a str,
        protocols: Vec<Protocol<'a>>,
        reason: Option<&'a str> [8..],
    }

    /// A protocol (an assignor, to consumers) that the member speaks, best first.
    struct Protocol<'a> {
        name: &'a str,
        /// A consumer puts its subscription here.
        metadata: &'a [u8],
    }

    /// The generation that the member is in.
    struct Response<'a> {
        throttle_time_ms: i32 [2..],
        error_code: ErrorCode,
        generation_id: i32 = -1,
        protocol_type: Option<Cow<'a, str>> [7..],
        protocol_name: Option<Cow<'a, str>> [.., null 7..],
        /// Member id of the leader.
        leader: Cow<'a, str>,
        /// The leader is to keep what is assigned.
        skip_assignment: bool [9..],
        member_id: Cow<'a, str>,
        /// Empty unless the member leads.
        members: Vec<Member<'a>>,
    }

    /// A member, for the leader to assign to.
    struct Member<'a> {
        member_id: Cow<'a, str>,
        group_instance_id: Option<Cow<'a, str>> [5..],
        metadata: Cow<'a, [u8]>,
    }
}
