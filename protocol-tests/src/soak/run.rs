//! What the threads of a soak share: where the server is, whether the load goes on, and the first broken promise.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::ledger::Ledger;

/// Between two tries to reach a server that is away.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// One partition and what is known of it.
pub(super) struct Track {
    pub(super) topic: &'static str,
    pub(super) partition: i32,
    pub(super) idempotent: bool,
    pub(super) ledger: Mutex<Ledger>,
}

/// The state of a soak.
#[derive(Debug)]
pub(super) struct Run {
    address: SocketAddr,
    loading: AtomicBool,
    failed: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Run {
    /// A soak whose load has begun, of the server at `address`.
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            loading: AtomicBool::new(true),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    /// Where the server is.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the load goes on.
    pub(super) fn is_loading(&self) -> bool {
        self.loading.load(Ordering::Relaxed) && !self.has_failed()
    }

    /// Ends the load.
    pub(super) fn end_load(&self) {
        self.loading.store(false, Ordering::Relaxed);
    }

    /// Whether a promise was broken: then everyone stops.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// A promise was broken; the first one counts.
    pub(super) fn fail(&self, what: String) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(what);
        self.failed.store(true, Ordering::Relaxed);
    }

    /// The first broken promise.
    pub(super) fn failure(&self) -> Option<String> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone()
    }

    /// Makes a panic of this thread, while the value lives, the failure of the run, so that nobody waits for ever.
    pub(super) const fn fail_on_panic(&self) -> FailOnPanic<'_> {
        FailOnPanic(self)
    }
}

/// See [`Run::fail_on_panic`].
pub(super) struct FailOnPanic<'a>(&'a Run);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0
                .fail("a thread panicked; its message is above".to_owned());
        }
    }
}
