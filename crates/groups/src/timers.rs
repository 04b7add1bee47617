//! Deadlines by key: set, moved, cancelled and popped in O(log n). Knows no clock.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// At most one deadline for each key.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    by_key: HashMap<K, i64>,
    by_time: BTreeSet<(i64, K)>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self {
            by_key: HashMap::new(),
            by_time: BTreeSet::new(),
        }
    }
}

impl<K: Clone + Eq + Hash + Ord> Timers<K> {
    /// Gives `key` the deadline `at`, in place of the one that it may have.
    pub(crate) fn set(&mut self, key: K, at: i64) {
        let Some(known) = self.by_key.get_mut(&key) else {
            self.by_key.insert(key.clone(), at);
            self.by_time.insert((at, key));
            return;
        };
        let before = std::mem::replace(known, at);
        if before != at {
            let entry = (before, key);
            self.by_time.remove(&entry);
            self.by_time.insert((at, entry.1));
        }
    }

    /// Whether `key` has a deadline.
    pub(crate) fn is_set(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }

    /// Forgets the deadline of `key`, if it has one.
    pub(crate) fn cancel(&mut self, key: &K) {
        if let Some((key, at)) = self.by_key.remove_entry(key) {
            self.by_time.remove(&(at, key));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<i64> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest key whose deadline is not after `now`.
    pub(crate) fn pop_due(&mut self, now: i64) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_deadline_fires_once_and_in_order() {
        let mut timers = Timers::default();
        timers.set("a", 10);
        timers.set("b", 20);
        timers.set("a", 30);
        timers.set("c", 15);
        timers.cancel(&"c");
        assert_eq!(timers.next(), Some(20));
        assert_eq!(timers.pop_due(19), None);
        assert_eq!(timers.pop_due(40), Some("b"));
        assert_eq!(timers.pop_due(40), Some("a"));
        assert_eq!(timers.pop_due(40), None);
        assert_eq!(timers.next(), None);
    }
}
