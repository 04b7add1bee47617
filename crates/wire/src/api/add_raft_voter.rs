//! Gives the quorum that keeps the catalog's log another voter.
//!
//! - v1: whether to wait until the other voters know.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api AddRaftVoter = 80, versions 0..=1, flexible 0;

    /// The voter, and where it is reached.
    struct Request<'a> {
        cluster_id: Option<&'a str>,
        timeout_ms: i32,
        voter_id: i32,
        voter_directory_id: Uuid,
        listeners: Vec<Listener<'a>>,
        ack_when_committed: bool [1..] = true,
    }

    /// One address of it.
    struct Listener<'a> {
        name: &'a str,
        host: &'a str,
        port: u16,
    }

    /// Whether it votes.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
