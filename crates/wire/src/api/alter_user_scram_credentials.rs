//! Gives users passwords, which come salted, and takes them away.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api AlterUserScramCredentials = 51, versions 0..=0, flexible 0;

    /// What changes.
    struct Request<'a> {
        deletions: Vec<Deletion<'a>>,
        upsertions: Vec<Upsertion<'a>>,
    }

    /// A password that goes.
    struct Deletion<'a> {
        name: &'a str,
        /// As in DescribeUserScramCredentials.
        mechanism: i8,
    }

    /// A password that comes, or takes the place of another.
    struct Upsertion<'a> {
        name: &'a str,
        mechanism: i8,
        iterations: i32,
        salt: &'a [u8],
        salted_password: &'a [u8],
    }

    /// What became of them.
    struct Response<'a> {
        throttle_time_ms: i32,
        results: Vec<UserResult<'a>>,
    }

    /// What became of one user's.
    struct UserResult<'a> {
        user: Cow<'a, str>,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
    }
}
