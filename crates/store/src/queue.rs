//! The way from appends to the writer thread: which partitions have something to write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::error::{Error, Result};
use crate::partition::Partition;

/// Partitions with appends that wait for the writer, each at most once, and the bytes of them all.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    pending: AtomicUsize,
    limit: usize,
    drained: Notify,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<Arc<Partition>>,
    end: Option<End>,
}

/// How the writer is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Once everything is written.
    Drained,
    /// After the group it is writing.
    Now,
}

impl Queue {
    /// A queue for at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Queue {
            state: Mutex::default(),
            filled: Condvar::new(),
            pending: AtomicUsize::new(0),
            limit,
            drained: Notify::new(),
        }
    }

    /// Counts bytes that are about to wait, or refuses them.
    pub(crate) fn admit(&self, bytes: usize) -> Result<()> {
        let pending = self.pending.fetch_add(bytes, Ordering::Relaxed);
        // A batch that finds nothing before it is always let in, however small the limit.
        if pending > 0 && pending + bytes > self.limit {
            self.pending.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Error::Overloaded {
                pending,
                limit: self.limit,
            });
        }
        Ok(())
    }

    /// Counts bytes that are about to wait and cannot be refused.
    pub(crate) fn count(&self, bytes: usize) {
        self.pending.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that no longer wait.
    pub(crate) fn release(&self, bytes: usize) {
        self.pending.fetch_sub(bytes, Ordering::Relaxed);
        self.drained.notify_waiters();
    }

    /// Waits until less than half of the limit is taken.
    pub(crate) async fn room(&self) {
        loop {
            let drained = self.drained.notified();
            if self.pending.load(Ordering::Relaxed) <= self.limit / 2 {
                return;
            }
            drained.await;
        }
    }

    /// Hands a partition to the writer.
    pub(crate) fn push(&self, partition: Arc<Partition>) {
        self.state.lock().ready.push(partition);
        self.filled.notify_one();
    }

    /// Tells the writer to stop.
    pub(crate) fn end(&self, end: End) {
        self.state.lock().end = Some(end);
        self.filled.notify_one();
    }

    /// Everything that waits, as soon as anything does; `None` at the end.
    pub(crate) fn take(&self) -> Option<Vec<Arc<Partition>>> {
        let mut state = self.state.lock();
        loop {
            match (state.end, state.ready.is_empty()) {
                (Some(End::Now), _) | (Some(End::Drained), true) => return None,
                (_, false) => return Some(std::mem::take(&mut state.ready)),
                (None, true) => self.filled.wait(&mut state),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_refused_beyond_the_limit_and_the_broker_never() {
        let queue = Queue::new(10);
        queue.admit(8).unwrap();
        assert!(matches!(
            queue.admit(8),
            Err(Error::Overloaded {
                pending: 8,
                limit: 10
            })
        ));
        queue.count(8);
        queue.release(16);
        queue.admit(80).unwrap();
    }
}
