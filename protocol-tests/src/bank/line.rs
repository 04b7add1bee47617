//! What a worker prints, a line each, before or after it does something: its memory, which outlives it.
//!
//! ```text
//! send 3 debits 1 7.12 5 9 -10      about to send to debits-1, as part of this worker's transaction 3
//! stored debits 1 17 7.12 5 9 -10   the record was acknowledged at offset 17
//! asks 3 123456                     about to ask for the commit, at this moment of CLOCK_MONOTONIC in nanoseconds
//! committed 3                       was told that it is committed
//! aborted 3                         was told that it is aborted
//! fell ProducerFenced               ends because of this error
//! ```

use std::fmt;
use std::str::FromStr;

use crate::history::Moment;

/// One line of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A record is about to be sent.
    Send {
        /// Which of the worker's transactions it belongs to.
        transaction: u64,
        /// Where to.
        topic: String,
        /// Where to.
        partition: i32,
        /// What.
        value: String,
    },
    /// A record was acknowledged.
    Stored {
        /// Where.
        topic: String,
        /// Where.
        partition: i32,
        /// Negative if the server no longer knew it.
        offset: i64,
        /// What.
        value: String,
    },
    /// A commit is about to be asked for.
    Asks {
        /// Of which transaction.
        transaction: u64,
        /// Just before.
        at: Moment,
    },
    /// A transaction is committed.
    Committed(u64),
    /// A transaction is aborted.
    Aborted(u64),
    /// The worker ends because of an error.
    Fell(String),
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send {
                transaction,
                topic,
                partition,
                value,
            } => write!(f, "send {transaction} {topic} {partition} {value}"),
            Self::Stored {
                topic,
                partition,
                offset,
                value,
            } => write!(f, "stored {topic} {partition} {offset} {value}"),
            Self::Asks { transaction, at } => write!(f, "asks {transaction} {at}"),
            Self::Committed(transaction) => write!(f, "committed {transaction}"),
            Self::Aborted(transaction) => write!(f, "aborted {transaction}"),
            Self::Fell(reason) => write!(f, "fell {reason}"),
        }
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        parse(line).ok_or_else(|| format!("{line:?} is no line of a worker"))
    }
}

fn parse(line: &str) -> Option<Line> {
    let (kind, rest) = line.split_once(' ')?;
    let mut words = rest.splitn(4, ' ');
    let mut next = || words.next();
    Some(match kind {
        "send" => Line::Send {
            transaction: next()?.parse().ok()?,
            topic: next()?.to_owned(),
            partition: next()?.parse().ok()?,
            value: next()?.to_owned(),
        },
        "stored" => Line::Stored {
            topic: next()?.to_owned(),
            partition: next()?.parse().ok()?,
            offset: next()?.parse().ok()?,
            value: next()?.to_owned(),
        },
        "asks" => Line::Asks {
            transaction: next()?.parse().ok()?,
            at: next()?.parse().ok()?,
        },
        "committed" => Line::Committed(rest.parse().ok()?),
        "aborted" => Line::Aborted(rest.parse().ok()?),
        "fell" => Line::Fell(rest.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn every_line_is_read_as_it_was_written() {
        let (topic, value) = ("debits".to_owned(), "7.12 5 9 -10".to_owned());
        let lines = [
            Line::Send {
                transaction: 3,
                topic: topic.clone(),
                partition: 1,
                value: value.clone(),
            },
            Line::Stored {
                topic,
                partition: 1,
                offset: -1,
                value,
            },
            Line::Asks {
                transaction: 3,
                at: u64::MAX,
            },
            Line::Committed(3),
            Line::Aborted(4),
            Line::Fell("a long story".to_owned()),
        ];
        for line in lines {
            assert_eq!(line.to_string().parse(), Ok(line));
        }
        assert!("send 3 debits one x".parse::<Line>().is_err());
    }
}
