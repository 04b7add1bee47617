//! The bytes of requests that all connections together may hold.
//!
//! Small requests have a budget of their own, so that they never queue behind large ones. They take
//! from it once they are whole, and what is whole gets answered: nobody waits there for ever. Until
//! then each is a small buffer of its connection, of which `max.connections` bounds the number.
//!
//! Large requests take from theirs as their bytes arrive, so that a length which is only claimed
//! costs nobody anything. Many half-received ones could use it up and all wait for more; therefore
//! one at a time may go past the budget, and its end lets the next one on. When that one's client
//! stalls, the bound on the time of a request ends it. So memory is bounded by the budget and one
//! request more. What requests are is not known here.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Largest request that counts as small, in bytes: a full batch of most clients, and its header.
pub(crate) const SMALL: usize = 128 * 1024;

/// The budgets, shared by all connections.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    small: Budget,
    large: Budget,
    /// Held by the one large request that may go past the budget.
    overdraft: Arc<Semaphore>,
}

/// Bytes that may be held, and who waits for them, first come first served.
#[derive(Clone, Debug)]
struct Budget {
    free: Arc<Semaphore>,
    total: usize,
}

/// What one request has been granted; given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Grant {
    bytes: usize,
    permits: Option<OwnedSemaphorePermit>,
    overdraft: Option<OwnedSemaphorePermit>,
}

impl Grant {
    /// Bytes granted.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Memory {
    /// Budgets of that many bytes together, one half of them for small requests.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            small: Budget::new(bytes / 2),
            large: Budget::new(bytes / 2),
            overdraft: Arc::new(Semaphore::new(1)),
        }
    }

    /// Waits until `grant`, that of a request of `length` bytes, can be raised to `bytes`. A request
    /// larger than its whole budget gets all of it. Nothing is lost when the future is dropped.
    pub(crate) async fn raise(&self, grant: &mut Grant, bytes: usize, length: usize) {
        if length <= SMALL {
            grant.permits = self.small.take(0, bytes).await;
        } else if grant.overdraft.is_none() {
            tokio::select! {
                biased;
                more = self.large.take(grant.bytes, bytes) => match (&mut grant.permits, more) {
                    (Some(permits), Some(more)) => permits.merge(more),
                    (permits, more) => *permits = more,
                },
                turn = Arc::clone(&self.overdraft).acquire_owned() => grant.overdraft = turn.ok(),
            }
        }
        grant.bytes = bytes;
    }

    /// Whether all memory for large requests is held, and more than that.
    #[cfg(test)]
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.overdraft.available_permits() == 0
    }
}

impl Budget {
    fn new(bytes: usize) -> Self {
        let total = bytes.clamp(1, u32::MAX as usize);
        Self {
            free: Arc::new(Semaphore::new(total)),
            total,
        }
    }

    /// What is missing for `to` bytes where `from` are held; no more than the whole budget.
    async fn take(&self, from: usize, to: usize) -> Option<OwnedSemaphorePermit> {
        let missing = to.min(self.total) - from.min(self.total);
        let free = Arc::clone(&self.free);
        free.acquire_many_owned(missing as u32).await.ok()
    }
}
