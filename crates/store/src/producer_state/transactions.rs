//! The transactions of a partition's producers: where each begins, and what its marker leaves behind.
//!
//! A producer has at most one open transaction. It begins with the first transactional batch and ends with a marker;
//! what is read as committed ends before the first that is not decided, or whose marker may still be lost.

use millstream_batch::{BatchRef, Marker, Outcome};

use super::{Place, Producer, Producers, Step, log_append_time};
use crate::aborted::{Aborted, Entry};
use crate::error::{Error, Result};

/// A transaction that no marker has ended yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenTransaction {
    /// The producer.
    pub producer_id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// Epoch of the coordinator that ended its last transaction here, or −1.
    pub coordinator_epoch: i32,
    /// Offset of its first record.
    pub first_offset: i64,
    /// When that was appended, or found again after a crash, in ms.
    pub started_ms: i64,
}

/// The same, as part of what is known of its producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transaction {
    pub(super) first_offset: i64,
    pub(super) started_ms: i64,
}

impl Transaction {
    /// One whose first batch stands there.
    pub(super) fn begin(place: Place) -> Self {
        Transaction {
            first_offset: place.base_offset,
            started_ms: place.now_ms,
        }
    }
}

/// A marker that is not below the high watermark yet, and what it takes to do without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// Offset of the marker.
    offset: i64,
    producer_id: i64,
    /// The producer before it, if it was known.
    before: Option<Producer>,
    /// The transaction, if there was one and it is aborted.
    aborted: Option<Entry>,
}

impl Producers {
    /// Ends a producer's transaction, if one is open, and begins the epoch of the marker.
    pub(super) fn end_transaction(&mut self, marker: &Marker, place: Place) {
        let (producer_id, offset) = (marker.producer_id, place.base_offset);
        let before = self.all.get(&producer_id).cloned();
        let fresh = || Producer::new(marker.producer_epoch, place.now_ms);
        let producer = self.all.entry(producer_id).or_insert_with(fresh);
        producer.enter(marker.producer_epoch);
        producer.coordinator_epoch = marker.coordinator_epoch;
        producer.last_seen_ms = place.now_ms;
        let open = producer.transaction.take();
        if let Some(open) = open {
            self.undecided.insert(open.first_offset, Some(offset));
        }
        let decided_to = self.first_open().unwrap_or(offset + 1);
        let aborted = open.filter(|_| marker.outcome == Outcome::Abort);
        let aborted = aborted.map(|open| Entry {
            aborted: Aborted {
                producer_id,
                first_offset: open.first_offset,
                last_offset: offset,
            },
            decided_to,
        });
        self.ended.push_back(Ended {
            offset,
            producer_id,
            before,
            aborted,
        });
    }

    /// Where the earliest transaction begins that no marker has ended.
    fn first_open(&self) -> Option<i64> {
        let mut undecided = self.undecided.iter();
        undecided
            .find(|(_, marker)| marker.is_none())
            .map(|(&first_offset, _)| first_offset)
    }

    /// Takes the markers below the high watermark for granted; tells which transactions they abort, in their order.
    pub(crate) fn settle(&mut self, high_watermark: i64) -> Vec<Entry> {
        let settled = self
            .ended
            .partition_point(|ended| ended.offset < high_watermark);
        if settled == 0 {
            return Vec::new();
        }
        self.undecided
            .retain(|_, marker| marker.is_none_or(|marker| marker >= high_watermark));
        let settled = self.ended.drain(..settled);
        settled.filter_map(|ended| ended.aborted).collect()
    }

    /// Undoes markers at or after an offset, and forgets transactions that began there.
    pub(super) fn reopen_from(&mut self, offset: i64) {
        let kept = self.ended.partition_point(|ended| ended.offset < offset);
        for ended in self.ended.drain(kept..).rev() {
            match ended.before {
                Some(before) => self.all.insert(ended.producer_id, before),
                None => self.all.remove(&ended.producer_id),
            };
        }
        self.undecided.split_off(&offset);
        for marker in self.undecided.values_mut() {
            marker.take_if(|marker| *marker >= offset);
        }
        for producer in self.all.values_mut() {
            producer
                .transaction
                .take_if(|open| open.first_offset >= offset);
        }
    }

    /// Takes in a batch found in the log; the transaction that it aborts, if it does.
    pub(crate) fn replay(&mut self, batch: BatchRef<'_>, now_ms: i64) -> Option<Entry> {
        if let Ok(Some(step)) = Step::of(batch) {
            let place = Place {
                base_offset: batch.header.base_offset,
                log_append_time: log_append_time(&batch.header),
                now_ms,
            };
            self.accept(&step, place);
        }
        self.settle(i64::MAX).pop()
    }

    /// Offset below which every transaction is decided and its marker kept; `i64::MAX` without any other.
    pub(crate) fn undecided_from(&self) -> i64 {
        let first = self.undecided.first_key_value();
        first.map_or(i64::MAX, |(&first_offset, _)| first_offset)
    }

    /// The open transaction of a producer.
    pub(crate) fn transaction(&self, producer_id: i64) -> Option<OpenTransaction> {
        open_transaction(producer_id, self.all.get(&producer_id)?)
    }

    /// All open transactions, by where they begin.
    pub(crate) fn open_transactions(&self) -> Vec<OpenTransaction> {
        let all = self.all.iter();
        let mut open: Vec<_> = all
            .filter_map(|(&id, producer)| open_transaction(id, producer))
            .collect();
        open.sort_unstable_by_key(|open| open.first_offset);
        open
    }
}

fn open_transaction(producer_id: i64, producer: &Producer) -> Option<OpenTransaction> {
    let open = producer.transaction?;
    Some(OpenTransaction {
        producer_id,
        epoch: producer.epoch,
        coordinator_epoch: producer.coordinator_epoch,
        first_offset: open.first_offset,
        started_ms: open.started_ms,
    })
}

impl Producer {
    /// Whether this marker may end the producer's transaction.
    pub(super) fn check_marker(&self, marker: &Marker) -> Result<()> {
        let producer_id = marker.producer_id;
        self.check_epoch(producer_id, marker.producer_epoch)?;
        let (current, found) = (self.coordinator_epoch, marker.coordinator_epoch);
        match found < current {
            true => Err(Error::CoordinatorFenced {
                producer_id,
                current,
                found,
            }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::Sent;
    use super::super::tests::{PRODUCER, Verdict, at, verdict};
    use super::*;

    /// A batch of two records, transactional or not.
    fn records(producer_id: i64, epoch: i16, first: i32, is_transactional: bool) -> Step {
        Step::Records(Sent {
            producer_id,
            epoch,
            sequences: Some((first, first + 1)),
            is_transactional,
        })
    }

    fn sent(epoch: i16, first: i32) -> Step {
        records(PRODUCER, epoch, first, true)
    }

    fn end(producer_id: i64, producer_epoch: i16, outcome: Outcome) -> Step {
        Step::End(Marker {
            producer_id,
            producer_epoch,
            coordinator_epoch: 7,
            outcome,
        })
    }

    /// Accepts one step after the other, each two offsets after the one before.
    fn after(steps: &[Step]) -> Producers {
        let mut producers = Producers::default();
        for (step, base_offset) in steps.iter().zip((0..).step_by(2)) {
            producers.accept(step, at(base_offset, base_offset * 10));
        }
        producers
    }

    fn aborted(producer_id: i64, first_offset: i64, last_offset: i64) -> Aborted {
        Aborted {
            producer_id,
            first_offset,
            last_offset,
        }
    }

    #[test]
    fn a_transaction_is_open_from_its_first_batch_to_its_marker() {
        let mut producers = after(&[sent(0, 0), sent(0, 2)]);
        let open = producers.transaction(PRODUCER).unwrap();
        assert_eq!((open.first_offset, open.started_ms, open.epoch), (0, 0, 0));
        assert_eq!(producers.open_transactions(), [open]);
        assert_eq!(producers.transaction(1), None);
        producers.accept(&end(PRODUCER, 0, Outcome::Commit), at(4, 40));
        assert_eq!(producers.transaction(PRODUCER), None);
        producers.accept(&sent(0, 4), at(5, 50));
        let open = producers.transaction(PRODUCER).unwrap();
        assert_eq!((open.first_offset, open.coordinator_epoch), (5, 7));
    }

    #[test]
    fn outside_of_its_open_transaction_a_producer_sends_nothing() {
        let mut producers = after(&[sent(0, 0)]);
        let outside = |first| records(PRODUCER, 0, first, false);
        assert_eq!(verdict(&producers, outside(2)), Verdict::TransactionOpen);
        assert_eq!(verdict(&producers, outside(0)), Verdict::Duplicate(0));
        assert_eq!(verdict(&producers, outside(3)), Verdict::OutOfOrder(2));
        assert_eq!(verdict(&producers, sent(0, 2)), Verdict::New);
        producers.accept(&end(PRODUCER, 0, Outcome::Abort), at(2, 0));
        assert_eq!(verdict(&producers, outside(2)), Verdict::New);
    }

    #[test]
    fn a_marker_of_the_same_epoch_leaves_the_sequences_and_a_later_one_begins_anew() {
        let mut producers = after(&[sent(3, 0), end(PRODUCER, 3, Outcome::Commit)]);
        assert_eq!(verdict(&producers, sent(3, 2)), Verdict::New);
        assert_eq!(verdict(&producers, sent(3, 0)), Verdict::Duplicate(0));
        producers.accept(&end(PRODUCER, 4, Outcome::Abort), at(4, 0));
        assert_eq!(verdict(&producers, sent(3, 2)), Verdict::OldEpoch);
        assert_eq!(verdict(&producers, sent(3, 0)), Verdict::OldEpoch);
        assert_eq!(verdict(&producers, sent(4, 2)), Verdict::OutOfOrder(0));
        assert_eq!(verdict(&producers, sent(4, 0)), Verdict::New);
        let read = Producers::decode(&producers.encode()).unwrap();
        assert_eq!(verdict(&read, sent(4, 2)), Verdict::OutOfOrder(0));
    }

    #[test]
    fn markers_of_an_older_producer_or_coordinator_are_refused() {
        let producers = after(&[sent(3, 0), end(PRODUCER, 3, Outcome::Commit)]);
        let marker = |producer_epoch, coordinator_epoch| {
            Step::End(Marker {
                producer_id: PRODUCER,
                producer_epoch,
                coordinator_epoch,
                outcome: Outcome::Abort,
            })
        };
        assert_eq!(verdict(&producers, marker(2, 7)), Verdict::OldEpoch);
        assert_eq!(verdict(&producers, marker(3, 6)), Verdict::OldCoordinator);
        assert_eq!(verdict(&producers, marker(3, 7)), Verdict::New);
        assert_eq!(verdict(&producers, marker(4, 8)), Verdict::New);
        let stranger = end(1, 0, Outcome::Abort);
        assert_eq!(verdict(&producers, stranger), Verdict::New);
    }

    #[test]
    fn a_batch_of_a_later_epoch_goes_on_with_the_transaction() {
        let producers = after(&[sent(3, 0), sent(4, 0)]);
        let open = producers.transaction(PRODUCER).unwrap();
        assert_eq!((open.first_offset, open.epoch), (0, 4));
    }

    #[test]
    fn what_is_undecided_ends_where_the_first_marker_below_the_high_watermark_is_missing() {
        let other = records(1, 0, 0, true);
        let mut producers = after(&[sent(0, 0), other]);
        assert_eq!(producers.undecided_from(), 0);
        producers.accept(&end(PRODUCER, 0, Outcome::Abort), at(4, 0));
        assert_eq!(producers.settle(4), []);
        assert_eq!(producers.undecided_from(), 0, "the marker may be lost");
        let settled = producers.settle(5);
        assert_eq!(settled[0].aborted, aborted(PRODUCER, 0, 4));
        assert_eq!(settled[0].decided_to, 2, "the other one is open");
        assert_eq!(producers.undecided_from(), 2);
        producers.accept(&end(1, 0, Outcome::Commit), at(5, 0));
        assert_eq!(producers.settle(6), []);
        assert_eq!(producers.undecided_from(), i64::MAX);
    }

    #[test]
    fn what_never_reached_the_log_is_undone_in_whole() {
        let before = after(&[sent(0, 0), sent(0, 2)]);
        let mut producers = before.clone();
        producers.accept(&end(PRODUCER, 1, Outcome::Abort), at(4, 50));
        producers.accept(&sent(1, 0), at(5, 50));
        producers.accept(&end(PRODUCER, 2, Outcome::Commit), at(7, 50));
        producers.accept(&end(1, 0, Outcome::Abort), at(8, 80));
        let after_first = {
            let mut producers = before.clone();
            producers.accept(&end(PRODUCER, 1, Outcome::Abort), at(4, 50));
            producers
        };
        producers.forget_from(5);
        assert_eq!(producers.encode(), after_first.encode());
        assert_eq!(producers.undecided_from(), 0);
        producers.forget_from(4);
        assert_eq!(producers, before);
        producers.forget_from(0);
        assert_eq!(producers.open_transactions(), []);
        assert_eq!(producers.undecided_from(), i64::MAX);
    }

    #[test]
    fn what_the_broker_writes_in_a_producers_name_opens_a_transaction_and_has_no_sequence() {
        let unnumbered = Step::Records(Sent {
            producer_id: PRODUCER,
            epoch: 3,
            sequences: None,
            is_transactional: true,
        });
        let producers = after(&[unnumbered, unnumbered]);
        let open = producers.transaction(PRODUCER).unwrap();
        assert_eq!(open.first_offset, 0);
        assert_eq!(verdict(&producers, sent(2, 0)), Verdict::OldEpoch);
    }

    #[test]
    fn a_producer_whose_transaction_is_open_does_not_expire() {
        let mut producers = after(&[sent(0, 0)]);
        producers.expire(1_000, 100);
        assert!(producers.transaction(PRODUCER).is_some());
        producers.accept(&end(PRODUCER, 0, Outcome::Commit), at(2, 1_000));
        producers.expire(1_100, 100);
        assert_eq!(producers.describe(), []);
    }

    /// One of three producers sends in a transaction or a coordinator ends it, which may begin the next epoch.
    fn steps() -> impl Strategy<Value = Vec<(i64, Option<(bool, bool)>)>> {
        let ends = prop_oneof![2 => Just(None), 1 => any::<(bool, bool)>().prop_map(Some)];
        proptest::collection::vec((1..=3_i64, ends), 1..40)
    }

    /// The steps that these come to.
    fn numbered(drawn: &[(i64, Option<(bool, bool)>)]) -> Vec<Step> {
        let mut next = HashMap::from([(1, (0, 0)), (2, (0, 0)), (3, (0, 0))]);
        let mut step = |&(id, ended): &(i64, Option<(bool, bool)>)| {
            let (epoch, sequence): &mut (i16, i32) = next.get_mut(&id).unwrap();
            let Some((is_aborted, is_bumped)) = ended else {
                *sequence += 2;
                return records(id, *epoch, *sequence - 2, true);
            };
            if is_bumped {
                (*epoch, *sequence) = (*epoch + 1, 0);
            }
            let outcome = match is_aborted {
                true => Outcome::Abort,
                false => Outcome::Commit,
            };
            end(id, *epoch, outcome)
        };
        drawn.iter().map(&mut step).collect()
    }

    proptest! {
        #[test]
        fn what_is_kept_of_a_log_tells_the_same_as_a_log_that_ends_there(
            drawn in steps(),
            settled in 0..80_i64,
            kept in 0..80_i64,
        ) {
            let steps = numbered(&drawn);
            let mut producers = Producers::default();
            for (step, offset) in steps.iter().zip((0..).step_by(2)) {
                prop_assert_eq!(verdict(&producers, *step), Verdict::New);
                producers.accept(step, at(offset, 0));
            }
            let kept = kept.max(settled);
            let mut aborted = producers.settle(settled);
            producers.forget_from(kept);
            aborted.extend(producers.settle(kept));

            let mut expected = Producers::default();
            let mut replayed = Vec::new();
            for (step, offset) in steps.iter().zip((0..kept).step_by(2)) {
                expected.accept(step, at(offset, 0));
                replayed.extend(expected.settle(i64::MAX));
            }
            prop_assert_eq!(aborted, replayed);
            prop_assert_eq!(producers.open_transactions(), expected.open_transactions());
            prop_assert_eq!(producers.undecided_from(), expected.undecided_from());
            let read = Producers::decode(&producers.encode()).unwrap();
            prop_assert_eq!(read.undecided_from(), expected.undecided_from());
        }
    }
}
