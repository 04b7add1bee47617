//! One sleep for the deadlines of all shards. Knows neither groups nor what is due.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

use super::clock::Clock;

/// Wakes the one who waits when an earlier deadline turns up.
#[derive(Debug)]
pub(super) struct Alarm {
    /// What the sleeper sleeps until.
    set_for: AtomicI64,
    earlier: Notify,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            set_for: AtomicI64::new(i64::MAX),
            earlier: Notify::new(),
        }
    }
}

impl Alarm {
    /// Makes sure that the sleeper is awake by `deadline`, which can be found by now.
    pub(super) fn set(&self, deadline: i64) {
        if deadline < self.set_for.load(Ordering::SeqCst) {
            self.earlier.notify_one();
        }
    }

    /// Sleeps until the deadline that `earliest` finds, or until there is an earlier one.
    pub(super) async fn wait(&self, clock: &Clock, earliest: impl Fn() -> i64) {
        // Whoever sets a deadline while they are being looked through must not be overlooked.
        self.set_for.store(i64::MAX, Ordering::SeqCst);
        let deadline = earliest();
        self.set_for.store(deadline, Ordering::SeqCst);
        tokio::select! {
            () = clock.sleep_until(deadline) => {}
            () = self.earlier.notified() => {}
        }
    }
}
