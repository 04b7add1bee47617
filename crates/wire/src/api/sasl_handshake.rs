//! Agrees on how a client is to authenticate itself.
//!
//! - v0: what follows are tokens without a frame of the protocol around them.
//! - v1: what follows are SaslAuthenticate requests.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api SaslHandshake = 17, versions 0..=1;

    /// The mechanism that the client chose.
    struct Request<'a> {
        mechanism: &'a str,
    }

    /// The mechanisms that could be chosen.
    struct Response<'a> {
        error_code: ErrorCode,
        mechanisms: Vec<Cow<'a, str>>,
    }
}
