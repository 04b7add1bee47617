//! What all requests of transactions have in common.

use millstream_transactions::{Error as Refusal, Outcome, State};
use millstream_wire::ErrorCode;

use crate::Error;

/// A transactional id, which is never empty.
///
/// # Errors
/// [`Error::InvalidRequest`].
pub(super) fn id(id: &str) -> Result<&str, Error> {
    match id {
        "" => Err(Error::InvalidRequest(
            "the transactional id is empty".into(),
        )),
        id => Ok(id),
    }
}

/// The code of an error; some clients are too old to know that another has taken their place.
pub(super) fn code(error: &Error, knows_fenced: bool) -> ErrorCode {
    match error {
        Error::Transaction {
            error: Refusal::Fenced,
            ..
        } if !knows_fenced => ErrorCode::INVALID_PRODUCER_EPOCH,
        error => error.code(),
    }
}

/// Every state, by Kafka's name of it.
pub(super) const NAMES: [&str; 4] = ["Empty", "Ongoing", "CompleteCommit", "CompleteAbort"];

/// Names of states that Kafka has and nothing is ever in here.
pub(super) const NEVER: [&str; 4] = ["PrepareCommit", "PrepareAbort", "Dead", "PrepareEpochFence"];

/// Kafka's name of a state.
pub(super) fn name(state: State) -> &'static str {
    let [empty, ongoing, committed, aborted] = NAMES;
    match state {
        State::Empty => empty,
        State::Ongoing => ongoing,
        State::Complete(Outcome::Commit) => committed,
        State::Complete(Outcome::Abort) => aborted,
    }
}
