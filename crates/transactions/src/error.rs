//! Why a request of a producer is refused. Whatever is refused has changed nothing.

use std::fmt;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Nothing is known of the transactional id, or it belongs to another producer id.
    UnknownProducer,
    /// The epoch is not the one that the id has: another producer uses it.
    Fenced,
    /// What is asked for cannot follow on what has happened, such as committing nothing or what was aborted.
    InvalidState,
    /// A partition that is asked about is not in the transaction.
    NotInTransaction,
    /// A producer id that nobody has is needed; the same call with one goes on.
    NeedsProducerId,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::UnknownProducer => "the transactional id does not belong to this producer id",
            Error::Fenced => "another producer uses the transactional id",
            Error::InvalidState => "the transaction is not in a state for this",
            Error::NotInTransaction => "a partition is not in the transaction",
            Error::NeedsProducerId => "a new producer id is needed",
        })
    }
}

impl std::error::Error for Error {}
