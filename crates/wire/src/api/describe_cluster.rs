//! The brokers of the cluster.
//!
//! - v1: brokers or controllers.
//! - v2: fenced brokers.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DescribeCluster = 60, versions 0..=2, flexible 0;

    /// What to tell of the cluster.
    struct Request {
        include_cluster_authorized_operations: bool,
        /// 1 brokers, 2 controllers.
        endpoint_type: i8 [1..] = 1,
        include_fenced_brokers: bool [2..],
    }

    /// The cluster.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        /// As in the request.
        endpoint_type: i8 [1..] = 1,
        cluster_id: Cow<'a, str>,
        /// -1 when it is unknown.
        controller_id: i32 = -1,
        brokers: Vec<Broker<'a>>,
        /// Bits by operation; `i32::MIN` unless they were asked for.
        cluster_authorized_operations: i32 = i32::MIN,
    }

    /// A broker and where clients reach it.
    struct Broker<'a> {
        broker_id: i32,
        host: Cow<'a, str>,
        port: i32,
        rack: Option<Cow<'a, str>>,
        is_fenced: bool [2..],
    }
}
