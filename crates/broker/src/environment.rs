//! What the broker takes from the world outside: wall clock and randomness.
//!
//! Both are handed in, so that tests move time and choose ids instead of waiting and hoping.

use uuid::Uuid;

/// The clock and the dice.
#[derive(Debug, Clone, Copy)]
pub struct Environment {
    /// The wall clock, in milliseconds since 1970-01-01 UTC.
    pub now_ms: fn() -> i64,
    /// A random id, never the same twice.
    pub random_uuid: fn() -> Uuid,
}
