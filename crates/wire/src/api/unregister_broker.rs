//! Forgets a broker that has gone.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api UnregisterBroker = 64, versions 0..=0, flexible 0;

    /// Which broker.
    struct Request {
        broker_id: i32,
    }

    /// Whether it is forgotten.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
