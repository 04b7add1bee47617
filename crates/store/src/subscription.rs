//! Telling readers that a partition moved, so that a long poll never polls.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Who wants to hear of one partition.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(Mutex<Listeners>);

#[derive(Debug, Default)]
struct Listeners {
    next_id: u64,
    by_id: BTreeMap<u64, Arc<Notify>>,
}

/// Keeps a [`Notify`] registered with a partition; dropping it deregisters.
///
/// The notify holds a permit, so a move between subscribing and waiting is not missed.
#[derive(Debug)]
#[must_use = "dropping it deregisters"]
pub struct Subscription {
    subscribers: Arc<Subscribers>,
    id: u64,
}

impl Subscribers {
    /// Registers a listener.
    pub(crate) fn add(self: &Arc<Self>, notify: &Arc<Notify>) -> Subscription {
        let mut listeners = self.0.lock();
        let id = listeners.next_id;
        listeners.next_id += 1;
        listeners.by_id.insert(id, Arc::clone(notify));
        Subscription {
            subscribers: Arc::clone(self),
            id,
        }
    }

    /// Tells all listeners that the high watermark or the log start moved.
    pub(crate) fn notify(&self) {
        for notify in self.0.lock().by_id.values() {
            notify.notify_one();
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.subscribers.0.lock().by_id.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_move_before_the_wait_is_not_missed() {
        let subscribers = Arc::new(Subscribers::default());
        let notify = Arc::new(Notify::new());
        let subscription = subscribers.add(&notify);
        subscribers.notify();
        notify.notified().await;
        drop(subscription);
        assert!(subscribers.0.lock().by_id.is_empty());
    }
}
