//! What each idempotent producer sent last to a partition: pure state, no clock, no I/O.
//!
//! The window holds the last five batches of a producer. A batch that is in it again is a duplicate
//! and is answered with where it went the first time; otherwise sequences must follow one another.
//! Each epoch has a window of its own. Beside it stands the producer's transaction, if one is open.

mod codec;
mod step;
mod transactions;

use std::collections::{BTreeMap, HashMap, VecDeque};

pub(crate) use step::{Sent, Step, log_append_time};
pub use transactions::OpenTransaction;

use crate::error::{Error, Result};
use step::successor;
use transactions::{Ended, Transaction};

/// Batches of a producer that count as duplicates when they come again; clients keep at most this
/// many requests in flight.
const WINDOW: usize = 5;

/// Batches kept in memory: a full window of what is in the log and one of what is on its way there,
/// so that [`Producers::forget_from`] leaves the window as it was.
const KEPT: usize = 2 * WINDOW;

/// Coordinator epoch of a producer whose transactions no marker has ended yet.
const NO_COORDINATOR: i32 = -1;

/// A batch that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Sequence of the first record.
    pub(crate) first: i32,
    /// Sequence of the last record.
    pub(crate) last: i32,
    /// Offset of the first record.
    pub(crate) base_offset: i64,
    /// When the broker stamped it, in ms, or −1 if its producer did.
    pub(crate) log_append_time: i64,
}

impl Accepted {
    /// Offset of the last record: sequences and offsets advance alike.
    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last.wrapping_sub(self.first) & i32::MAX)
    }
}

/// Where in the log a batch stands, and when it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Offset of its first record.
    pub(crate) base_offset: i64,
    /// When the broker stamped it, in ms, or −1 if its producer did.
    pub(crate) log_append_time: i64,
    /// When it was appended, or found again, in ms.
    pub(crate) now_ms: i64,
}

/// A producer of a partition, as DescribeProducers tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerSnapshot {
    /// The producer.
    pub producer_id: i64,
    /// Its newest epoch.
    pub epoch: i16,
    /// Sequence of its last record, or −1 if this epoch has none yet.
    pub last_sequence: i32,
    /// When it last appended, in ms.
    pub last_timestamp: i64,
    /// Epoch of the coordinator that last ended a transaction of it here, or −1.
    pub coordinator_epoch: i32,
    /// Offset of the first record of its open transaction, if there is one.
    pub transaction_start: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Producer {
    epoch: i16,
    last_seen_ms: i64,
    window: VecDeque<Accepted>,
    /// The sequence that has to come next although the window is empty: that of the first batch that was forgotten or
    /// refused, or 0 where a marker began the epoch.
    expected: Option<i32>,
    coordinator_epoch: i32,
    transaction: Option<Transaction>,
}

impl Producer {
    /// One of which nothing is known yet.
    fn new(epoch: i16, now_ms: i64) -> Self {
        Producer {
            epoch,
            last_seen_ms: now_ms,
            window: VecDeque::new(),
            expected: None,
            coordinator_epoch: NO_COORDINATOR,
            transaction: None,
        }
    }

    /// The window proper, newest first.
    fn recent(&self) -> impl DoubleEndedIterator<Item = &Accepted> + ExactSizeIterator {
        self.window.iter().rev().take(WINDOW)
    }

    /// Goes on in another epoch, if it is another; its transaction stays open.
    fn enter(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.window.clear();
            self.expected = Some(0);
        }
    }

    /// The sequence that has to come next, if any has to.
    fn next_sequence(&self) -> Option<i32> {
        let last = self.window.back();
        last.map(|last| successor(last.last)).or(self.expected)
    }
}

/// The producers of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Producers {
    all: HashMap<i64, Producer>,
    /// Transactions that hold back who reads only what is committed: where each begins, and its marker if that is on its
    /// way.
    undecided: BTreeMap<i64, Option<i64>>,
    /// The markers on their way, in the order of the log.
    ended: VecDeque<Ended>,
}

impl Producers {
    /// Whether the batch may be appended: `None` if it may, or the same batch from before.
    pub(crate) fn check(&self, step: &Step) -> Result<Option<Accepted>> {
        let Some(producer) = self.all.get(&step.producer_id()) else {
            return Ok(None);
        };
        match step {
            Step::Records(sent) => producer.check(sent),
            Step::End(marker) => producer.check_marker(marker).map(|()| None),
        }
    }

    /// Remembers a batch that was given a place in the log.
    pub(crate) fn accept(&mut self, step: &Step, place: Place) {
        match step {
            Step::Records(sent) => self.accept_records(sent, place),
            Step::End(marker) => self.end_transaction(marker, place),
        }
    }

    fn accept_records(&mut self, sent: &Sent, place: Place) {
        let fresh = || Producer::new(sent.epoch, place.now_ms);
        let producer = self.all.entry(sent.producer_id).or_insert_with(fresh);
        producer.enter(sent.epoch);
        producer.last_seen_ms = place.now_ms;
        if let Some((first, last)) = sent.sequences {
            if producer.window.len() == KEPT {
                producer.window.pop_front();
            }
            producer.window.push_back(Accepted {
                first,
                last,
                base_offset: place.base_offset,
                log_append_time: place.log_append_time,
            });
        }
        if sent.is_transactional && producer.transaction.is_none() {
            producer.transaction = Some(Transaction::begin(place));
            self.undecided.insert(place.base_offset, None);
        }
    }

    /// Remembers a batch that could be appended but was refused: of a producer that nothing is known of, it must come
    /// before any that were sent behind it.
    pub(crate) fn refuse(&mut self, step: &Step, now_ms: i64) {
        if let Step::Records(sent) = step {
            let entry = self.all.entry(sent.producer_id);
            entry.or_insert_with(|| Producer {
                expected: sent.sequences.map(|(first, _)| first),
                ..Producer::new(sent.epoch, now_ms)
            });
        }
    }

    /// Forgets batches at or after an offset: they were accepted and never reached the log.
    pub(crate) fn forget_from(&mut self, offset: i64) {
        self.reopen_from(offset);
        for producer in self.all.values_mut() {
            let kept = producer
                .window
                .partition_point(|batch| batch.base_offset < offset);
            if kept == 0 {
                let first = producer.window.front().map(|batch| batch.first);
                producer.expected = first.or(producer.expected);
            }
            producer.window.truncate(kept);
        }
    }

    /// Forgets producers that were silent for `expiration_ms`, but none whose transaction is open.
    pub(crate) fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.all.retain(|_, producer| {
            let silent_ms = now_ms.saturating_sub(producer.last_seen_ms);
            silent_ms < expiration_ms || producer.transaction.is_some()
        });
    }

    /// The last offset of each producer, in no order.
    pub(crate) fn last_offsets(&self) -> impl Iterator<Item = (i64, i64)> {
        self.all.iter().filter_map(|(&id, producer)| {
            let last = producer.window.back()?;
            Some((id, last.last_offset()))
        })
    }

    /// All producers, by id.
    pub(crate) fn describe(&self) -> Vec<ProducerSnapshot> {
        let mut all: Vec<_> = self
            .all
            .iter()
            .map(|(&id, producer)| describe(id, producer))
            .collect();
        all.sort_unstable_by_key(|producer| producer.producer_id);
        all
    }
}

impl Producer {
    /// Whether these records may follow: `None` if they may, or the same batch from before.
    fn check(&self, sent: &Sent) -> Result<Option<Accepted>> {
        let &Sent {
            producer_id, epoch, ..
        } = sent;
        self.check_epoch(producer_id, epoch)?;
        if let Some((found, last)) = sent.sequences {
            let is_same_epoch = epoch == self.epoch;
            let same = |old: &&Accepted| (old.first, old.last) == (found, last);
            if is_same_epoch && let Some(original) = self.recent().find(same) {
                return Ok(Some(*original));
            }
            let next = match is_same_epoch {
                true => self.next_sequence(),
                false => Some(0),
            };
            if let Some(expected) = next.filter(|&next| next != found) {
                return Err(Error::OutOfOrderSequence {
                    producer_id,
                    epoch,
                    expected,
                    found,
                });
            }
        }
        match self.transaction {
            Some(open) if !sent.is_transactional => Err(Error::TransactionOpen {
                producer_id,
                first_offset: open.first_offset,
            }),
            _ => Ok(None),
        }
    }

    fn check_epoch(&self, producer_id: i64, found: i16) -> Result<()> {
        let current = self.epoch;
        match found < current {
            true => Err(Error::InvalidProducerEpoch {
                producer_id,
                current,
                found,
            }),
            false => Ok(()),
        }
    }
}

fn describe(producer_id: i64, producer: &Producer) -> ProducerSnapshot {
    ProducerSnapshot {
        producer_id,
        epoch: producer.epoch,
        last_sequence: producer.window.back().map_or(-1, |batch| batch.last),
        last_timestamp: producer.last_seen_ms,
        coordinator_epoch: producer.coordinator_epoch,
        transaction_start: producer.transaction.map(|open| open.first_offset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const PRODUCER: i64 = 9;

    pub(super) fn batch(epoch: i16, first: i32, last: i32) -> Step {
        of(PRODUCER, epoch, first, last)
    }

    fn of(producer_id: i64, epoch: i16, first: i32, last: i32) -> Step {
        Step::Records(Sent {
            producer_id,
            epoch,
            sequences: Some((first, last)),
            is_transactional: false,
        })
    }

    /// Where a batch goes that its producer stamped.
    pub(super) fn at(base_offset: i64, now_ms: i64) -> Place {
        Place {
            base_offset,
            log_append_time: -1,
            now_ms,
        }
    }

    /// A producer of epoch 3 that sent batches of 10 records; offsets are 100 above sequences.
    pub(super) fn after(batches: std::ops::Range<i32>) -> Producers {
        let mut producers = Producers::default();
        for i in batches {
            let place = at(i64::from(i) * 10 + 100, 50);
            producers.accept(&batch(3, i * 10, i * 10 + 9), place);
        }
        producers
    }

    #[derive(Debug, PartialEq)]
    pub(super) enum Verdict {
        New,
        Duplicate(i64),
        OutOfOrder(i32),
        OldEpoch,
        TransactionOpen,
        OldCoordinator,
    }

    pub(super) fn verdict(producers: &Producers, step: Step) -> Verdict {
        match producers.check(&step) {
            Ok(None) => Verdict::New,
            Ok(Some(original)) => Verdict::Duplicate(original.base_offset),
            Err(Error::OutOfOrderSequence { expected, .. }) => Verdict::OutOfOrder(expected),
            Err(Error::InvalidProducerEpoch { .. }) => Verdict::OldEpoch,
            Err(Error::TransactionOpen { .. }) => Verdict::TransactionOpen,
            Err(Error::CoordinatorFenced { .. }) => Verdict::OldCoordinator,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn sequences_follow_one_another_and_the_last_five_batches_may_repeat() {
        let producers = after(0..7);
        let check = |b, expected| assert_eq!(verdict(&producers, b), expected, "{b:?}");
        check(batch(3, 70, 79), Verdict::New);
        check(batch(3, 60, 69), Verdict::Duplicate(160));
        check(batch(3, 20, 29), Verdict::Duplicate(120));
        check(batch(3, 10, 19), Verdict::OutOfOrder(70));
        check(batch(3, 60, 68), Verdict::OutOfOrder(70));
        check(batch(3, 80, 89), Verdict::OutOfOrder(70));
        check(batch(2, 70, 79), Verdict::OldEpoch);
        check(batch(4, 0, 9), Verdict::New);
        check(batch(4, 70, 79), Verdict::OutOfOrder(0));
        check(of(1, 0, 1234, 1234), Verdict::New);
    }

    #[test]
    fn a_new_epoch_forgets_the_batches_of_the_old() {
        let mut producers = after(0..1);
        producers.accept(&batch(4, 0, 9), at(110, 60));
        assert_eq!(verdict(&producers, batch(4, 0, 9)), Verdict::Duplicate(110));
        assert_eq!(verdict(&producers, batch(4, 10, 10)), Verdict::New);
        assert_eq!(verdict(&producers, batch(3, 10, 19)), Verdict::OldEpoch);
    }

    #[test]
    fn after_the_largest_sequence_comes_zero() {
        let mut producers = Producers::default();
        producers.accept(&batch(0, i32::MAX - 1, i32::MAX), at(0, 0));
        assert_eq!(verdict(&producers, batch(0, 0, 4)), Verdict::New);
        assert_eq!(verdict(&producers, batch(0, 1, 4)), Verdict::OutOfOrder(0));
        producers.accept(&batch(0, 0, 4), at(2, 0));

        assert_eq!(successor(i32::MAX), 0);
        let across = Accepted {
            first: i32::MAX,
            last: 1,
            base_offset: 10,
            log_append_time: -1,
        };
        assert_eq!(across.last_offset(), 12);
    }

    #[test]
    fn batches_that_never_reached_the_log_leave_the_window_as_it_was() {
        let mut producers = after(0..10);
        producers.forget_from(150);
        assert_eq!(verdict(&producers, batch(3, 50, 59)), Verdict::New);
        assert_eq!(verdict(&producers, batch(3, 0, 9)), Verdict::Duplicate(100));
        assert_eq!(
            verdict(&producers, batch(3, 60, 69)),
            Verdict::OutOfOrder(50)
        );
    }

    #[test]
    fn a_producer_of_whom_nothing_reached_the_log_may_not_skip_what_was_lost() {
        let mut producers = after(2..4);
        for _ in 0..2 {
            producers.forget_from(100);
            assert_eq!(verdict(&producers, batch(3, 20, 29)), Verdict::New);
            assert_eq!(
                verdict(&producers, batch(3, 30, 39)),
                Verdict::OutOfOrder(20)
            );
            assert_eq!(verdict(&producers, batch(4, 0, 9)), Verdict::New);
        }
        producers.accept(&batch(3, 20, 29), at(140, 60));
        assert_eq!(verdict(&producers, batch(3, 30, 39)), Verdict::New);
    }

    #[test]
    fn silent_producers_expire() {
        let mut producers = after(0..1);
        producers.expire(149, 100);
        assert_eq!(producers.describe().len(), 1);
        producers.expire(150, 100);
        assert_eq!(producers.describe(), []);
        assert_eq!(verdict(&producers, batch(0, 5, 5)), Verdict::New);
    }
}
