//! What clients have: batches that can be sent again, and producers that do so.

use std::collections::VecDeque;

use millstream_batch::{Batch, Builder};

/// Few enough that most records of a partition have a successor.
const KEYS: u64 = 7;

/// A batch that a client has: it can be sent again and is the same then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payload {
    /// Id of an idempotent producer and the sequence of the first record.
    pub(crate) numbered: Option<(i64, i32)>,
    pub(crate) records: usize,
    pub(crate) size: usize,
    pub(crate) time_ms: i64,
    /// In every record, so that no two payloads have the same checksum.
    pub(crate) tag: u64,
}

impl Payload {
    pub(crate) fn batch(&self) -> Batch {
        let mut builder = Builder::new();
        if let Some((id, sequence)) = self.numbered {
            builder = builder.producer(id, 0, sequence);
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
        ((self.tag + at as u64) % KEYS) as u8
    }

    /// The value of all of its records.
    pub(crate) fn value(&self) -> Vec<u8> {
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
