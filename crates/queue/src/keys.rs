//! Which keys have messages in flight. Only queues that keep the order of each key fill this.

use std::collections::{BTreeMap, HashMap};

use crate::Span;

/// The keys of messages that are in flight or dying.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    by_offset: BTreeMap<i64, u64>,
    in_flight: HashMap<u64, u64>,
}

impl Keys {
    /// Whether messages with this key are in flight.
    pub(crate) fn is_busy(&self, key: u64) -> bool {
        self.in_flight.contains_key(&key)
    }

    /// Takes note of messages that are handed out.
    pub(crate) fn begin(&mut self, span: Span, key: u64) {
        for offset in span.first..=span.last {
            self.by_offset.insert(offset, key);
        }
        *self.in_flight.entry(key).or_default() += span.count();
    }

    /// Takes note of messages that are no longer in flight; tells the keys that nothing holds any more.
    pub(crate) fn end(&mut self, span: Span) -> Vec<u64> {
        let offsets: Vec<i64> = self
            .by_offset
            .range(span.first..=span.last)
            .map(|(offset, _)| *offset)
            .collect();
        let mut free = Vec::new();
        for offset in offsets {
            let Some(key) = self.by_offset.remove(&offset) else {
                continue;
            };
            let Some(count) = self.in_flight.get_mut(&key) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                self.in_flight.remove(&key);
                free.push(key);
            }
        }
        free
    }
}
