//! How far a partition has come, and who waits for it to come further.
//!
//! The writer moves the marks, anybody reads them. Waiting costs one entry in a list, and a group
//! commit wakes exactly those it satisfied.

use std::future::poll_fn;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::config::TopicPartition;
use crate::error::{Error, Result};
use crate::shortage::Shortage;

/// What an append is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// It is in the file, though perhaps only in the page cache.
    Written,
    /// It is as durable as the partition promises, and visible to consumers.
    Durable,
}

/// The offsets that bound a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offsets {
    /// First offset that may be read.
    pub log_start: i64,
    /// Consumers see what is below.
    pub high_watermark: i64,
    /// Consumers that read only what is committed see what is below.
    pub last_stable: i64,
    /// The next append gets this offset.
    pub log_end: i64,
}

/// Losses that are told apart.
const MAX_LOST: usize = 1_024;

/// Why a partition takes no more writes; a later one counts for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Stop {
    /// The store was closed.
    Closed,
    /// A write or sync failed, so what is on the disk is unknown.
    Poisoned,
    /// The partition was deleted.
    Deleted,
}

/// The marks of one partition.
#[derive(Debug)]
pub(crate) struct Progress {
    log_start: AtomicI64,
    written: AtomicI64,
    high_watermark: AtomicI64,
    log_end: AtomicI64,
    /// Where the first transaction begins that is not decided for good, or `i64::MAX`.
    undecided_from: AtomicI64,
    /// What is below was written, or is known to be lost.
    resolved: AtomicI64,
    /// Whether `state.lost` holds anything.
    any_lost: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stopped: Option<Stop>,
    /// What poisoned the partition.
    cause: Option<Arc<str>>,
    /// Offsets that were assigned and never written, and for want of what; ascending. Somebody may wait for any of them,
    /// however late, so none is forgotten; what was lost in a row is one entry, and so are the oldest of very many.
    lost: Vec<(Range<i64>, Shortage)>,
    waiters: Vec<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    next_offset: i64,
    ack: Ack,
    waker: Waker,
}

impl Progress {
    /// The marks of a log that holds `log_start..log_end`, all of it durable.
    pub(crate) fn new(log_start: i64, log_end: i64) -> Self {
        Progress {
            log_start: AtomicI64::new(log_start),
            written: AtomicI64::new(log_end),
            high_watermark: AtomicI64::new(log_end),
            log_end: AtomicI64::new(log_end),
            undecided_from: AtomicI64::new(i64::MAX),
            resolved: AtomicI64::new(log_end),
            any_lost: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// All marks. Each is right by itself; together they never claim more than was true at the end.
    pub(crate) fn offsets(&self) -> Offsets {
        let log_start = self.log_start.load(Ordering::Acquire);
        // In this order: who sees records of a transaction sees that it is not decided.
        let high_watermark = self.high_watermark.load(Ordering::Acquire);
        let undecided_from = self.undecided_from.load(Ordering::Acquire);
        Offsets {
            log_start,
            high_watermark,
            last_stable: undecided_from.max(log_start).min(high_watermark),
            log_end: self.log_end.load(Ordering::Acquire),
        }
    }

    /// Records that offsets below were given out.
    pub(crate) fn set_log_end(&self, offset: i64) {
        self.log_end.store(offset, Ordering::Release);
    }

    /// Records where the first transaction begins that holds back who reads only what is committed. To be called before
    /// its records become visible, and once its marker is sure to.
    pub(crate) fn set_undecided_from(&self, offset: i64) {
        self.undecided_from.store(offset, Ordering::Release);
    }

    /// Moves the log start forward; it never goes back.
    pub(crate) fn set_log_start(&self, offset: i64) {
        self.log_start.fetch_max(offset, Ordering::AcqRel);
    }

    /// Whether everything that was given an offset below `end` is visible, or known to be lost.
    pub(crate) fn is_settled_at(&self, end: i64) -> bool {
        // In this order: an offset is resolved only once the other marks say so.
        self.resolved.load(Ordering::Acquire) == end
            && self.reached(Ack::Written) == self.reached(Ack::Durable)
    }

    fn resolve(&self, offset: i64) {
        self.resolved.fetch_max(offset, Ordering::AcqRel);
    }

    /// Records what is in the file and wakes those who waited for that.
    pub(crate) fn set_written(&self, offset: i64) {
        self.written.store(offset, Ordering::Release);
        self.resolve(offset);
        self.wake(|waiter| waiter.ack == Ack::Written && waiter.next_offset <= offset);
    }

    /// Records what is kept as promised and wakes all who waited for that.
    pub(crate) fn set_high_watermark(&self, offset: i64) {
        self.written.fetch_max(offset, Ordering::AcqRel);
        self.high_watermark.store(offset, Ordering::Release);
        self.resolve(offset);
        self.wake(|waiter| waiter.next_offset <= offset);
    }

    /// Fails whoever waits for offsets that were given out and could not be written.
    pub(crate) fn lose(&self, offsets: Range<i64>, shortage: Shortage) {
        {
            let mut state = self.state.lock();
            match state.lost.last_mut() {
                Some((last, same)) if last.end == offsets.start && *same == shortage => {
                    last.end = offsets.end;
                }
                _ => state.lost.push((offsets.clone(), shortage)),
            }
            state.merge_oldest();
            self.any_lost.store(true, Ordering::Release);
        }
        self.resolve(offsets.end);
        self.wake(|waiter| ends_in(waiter.next_offset, &offsets));
    }

    /// Fails all who wait, now and later. A reason that counts for more takes the place of another: a disk that fails
    /// while the store closes must be known. Whether this is it.
    pub(crate) fn stop(&self, why: Stop) -> bool {
        let first = self.close_as(why);
        self.wake(|_| true);
        first
    }

    fn close_as(&self, why: Stop) -> bool {
        let stopped = &mut self.state.lock().stopped;
        let counts = *stopped < Some(why);
        if counts {
            *stopped = Some(why);
        }
        counts
    }

    /// Fails all who wait, now and later, for what the disk did; whether that is news. The first error stays.
    pub(crate) fn poison(&self, error: &Error) -> bool {
        let cause = || error.to_string().into();
        self.state.lock().cause.get_or_insert_with(cause);
        self.stop(Stop::Poisoned)
    }

    /// Refuses new appends; those that wait go on to their end.
    pub(crate) fn close(&self) {
        self.close_as(Stop::Closed);
    }

    /// Why nothing can be written, if so.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        self.state.lock().stopped
    }

    /// The error that a writer gets, if nothing can be written.
    pub(crate) fn refusal(&self, partition: TopicPartition) -> Option<Error> {
        self.state.lock().refusal(partition)
    }

    /// Waits until everything below `next_offset` is there.
    pub(crate) async fn wait(
        &self,
        partition: TopicPartition,
        next_offset: i64,
        ack: Ack,
    ) -> Result<()> {
        let mut registered: Option<Waker> = None;
        poll_fn(|context| self.poll(partition, next_offset, ack, &mut registered, context)).await
    }

    /// Waits until every offset given out so far is durable or lost.
    pub(crate) async fn settle(&self, partition: TopicPartition) -> Result<()> {
        let mut end = self.log_end.load(Ordering::Acquire);
        loop {
            match self.wait(partition, end, Ack::Durable).await {
                Ok(()) => return Ok(()),
                // What was given out before them may still be on its way.
                Err(error) => end = self.lost_before(end).ok_or(error)?,
            }
        }
    }

    /// Where those lost offsets begin of which `end` is the end, if it is.
    fn lost_before(&self, end: i64) -> Option<i64> {
        let state = self.state.lock();
        state.lost_with(end).map(|(lost, _)| lost.start)
    }

    fn poll(
        &self,
        partition: TopicPartition,
        next_offset: i64,
        ack: Ack,
        registered: &mut Option<Waker>,
        context: &Context<'_>,
    ) -> Poll<Result<()>> {
        if self.reached(ack) >= next_offset && !self.any_lost.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        let mut state = self.state.lock();
        if let Some((_, shortage)) = state.lost_with(next_offset) {
            return Poll::Ready(Err(shortage.error(partition)));
        }
        // Looked at again under the lock: the writer stores first and then takes the lock to wake.
        if self.reached(ack) >= next_offset {
            return Poll::Ready(Ok(()));
        }
        if let Some(refusal) = state.refusal(partition) {
            return Poll::Ready(Err(refusal));
        }
        let waker = context.waker();
        if !registered
            .as_ref()
            .is_some_and(|known| known.will_wake(waker))
        {
            *registered = Some(waker.clone());
            state.waiters.push(Waiter {
                next_offset,
                ack,
                waker: waker.clone(),
            });
        }
        Poll::Pending
    }

    fn reached(&self, ack: Ack) -> i64 {
        match ack {
            Ack::Written => self.written.load(Ordering::Acquire),
            Ack::Durable => self.high_watermark.load(Ordering::Acquire),
        }
    }

    fn wake(&self, satisfied: impl Fn(&Waiter) -> bool) {
        let woken: Vec<Waiter> = self
            .state
            .lock()
            .waiters
            .extract_if(.., |waiter| satisfied(waiter))
            .collect();
        for waiter in woken {
            waiter.waker.wake();
        }
    }
}

impl State {
    /// Takes what lies between the oldest of too many losses for lost, too: who waits so late is rather told wrongly
    /// that something is gone than that it is there.
    fn merge_oldest(&mut self) {
        if self.lost.len() > MAX_LOST {
            let (second, _) = self.lost.remove(1);
            self.lost[0].0.end = second.end;
        }
    }

    /// The lost offsets among which the last one before `next_offset` is.
    fn lost_with(&self, next_offset: i64) -> Option<&(Range<i64>, Shortage)> {
        let at = self
            .lost
            .partition_point(|(lost, _)| lost.end < next_offset);
        self.lost
            .get(at)
            .filter(|(lost, _)| ends_in(next_offset, lost))
    }

    fn refusal(&self, partition: TopicPartition) -> Option<Error> {
        Some(match self.stopped? {
            Stop::Poisoned => Error::Poisoned {
                partition,
                cause: self.cause.clone().unwrap_or_default(),
            },
            Stop::Deleted => Error::Deleted { partition },
            Stop::Closed => Error::Closed,
        })
    }
}

/// Whether the last offset before `next_offset` is one of these.
fn ends_in(next_offset: i64, offsets: &Range<i64>) -> bool {
    offsets.start < next_offset && next_offset <= offsets.end
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    const PARTITION: TopicPartition = TopicPartition {
        topic_id: uuid::Uuid::nil(),
        index: 0,
    };

    /// Polls a wait once, as a task that was not woken would.
    fn now(progress: &Progress, next_offset: i64, ack: Ack) -> Option<String> {
        let wait = pin!(progress.wait(PARTITION, next_offset, ack));
        match wait.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(Ok(())) => Some("ok".into()),
            Poll::Ready(Err(error)) => Some(error.to_string()),
        }
    }

    #[test]
    fn each_ack_waits_for_its_own_mark() {
        let progress = Progress::new(0, 10);
        progress.set_written(20);
        assert_eq!(now(&progress, 10, Ack::Durable).unwrap(), "ok");
        assert_eq!(now(&progress, 20, Ack::Written).unwrap(), "ok");
        assert_eq!(now(&progress, 20, Ack::Durable), None);
        progress.set_high_watermark(20);
        assert_eq!(now(&progress, 20, Ack::Durable).unwrap(), "ok");
    }

    #[tokio::test]
    async fn a_waiter_wakes_when_its_offset_is_durable() {
        let progress = Arc::new(Progress::new(0, 0));
        let waiting = Arc::clone(&progress);
        let task = tokio::spawn(async move { waiting.wait(PARTITION, 5, Ack::Durable).await });
        while progress.state.lock().waiters.is_empty() {
            tokio::task::yield_now().await;
        }
        progress.set_high_watermark(4);
        assert_eq!(progress.state.lock().waiters.len(), 1);
        progress.set_high_watermark(5);
        task.await.unwrap().unwrap();
    }

    #[test]
    fn lost_offsets_fail_even_after_later_ones_succeed() {
        let progress = Progress::new(0, 10);
        progress.lose(10..15, Shortage::Space);
        progress.lose(15..20, Shortage::Space);
        progress.set_high_watermark(30);
        assert!(
            now(&progress, 11, Ack::Durable)
                .unwrap()
                .starts_with("no space left")
        );
        assert!(
            now(&progress, 20, Ack::Written)
                .unwrap()
                .starts_with("no space left")
        );
        assert_eq!(now(&progress, 10, Ack::Durable).unwrap(), "ok");
        assert_eq!(now(&progress, 25, Ack::Durable).unwrap(), "ok");
        assert_eq!(progress.state.lock().lost.len(), 1);
    }

    #[test]
    fn of_very_many_losses_the_oldest_are_told_as_one() {
        let progress = Progress::new(0, 0);
        let count = MAX_LOST as i64 + 10;
        for n in 0..count {
            progress.lose(2 * n..2 * n + 1, Shortage::Space);
        }
        progress.set_high_watermark(2 * count);
        assert_eq!(progress.state.lock().lost.len(), MAX_LOST);
        let is_lost = |n: i64| now(&progress, 2 * n + 1, Ack::Durable).unwrap() != "ok";
        assert!((0..count).all(is_lost));
        let last = now(&progress, 2 * count, Ack::Durable);
        assert_eq!(last.unwrap(), "ok");
    }

    #[test]
    fn a_log_has_settled_once_what_was_not_lost_is_durable() {
        let progress = Progress::new(0, 5);
        progress.set_log_end(20);
        progress.set_written(10);
        progress.lose(10..15, Shortage::Space);
        progress.lose(15..20, Shortage::Handle(rustix::io::Errno::MFILE));
        let mut settle = pin!(progress.settle(PARTITION));
        let context = &mut Context::from_waker(Waker::noop());
        assert!(settle.as_mut().poll(context).is_pending());
        progress.set_high_watermark(10);
        assert!(matches!(settle.poll(context), Poll::Ready(Ok(()))));
    }

    #[test]
    fn a_stop_fails_what_is_not_done_and_nothing_else() {
        let progress = Progress::new(0, 10);
        let reason = "a bit has flipped".to_owned();
        progress.poison(&Error::Corrupt {
            file: "/log".into(),
            position: 7,
            reason,
        });
        progress.stop(Stop::Closed);
        assert_eq!(now(&progress, 10, Ack::Durable).unwrap(), "ok");
        let told = now(&progress, 11, Ack::Durable).unwrap();
        let cause = "disk failed: /log is corrupt at byte 7: a bit has flipped";
        assert!(told.ends_with(cause), "{told}");
    }

    #[test]
    fn a_disk_that_fails_while_the_store_closes_is_not_forgotten() {
        let progress = Progress::new(0, 10);
        progress.close();
        assert!(progress.stop(Stop::Poisoned));
        progress.close();
        assert_eq!(progress.stopped(), Some(Stop::Poisoned));
    }
}
