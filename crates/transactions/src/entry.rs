//! What is known of a transactional id, as it is written down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The last epoch that a producer may have. The one above it is for fencing its bearer.
const LAST_EPOCH: i16 = i16::MAX - 1;

/// A producer id with its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Producer {
    /// The producer id.
    pub id: i64,
    /// The epoch.
    pub epoch: i16,
}

impl Producer {
    /// Who comes after it: the same id with the next epoch, or the first of an id that nobody has.
    pub(crate) fn successor(self, spare: Option<i64>) -> Option<Producer> {
        match self.epoch < LAST_EPOCH {
            true => Some(self.fence()),
            false => spare.map(|id| Producer { id, epoch: 0 }),
        }
    }

    /// Whether anybody may be given this epoch.
    pub(crate) fn is_usable(self) -> bool {
        self.epoch <= LAST_EPOCH
    }

    /// The epoch with which markers are written that this producer shall not write behind.
    pub(crate) fn fence(self) -> Producer {
        Producer {
            id: self.id,
            epoch: self.epoch.saturating_add(1),
        }
    }

    /// Whether `self` may be what `before` was told to be from now on.
    pub(crate) fn follows(self, before: Producer, previous_id: i64) -> bool {
        let is_raised = self == before.fence();
        let is_new = self.epoch == 0 && before.epoch == LAST_EPOCH && before.id == previous_id;
        is_raised || is_new
    }
}

/// A partition that a transaction writes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// Index of the partition.
    pub partition: i32,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its records count.
    Commit,
    /// Its records count for nothing.
    Abort,
}

/// By which protocol a producer works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The epoch is that of the producer until another takes its place.
    V1,
    /// Each end raises the epoch (KIP-890), so that nothing of one transaction is taken for a part of the next.
    V2,
}

/// What a transaction has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The producer is known, and has done nothing yet.
    Empty,
    /// The transaction writes to the partitions of the entry.
    Ongoing,
    /// The last transaction was ended so, with the markers in all its partitions.
    Complete(Outcome),
}

/// A transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who may use it.
    pub producer: Producer,
    /// The producer id that the present one took the place of when its epochs were used up; −1 if there was none.
    pub previous_id: i64,
    /// How long a transaction may take, in ms.
    pub timeout_ms: i32,
    /// What its transaction has come to.
    pub state: State,
    /// By which protocol its last transaction was.
    pub version: Version,
    /// What the ongoing transaction writes to.
    pub partitions: BTreeSet<TopicPartition>,
    /// When the ongoing transaction began; −1 without one.
    pub started_ms: i64,
    /// When the entry was changed last.
    pub updated_ms: i64,
}

impl Entry {
    /// When the ongoing transaction has taken too long.
    pub fn due_ms(&self) -> Option<i64> {
        let is_ongoing = self.state == State::Ongoing;
        is_ongoing.then(|| self.started_ms.saturating_add(self.timeout_ms.into()))
    }

    /// The indexes of the partitions that the ongoing transaction writes to, by their topic.
    #[must_use]
    pub fn partitions_by_topic(&self) -> BTreeMap<&str, Vec<i32>> {
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for at in &self.partitions {
            topics.entry(&at.topic).or_default().push(at.partition);
        }
        topics
    }

    /// The same entry without a transaction.
    pub(crate) fn ended(&self, state: State, producer: Producer, now_ms: i64) -> Entry {
        let previous_id = match producer.id == self.producer.id {
            true => self.previous_id,
            false => self.producer.id,
        };
        Entry {
            producer,
            previous_id,
            state,
            partitions: BTreeSet::new(),
            started_ms: -1,
            updated_ms: now_ms,
            ..*self
        }
    }
}
