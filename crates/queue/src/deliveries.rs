//! The state as a whole: what it holds, what is written down of it, and how it comes back.

use crate::keys::Keys;
use crate::run::{Run, State};
use crate::runs::Runs;
use crate::{Change, Fate, Span};

/// Bounds that the state keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How often a message is handed out before it is given up; at least 1.
    pub deliveries: u16,
    /// How many messages may be in flight at the same time; at least 1.
    pub in_flight: u64,
    /// How many messages may be delayed, or wait for their key, while later ones go on.
    pub held_back: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deliveries: 5,
            in_flight: 2_000,
            held_back: 100_000,
        }
    }
}

/// How many messages are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// In flight.
    pub acquired: u64,
    /// Delayed, or waiting for others with their key.
    pub held_back: u64,
    /// Finished, above the start.
    pub finished: u64,
}

/// What has become of each message of a partition, for one group.
#[derive(Debug, Default)]
pub struct Deliveries {
    pub(crate) limits: Limits,
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// The messages from `start` to `end`.
    pub(crate) runs: Runs,
    pub(crate) keys: Keys,
}

impl Deliveries {
    /// A state that begins with the message at `start`.
    #[must_use]
    pub fn new(start: i64) -> Self {
        Self {
            start,
            end: start,
            ..Self::default()
        }
    }

    /// Puts other bounds in force. What is beyond them stays as it is.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The first message that is not finished; those below are.
    #[must_use]
    pub fn start(&self) -> i64 {
        self.start
    }

    /// The first message that was never looked at; all above are available.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.end
    }

    /// How many messages are where.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            acquired: self.runs.acquired(),
            held_back: self.runs.held_back(),
            finished: self.runs.finished(),
        }
    }

    /// How many messages a consumer has.
    #[must_use]
    pub fn held(&self, consumer: &str) -> u64 {
        self.runs.held(consumer)
    }

    /// The messages above the start that are finished, in order, as long rows.
    pub fn finished(&self) -> impl Iterator<Item = Span> {
        let mut finished = self
            .runs
            .iter()
            .filter(|(_, run)| run.state.is_finished())
            .map(|(span, _)| span)
            .peekable();
        std::iter::from_fn(move || {
            let mut row = finished.next()?;
            while let Some(next) = finished.next_if(|next| next.first == row.next()) {
                row.last = next.last;
            }
            Some(row)
        })
    }

    /// What has to be written down to get this state again, beside its start: all between start and end that
    /// is not simply available.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for (span, run) in self.runs.iter() {
            let (fate, deliveries) = run.remembered();
            if (fate, deliveries) == (Fate::Available, 0) {
                continue;
            }
            match changes.last_mut() {
                Some(last)
                    if (last.fate, last.deliveries, last.span.next())
                        == (fate, deliveries, span.first) =>
                {
                    last.span.last = span.last;
                }
                _ => changes.push(Change {
                    span,
                    fate,
                    deliveries,
                }),
            }
        }
        changes
    }

    /// Takes over what was written down: that the state began at `start`, and a change. What lies below the
    /// start is passed over, and what the end had not come to is looked at.
    pub fn apply(&mut self, start: i64, changes: &[Change]) {
        self.begin_at(start);
        for change in changes {
            let Some(span) = Span::new(change.span.first.max(self.start), change.span.last) else {
                continue;
            };
            self.extend(span.next());
            self.runs.change(span, |run| match change.fate {
                Fate::Available => {
                    *run = Run::FRESH;
                    run.attempts.count = change.deliveries;
                }
                Fate::Acknowledged => run.finish(State::Acknowledged),
                Fate::Archived => run.finish(State::Archived),
            });
        }
        self.advance();
    }

    /// Makes `start` the first message, if it is not past it: what lies below is finished, because it was
    /// acknowledged as a whole or is no longer there.
    pub fn begin_at(&mut self, start: i64) {
        if start <= self.start {
            return;
        }
        if let Some(gone) = Span::new(self.start, start - 1) {
            self.free(gone);
        }
        self.runs.remove_below(start);
        self.start = start;
        self.end = self.end.max(start);
        self.wake_idle();
        self.advance();
    }

    /// The earliest moment at which [`Deliveries::expire`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<i64> {
        self.runs.next_deadline()
    }

    /// Looks at the messages below `end`.
    pub(crate) fn extend(&mut self, end: i64) {
        if let Some(span) = Span::new(self.end, end.saturating_sub(1)) {
            self.runs.push(span, Run::FRESH);
            self.end = span.next();
        }
    }

    /// Moves the start over what is finished.
    pub(crate) fn advance(&mut self) {
        while let Some(span) = self.runs.pop_finished() {
            self.start = span.next();
        }
    }

    /// Lets go of the keys of messages that are no longer in flight.
    pub(crate) fn free(&mut self, span: Span) {
        for key in self.keys.end(span) {
            self.wake(key);
        }
    }

    /// Lets the first of those that wait for a key be found. Who takes it takes others with it.
    fn wake(&mut self, key: u64) {
        if let Some(first) = self.runs.first_behind(key) {
            let first = Span::one(first);
            self.runs.change(first, |run| run.state = State::Ready);
        }
    }

    /// Sees to it that none waits for a key that nothing holds: those before it may be gone.
    pub(crate) fn wake_idle(&mut self) {
        for key in self.runs.awaited() {
            if !self.keys.is_busy(key) {
                self.wake(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Candidate, Consumer, Demand, Verdict};

    fn take_one(queue: &mut Deliveries, by: &Consumer, now_ms: i64) -> Span {
        let from = queue.next_offset().unwrap();
        let demand = Demand {
            by,
            enough: 1,
            at_most: 1,
            has_others: false,
            until_ms: 1_000,
            now_ms,
        };
        let next = Candidate {
            span: Span::one(from),
            key: None,
            due_ms: 0,
        };
        queue.acquire(demand, from, from + 1, [next])[0].span
    }

    #[test]
    fn none_waits_for_a_key_whose_messages_are_gone() {
        let (mut queue, by) = (Deliveries::new(0), Consumer::from("a"));
        let messages = |from: i64| {
            (from..9).map(|offset| Candidate {
                span: Span::one(offset),
                key: Some(offset.unsigned_abs() % 2),
                due_ms: 0,
            })
        };
        let demand = |by| Demand {
            by,
            enough: 1,
            at_most: 1,
            has_others: false,
            until_ms: 10,
            now_ms: 0,
        };
        let other = Consumer::from("b");
        assert_eq!(
            queue.acquire(demand(&by), 0, 9, messages(0))[0].span.first,
            0
        );
        let from = queue.next_offset().unwrap();
        queue.acquire(demand(&other), from, 9, messages(from));
        let from = queue.next_offset().unwrap();
        assert_eq!(queue.acquire(demand(&other), from, 9, messages(from)), []);
        // Wakes the next of the first key, which is then removed with those before it.
        queue.release_all(&by);
        queue.begin_at(3);
        let from = queue.next_offset().unwrap();
        assert_eq!(
            queue.acquire(demand(&by), from, 9, messages(from))[0]
                .span
                .first,
            3
        );
    }

    #[test]
    fn what_is_finished_takes_no_room_however_it_came_to_it() {
        let (mut queue, by) = (Deliveries::new(0), Consumer::from("a"));
        let pin = take_one(&mut queue, &by, 0);
        for now_ms in 1..500 {
            let span = take_one(&mut queue, &Arc::clone(&by), now_ms);
            let verdict = match now_ms % 3 {
                0 => Verdict::Release,
                _ => Verdict::Acknowledge,
            };
            queue.settle(&by, &[(span, verdict)]).unwrap();
        }
        assert_eq!(queue.start(), pin.first);
        // The one that somebody has, those that are finished, and perhaps one that was released.
        assert!(queue.runs.iter().count() <= 3);
    }
}
