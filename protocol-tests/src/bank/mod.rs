//! The bank: money is moved in transactions by workers that are killed, on a server that is killed, and every cent of it
//! is accounted for in the end.
//!
//! ```text
//! teller ──► transfers ──► worker ──► debits  ──► worker ──► ledger
//!                                 └─► credits ──► worker ──►
//! ```
//! A worker consumes, writes what follows from it and commits its position, all in one transaction. Workers are processes
//! of their own, in any language: they print what they do (see [`Line`]), so that what they saw outlives them. Some
//! are frozen while a successor takes over their transactional id, and wake up as zombies. In the end a reader of committed
//! records must find exactly what follows from the transfers, and [`history`](crate::history) no fault in what all saw.

mod auditor;
mod books;
mod entry;
mod line;
mod recorder;
mod run;
mod staff;
mod teller;
mod worker;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;
use std::time::Duration;

pub use line::Line;
pub use run::bank;
pub use worker::{Job, work};

/// Partitions of each topic.
const PARTITIONS: i32 = 3;
const TRANSFERS: &str = "transfers";
const DEBITS: &str = "debits";
const CREDITS: &str = "credits";
const LEDGER: &str = "ledger";
const TOPICS: [&str; 4] = [TRANSFERS, DEBITS, CREDITS, LEDGER];

/// What `topic` is called at the broker, where many banks may be.
fn full_name(bank: &str, topic: &str) -> String {
    format!("{bank}-{topic}")
}

/// Which of [`TOPICS`] has this full name.
fn topic(full_name: &str) -> &str {
    full_name.rsplit('-').next().unwrap_or_default()
}

/// What a bank is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What everything random follows from, but for what threads and the machine make of it.
    pub seed: u64,
    /// How long there are transfers and kills.
    pub length: Duration,
    /// Milliseconds between two blows: a kill of the server or of a worker, or the freezing of one.
    pub blows: Range<u64>,
    /// How many workers there are at a time.
    pub workers: usize,
    /// The program of a worker and its first arguments; those of [`Job`] follow.
    pub worker: Vec<OsString>,
    /// The workers' `group.protocol`: `classic` or `consumer`.
    pub protocol: String,
    /// A broker that runs already, and is then never killed; None to start a Millstream.
    pub bootstrap: Option<String>,
}

impl Plan {
    /// What the bank is called, and all that is its own at the broker.
    fn bank(&self) -> String {
        format!("bank-{}", self.seed)
    }
}

/// What a bank without any fault has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Transfers that were made, each of them through to the ledger exactly once.
    pub transfers: u64,
    /// Transactions whose worker was told that they are committed.
    pub committed: usize,
    /// Transactions whose worker was told that they are aborted.
    pub aborted: usize,
    /// Transactions whose worker was told nothing.
    pub unknown: usize,
    /// Times that the server was killed.
    pub server_kills: u64,
    /// Times that a worker was killed.
    pub worker_kills: u64,
    /// Times that a worker was frozen until its successor was at work.
    pub zombies: u64,
    /// Times that a worker ended by itself because of an error, as zombies have to, with the reasons.
    pub falls: BTreeMap<String, u64>,
    /// Records that were read, by all readers.
    pub reads: usize,
}
