//! The thread of a store that compacts logs, one partition after the other: by key the dirtiest first, by offset as
//! they come.
//!
//! It works below everybody else: at a lower priority, and with nobody waiting for it but who asked for the round.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};

use tokio::sync::oneshot;

use crate::compaction::Ranges;
use crate::error::{Error, Result};
use crate::partition::Partition;
use crate::store::Store;

/// How far the thread steps back behind others; the system's scale goes from -20 to 19.
const NICE: i32 = 10;

/// Work for the thread.
#[derive(Debug)]
pub(crate) enum Task {
    /// Look at these partitions and compact what is due.
    Round {
        /// The partitions.
        partitions: Vec<Arc<Partition>>,
        /// The time, in ms.
        now_ms: i64,
        /// Dropped when it is done.
        done: oneshot::Sender<()>,
    },
    /// Remove records of a partition.
    Removal {
        /// The partition.
        partition: Arc<Partition>,
        /// Their offsets.
        dead: Ranges,
        /// Is told how that went.
        done: oneshot::Sender<Result<()>>,
    },
    /// Stop.
    End,
}

/// The way to the thread.
#[derive(Debug)]
pub(crate) struct Cleaner {
    tasks: Sender<Task>,
    /// Whether a pass should stop where it is.
    pub(crate) is_ending: AtomicBool,
}

impl Cleaner {
    /// A handle, and what the thread listens to.
    pub(crate) fn new() -> (Self, Receiver<Task>) {
        let (tasks, listener) = mpsc::channel();
        let is_ending = AtomicBool::new(false);
        (Cleaner { tasks, is_ending }, listener)
    }

    /// Has the thread remove records of a partition.
    pub(crate) async fn remove(&self, partition: Arc<Partition>, dead: Ranges) -> Result<()> {
        let (done, removed) = oneshot::channel();
        let removal = Task::Removal {
            partition,
            dead,
            done,
        };
        self.tasks.send(removal).map_err(|_| Error::Closed)?;
        removed.await.map_err(|_| Error::Closed)?
    }

    /// Lets the thread end as soon as it can.
    pub(crate) fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
        let _ = self.tasks.send(Task::End);
    }
}

/// Does rounds until told to stop.
pub(crate) fn run(tasks: &Receiver<Task>) {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "compaction runs at the priority of everything else");
    }
    while let Ok(task) = tasks.recv() {
        match task {
            Task::Round {
                partitions,
                now_ms,
                done,
            } => {
                round(partitions, now_ms);
                drop(done);
            }
            Task::Removal {
                partition,
                dead,
                done,
            } => {
                // Whoever asked may not be there any more.
                let _ = done.send(partition.remove_blocking(&dead));
            }
            Task::End => break,
        }
    }
}

fn round(partitions: Vec<Arc<Partition>>, now_ms: i64) {
    let weigh = |partition: Arc<Partition>| {
        let dirt = tell(&partition, partition.dirt(now_ms)).flatten()?;
        Some((dirt, partition))
    };
    let mut dirty: Vec<(f64, Arc<Partition>)> = partitions.into_iter().filter_map(weigh).collect();
    dirty.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    for (_, partition) in dirty {
        tell(&partition, partition.compact(now_ms));
    }
}

/// Logs a failure; what it was about is tried again in the next round.
fn tell<T>(partition: &Partition, result: Result<T>) -> Option<T> {
    match result {
        Ok(done) => Some(done),
        Err(Error::Closed) => None,
        Err(error) => {
            tracing::warn!(partition = %partition.id(), %error, "compaction failed");
            None
        }
    }
}

impl Store {
    /// Compacts the partitions that ask for it and are dirty enough, and returns when that is done. What fails is
    /// logged, and tried again next time.
    pub async fn compact(&self, now_ms: i64) {
        let (done, ended) = oneshot::channel();
        let mut partitions = self.partitions();
        partitions.retain(|partition| partition.config().compaction.is_some());
        let round = Task::Round {
            partitions,
            now_ms,
            done,
        };
        if self.shared.cleaner.tasks.send(round).is_ok() {
            // The sender is dropped and never used: the thread has come to the end of the round, or to its own.
            let _ = ended.await;
        }
    }
}
