//! One step of a client's authentication.
//!
//! - v1: for how long it holds.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api SaslAuthenticate = 36, versions 0..=2, flexible 2;

    /// What the mechanism has the client say.
    struct Request<'a> {
        auth_bytes: &'a [u8],
    }

    /// What the mechanism has the broker say.
    struct Response<'a> {
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        auth_bytes: Cow<'a, [u8]>,
        /// 0 if it holds as long as the connection.
        session_lifetime_ms: i64 [1..],
    }
}
