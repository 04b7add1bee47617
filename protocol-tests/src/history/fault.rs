//! What can be wrong with a history, in words that name the record.

use std::fmt;

use super::Partition;

/// The promise that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An acknowledged or committed record was not there for a reader that had to see it.
    Lost,
    /// A record was read that nobody sent there, or whose send was refused.
    Stranger,
    /// A reader of committed records saw one of an aborted transaction.
    AbortedRead,
    /// A reader of committed records saw one before its producer had asked for the commit.
    DirtyRead,
    /// Of a transaction whose outcome nobody was told, some records are there and some are not.
    Torn,
    /// A record stands at two offsets.
    Duplicate,
    /// A record stands before another that its producer had sent to the same partition earlier.
    OutOfOrder,
    /// Two records stand at one offset.
    Changed,
    /// A reader was taken back to an offset that it had passed.
    WentBack,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost write",
            Self::Stranger => "record that was never accepted",
            Self::AbortedRead => "aborted read",
            Self::DirtyRead => "dirty read",
            Self::Torn => "torn transaction",
            Self::Duplicate => "duplicate",
            Self::OutOfOrder => "order broken",
            Self::Changed => "offset changed its value",
            Self::WentBack => "offset went back",
        })
    }
}

/// A broken promise, and the record that shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Which promise.
    pub kind: Kind,
    /// Where the record stands, or ought to.
    pub partition: Partition,
    /// At which offset; None if nobody knows.
    pub offset: Option<i64>,
    /// What the record holds.
    pub value: String,
    /// What it conflicts with.
    pub note: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            partition,
            value,
            note,
            ..
        } = self;
        write!(f, "{kind}: {partition} ")?;
        match self.offset {
            Some(offset) => write!(f, "at offset {offset}")?,
            None => write!(f, "at an unknown offset")?,
        }
        write!(f, ", {value:?}: {note}")
    }
}
