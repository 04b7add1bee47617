//! The writer thread of a store: group commit.
//!
//! While one group is committed, the next one gathers in the queue; so the busier the store, the more
//! appends share a sync. A group is: take what waits, write it to the segments, make it durable,
//! publish, wake. Durable is made by a sync for each segment or by one for the journal, whichever costs
//! less; batches that are bound to those of other partitions go to the journal before any segment.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use millstream_batch::Header;

use crate::appender::{Failure, Now, Run};
use crate::bond::Bond;
use crate::config::{Flush, TopicPartition};
use crate::error::{IoContext, Result};
use crate::intake::Pending;
use crate::journal::{Journal, Part};
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
    journal: Journal,
    budget: Budget,
    write_back: WriteBack,
}

/// What was taken from the intake of a partition.
struct Taken {
    partition: Arc<Partition>,
    batches: Vec<Pending>,
    /// Producer states after them, when a recovery point is due.
    snapshot: Option<Vec<u8>>,
}

/// What one partition has in a group.
struct Commit {
    partition: Arc<Partition>,
    runs: Vec<Run>,
    /// Offset of the first batch that was taken.
    first_offset: i64,
    /// Offset after the last batch that has a place.
    next_offset: i64,
    flush: Flush,
    /// Whether what lies below promised less than this.
    is_first_synced: bool,
    /// Producer states at `next_offset`, when a recovery point is due.
    snapshot: Option<Vec<u8>>,
}

impl Writer {
    /// A writer for a store.
    pub(crate) fn new(shared: Arc<Shared>, journal: Journal) -> Self {
        let budget = Budget::new(shared.options.tail_bytes);
        Writer {
            shared,
            journal,
            budget,
            write_back: WriteBack::default(),
        }
    }

    /// Serves the queue until it ends.
    pub(crate) fn run(mut self) {
        while let Some(partitions) = self.shared.queue.take() {
            let taken = self.take(partitions);
            self.group(taken);
        }
    }

    /// Takes what waits in these partitions, and in all others that it is bound to.
    fn take(&self, mut partitions: Vec<Arc<Partition>>) -> Vec<Taken> {
        let mut all: HashMap<TopicPartition, Taken> = HashMap::new();
        let mut followed = HashSet::new();
        while let Some(partition) = partitions.pop() {
            let (batches, snapshot) = self.drain(&partition);
            let bonds = batches.iter().filter_map(|batch| batch.bond.as_ref());
            for bond in bonds.filter(|bond| followed.insert(Arc::as_ptr(bond))) {
                partitions.extend(bond.partitions.iter().map(Arc::clone));
            }
            if batches.is_empty() {
                continue;
            }
            let taken = all.entry(partition.id).or_insert_with(|| Taken {
                partition,
                batches: Vec::new(),
                snapshot: None,
            });
            taken.batches.extend(batches);
            taken.snapshot = snapshot.or(taken.snapshot.take());
        }
        all.into_values().collect()
    }

    /// Takes what waits in a partition, with the producer states after it if a recovery point is due.
    fn drain(&self, partition: &Partition) -> (Vec<Pending>, Option<Vec<u8>>) {
        let limit = self.shared.options.recovery_point_bytes;
        let due = partition.appender.lock().since_recovery_point >= limit;
        let mut intake = partition.intake.lock();
        intake.queued = false;
        let batches = std::mem::take(&mut intake.pending);
        let snapshot = due.then(|| intake.producers.encode());
        drop(intake);
        let bytes = batches.iter().map(|batch| batch.bytes.len()).sum();
        self.shared.queue.release(bytes);
        (batches, snapshot)
    }

    /// Commits what was taken.
    fn group(&mut self, taken: Vec<Taken>) {
        let is_bound = |taken: &Taken| taken.bonds().next().is_some();
        let (bound, free): (Vec<_>, Vec<_>) = taken.into_iter().partition(is_bound);
        let bound = self.without_lost(bound);
        let ahead = self.reserve(bound);
        let written = free.into_iter().filter_map(|taken| self.write(taken));
        let (kept, unsynced): (Vec<_>, Vec<_>) =
            written.partition(|commit| commit.flush == Flush::PageCache);
        for commit in kept {
            self.count_unsynced(&commit);
            self.publish(commit);
        }
        unsynced.iter().for_each(Commit::sync_below);
        let mut durable = self.make_durable(ahead, unsynced);
        durable.sort_by_key(|(commit, _)| commit.leads());
        for (commit, synced) in durable {
            match synced {
                // A failure is told to one sync only; it may have been another that heard of it.
                Ok(()) if commit.partition.progress.stopped() == Some(Stop::Poisoned) => {}
                Ok(()) => self.publish(commit),
                Err(error) => commit.partition.poison(&error),
            }
        }
    }

    /// Writes what was taken from a partition; `None` if nothing was written.
    fn write(&self, taken: Taken) -> Option<Commit> {
        let (mut commit, failure) = place(taken, Now::Write);
        if let Some(failure) = failure {
            commit.snapshot = None;
            // Before anybody takes what is settled for all there is: the producers' states are ahead.
            self.fail(&commit.partition, commit.next_offset, &failure);
        }
        if commit.runs.is_empty() {
            return None;
        }
        commit.partition.progress.set_written(commit.next_offset);
        Some(commit)
    }

    /// Gives up what is bound to batches that were lost before the writer came to them, and what is bound to that in
    /// turn.
    fn without_lost(&self, mut bound: Vec<Taken>) -> Vec<Taken> {
        loop {
            let is_lost = |taken: &Taken| taken.bonds().any(Bond::is_lost);
            let (lost, kept): (Vec<_>, Vec<_>) = bound.into_iter().partition(is_lost);
            if lost.is_empty() {
                return kept;
            }
            for taken in lost {
                taken.bonds().for_each(Bond::lose);
                let partner = Failure::Refused(Shortage::Partner);
                self.fail(&taken.partition, taken.first_offset(), &partner);
            }
            bound = kept;
        }
    }

    /// Gives batches that stand or fall together their places, with room set aside and all that lies below
    /// synced. If one of them cannot have that, there is nothing.
    fn reserve(&self, bound: Vec<Taken>) -> Vec<Commit> {
        let placed = bound.into_iter().map(|taken| place(taken, Now::Reserve));
        let (commits, mut failures): (Vec<_>, Vec<_>) = placed.unzip();
        if failures.iter().all(Option::is_none) {
            commits.iter().for_each(Commit::sync_below);
            failures = commits.iter().map(Commit::failure).collect();
        }
        if failures.iter().all(Option::is_none) {
            return commits;
        }
        for (commit, failure) in commits.iter().zip(failures) {
            let partner = Failure::Refused(Shortage::Partner);
            self.give_up(commit, failure.as_ref().unwrap_or(&partner));
        }
        Vec::new()
    }

    /// Takes back the places of batches that will not be written. If nobody knows whether the next open finds them in
    /// the journal, it must find their places, too: their segments stay.
    fn give_up(&self, commit: &Commit, failure: &Failure) {
        if let Failure::Refused(_) = failure {
            let mut appender = commit.partition.appender.lock();
            appender.take_back(&commit.runs);
            if commit.is_first_synced {
                appender.note_flush(Flush::PageCache);
            }
        }
        self.fail(&commit.partition, commit.first_offset, failure);
    }

    /// Deals with batches that are not in the log, from an offset on.
    fn fail(&self, partition: &Partition, from: i64, failure: &Failure) {
        match failure {
            Failure::Stopped => {}
            Failure::Broken(error) => partition.poison(error),
            Failure::Refused(shortage) => {
                // Whatever came in meanwhile builds on what was lost.
                let mut intake = partition.intake.lock();
                let late = std::mem::take(&mut intake.pending);
                let bonds = late.iter().filter_map(|batch| batch.bond.as_deref());
                bonds.for_each(Bond::lose);
                let bytes = late.iter().map(|batch| batch.bytes.len()).sum();
                self.shared.queue.release(bytes);
                intake.producers.forget_from(from);
                partition.show_undecided(&intake);
                let end = intake.next_offset;
                drop(intake);
                partition.progress.lose(from..end, *shortage);
            }
        }
    }

    /// Makes commits durable: those that are `ahead` of their segments by the journal, the others by
    /// what costs less. Tells of each how that went.
    fn make_durable(
        &mut self,
        ahead: Vec<Commit>,
        written: Vec<Commit>,
    ) -> Vec<(Commit, Result<()>)> {
        let needed = !ahead.is_empty();
        let (joining, alone) = match journal_pays(&written, needed) {
            true => (written, Vec::new()),
            false => (Vec::new(), written),
        };
        let mut results = self.sync(alone);
        let parts: Vec<Part<'_>> = ahead
            .iter()
            .chain(&joining)
            .flat_map(Commit::parts)
            .collect();
        if parts.is_empty() {
            return results;
        }
        let journaled = self.journal.append(&parts, needed);
        match journaled {
            Ok(true) => {
                results.extend(ahead.into_iter().map(Commit::write_behind));
                results.extend(joining.into_iter().map(|commit| (commit, Ok(()))));
            }
            other => {
                let failure = other.err().unwrap_or(Failure::Refused(Shortage::Space));
                ahead
                    .iter()
                    .for_each(|commit| self.give_up(commit, &failure));
                results.extend(self.sync(joining));
            }
        }
        results
    }

    /// Sees to it that what is not synced now will be.
    fn count_unsynced(&mut self, commit: &Commit) {
        let batches = commit.runs.iter().flat_map(|run| &run.batches);
        let bytes = batches.map(|batch| batch.bytes.len() as u64).sum();
        if let Some(round) = self.write_back.count(&commit.partition, bytes) {
            self.shared.keeper.send(Job::WriteBack(round));
        }
    }

    /// Syncs the segments that were written to, and tells of each commit whether all of its were.
    fn sync(&self, commits: Vec<Commit>) -> Vec<(Commit, Result<()>)> {
        let runs = || commits.iter().flat_map(|commit| &commit.runs);
        if runs().count() > 1 {
            // Has the device begin with all of them before it is asked about any.
            runs().for_each(|run| run.file.forget(run.end()));
        }
        let files = runs().map(|run| Arc::clone(&run.file)).collect();
        let mut results = self.shared.syncers.sync(files).into_iter();
        let all = |commit: Commit| {
            let own = commit.runs.iter().zip(&mut results);
            let synced = own.map(|(run, result)| {
                result.on("sync", run.segment.log_path())?;
                run.segment.set_synced_to(run.end());
                Ok(())
            });
            let first_error = synced.collect::<Vec<_>>().into_iter().collect();
            (commit, first_error)
        };
        commits.into_iter().map(all).collect()
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
        let mut has_marker = false;
        for run in runs {
            let headers = || run.batches.iter().map(|batch| &batch.header);
            if let Err(error) = run.segment.publish(headers(), interval) {
                return partition.poison(&error);
            }
            has_marker |= headers().any(Header::is_control);
            self.budget.insert(
                &partition.tail,
                run.batches.into_iter().map(cached).collect(),
            );
        }
        // Before anybody is woken: who waits for a marker sees what it decides.
        if has_marker && let Err(error) = partition.settle_transactions(next_offset) {
            return partition.poison(&error);
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

impl Taken {
    fn bonds(&self) -> impl Iterator<Item = &Bond> {
        self.batches
            .iter()
            .filter_map(|batch| batch.bond.as_deref())
    }

    fn first_offset(&self) -> i64 {
        let first = self.batches.first();
        first.map_or(0, |batch| batch.header.base_offset)
    }
}

impl Commit {
    /// Syncs what lies below, if less was promised of it; if that fails, the partition is poisoned.
    fn sync_below(&self) {
        if self.is_first_synced {
            self.partition.sync_unsaved();
        }
    }

    /// Whether others must be visible before it is.
    fn leads(&self) -> bool {
        let batches = self.runs.iter().flat_map(|run| &run.batches);
        let mut bonds = batches.filter_map(|batch| batch.bond.as_deref());
        bonds.any(|bond| bond.is_led_by(self.partition.id))
    }

    /// Why it must not count: recovery may not come as far as this.
    fn failure(&self) -> Option<Failure> {
        let is_poisoned = self.partition.progress.stopped() == Some(Stop::Poisoned);
        is_poisoned.then_some(Failure::Stopped)
    }

    /// What the journal is told of it.
    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let part = |run| Part {
            partition: &self.partition,
            run,
        };
        self.runs.iter().map(part)
    }

    /// Writes to the segments what the journal has already.
    fn write_behind(self) -> (Self, Result<()>) {
        let written = self.runs.iter().try_for_each(Run::write);
        (self, written)
    }
}

/// Bytes whose writing costs as much as the sync of a segment beside others. One of the journal, which is
/// overwritten, costs half of that. A slow disk takes longer for both.
const SYNC_IN_BYTES: u64 = 48 << 10;

/// Whether writing these commits to the journal as well costs less than syncing their segments, with
/// or without a sync of the journal that has to be made anyway.
fn journal_pays(commits: &[Commit], synced_anyway: bool) -> bool {
    let runs = || commits.iter().flat_map(|commit| &commit.runs);
    let bytes: u64 = runs().map(Run::len).sum();
    let journal = if synced_anyway { 0 } else { SYNC_IN_BYTES / 2 };
    journal + bytes <= runs().count() as u64 * SYNC_IN_BYTES
}

/// Gives what was taken its places, and writes it unless that is to come later. Tells why if that is not
/// all.
fn place(taken: Taken, now: Now) -> (Commit, Option<Failure>) {
    let first_offset = taken.first_offset();
    let Taken {
        partition,
        batches,
        snapshot,
    } = taken;
    let mut appender = partition.appender.lock();
    let (runs, failure) = match partition.progress.stopped() {
        Some(Stop::Poisoned | Stop::Deleted) => (Vec::new(), Some(Failure::Stopped)),
        _ => appender.place(&partition, batches, now),
    };
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
    let next_offset = last.map_or(first_offset, |batch| batch.header.next_offset());
    let flush = match now {
        Now::Write => partition.config.load().flush,
        Now::Reserve => Flush::Sync,
    };
    let is_first_synced = !runs.is_empty() && appender.note_flush(flush);
    drop(appender);
    let commit = Commit {
        partition,
        runs,
        first_offset,
        next_offset,
        flush,
        is_first_synced,
        snapshot,
    };
    (commit, failure)
}

fn tell_of_shortage(partition: TopicPartition, lacks: Option<Shortage>) {
    match lacks.map(|shortage| shortage.error(partition)) {
        Some(error) => tracing::error!(%partition, %error, "appends are refused"),
        None => tracing::info!(%partition, "nothing is lacking any more: appends are taken"),
    }
}

fn cached(batch: Pending) -> Cached {
    Cached {
        base_offset: batch.header.base_offset,
        next_offset: batch.header.next_offset(),
        bytes: batch.bytes,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::pin::pin;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::task::{Context, Wake, Waker};

    use millstream_batch::Builder;
    use uuid::Uuid;

    use super::*;
    use crate::config::{LogConfig, StoreOptions};
    use crate::disk::faulty::FaultyDisk;
    use crate::progress::Ack;
    use crate::store::Store;

    fn store_of(partitions: i32) -> (Store, Vec<Arc<Partition>>) {
        let disk = Arc::new(FaultyDisk::default());
        let store = Store::open_on(disk, Path::new("/data"), StoreOptions::default(), 0).unwrap();
        let create = |index| {
            let topic_id = Uuid::nil();
            let id = TopicPartition { topic_id, index };
            store.create_partition(id, LogConfig::default()).unwrap()
        };
        let partitions = (0..partitions).map(create).collect();
        (store, partitions)
    }

    /// Keeps from the store's own writer what is appended next.
    fn hold(partitions: &[Arc<Partition>]) {
        partitions
            .iter()
            .for_each(|partition| partition.intake.lock().queued = true);
    }

    fn append_to(store: &Store, partitions: &[&Arc<Partition>]) {
        let batch = || Builder::new().record(0, None, None).build().unwrap();
        let batches = partitions.iter().map(|&it| (Arc::clone(it), batch()));
        store.append_all(batches.collect(), 0).unwrap();
    }

    #[test]
    fn who_waits_for_the_first_of_several_sees_all() {
        /// Looks, when it is woken, how far all partitions are.
        struct Look {
            partitions: Vec<Arc<Partition>>,
            seen: AtomicI64,
        }
        impl Wake for Look {
            fn wake(self: Arc<Self>) {
                let marks = self.partitions.iter().map(|p| p.offsets().high_watermark);
                self.seen.store(marks.min().unwrap(), Ordering::SeqCst);
            }
        }
        let (store, partitions) = store_of(8);
        let journal = Journal::new(Arc::clone(&store.shared.shelf));
        let mut writer = Writer::new(Arc::clone(&store.shared), journal);
        for leader in &partitions {
            hold(&partitions);
            let others = partitions.iter().filter(|it| it.id != leader.id);
            let all: Vec<_> = std::iter::once(leader).chain(others).collect();
            append_to(&store, &all);
            let next = leader.offsets().log_end;
            let look = Arc::new(Look {
                partitions: partitions.clone(),
                seen: AtomicI64::new(0),
            });
            let waker = Waker::from(Arc::clone(&look));
            let mut wait = pin!(leader.wait(next, Ack::Durable));
            assert!(
                wait.as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            let taken = writer.take(vec![Arc::clone(leader)]);
            writer.group(taken);
            assert_eq!(look.seen.load(Ordering::SeqCst), next, "{}", leader.id);
        }
    }

    #[test]
    fn what_is_bound_to_a_lost_batch_is_lost_and_what_is_bound_to_that_too() {
        let (store, partitions) = store_of(4);
        hold(&partitions);
        for pair in [[0, 1], [1, 2]] {
            append_to(&store, &pair.map(|i: usize| &partitions[i]));
        }
        let journal = Journal::new(Arc::clone(&store.shared.shelf));
        let mut writer = Writer::new(Arc::clone(&store.shared), journal);
        writer.fail(&partitions[0], 0, &Failure::Refused(Shortage::Space));
        let taken = writer.take(vec![Arc::clone(&partitions[2])]);
        writer.group(taken);
        for partition in &partitions {
            assert_eq!(partition.offsets().high_watermark, 0, "{}", partition.id);
            assert_eq!(partition.size(), 0, "{}", partition.id);
        }
        assert_eq!(partitions[2].offsets().log_end, 1);
    }
}
