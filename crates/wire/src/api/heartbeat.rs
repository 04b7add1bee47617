//! A member says that it lives, and learns whether a rebalance is on.
//!
//! - v3: static members.

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api Heartbeat = 12, versions 0..=4, flexible 4;

    /// The member and the generation that it is in.
    struct Request<'a> {
        group_id: &'a str,
        generation_id: i32,
        member_id: &'a str,
        group_instance_id: Option<&'a str> [3..],
    }

    /// REBALANCE_IN_PROGRESS asks the member to join again.
    struct Response {
        throttle_time_ms: i32 [1..],
        error_code: ErrorCode,
    }
}
