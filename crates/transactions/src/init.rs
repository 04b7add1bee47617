//! InitProducerId: who may use a transactional id from now on.
//!
//! Whoever had it before is fenced, and what its transaction wrote counts for nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::coordinator::{Coordinator, Done, Markers};
use crate::entry::{Entry, Outcome, Producer, State, Version};
use crate::error::Error;

/// What a producer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init {
    /// How long its transactions may take, in ms.
    pub timeout_ms: i32,
    /// Who it says it is; `None` if it is somebody new. Only who has the id may go on with it (KIP-360).
    pub claimed: Option<Producer>,
    /// A producer id that nobody has.
    pub spare: Option<i64>,
}

impl Coordinator {
    /// Gives the transactional id to a producer, and tells who that is.
    ///
    /// # Errors
    /// [`Error::Fenced`] if another has it than the one that asks; [`Error::NeedsProducerId`].
    pub fn init(&mut self, id: &str, asked: Init, now_ms: i64) -> Result<Done<Producer>, Error> {
        let Some(known) = self.get(id) else {
            let entry = first(asked, now_ms)?;
            return Ok(self.done(entry.producer, id.into(), Some(entry), None));
        };
        if let Some(claimed) = asked.claimed.filter(|claimed| *claimed != known.producer) {
            return match self.claims.get(id) == Some(&claimed) {
                true => Ok(Done::already(known.producer)),
                false => Err(Error::Fenced),
            };
        }
        let (before, markers) = match known.state {
            State::Ongoing => (known.producer.fence(), known.markers_of_abort()),
            State::Empty | State::Complete(_) => (known.producer, None),
        };
        // Where markers were written, their epoch is the next one already.
        let next = match markers.is_some() && before.is_usable() {
            true => Some(before),
            false => before.successor(asked.spare),
        };
        let next = next.ok_or(Error::NeedsProducerId)?;
        let entry = Entry {
            timeout_ms: asked.timeout_ms,
            ..known.ended(State::Empty, next, now_ms)
        };
        let id: Arc<str> = id.into();
        let done = self.done(next, Arc::clone(&id), Some(entry), markers);
        if let Some(claimed) = asked.claimed {
            self.claims.insert(id, claimed);
        }
        Ok(done)
    }
}

fn first(asked: Init, now_ms: i64) -> Result<Entry, Error> {
    let id = asked.spare.ok_or(Error::NeedsProducerId)?;
    Ok(Entry {
        producer: Producer { id, epoch: 0 },
        previous_id: -1,
        timeout_ms: asked.timeout_ms,
        state: State::Empty,
        version: Version::V1,
        partitions: BTreeSet::new(),
        started_ms: -1,
        updated_ms: now_ms,
    })
}

impl Entry {
    /// What the ongoing transaction is aborted with, so that its producer writes nothing behind it.
    pub(crate) fn markers_of_abort(&self) -> Option<Markers> {
        (self.state == State::Ongoing).then(|| self.markers(self.producer.fence(), Outcome::Abort))
    }

    /// What the ongoing transaction ends with.
    pub(crate) fn markers(&self, producer: Producer, outcome: Outcome) -> Markers {
        Markers {
            producer,
            outcome,
            partitions: self.partitions.iter().cloned().collect(),
        }
    }
}
