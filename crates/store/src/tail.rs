//! The newest batches of a partition, kept in memory for readers at the end of its log.
//!
//! The bytes are those the writer wrote: nothing is copied. The writer puts in and takes out;
//! [`Budget`] bounds all tails of a store together and lets the oldest batches go first, whosever
//! they are.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// A batch with the offsets it covers.
#[derive(Debug, Clone)]
pub(crate) struct Cached {
    /// Offset of its first record.
    pub(crate) base_offset: i64,
    /// Offset after its last record.
    pub(crate) next_offset: i64,
    /// The whole batch.
    pub(crate) bytes: Bytes,
}

/// The cached batches of one partition, in offset order without holes.
#[derive(Debug, Default)]
pub(crate) struct Tail(Mutex<VecDeque<Cached>>);

/// What a reader asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Begin with the batch that holds this offset, or the next one there is.
    pub(crate) from: i64,
    /// Stop before this offset.
    pub(crate) until: i64,
    /// Stop before more bytes than this.
    pub(crate) max_bytes: usize,
    /// Return the first batch even if it alone is larger.
    pub(crate) at_least_one: bool,
}

impl Wanted {
    /// Whether a batch of `len` bytes may follow `taken` bytes.
    pub(crate) fn fits(&self, taken: usize, len: usize) -> bool {
        taken + len <= self.max_bytes || (taken == 0 && self.at_least_one)
    }

    /// Goes on after `taken` bytes were found that end before `next_offset`.
    pub(crate) fn pass(&mut self, next_offset: i64, taken: usize) {
        self.from = next_offset;
        self.max_bytes = self.max_bytes.saturating_sub(taken);
        self.at_least_one = false;
    }
}

impl Tail {
    /// The batches wanted, or `None` if they begin before the cache does.
    pub(crate) fn read(&self, wanted: Wanted) -> Option<Vec<Bytes>> {
        let tail = self.0.lock();
        let first = tail.partition_point(|batch| batch.next_offset <= wanted.from);
        if first == tail.len() || (first == 0 && tail[0].base_offset > wanted.from) {
            return None;
        }
        let mut taken = 0;
        let batches = tail.range(first..).take_while(|batch| {
            let fits = batch.next_offset <= wanted.until && wanted.fits(taken, batch.bytes.len());
            taken += batch.bytes.len();
            fits
        });
        Some(batches.map(|batch| batch.bytes.clone()).collect())
    }

    /// Adds batches at the end.
    fn push(&self, batches: impl IntoIterator<Item = Cached>) {
        self.0.lock().extend(batches);
    }

    /// Lets go of everything below an offset.
    pub(crate) fn evict_below(&self, offset: i64) {
        let mut tail = self.0.lock();
        let gone = tail.partition_point(|batch| batch.next_offset <= offset);
        tail.drain(..gone);
        if tail.is_empty() {
            // A partition that nobody writes to keeps no room for more.
            *tail = VecDeque::new();
        }
    }
}

/// What a cached batch takes up besides its bytes; with small batches it is most of it.
const OVERHEAD: usize = 128;

/// The bytes that all tails of a store may hold together; owned by the writer thread.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: usize,
    /// What was put in, oldest first: the tail, the offset after it and its bytes.
    ages: VecDeque<(Arc<Tail>, i64, usize)>,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Budget {
            limit,
            used: 0,
            ages: VecDeque::new(),
        }
    }

    /// Puts batches that became visible into their partition's tail and evicts the oldest of all.
    pub(crate) fn insert(&mut self, tail: &Arc<Tail>, batches: Vec<Cached>) {
        let Some(next_offset) = batches.last().map(|batch| batch.next_offset) else {
            return;
        };
        let len = batches
            .iter()
            .map(|batch| batch.bytes.len() + OVERHEAD)
            .sum();
        tail.push(batches);
        self.ages.push_back((Arc::clone(tail), next_offset, len));
        self.used += len;
        while self.used > self.limit {
            let Some((oldest, below, len)) = self.ages.pop_front() else {
                break;
            };
            oldest.evict_below(below);
            self.used -= len;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch of ten offsets and as many bytes.
    fn batch(base_offset: i64) -> Cached {
        let bytes = Bytes::from(vec![base_offset as u8; 10]);
        Cached {
            base_offset,
            next_offset: base_offset + 10,
            bytes,
        }
    }

    fn firsts(tail: &Tail, from: i64, until: i64, max_bytes: usize) -> Option<Vec<u8>> {
        let wanted = Wanted {
            from,
            until,
            max_bytes,
            at_least_one: true,
        };
        tail.read(wanted)
            .map(|batches| batches.iter().map(|bytes| bytes[0]).collect())
    }

    #[test]
    fn a_read_is_whole_batches_within_bounds() {
        let tail = Tail::default();
        tail.push([batch(10), batch(20), batch(30)]);
        assert_eq!(firsts(&tail, 9, 99, 99), None);
        assert_eq!(firsts(&tail, 10, 99, 99), Some(vec![10, 20, 30]));
        assert_eq!(firsts(&tail, 25, 99, 99), Some(vec![20, 30]));
        assert_eq!(firsts(&tail, 10, 30, 99), Some(vec![10, 20]));
        assert_eq!(firsts(&tail, 10, 99, 20), Some(vec![10, 20]));
        assert_eq!(firsts(&tail, 10, 99, 1), Some(vec![10]));
        assert_eq!(firsts(&tail, 40, 99, 99), None);
        let strict = Wanted {
            from: 10,
            until: 99,
            max_bytes: 1,
            at_least_one: false,
        };
        assert_eq!(tail.read(strict).unwrap().len(), 0);
    }

    #[test]
    fn the_budget_lets_the_oldest_go_whosever_they_are() {
        let (a, b) = (Arc::new(Tail::default()), Arc::new(Tail::default()));
        let mut budget = Budget::new(3 * (10 + OVERHEAD));
        budget.insert(&a, vec![batch(0)]);
        budget.insert(&b, vec![batch(0)]);
        budget.insert(&a, vec![batch(10)]);
        assert_eq!(firsts(&a, 0, 99, 99), Some(vec![0, 10]));
        budget.insert(&b, vec![batch(10), batch(20)]);
        assert_eq!(firsts(&a, 0, 99, 99), None);
        assert_eq!(firsts(&a, 10, 99, 99), Some(vec![10]));
        assert_eq!(firsts(&b, 0, 99, 99), None);
        assert_eq!(firsts(&b, 10, 99, 99), Some(vec![10, 20]));
    }
}
