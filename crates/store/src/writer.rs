//! The writer thread of a store: group commit.
//!
//! While one group is synced, the next one gathers in the queue; so the busier the store, the more
//! appends share a sync. A group is: take what waits, one vectored write per segment, one sync per
//! segment that promises durability, publish, wake.

use std::sync::Arc;

use crate::appender::{Failure, Run};
use crate::config::{Flush, TopicPartition};
use crate::error::{IoContext, Result};
use crate::intake::Pending;
use crate::keeper::Job;
use crate::partition::Partition;
use crate::progress::Stop;
use crate::shortage::Shortage;
use crate::store::Shared;
use crate::tail::{Budget, Cached};
use crate::writeback::WriteBack;

/// The thread's own state.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    budget: Budget,
    write_back: WriteBack,
}

/// What one partition has in a group.
struct Commit {
    partition: Arc<Partition>,
    runs: Vec<Run>,
    /// Offset after the last batch written.
    next_offset: i64,
    flush: Flush,
    /// Whether what lies below promised less than this.
    is_first_synced: bool,
    /// Producer states at `next_offset`, when a recovery point is due.
    snapshot: Option<Vec<u8>>,
}

impl Writer {
    /// A writer for a store.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let budget = Budget::new(shared.options.tail_bytes);
        Writer {
            shared,
            budget,
            write_back: WriteBack::default(),
        }
    }

    /// Serves the queue until it ends.
    pub(crate) fn run(mut self) {
        while let Some(partitions) = self.shared.queue.take() {
            self.group(partitions);
        }
    }

    /// Commits everything that waits in these partitions.
    fn group(&mut self, partitions: Vec<Arc<Partition>>) {
        let commits: Vec<Commit> = partitions
            .into_iter()
            .filter_map(|partition| self.write(partition))
            .collect();
        let (kept, unsynced): (Vec<_>, Vec<_>) = commits
            .into_iter()
            .partition(|commit| commit.flush == Flush::PageCache);
        for commit in kept {
            self.count_unsynced(&commit);
            self.publish(commit);
        }
        for commit in unsynced.iter().filter(|commit| commit.is_first_synced) {
            commit.partition.sync_unsaved();
        }
        for (commit, synced) in self.sync(unsynced) {
            match synced {
                // A failure is told to one sync only; it may have been another that heard of it.
                Ok(()) if commit.partition.progress.stopped() == Some(Stop::Poisoned) => {}
                Ok(()) => self.publish(commit),
                Err(error) => commit.partition.poison(&error),
            }
        }
    }

    /// Sees to it that what is not synced now will be.
    fn count_unsynced(&mut self, commit: &Commit) {
        let batches = commit.runs.iter().flat_map(|run| &run.batches);
        let bytes = batches.map(|batch| batch.bytes.len() as u64).sum();
        if let Some(round) = self.write_back.count(&commit.partition, bytes) {
            self.shared.keeper.send(Job::WriteBack(round));
        }
    }

    /// Syncs every file that was written to, and tells of each commit whether all of its were.
    fn sync(&self, commits: Vec<Commit>) -> Vec<(Commit, Result<()>)> {
        let runs = commits.iter().flat_map(|commit| &commit.runs);
        let files = runs.map(|run| Arc::clone(&run.file)).collect();
        let mut results = self.shared.syncers.sync(files).into_iter();
        let all = |commit: Commit| {
            let own = commit.runs.iter().zip(&mut results);
            let synced = own.map(|(run, result)| result.on("sync", run.segment.log_path()));
            let first_error = synced.collect::<Vec<_>>().into_iter().collect();
            (commit, first_error)
        };
        commits.into_iter().map(all).collect()
    }

    /// Takes what waits in a partition and writes it; `None` if nothing was written.
    fn write(&self, partition: Arc<Partition>) -> Option<Commit> {
        let mut appender = partition.appender.lock();
        let due = appender.since_recovery_point >= self.shared.options.recovery_point_bytes;
        let (batches, mut snapshot) = drain(&partition, due);
        let bytes = batches.iter().map(|batch| batch.bytes.len()).sum();
        self.shared.queue.release(bytes);
        if matches!(
            partition.progress.stopped(),
            Some(Stop::Poisoned | Stop::Deleted)
        ) {
            return None;
        }
        let first = batches.first()?.header.base_offset;
        let (runs, failure) = appender.write(&partition, batches);
        if snapshot.is_some() {
            appender.since_recovery_point = 0;
        }
        let lacks = match &failure {
            Some(Failure::Refused(shortage)) => Some(*shortage),
            _ => None,
        };
        if appender.note_shortage(lacks) {
            tell_of_shortage(partition.id, lacks);
        }
        let last = runs.last().and_then(|run| run.batches.last());
        let next_offset = last.map(|batch| batch.header.next_offset());
        if let Some(failure) = failure {
            snapshot = None;
            let from = next_offset.unwrap_or(first);
            // Before anybody takes what is settled for all there is: the producers' states are ahead.
            fail(&self.shared, &partition, from, failure);
        }
        let next_offset = next_offset?;
        partition.progress.set_written(next_offset);
        let flush = partition.config.load().flush;
        let is_first_synced = appender.note_flush(flush);
        drop(appender);
        Some(Commit {
            partition,
            runs,
            next_offset,
            flush,
            is_first_synced,
            snapshot,
        })
    }

    /// Makes a commit visible and wakes who waited for it.
    fn publish(&mut self, commit: Commit) {
        let Commit {
            partition,
            runs,
            next_offset,
            snapshot,
            ..
        } = commit;
        let interval = partition.config.load().index_interval_bytes;
        for run in runs {
            let headers = run.batches.iter().map(|batch| &batch.header);
            if let Err(error) = run.segment.publish(headers, interval) {
                return partition.poison(&error);
            }
            self.budget.insert(
                &partition.tail,
                run.batches.into_iter().map(cached).collect(),
            );
        }
        partition.progress.set_high_watermark(next_offset);
        partition.subscribers.notify();
        if let Some(producers) = snapshot {
            self.shared.keeper.send(Job::RecoveryPoint {
                partition,
                next_offset,
                producers,
            });
        }
    }
}

/// Takes what waits in a partition, with the producer states after it if a recovery point is due.
fn drain(partition: &Partition, due: bool) -> (Vec<Pending>, Option<Vec<u8>>) {
    let mut intake = partition.intake.lock();
    intake.queued = false;
    let batches = std::mem::take(&mut intake.pending);
    let snapshot = due.then(|| intake.producers.encode());
    (batches, snapshot)
}

fn tell_of_shortage(partition: TopicPartition, lacks: Option<Shortage>) {
    match lacks.map(|shortage| shortage.error(partition)) {
        Some(error) => tracing::error!(%partition, %error, "appends are refused"),
        None => tracing::info!(%partition, "nothing is lacking any more: appends are taken"),
    }
}

/// Deals with a write that did not happen from an offset on.
fn fail(shared: &Shared, partition: &Partition, from: i64, failure: Failure) {
    match failure {
        Failure::Broken(error) => partition.poison(&error),
        Failure::Refused(shortage) => {
            // Whatever came in meanwhile builds on what was lost.
            let mut intake = partition.intake.lock();
            let late = std::mem::take(&mut intake.pending);
            shared
                .queue
                .release(late.iter().map(|batch| batch.bytes.len()).sum());
            intake.producers.forget_from(from);
            let end = intake.next_offset;
            drop(intake);
            partition.progress.lose(from..end, shortage);
        }
    }
}

fn cached(batch: Pending) -> Cached {
    Cached {
        base_offset: batch.header.base_offset,
        next_offset: batch.header.next_offset(),
        bytes: batch.bytes,
    }
}
