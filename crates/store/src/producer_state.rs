//! What each idempotent producer sent last to a partition: pure state, no clock, no I/O.
//!
//! The window holds the last five batches of a producer. A batch that is in it again is a duplicate
//! and is answered with where it went the first time; otherwise sequences must follow one another.

mod codec;

use std::collections::{HashMap, VecDeque};

use millstream_batch::{Header, TimestampType};

use crate::error::{Error, Result};

/// Batches of a producer that count as duplicates when they come again; clients keep at most this
/// many requests in flight.
const WINDOW: usize = 5;

/// Batches kept in memory: a full window of what is in the log and one of what is on its way there,
/// so that [`Producers::forget_from`] leaves the window as it was.
const KEPT: usize = 2 * WINDOW;

/// A batch as its producer numbered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbered {
    /// The producer.
    pub(crate) producer_id: i64,
    /// Its epoch.
    pub(crate) epoch: i16,
    /// Sequence of the first record.
    pub(crate) first: i32,
    /// Sequence of the last record.
    pub(crate) last: i32,
}

impl Numbered {
    /// The numbers of a batch, or `None` if its producer is not idempotent or it is a marker.
    pub(crate) fn of(header: &Header) -> Result<Option<Self>> {
        if !header.has_producer() || header.is_control() {
            return Ok(None);
        }
        let (producer_id, sequence) = (header.producer_id, header.base_sequence);
        if sequence < 0 {
            return Err(Error::InvalidSequence {
                producer_id,
                sequence,
            });
        }
        Ok(Some(Numbered {
            producer_id,
            epoch: header.producer_epoch,
            first: sequence,
            last: header.last_sequence(),
        }))
    }
}

/// The sequence that follows; after 2147483647 comes 0.
fn successor(sequence: i32) -> i32 {
    sequence.wrapping_add(1) & i32::MAX
}

/// When the broker stamped a batch, in ms, or −1 if its producer did.
pub(crate) fn log_append_time(header: &Header) -> i64 {
    match header.timestamp_type() {
        TimestampType::CreateTime => -1,
        TimestampType::LogAppendTime => header.max_timestamp,
    }
}

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

/// A producer of a partition, as DescribeProducers tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerSnapshot {
    /// The producer.
    pub producer_id: i64,
    /// Its newest epoch.
    pub epoch: i16,
    /// Sequence of its last record.
    pub last_sequence: i32,
    /// When it last appended, in ms.
    pub last_timestamp: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Producer {
    epoch: i16,
    last_seen_ms: i64,
    window: VecDeque<Accepted>,
    /// Sequence of the first batch that was forgotten, when that emptied the window, or refused: still the next one to
    /// come.
    forgotten: Option<i32>,
}

impl Producer {
    /// The window proper, newest first.
    fn recent(&self) -> impl DoubleEndedIterator<Item = &Accepted> + ExactSizeIterator {
        self.window.iter().rev().take(WINDOW)
    }
}

/// The producers of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Producers(HashMap<i64, Producer>);

impl Producers {
    /// Whether the batch may be appended: `None` if it may, or the same batch from before.
    pub(crate) fn check(&self, batch: Numbered) -> Result<Option<Accepted>> {
        let Numbered {
            producer_id,
            epoch,
            first: found,
            ..
        } = batch;
        let Some(producer) = self.0.get(&producer_id) else {
            return Ok(None);
        };
        if epoch < producer.epoch {
            let current = producer.epoch;
            return Err(Error::InvalidProducerEpoch {
                producer_id,
                current,
                found: epoch,
            });
        }
        let expected = if epoch > producer.epoch {
            0
        } else {
            let same = |old: &&Accepted| (old.first, old.last) == (batch.first, batch.last);
            if let Some(original) = producer.recent().find(same) {
                return Ok(Some(*original));
            }
            producer
                .window
                .back()
                .map(|last| successor(last.last))
                .or(producer.forgotten)
                .unwrap_or(found)
        };
        if found == expected {
            return Ok(None);
        }
        Err(Error::OutOfOrderSequence {
            producer_id,
            epoch,
            expected,
            found,
        })
    }

    /// Remembers a batch that was given a place in the log.
    pub(crate) fn accept(
        &mut self,
        batch: Numbered,
        base_offset: i64,
        log_append_time: i64,
        now_ms: i64,
    ) {
        let fresh = || Producer {
            epoch: batch.epoch,
            last_seen_ms: now_ms,
            window: VecDeque::new(),
            forgotten: None,
        };
        let producer = self.0.entry(batch.producer_id).or_insert_with(fresh);
        if producer.epoch != batch.epoch {
            *producer = fresh();
        }
        if producer.window.len() == KEPT {
            producer.window.pop_front();
        }
        let (first, last) = (batch.first, batch.last);
        producer.window.push_back(Accepted {
            first,
            last,
            base_offset,
            log_append_time,
        });
        producer.last_seen_ms = now_ms;
    }

    /// Remembers a batch that could be appended but was refused: of a producer that nothing is known of, it must come
    /// before any that were sent behind it.
    pub(crate) fn refuse(&mut self, batch: Numbered, now_ms: i64) {
        self.0.entry(batch.producer_id).or_insert_with(|| Producer {
            epoch: batch.epoch,
            last_seen_ms: now_ms,
            window: VecDeque::new(),
            forgotten: Some(batch.first),
        });
    }

    /// Forgets batches at or after an offset: they were accepted and never reached the log.
    pub(crate) fn forget_from(&mut self, offset: i64) {
        for producer in self.0.values_mut() {
            let kept = producer
                .window
                .partition_point(|batch| batch.base_offset < offset);
            if kept == 0 {
                let first = producer.window.front().map(|batch| batch.first);
                producer.forgotten = first.or(producer.forgotten);
            }
            producer.window.truncate(kept);
        }
    }

    /// Takes in a batch found in the log.
    pub(crate) fn replay(&mut self, header: &Header, now_ms: i64) {
        if let Ok(Some(batch)) = Numbered::of(header) {
            self.accept(batch, header.base_offset, log_append_time(header), now_ms);
        }
    }

    /// Forgets producers that were silent for `expiration_ms`.
    pub(crate) fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.0
            .retain(|_, producer| now_ms.saturating_sub(producer.last_seen_ms) < expiration_ms);
    }

    /// The last offset of each producer, in no order.
    pub(crate) fn last_offsets(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().filter_map(|(&id, producer)| {
            let last = producer.window.back()?;
            Some((id, last.last_offset()))
        })
    }

    /// All producers, by id.
    pub(crate) fn describe(&self) -> Vec<ProducerSnapshot> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .map(|(&id, producer)| describe(id, producer))
            .collect();
        all.sort_unstable_by_key(|producer| producer.producer_id);
        all
    }
}

fn describe(producer_id: i64, producer: &Producer) -> ProducerSnapshot {
    ProducerSnapshot {
        producer_id,
        epoch: producer.epoch,
        last_sequence: producer.window.back().map_or(-1, |batch| batch.last),
        last_timestamp: producer.last_seen_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCER: i64 = 9;

    pub(super) fn batch(epoch: i16, first: i32, last: i32) -> Numbered {
        Numbered {
            producer_id: PRODUCER,
            epoch,
            first,
            last,
        }
    }

    /// A producer of epoch 3 that sent batches of 10 records; offsets are 100 above sequences.
    pub(super) fn after(batches: std::ops::Range<i32>) -> Producers {
        let mut producers = Producers::default();
        for i in batches {
            producers.accept(
                batch(3, i * 10, i * 10 + 9),
                i64::from(i) * 10 + 100,
                -1,
                50,
            );
        }
        producers
    }

    #[derive(Debug, PartialEq)]
    pub(super) enum Verdict {
        New,
        Duplicate(i64),
        OutOfOrder(i32),
        OldEpoch,
    }

    pub(super) fn verdict(producers: &Producers, batch: Numbered) -> Verdict {
        match producers.check(batch) {
            Ok(None) => Verdict::New,
            Ok(Some(original)) => Verdict::Duplicate(original.base_offset),
            Err(Error::OutOfOrderSequence { expected, .. }) => Verdict::OutOfOrder(expected),
            Err(Error::InvalidProducerEpoch { .. }) => Verdict::OldEpoch,
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
        let stranger = Numbered {
            producer_id: 1,
            ..batch(0, 1234, 1234)
        };
        check(stranger, Verdict::New);
    }

    #[test]
    fn a_new_epoch_forgets_the_batches_of_the_old() {
        let mut producers = after(0..1);
        producers.accept(batch(4, 0, 9), 110, -1, 60);
        assert_eq!(verdict(&producers, batch(4, 0, 9)), Verdict::Duplicate(110));
        assert_eq!(verdict(&producers, batch(4, 10, 10)), Verdict::New);
        assert_eq!(verdict(&producers, batch(3, 10, 19)), Verdict::OldEpoch);
    }

    #[test]
    fn after_the_largest_sequence_comes_zero() {
        let mut producers = Producers::default();
        producers.accept(batch(0, i32::MAX - 1, i32::MAX), 0, -1, 0);
        assert_eq!(verdict(&producers, batch(0, 0, 4)), Verdict::New);
        assert_eq!(verdict(&producers, batch(0, 1, 4)), Verdict::OutOfOrder(0));
        producers.accept(batch(0, 0, 4), 2, -1, 0);

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
        producers.accept(batch(3, 20, 29), 140, -1, 60);
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
