//! What clients saw of a server, and the faults that are in it: the judge of every test that kills things.
//!
//! A [`History`] is written down by whoever drives the clients; [`check`] then says what a log that keeps its promises
//! would never have shown. It is pure: it asks no server, and knows nothing of what the values mean. It judges only
//! what clients were told; what they were not told (a send without an answer, a commit amid a crash) may have happened
//! or not, but never by half.

mod check;
mod fault;
#[cfg(test)]
mod tests;

use std::fmt;

pub use check::check;
pub use fault::{Fault, Kind};

/// Nanoseconds on a clock that all clients of a history share.
pub type Moment = u64;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub index: i32,
}

impl Partition {
    /// Partition `index` of `topic`.
    pub fn new(topic: impl Into<String>, index: i32) -> Self {
        let topic = topic.into();
        Self { topic, index }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.index)
    }
}

/// What a client was told about what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// It was done: a record was acknowledged, a transaction committed.
    Done,
    /// It was not done, and never will be: a record was refused, a transaction aborted.
    Failed,
    /// Nothing, or nothing certain.
    #[default]
    Unknown,
}

/// A transaction of one producer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Transaction {
    /// When the producer was about to ask for the commit; None if it never was.
    pub commit_asked: Option<Moment>,
    /// [`Outcome::Done`] is committed, [`Outcome::Failed`] is aborted.
    pub outcome: Outcome,
}

/// A record that a client sent. No two of a partition have the same value.
#[derive(Debug, Clone)]
pub struct Send {
    /// Who sent it, one life of a producer: its sends to one partition are kept in their order.
    pub producer: usize,
    /// The transaction that it is part of, by its place in [`History::transactions`].
    pub transaction: Option<usize>,
    /// Where to.
    pub partition: Partition,
    /// What.
    pub value: String,
    /// What the producer was told.
    pub outcome: Outcome,
    /// The offset that the producer was told, if it was told one.
    pub offset: Option<i64>,
}

/// What a reader is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Everything.
    ReadUncommitted,
    /// What is outside of transactions or in committed ones.
    ReadCommitted,
}

/// A client that read partitions from some offset on, each in one go.
#[derive(Debug, Clone)]
pub struct Reader {
    /// What it asked to be shown.
    pub isolation: Isolation,
    /// Whether it read everything: from the first offset of each partition to the end, after all sends and
    /// transactions were over.
    pub complete: bool,
    /// What it saw, in the order that it saw it in.
    pub reads: Vec<Read>,
}

impl Reader {
    /// One that has seen nothing.
    pub const fn new(isolation: Isolation, complete: bool) -> Self {
        let reads = Vec::new();
        Self {
            isolation,
            complete,
            reads,
        }
    }
}

/// A record as a reader saw it.
#[derive(Debug, Clone)]
pub struct Read {
    /// Where it stood.
    pub partition: Partition,
    /// Its offset there.
    pub offset: i64,
    /// What it held.
    pub value: String,
    /// When the reader had it.
    pub at: Moment,
}

/// Everything that the clients of one run saw.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// All transactions, in any order.
    pub transactions: Vec<Transaction>,
    /// All sends; those of one producer in their order.
    pub sends: Vec<Send>,
    /// All readers.
    pub readers: Vec<Reader>,
}
