//! Takes a voter from the quorum that keeps the catalog's log.

use std::borrow::Cow;

use crate::dsl::wire;
use crate::{ErrorCode, Uuid};

wire! {
    api RemoveRaftVoter = 81, versions 0..=0, flexible 0;

    /// Which voter.
    struct Request<'a> {
        cluster_id: Option<&'a str>,
        voter_id: i32,
        voter_directory_id: Uuid,
    }

    /// Whether it no longer votes.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
