//! EndTxn, and the end of transactions that take too long.

use crate::coordinator::{Coordinator, Done};
use crate::entry::{Entry, Outcome, Producer, State, Version};
use crate::error::Error;

impl Coordinator {
    /// Ends the transaction of a producer, and tells who the producer is from now on. Asking again gives the same
    /// answer.
    ///
    /// # Errors
    /// [`Error::InvalidState`] if there is nothing to commit, or the transaction ended otherwise;
    /// [`Error::UnknownProducer`], [`Error::Fenced`], [`Error::NeedsProducerId`].
    pub fn end(
        &mut self,
        id: &str,
        producer: Producer,
        outcome: Outcome,
        version: Version,
        spare: Option<i64>,
        now_ms: i64,
    ) -> Result<Done<Producer>, Error> {
        if version == Version::V2
            && let Some(known) = self.get(id).filter(|known| known.was_raised_from(producer))
        {
            return known.answer_again(outcome);
        }
        let (id, known) = self.used_by(id, producer)?;
        let is_ongoing = known.state == State::Ongoing;
        let (next, fence) = match version {
            Version::V1 if !is_ongoing => return known.answer_again(outcome),
            Version::V1 => (producer, producer),
            Version::V2 if !is_ongoing && outcome == Outcome::Commit => {
                return Err(Error::InvalidState);
            }
            Version::V2 => {
                let next = producer.successor(spare).ok_or(Error::NeedsProducerId)?;
                (next, producer.fence())
            }
        };
        let markers = is_ongoing.then(|| known.markers(fence, outcome));
        let entry = Entry {
            version,
            ..known.ended(State::Complete(outcome), next, now_ms)
        };
        Ok(self.done(next, id, Some(entry), markers))
    }

    /// Aborts the ongoing transaction of an id without its producer, who is fenced until it asks for the next epoch
    /// (KIP-588); `None` if there is none.
    pub fn abort(&mut self, id: &str, now_ms: i64) -> Option<Done<Producer>> {
        let known = self.get(id)?;
        let before = known.producer;
        let markers = known.markers_of_abort()?;
        let aborted = State::Complete(Outcome::Abort);
        let entry = known.ended(aborted, markers.producer, now_ms);
        let done = self.done(markers.producer, id.into(), Some(entry), Some(markers));
        self.claims.insert(id.into(), before);
        Some(done)
    }
}

impl Entry {
    /// Whether the last end made the present producer of this one.
    fn was_raised_from(&self, producer: Producer) -> bool {
        let is_ended = matches!(self.state, State::Complete(_));
        is_ended && self.version == Version::V2 && self.producer.follows(producer, self.previous_id)
    }

    /// The answer to who asks for an end when there is no transaction: perhaps it has been.
    fn answer_again(&self, outcome: Outcome) -> Result<Done<Producer>, Error> {
        match self.state == State::Complete(outcome) {
            true => Ok(Done::already(self.producer)),
            false => Err(Error::InvalidState),
        }
    }
}
