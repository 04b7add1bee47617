//! Sets and removes quotas of clients.

use std::borrow::Cow;

use crate::ErrorCode;
use crate::dsl::wire;

wire! {
    api AlterClientQuotas = 49, versions 0..=1, flexible 1;

    /// What changes, by entity.
    struct Request<'a> {
        entries: Vec<Entry<'a>>,
        /// Only say what would happen.
        validate_only: bool,
    }

    /// What changes of one entity.
    struct Entry<'a> {
        entity: Vec<Entity<'a>>,
        ops: Vec<Op<'a>>,
    }

    /// One side of it.
    struct Entity<'a> {
        /// `user`, `client-id` or `ip`.
        entity_type: &'a str,
        /// Null for the default.
        entity_name: Option<&'a str>,
    }

    /// One quota.
    struct Op<'a> {
        key: &'a str,
        value: f64,
        /// Whether it is removed; it has no value then.
        remove: bool,
    }

    /// What became of them.
    struct Response<'a> {
        throttle_time_ms: i32,
        entries: Vec<EntryResult<'a>>,
    }

    /// What became of one entity's.
    struct EntryResult<'a> {
        error_code: ErrorCode,
        error_message: Option<Cow<'a, str>>,
        entity: Vec<EntityResult<'a>>,
    }

    /// One side of it.
    struct EntityResult<'a> {
        entity_type: Cow<'a, str>,
        entity_name: Option<Cow<'a, str>>,
    }
}
