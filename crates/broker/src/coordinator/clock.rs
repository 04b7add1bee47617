//! Both clocks of the coordinator. Deadlines follow the runtime's, which tests can move.

use millstream_groups::Now;
use tokio::time::Instant;

use crate::Environment;

/// Reads the time.
#[derive(Debug)]
pub(super) struct Clock {
    origin: Instant,
    environment: Environment,
}

impl Clock {
    pub(super) fn new(environment: Environment) -> Self {
        let origin = Instant::now();
        Self {
            origin,
            environment,
        }
    }

    pub(super) fn now(&self) -> Now {
        let elapsed = self.origin.elapsed().as_millis();
        Now {
            monotonic_ms: i64::try_from(elapsed).unwrap_or(i64::MAX),
            unix_ms: (self.environment.now_ms)(),
        }
    }

    /// Sleeps until a moment of the monotonic clock; for ever if that is the last one there is.
    pub(super) async fn sleep_until(&self, monotonic_ms: i64) {
        if monotonic_ms == i64::MAX {
            return std::future::pending().await;
        }
        let from_origin = std::time::Duration::from_millis(monotonic_ms.max(0).unsigned_abs());
        tokio::time::sleep_until(self.origin + from_origin).await;
    }
}
