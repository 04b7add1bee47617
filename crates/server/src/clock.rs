//! The only place that reads the wall clock or draws random numbers; everything else is handed them.

use std::time::{SystemTime, UNIX_EPOCH};

use millstream_broker::Environment;
use uuid::Uuid;

/// The real clock and real randomness.
pub(crate) fn environment() -> Environment {
    Environment {
        now_ms,
        random_uuid,
    }
}

/// Milliseconds since 1970, as of the wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the wall clock enters"
)]
fn now_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "this is where randomness enters")]
fn random_uuid() -> Uuid {
    Uuid::new_v4()
}
