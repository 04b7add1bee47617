//! Lists which users have passwords, and how these are salted; never the passwords.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DescribeUserScramCredentials = 50, versions 0..=0, flexible 0;

    /// Which users.
    struct Request<'a> {
        /// Null or none asks for all.
        users: Option<Vec<User<'a>>>,
    }

    /// One of them.
    struct User<'a> {
        name: &'a str,
    }

    /// The users.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        results: Vec<UserResult<'a>>,
    }

    /// What is known of one of them.
    struct UserResult<'a> {
        user: Cow<'a, str>,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        credential_infos: Vec<CredentialInfo>,
    }

    /// One password.
    struct CredentialInfo {
        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        mechanism: i8,
        iterations: i32,
    }
}
