//! What clients have: batches that can be sent again, producers that do so, and writers of transactions, which do not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use millstream_batch::{Batch, Builder, Marker};
use millstream_store::TopicPartition;

/// Few enough that most records of a partition have a successor.
const KEYS: u64 = 7;

/// Stands for the key of a marker, which no record has.
pub(crate) const MARKER: u8 = u8::MAX;

/// A batch that a client has: it can be sent again and is the same then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payload {
    /// Id of an idempotent producer and the sequence of the first record.
    pub(crate) numbered: Option<(i64, i32)>,
    /// What it is in a transaction, if it is part of one.
    pub(crate) part: Option<Part>,
    pub(crate) records: usize,
    pub(crate) size: usize,
    pub(crate) time_ms: i64,
    /// In every record, so that no two payloads have the same checksum.
    pub(crate) tag: u64,
}

/// What a batch is in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Records of a producer, with its epoch and the sequence of the first.
    Records(i64, i16, i32),
    /// How it ends.
    End(Marker),
}

impl Payload {
    /// A marker that ends a transaction.
    pub(crate) fn end(marker: Marker, time_ms: i64) -> Self {
        Payload {
            numbered: None,
            part: Some(Part::End(marker)),
            records: 1,
            size: 0,
            time_ms,
            tag: 0,
        }
    }

    pub(crate) fn batch(&self) -> Batch {
        let mut builder = Builder::new();
        match (self.numbered, self.part) {
            (Some((id, sequence)), _) => builder = builder.producer(id, 0, sequence),
            (_, Some(Part::Records(id, epoch, sequence))) => {
                builder = builder.producer(id, epoch, sequence).transactional();
            }
            (_, Some(Part::End(marker))) => return marker.batch(self.time_ms).unwrap(),
            _ => {}
        }
        for at in 0..self.records {
            builder.push(
                self.time_ms,
                Some(&[self.key(at)]),
                Some(&self.value()),
                &[],
            );
        }
        builder.build().unwrap()
    }

    /// The key of one of its records; each has another.
    pub(crate) fn key(&self, at: usize) -> u8 {
        if let Some(Part::End(_)) = self.part {
            return MARKER;
        }
        ((self.tag + at as u64) % KEYS) as u8
    }

    /// The value of all of its records.
    pub(crate) fn value(&self) -> Vec<u8> {
        if let Some(Part::End(marker)) = self.part {
            let epoch = marker.coordinator_epoch.to_be_bytes();
            return [&[0, 0], &epoch[..]].concat();
        }
        let mut value = self.tag.to_be_bytes().to_vec();
        value.resize(8 + self.size, b'x');
        value
    }
}

/// An idempotent producer as client libraries are: it sends again, in order, what was not acknowledged.
#[derive(Debug)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    /// The sequence of the next new record.
    pub(crate) next: i32,
    pub(crate) unacknowledged: VecDeque<Payload>,
}

impl Producer {
    pub(crate) fn new(id: i64) -> Self {
        Producer {
            id,
            next: 0,
            unacknowledged: VecDeque::new(),
        }
    }

    /// Takes an answer. One that was sent again may have been acknowledged before.
    pub(crate) fn acknowledge(&mut self, sequence: i32) {
        let is_it =
            |payload: &Payload| payload.numbered.is_some_and(|(_, first)| first == sequence);
        self.unacknowledged.retain(|payload| !is_it(payload));
    }
}

/// A producer with a transaction, which it ends if all went well and its coordinator aborts if not.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
    /// Where it wrote since its last transaction ended.
    pub(crate) open: BTreeSet<TopicPartition>,
    /// The sequence of the next record in each partition.
    sequences: BTreeMap<TopicPartition, i32>,
    /// Whether anything that it sent may be lost.
    pub(crate) failed: bool,
}

impl Writer {
    pub(crate) fn new(id: i64) -> Self {
        Writer {
            id,
            epoch: 0,
            open: BTreeSet::new(),
            sequences: BTreeMap::new(),
            failed: false,
        }
    }

    /// What its next records in a partition are.
    pub(crate) fn part(&mut self, partition: TopicPartition, records: usize) -> Part {
        let next = self.sequences.entry(partition).or_default();
        let part = Part::Records(self.id, self.epoch, *next);
        *next += records as i32;
        part
    }

    /// Goes on with the epoch that ended its transaction.
    pub(crate) fn go_on(&mut self, epoch: i16) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.sequences.clear();
        }
        self.open.clear();
    }
}
