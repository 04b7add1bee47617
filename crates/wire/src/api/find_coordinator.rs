//! Which broker coordinates a group, a transaction or a share group's partition.
//!
//! - v0: groups only.
//! - v1: key types.
//! - v4: several keys in one request, results in a list.
//! - v6: share groups, whose keys read `group:topicId:partition`.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api FindCoordinator = 10, versions 0..=6, flexible 3;

    /// Asks for one key or, since version 4, for several.
    struct Request<'a> {
        key: &'a str [..=3],
        /// 0 group, 1 transaction, 2 share group.
        key_type: i8 [1..],
        coordinator_keys: Vec<&'a str> [4..],
    }

    /// The coordinators.
    struct Response<'a> {
        throttle_time_ms: i32 [1..],
        error_code: ErrorCode [..=3],
        error_message: Option<Cow<'a, str>> [1..=3],
        node_id: i32 [..=3],
        host: Cow<'a, str> [..=3],
        port: i32 [..=3],
        coordinators: Vec<Coordinator<'a>> [4..],
    }

    /// The coordinator of one key.
    struct Coordinator<'a> {
        key: Cow<'a, str>,
        node_id: i32,
        host: Cow<'a, str>,
        port: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
