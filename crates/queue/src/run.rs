//! Neighbouring messages that have everything in common.

use crate::{Consumer, Fate};

/// How often messages have been handed out, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// How often.
    pub count: u16,
    /// The first time that is remembered; a restart forgets it.
    pub first_ms: Option<i64>,
    /// The last time that is remembered; a restart forgets it.
    pub last_ms: Option<i64>,
}

impl Attempts {
    /// One more.
    pub(crate) fn again(self, now_ms: i64) -> Self {
        Self {
            count: self.count.saturating_add(1),
            first_ms: self.first_ms.or(Some(now_ms)),
            last_ms: Some(now_ms),
        }
    }
}

/// Why messages are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Their consumer said so.
    Rejected,
    /// They were released, or their lock timed out, as often as is allowed.
    Exhausted,
}

/// Where messages stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// They may be handed out.
    Ready,
    /// They may be handed out from a moment on.
    Delayed { until: i64 },
    /// Others with the same key, which come before them, are in flight.
    Behind { key: u64 },
    /// Somebody has them, until a moment.
    Acquired { by: Consumer, until: i64 },
    /// They are given up, and their end is not written down yet.
    Dying(Cause),
    /// They were worked off, or are not there.
    Acknowledged,
    /// They were given up.
    Archived,
}

impl State {
    /// Whether nothing will become of them any more.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(self, Self::Acknowledged | Self::Archived)
    }

    /// Whether nobody has them and they are not finished.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(
            self,
            Self::Ready | Self::Delayed { .. } | Self::Behind { .. }
        )
    }
}

/// What messages have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) state: State,
    pub(crate) attempts: Attempts,
    /// Whether they were delayed, so that they need not be again; a restart forgets it.
    pub(crate) waited: bool,
}

impl Run {
    /// Messages that nobody has looked at yet.
    pub(crate) const FRESH: Self = Self {
        state: State::Ready,
        attempts: Attempts {
            count: 0,
            first_ms: None,
            last_ms: None,
        },
        waited: false,
    };

    /// Ends them. Nobody asks any more how they came to it, so that they are like all others that ended.
    pub(crate) fn finish(&mut self, state: State) {
        *self = Self {
            state,
            ..Self::FRESH
        };
    }

    /// What a restart has to know of them, and how often they have been handed out: what is in flight counts as
    /// not handed out.
    pub(crate) fn remembered(&self) -> (Fate, u16) {
        let count = self.attempts.count;
        match self.state {
            State::Ready | State::Delayed { .. } | State::Behind { .. } => (Fate::Available, count),
            State::Acquired { .. } | State::Dying(_) => (Fate::Available, count.saturating_sub(1)),
            State::Acknowledged => (Fate::Acknowledged, count),
            State::Archived => (Fate::Archived, count),
        }
    }
}
