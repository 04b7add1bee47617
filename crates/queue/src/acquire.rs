//! Handing messages out.

use std::collections::HashSet;

use crate::run::{Attempts, Run, State};
use crate::{Consumer, Deliveries, Span};

/// Messages that the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub span: Span,
    /// What they are ordered by, where messages of one key go to one consumer at a time.
    pub key: Option<u64>,
    /// When they may be handed out for the first time; 0 for at once.
    pub due_ms: i64,
}

/// Who wants how much.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// The consumer.
    pub by: &'a Consumer,
    /// Once it has so many, no further candidate is begun.
    pub enough: u64,
    /// It gets no more than so many.
    pub at_most: u64,
    /// Whether it is given others already, which one on its last delivery is not mixed with.
    pub has_others: bool,
    /// Until when it has them.
    pub until_ms: i64,
    /// The time.
    pub now_ms: i64,
}

/// Messages that were handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acquired {
    /// Which.
    pub span: Span,
    /// How often they have been handed out, with this time.
    pub deliveries: u16,
}

/// What one call has handed out.
struct Haul<'a> {
    demand: Demand<'a>,
    room: u64,
    taken: Vec<Acquired>,
    count: u64,
    keys: HashSet<u64>,
    /// Whether nothing may be added.
    is_closed: bool,
}

impl Haul<'_> {
    fn add(&mut self, span: Span, deliveries: u16) {
        self.room -= span.count();
        self.count += span.count();
        match self.taken.last_mut() {
            Some(last) if (last.span.next(), last.deliveries) == (span.first, deliveries) => {
                last.span.last = span.last;
            }
            _ => self.taken.push(Acquired { span, deliveries }),
        }
    }

    fn is_full(&self) -> bool {
        self.is_closed || self.room == 0
    }
}

impl Deliveries {
    /// Where to look in the log for messages to hand out; `None` if there can be none, because as many as allowed are
    /// in flight or held back.
    #[must_use]
    pub fn next_offset(&self) -> Option<i64> {
        if self.runs.acquired() >= self.limits.in_flight {
            return None;
        }
        let fresh = (self.runs.held_back() < self.limits.held_back).then_some(self.end);
        self.runs.first_ready().or(fresh)
    }

    /// Hands out messages in the order of their offsets. `candidates` are the messages that the log holds from
    /// `from` up to `until`, in order; what lies between them is not there and counts as finished.
    ///
    /// Nothing is handed out if `from` is not [`Deliveries::next_offset`]: then the state has moved while the log
    /// was read.
    ///
    /// A message on its last delivery is handed out alone, so that it takes no other with it if it is what makes
    /// its consumers fail.
    pub fn acquire(
        &mut self,
        demand: Demand<'_>,
        from: i64,
        until: i64,
        candidates: impl IntoIterator<Item = Candidate>,
    ) -> Vec<Acquired> {
        let in_flight = self.limits.in_flight.saturating_sub(self.runs.acquired());
        let mut haul = Haul {
            room: demand.at_most.min(in_flight),
            demand,
            taken: Vec::new(),
            count: 0,
            keys: HashSet::new(),
            is_closed: self.next_offset() != Some(from),
        };
        let mut next = from;
        for candidate in candidates {
            if haul.is_full() || haul.count >= demand.enough {
                self.advance();
                return haul.taken;
            }
            self.skip(next, candidate.span.first);
            self.offer(candidate, &mut haul);
            next = candidate.span.next();
        }
        if !haul.is_closed {
            self.skip(next, until);
        }
        self.advance();
        haul.taken
    }

    /// Counts what the log does not hold, from `from` up to `until`, as finished.
    fn skip(&mut self, from: i64, until: i64) {
        if let Some(missing) = Span::new(from, until - 1) {
            self.extend(until);
            self.runs.change(missing, |run| {
                if run.state.is_waiting() {
                    run.finish(State::Acknowledged);
                }
            });
            self.wake_idle();
        }
    }

    fn offer(&mut self, candidate: Candidate, haul: &mut Haul<'_>) {
        self.extend(candidate.span.next());
        // Whoever has a key may have all that wait for it.
        let is_free = |run: &Run| match run.state {
            State::Ready => true,
            State::Behind { key } => haul.keys.contains(&key),
            _ => false,
        };
        let parts: Vec<(Span, Attempts, bool)> = self
            .runs
            .parts(candidate.span)
            .filter(|(_, run)| is_free(run))
            .map(|(span, run)| (span, run.attempts, run.attempts.count > 0 || run.waited))
            .collect();
        for (span, attempts, is_due) in parts {
            if haul.is_full() {
                return;
            }
            match self.obstacle(candidate, is_due, haul) {
                Some(state) => {
                    self.runs.change(span, |run| run.state = state.clone());
                    // One more than allowed, or the window would end with messages that can be neither handed
                    // out nor held back.
                    if self.runs.held_back() >= self.limits.held_back {
                        haul.is_closed = true;
                        return;
                    }
                }
                None => self.hand_out(span, candidate.key, attempts, haul),
            }
        }
    }

    /// What keeps messages from being handed out.
    fn obstacle(&self, candidate: Candidate, is_due: bool, haul: &Haul<'_>) -> Option<State> {
        if !is_due && candidate.due_ms > haul.demand.now_ms {
            let until = candidate.due_ms;
            return Some(State::Delayed { until });
        }
        let key = candidate.key?;
        let is_busy = self.keys.is_busy(key) && !haul.keys.contains(&key);
        is_busy.then_some(State::Behind { key })
    }

    fn hand_out(&mut self, span: Span, key: Option<u64>, attempts: Attempts, haul: &mut Haul<'_>) {
        let attempts = attempts.again(haul.demand.now_ms);
        let alone = attempts.count > 1 && attempts.count >= self.limits.deliveries;
        if alone && (haul.count > 0 || haul.demand.has_others) {
            haul.is_closed = true;
            return;
        }
        let Some(span) = span.head(if alone { 1 } else { haul.room }) else {
            return;
        };
        let (by, until) = (haul.demand.by, haul.demand.until_ms);
        self.runs.change(span, |run| {
            run.attempts = attempts;
            run.state = State::Acquired {
                by: by.clone(),
                until,
            };
        });
        if let Some(key) = key {
            self.keys.begin(span, key);
            haul.keys.insert(key);
        }
        haul.is_closed = alone;
        haul.add(span, attempts.count);
    }
}
