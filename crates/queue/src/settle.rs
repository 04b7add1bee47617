//! Taking messages back: acknowledgements, time-outs, consumers that leave, and what is given up.

use crate::run::{Attempts, Cause, Run, State};
use crate::{Change, Consumer, Deliveries, Fate, NotHeld, Span};

/// What a consumer says of messages that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They are worked off, or were not there to begin with.
    Acknowledge,
    /// Somebody else may have them.
    Release,
    /// Nobody can work them off.
    Reject,
    /// They are held until this moment.
    Renew {
        /// Until when.
        until_ms: i64,
    },
}

/// Messages that are given up, until [`Deliveries::bury`] says that their end is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dying {
    /// Which.
    pub span: Span,
    /// Why.
    pub cause: Cause,
    /// How often they were handed out, and when.
    pub attempts: Attempts,
}

impl Deliveries {
    /// Does what a consumer says of its messages; returns what has to be written down.
    ///
    /// # Errors
    /// [`NotHeld`] names the first messages that it does not have; then nothing has changed.
    pub fn settle(
        &mut self,
        by: &Consumer,
        verdicts: &[(Span, Verdict)],
    ) -> Result<Vec<Change>, NotHeld> {
        self.check(by, verdicts)?;
        let mut changes = Vec::new();
        for &(span, verdict) in verdicts {
            self.judge(span, verdict, &mut changes);
        }
        self.advance();
        Ok(changes)
    }

    /// Takes back what has timed out, and lets go what was delayed until `now_ms`; returns what has to be written down.
    pub fn expire(&mut self, now_ms: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(span) = self.runs.due(now_ms) {
            self.judge(span, Verdict::Release, &mut changes);
        }
        changes
    }

    /// Takes back everything that a consumer has; returns what has to be written down.
    pub fn release_all(&mut self, by: &Consumer) -> Vec<Change> {
        let mut changes = Vec::new();
        for span in self.held_by(by) {
            self.judge(span, Verdict::Release, &mut changes);
        }
        changes
    }

    /// What is given up and not buried, in order.
    pub fn dying(&self) -> impl Iterator<Item = Dying> {
        self.runs.dying().filter_map(|(span, run)| match run.state {
            State::Dying(cause) => Some(Dying {
                span,
                cause,
                attempts: run.attempts,
            }),
            _ => None,
        })
    }

    /// Ends what was dying; returns what has to be written down.
    pub fn bury(&mut self, span: Span) -> Vec<Change> {
        let parts: Vec<(Span, u16)> = self
            .runs
            .parts(span)
            .filter(|(_, run)| matches!(run.state, State::Dying(_)))
            .map(|(span, run)| (span, run.attempts.count))
            .collect();
        let mut changes = Vec::new();
        for (span, deliveries) in parts {
            self.runs.change(span, |run| run.finish(State::Archived));
            self.free(span);
            changes.push(Change {
                span,
                fate: Fate::Archived,
                deliveries,
            });
        }
        self.advance();
        changes
    }

    fn check(&self, by: &Consumer, verdicts: &[(Span, Verdict)]) -> Result<(), NotHeld> {
        let mut spans: Vec<Span> = verdicts.iter().map(|(span, _)| *span).collect();
        spans.sort_unstable();
        let twice = spans.windows(2).find(|two| two[1].first <= two[0].last);
        if let Some(two) = twice {
            return Err(NotHeld(two[1]));
        }
        let is_held = |span: &Span| {
            let parts = self.runs.parts(*span);
            let held = parts.filter(|(_, run)| is_with(run, by));
            held.map(|(part, _)| part.count()).sum::<u64>() == span.count()
        };
        match spans.iter().find(|span| !is_held(span)) {
            Some(span) => Err(NotHeld(*span)),
            None => Ok(()),
        }
    }

    fn held_by(&self, by: &Consumer) -> Vec<Span> {
        if self.runs.held(by) == 0 {
            return Vec::new();
        }
        let held = self.runs.iter().filter(|(_, run)| is_with(run, by));
        held.map(|(span, _)| span).collect()
    }

    /// Gives the messages of `span`, which are all held or all due, what the verdict makes of them.
    fn judge(&mut self, span: Span, verdict: Verdict, changes: &mut Vec<Change>) {
        let parts: Vec<(Span, Run)> = self
            .runs
            .parts(span)
            .map(|(span, run)| (span, run.clone()))
            .collect();
        for (span, run) in parts {
            let state = self.outcome(&run, verdict);
            let (holds_key, fate) = match state {
                State::Acknowledged => (false, Some(Fate::Acknowledged)),
                State::Ready if matches!(run.state, State::Acquired { .. }) => {
                    (false, Some(Fate::Available))
                }
                _ => (true, None),
            };
            self.runs.change(span, |run| match state {
                State::Acknowledged => run.finish(State::Acknowledged),
                _ => {
                    run.waited |= matches!(run.state, State::Delayed { .. });
                    run.state = state.clone();
                }
            });
            if !holds_key {
                self.free(span);
            }
            changes.extend(fate.map(|fate| Change {
                span,
                fate,
                deliveries: run.attempts.count,
            }));
        }
    }

    fn outcome(&self, run: &Run, verdict: Verdict) -> State {
        match (verdict, &run.state) {
            (Verdict::Acknowledge, _) => State::Acknowledged,
            (Verdict::Reject, _) => State::Dying(Cause::Rejected),
            (Verdict::Renew { until_ms }, State::Acquired { by, .. }) => State::Acquired {
                by: by.clone(),
                until: until_ms,
            },
            (Verdict::Release, State::Acquired { .. })
                if run.attempts.count >= self.limits.deliveries =>
            {
                State::Dying(Cause::Exhausted)
            }
            (Verdict::Release | Verdict::Renew { .. }, _) => State::Ready,
        }
    }
}

fn is_with(run: &Run, by: &Consumer) -> bool {
    matches!(&run.state, State::Acquired { by: holder, .. } if holder == by)
}
