//! The transactional ids of one partition of `__transaction_state`: what is known, what is due, and the replay of it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::entry::{Entry, Outcome, Producer, State, TopicPartition};
use crate::error::Error;

/// What is written down: how an entry is from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The transactional id.
    pub id: Arc<str>,
    /// Its entry; `None` if nothing is known of it any more.
    pub entry: Option<Entry>,
}

/// What is written to the partitions of a transaction, all or nothing with the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markers {
    /// The producer, with the epoch that it may have at most afterwards.
    pub producer: Producer,
    /// How the transaction ends.
    pub outcome: Outcome,
    /// Where.
    pub partitions: Vec<TopicPartition>,
}

/// What a request has come to. Nobody may be told before the change and the markers are durable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Done<T> {
    /// The answer.
    pub result: T,
    /// What is written down; `None` if nothing has changed.
    pub change: Option<Change>,
    /// What a transaction ends with, if one does.
    pub markers: Option<Markers>,
}

impl<T> Done<T> {
    /// An answer for which nothing has to change.
    pub(crate) fn already(result: T) -> Self {
        Done {
            result,
            change: None,
            markers: None,
        }
    }
}

/// The transactional ids of one partition.
#[derive(Debug, Default)]
pub struct Coordinator {
    entries: HashMap<Arc<str>, Entry>,
    /// Who the present producer of an id was before it got the next epoch, as long as nothing has happened since: it may
    /// ask for that epoch, or ask again.
    pub(crate) claims: HashMap<Arc<str>, Producer>,
}

impl Coordinator {
    /// A coordinator without a history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over a change that was written down.
    pub fn apply(&mut self, change: Change) {
        self.claims.remove(&change.id);
        match change.entry {
            Some(entry) => self.entries.insert(change.id, entry),
            None => self.entries.remove(&change.id),
        };
    }

    /// What is known of a transactional id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// All transactional ids, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        self.entries.iter()
    }

    /// The earliest moment at which a transaction has taken too long.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<i64> {
        self.entries.values().filter_map(Entry::due_ms).min()
    }

    /// The ids whose transaction has taken too long.
    #[must_use]
    pub fn timed_out(&self, now_ms: i64) -> Vec<Arc<str>> {
        let is_due = |entry: &Entry| entry.due_ms().is_some_and(|due| due <= now_ms);
        self.ids(is_due)
    }

    /// The ids without a transaction that nobody has used for so long.
    #[must_use]
    pub fn unused(&self, now_ms: i64, expiration_ms: i64) -> Vec<Arc<str>> {
        let is_unused = |entry: &Entry| {
            entry.state != State::Ongoing
                && now_ms.saturating_sub(entry.updated_ms) >= expiration_ms
        };
        self.ids(is_unused)
    }

    /// Forgets an id that has no transaction.
    pub fn forget(&mut self, id: &str) -> Done<()> {
        let has_none = |entry: &&Entry| entry.state != State::Ongoing;
        let known = self.entries.get_key_value(id);
        match known.filter(|(_, entry)| has_none(entry)) {
            Some((id, _)) => {
                let id = Arc::clone(id);
                self.done((), id, None, None)
            }
            None => Done::already(()),
        }
    }

    fn ids(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<str>> {
        let found = self.entries.iter().filter(|(_, entry)| wanted(entry));
        found.map(|(id, _)| Arc::clone(id)).collect()
    }

    /// The entry of an id that belongs to this producer id.
    ///
    /// # Errors
    /// [`Error::UnknownProducer`].
    pub(crate) fn of(&self, id: &str, producer: Producer) -> Result<(Arc<str>, &Entry), Error> {
        let known = self.entries.get_key_value(id);
        let (id, entry) = known
            .filter(|(_, entry)| entry.producer.id == producer.id)
            .ok_or(Error::UnknownProducer)?;
        Ok((Arc::clone(id), entry))
    }

    /// The same, if it belongs to this very producer.
    ///
    /// # Errors
    /// [`Error::UnknownProducer`], [`Error::Fenced`].
    pub(crate) fn used_by(
        &self,
        id: &str,
        producer: Producer,
    ) -> Result<(Arc<str>, &Entry), Error> {
        let (id, entry) = self.of(id, producer)?;
        match entry.producer.epoch == producer.epoch {
            true => Ok((id, entry)),
            false => Err(Error::Fenced),
        }
    }

    /// Makes a change.
    pub(crate) fn done<T>(
        &mut self,
        result: T,
        id: Arc<str>,
        entry: Option<Entry>,
        markers: Option<Markers>,
    ) -> Done<T> {
        let change = Change { id, entry };
        self.apply(change.clone());
        Done {
            result,
            change: Some(change),
            markers,
        }
    }
}
