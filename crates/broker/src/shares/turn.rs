//! Consumers who wait for messages of a partition: told when there may be some, and served one after the other.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The waiting room of one group in one partition.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Who waits.
    waiting: Mutex<Vec<Weak<Notify>>>,
    /// Held while one consumer looks for messages. Those who want it get it in the order in which they came, so that
    /// nobody who is fast takes everything.
    pub(super) line: tokio::sync::Mutex<()>,
    /// Held while messages that are given up are taken to their end, so that none is taken there twice.
    pub(super) burial: tokio::sync::Mutex<()>,
}

impl Turn {
    /// Has `notify` told from now on, for as long as it lives.
    pub(super) fn subscribe(&self, notify: &Arc<Notify>) {
        let mut waiting = self.waiting.lock();
        waiting.retain(|one| one.strong_count() > 0);
        waiting.push(Arc::downgrade(notify));
    }

    /// Tells everybody that there may be messages.
    pub(super) fn ring(&self) {
        for notify in self.waiting.lock().iter().filter_map(Weak::upgrade) {
            notify.notify_one();
        }
    }
}
