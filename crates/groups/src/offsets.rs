//! The positions that one group has committed. Who may commit is decided elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{GroupId, Record};

/// A committed position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offset {
    /// The next offset to read.
    pub offset: i64,
    /// The leader epoch of the last record read, or -1.
    pub leader_epoch: i32,
    /// The client's note.
    pub metadata: Arc<str>,
    /// When it was committed, in Unix milliseconds.
    pub committed_ms: i64,
    /// When it ends by the client's own wish (OffsetCommit up to v4), in Unix milliseconds.
    pub expires_ms: Option<i64>,
    /// The id of the topic that was meant, 0 if unknown.
    pub topic_id: u128,
}

impl Offset {
    /// Whether this was committed for a topic that has since been replaced by one of the same name.
    /// An id of 0, on either side, means any.
    #[must_use]
    pub fn is_for(&self, topic_id: u128) -> bool {
        self.topic_id == 0 || topic_id == 0 || self.topic_id == topic_id
    }
}

/// Who commits. A consumer that manages its partitions by itself sends neither member nor generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committer<'a> {
    /// The member's id, or empty.
    pub member_id: &'a str,
    /// The member's instance id, if it is static.
    pub instance_id: Option<&'a str>,
    /// The generation that it belongs to, or its member epoch; -1 without either.
    pub generation: i32,
    /// Whether the request is of a version that knows member epochs.
    pub knows_epochs: bool,
    /// How long to keep the offsets, in milliseconds, where the client says so (up to v4).
    pub retention_ms: Option<i64>,
}

/// One position to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOffset {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The topic's id, 0 if unknown.
    pub topic_id: u128,
    /// The partition's index.
    pub partition: i32,
    /// The next offset to read.
    pub offset: i64,
    /// The leader epoch of the last record read, or -1.
    pub leader_epoch: i32,
    /// The client's note.
    pub metadata: Arc<str>,
}

/// The positions of one group, by topic and partition.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    topics: HashMap<Arc<str>, HashMap<i32, Placed>>,
    /// By producer: what its transaction commits if it is committed itself.
    undecided: HashMap<i64, HashMap<(Arc<str>, i32), Placed>>,
    /// Counts the records.
    records: u64,
}

/// A position, and which record said so: of two the later counts, whenever the earlier is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    record: u64,
    offset: Offset,
}

impl Offsets {
    /// Takes over what a record says. The only way in which this changes, but for transactions.
    pub(crate) fn apply(&mut self, topic: &Arc<str>, partition: i32, value: Option<&Offset>) {
        match value {
            Some(offset) => {
                let placed = self.place(offset);
                let partitions = self.topics.entry(Arc::clone(topic)).or_default();
                partitions.insert(partition, placed);
            }
            None => self.forget(topic, partition),
        }
    }

    /// Takes over what a record says that is part of a producer's transaction.
    pub(crate) fn apply_undecided(
        &mut self,
        producer_id: i64,
        topic: &Arc<str>,
        partition: i32,
        offset: &Offset,
    ) {
        let placed = self.place(offset);
        let of_producer = self.undecided.entry(producer_id).or_default();
        of_producer.insert((Arc::clone(topic), partition), placed);
    }

    /// Takes over how the transaction of a producer ended.
    pub(crate) fn decide(&mut self, producer_id: i64, is_committed: bool) {
        let undecided = self.undecided.remove(&producer_id).unwrap_or_default();
        for ((topic, partition), placed) in undecided.into_iter().filter(|_| is_committed) {
            let partitions = self.topics.entry(topic).or_default();
            let is_newer = |known: &Placed| known.record < placed.record;
            if partitions.get(&partition).is_none_or(is_newer) {
                partitions.insert(partition, placed);
            }
        }
    }

    /// Whether an open transaction may be about to change a position.
    pub(crate) fn is_undecided(&self, topic: &str, partition: i32) -> bool {
        let mut undecided = self.undecided.values().flat_map(HashMap::keys);
        undecided.any(|(name, index)| **name == *topic && *index == partition)
    }

    fn place(&mut self, offset: &Offset) -> Placed {
        self.records += 1;
        Placed {
            record: self.records,
            offset: offset.clone(),
        }
    }

    fn forget(&mut self, topic: &Arc<str>, partition: i32) {
        if let Some(partitions) = self.topics.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                self.topics.remove(topic);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.undecided.is_empty()
    }

    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&Offset> {
        let placed = self.topics.get(topic)?.get(&partition)?;
        Some(&placed.offset)
    }

    /// Everything, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, i32, &Offset)> {
        self.topics.iter().flat_map(|(topic, partitions)| {
            partitions
                .iter()
                .map(move |(index, placed)| (topic, *index, &placed.offset))
        })
    }

    /// The records that forget those positions of `group` that `gone` picks.
    pub(crate) fn tombstones(
        &self,
        group: &GroupId,
        mut gone: impl FnMut(&str, i32, &Offset) -> bool,
    ) -> Vec<Record> {
        self.iter()
            .filter(|(topic, partition, offset)| gone(topic, *partition, offset))
            .map(|(topic, partition, _)| Record::Offset {
                group: Arc::clone(group),
                topic: Arc::clone(topic),
                partition,
                value: None,
            })
            .collect()
    }
}
