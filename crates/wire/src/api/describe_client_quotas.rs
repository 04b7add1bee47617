//! Lists the quotas of clients.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api DescribeClientQuotas = 48, versions 0..=1, flexible 1;

    /// Whose quotas: those who match all components.
    struct Request<'a> {
        components: Vec<Component<'a>>,
        /// Whether they must consist of nothing but these components.
        strict: bool,
    }

    /// One side of an entity.
    struct Component<'a> {
        /// `user`, `client-id` or `ip`.
        entity_type: &'a str,
        /// 0 the one of that name, 1 the default, 2 any.
        match_type: i8,
        match_: Option<&'a str>,
    }

    /// The quotas, by entity.
    struct Response<'a> {
        throttle_time_ms: i32,
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        entries: Option<Vec<Entry<'a>>>,
    }

    /// The quotas of one entity.
    struct Entry<'a> {
        entity: Vec<Entity<'a>>,
        values: Vec<Value<'a>>,
    }

    /// One side of it.
    struct Entity<'a> {
        entity_type: Cow<'a, str>,
        /// Null for the default.
        entity_name: Option<Cow<'a, str>>,
    }

    /// One quota.
    struct Value<'a> {
        key: Cow<'a, str>,
        value: f64,
    }
}
