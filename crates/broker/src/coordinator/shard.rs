//! One partition of a machine's topic and the machine that lives in it.
//!
//! It never decides what an operation means: it keeps memory and log together, and replies back until they are true.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use millstream_batch::{Batch, Builder};
use millstream_groups::Now;
use millstream_store::{Ack, AppendMode, Appended, Partition};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Machine, Record, Shared, replay};
use crate::Error;

/// Where a batch is closed and the next one begun.
const BATCH_BYTES: usize = 1 << 20;

/// What has to become durable before a reply may leave, and in which memory it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The end of the log when the reply was made.
    written: i64,
    /// Counts the replays.
    incarnation: u64,
}

impl Proof {
    /// The end of the log.
    pub(crate) fn written(&self) -> i64 {
        self.written
    }
}

/// A machine, and what its replies rest on.
#[derive(Debug)]
struct Memory<M> {
    machine: M,
    proof: Proof,
}

/// The machine of one partition.
#[derive(Debug)]
pub(super) struct Shard<M> {
    partition: Arc<Partition>,
    shared: Arc<Shared>,
    memory: Mutex<Option<Memory<M>>>,
    /// Held while memory is made from the log; how often that was done.
    replays: tokio::sync::Mutex<u64>,
    deadline: AtomicI64,
    /// The end of the log when it failed, so that it is told once; or [`NEVER`] while it works.
    failed_at: AtomicI64,
}

/// Stands for an end of the log that no log has.
const NEVER: i64 = i64::MAX;

impl<M: Machine> Shard<M> {
    /// The machine of `partition`, made when it is first needed.
    pub(super) fn new(partition: Arc<Partition>, shared: Arc<Shared>) -> Self {
        Self {
            partition,
            shared,
            memory: Mutex::new(None),
            replays: tokio::sync::Mutex::default(),
            deadline: AtomicI64::new(i64::MAX),
            failed_at: AtomicI64::new(NEVER),
        }
    }

    /// When something is due next, on the monotonic clock.
    pub(super) fn deadline(&self) -> i64 {
        self.deadline.load(Ordering::SeqCst)
    }

    /// Runs an operation; returns once what it saw and wrote is durable.
    pub(super) async fn run<R>(
        &self,
        operation: impl FnOnce(&mut M, Now, &mut M::Effects) -> R,
    ) -> Result<R, Error> {
        self.ready().await?;
        let (result, proof) = self.step(operation)?;
        self.confirm(proof).await?;
        Ok(result)
    }

    /// Runs an operation whose reply may come with a later one; returns it once it is durable.
    pub(super) async fn ask<R>(
        &self,
        operation: impl FnOnce(&mut M, Now, &mut M::Effects) -> oneshot::Receiver<(R, Proof)>,
    ) -> Result<R, Error> {
        self.ready().await?;
        let (reply, _) = self.step(|machine, now, effects| {
            let reply = operation(machine, now, effects);
            if self.shared.closing.load(Ordering::SeqCst) {
                machine.send_away();
            }
            reply
        })?;
        let (reply, proof) = reply.await.map_err(|_| Error::CoordinatorNotAvailable)?;
        self.confirm(proof).await?;
        Ok(reply)
    }

    /// Does what is due; returns once it is durable, or its loss has been dealt with.
    pub(super) async fn expire(&self) {
        if self.shared.clock.now().monotonic_ms < self.deadline() {
            return;
        }
        // A failure has been logged, and there is no deadline any more.
        if let Ok(((), proof)) = self.step(M::expire) {
            let _ = self.confirm(proof).await;
        }
    }

    /// Sends away whoever is parked, once [`Shared::closing`] keeps others from being parked.
    pub(super) fn send_away(&self) {
        if let Some(memory) = &mut *self.memory.lock() {
            memory.machine.send_away();
        }
    }

    /// Has memory take over what somebody else has appended to its log, the last of it at `offset`. What has no memory
    /// finds it in the log.
    pub(super) fn note(&self, offset: i64, change: impl FnOnce(&mut M)) {
        if let Some(memory) = &mut *self.memory.lock() {
            change(&mut memory.machine);
            memory.proof.written = memory.proof.written.max(offset + 1);
        }
    }

    /// Makes sure that there is memory to work on.
    pub(super) async fn ready(&self) -> Result<(), Error> {
        if self.memory.lock().is_some() {
            return Ok(());
        }
        let mut replays = self.replays.lock().await;
        if self.memory.lock().is_some() {
            return Ok(());
        }
        // The store has said why, and says it to every write: there is no use in reading.
        if self.partition.write_error().is_some() {
            return Err(Error::CoordinatorNotAvailable);
        }
        while !self.load(&mut replays).await? {}
        self.step(M::resume).map(drop)
    }

    /// Replays the log into memory, unless something has been appended meanwhile; whether it is there.
    async fn load(&self, replays: &mut u64) -> Result<bool, Error> {
        let seen = self.partition.offsets().log_end;
        let (machine, written) = self.replay().await.map_err(|error| {
            if self.note_failure() {
                let partition = self.partition.id();
                tracing::error!(%partition, %error, "{} cannot be read", M::WHAT);
            }
            Error::CoordinatorNotAvailable
        })?;
        let mut memory = self.memory.lock();
        // Markers come without asking; whoever appends one changes memory next.
        if self.partition.offsets().log_end != seen {
            return Ok(false);
        }
        *replays += 1;
        let incarnation = *replays;
        let proof = Proof {
            written,
            incarnation,
        };
        *memory = Some(Memory { machine, proof });
        Ok(true)
    }

    async fn replay(&self) -> Result<(M, i64), Error> {
        // What was written may still be on its way; whether it arrives is all the same.
        self.partition.settle().await?;
        let mut machine = M::new(&self.shared.catalog);
        let end = replay::replay(&self.partition, &mut machine).await?;
        Ok((machine, end))
    }

    /// Changes memory and appends the records of the change, in one and the same order, without waiting for anything.
    /// What the operation saw and wrote is durable once the proof is confirmed. There has to be memory to work on.
    pub(super) fn step<R>(
        &self,
        operation: impl FnOnce(&mut M, Now, &mut M::Effects) -> R,
    ) -> Result<(R, Proof), Error> {
        let mut guard = self.memory.lock();
        let memory = guard.as_mut().ok_or(Error::CoordinatorNotAvailable)?;
        let (now, mut effects) = (self.shared.clock.now(), M::Effects::default());
        let result = operation(&mut memory.machine, now, &mut effects);
        let begin = match self.append(&mut effects, now.unix_ms) {
            Ok(None) => memory.proof.written,
            Ok(Some((begin, end))) => {
                memory.proof.written = end;
                begin
            }
            Err(error) => {
                let proof = memory.proof;
                drop(guard);
                return Err(self.fail(proof, &error));
            }
        };
        let proof = memory.proof;
        memory.machine.appended(effects, begin, proof);
        let deadline = memory.machine.next_deadline().unwrap_or(i64::MAX);
        self.deadline.store(deadline, Ordering::SeqCst);
        drop(guard);
        self.shared.alarm.set(deadline);
        Ok((result, proof))
    }

    /// Appends records in as few batches as reasonable; returns where they begin and end, if there are any.
    fn append(&self, effects: &mut M::Effects, now_ms: i64) -> Result<Option<(i64, i64)>, Error> {
        let beside = M::beside(effects, now_ms)?;
        let producer = M::producer(effects);
        let batches = batches(&M::records(effects)?, producer, now_ms)?;
        let own = batches.len();
        let appended = if beside.is_empty() {
            let mode = match M::FREES {
                true => AppendMode::Freeing,
                false => AppendMode::Internal,
            };
            let append = |batch| self.partition.append(batch, mode, now_ms);
            batches.into_iter().map(append).collect::<Result<_, _>>()?
        } else {
            let with = |batch| (Arc::clone(&self.partition), batch);
            let all = batches.into_iter().map(with).chain(beside).collect();
            self.shared.catalog.store().append_all(all, now_ms)?
        };
        let (first, last) = (appended.first(), appended[..own].last());
        let span =
            |(first, last): (&Appended, &Appended)| (first.base_offset, last.last_offset + 1);
        Ok(first.zip(last).map(span))
    }

    /// Waits until what a reply rests on is durable.
    pub(super) async fn confirm(&self, proof: Proof) -> Result<(), Error> {
        match self.partition.wait(proof.written, Ack::Durable).await {
            Ok(()) => {
                let needed = self.vouch(proof)?;
                self.note_success(proof);
                self.let_go(needed);
                Ok(())
            }
            Err(error) => Err(self.fail(proof, &error.into())),
        }
    }

    /// Takes note that the log failed; whether it did not before.
    fn note_failure(&self) -> bool {
        let end = self.partition.offsets().log_end;
        self.failed_at.swap(end, Ordering::SeqCst) == NEVER
    }

    /// Takes note of records that became durable; if the log failed before them, it works again.
    fn note_success(&self, proof: Proof) {
        if proof.written > self.failed_at.load(Ordering::SeqCst) {
            self.failed_at.store(NEVER, Ordering::SeqCst);
            let partition = self.partition.id();
            tracing::info!(%partition, "records of {} are kept again", M::WHAT);
        }
    }

    /// Whether the memory that a reply rests on, which is durable, is still there; returns the first record that a replay
    /// of it needs, if it knows.
    fn vouch(&self, proof: Proof) -> Result<Option<i64>, Error> {
        let durable = proof.written.min(self.partition.offsets().high_watermark);
        let memory = self.memory.lock();
        let memory = memory.as_ref();
        let memory = memory.filter(|memory| memory.proof.incarnation == proof.incarnation);
        let memory = memory.ok_or(Error::CoordinatorNotAvailable)?;
        Ok(memory.machine.needed_from(durable))
    }

    /// Lets go of records that no replay needs. They may come back with a crash.
    fn let_go(&self, needed: Option<i64>) {
        if let Some(needed) = needed
            && needed > self.partition.offsets().log_start
            && let Err(error) = self.partition.advance_log_start(needed)
        {
            tracing::warn!(%error, "records of {} stay that nobody needs", M::WHAT);
        }
    }

    /// Memory is ahead of the log and is dropped, unless that has been done already.
    fn fail(&self, proof: Proof, error: &Error) -> Error {
        if M::FREES
            && matches!(
                error,
                Error::Store(millstream_store::Error::StorageFull { .. })
            )
        {
            self.partition.give_up_reserve();
        }
        let mut memory = self.memory.lock();
        if memory.as_ref().map(|memory| memory.proof.incarnation) == Some(proof.incarnation) {
            *memory = None;
            self.deadline.store(i64::MAX, Ordering::SeqCst);
            let partition = self.partition.id();
            if self.note_failure() {
                tracing::error!(
                    %partition, %error,
                    "records of {} are lost, what is durable is read back", M::WHAT
                );
            }
        }
        Error::CoordinatorNotAvailable
    }
}

/// Records in as few batches as reasonable, as a part of the transaction of `producer` if there is one.
fn batches(
    records: &[Record],
    producer: Option<(i64, i16)>,
    now_ms: i64,
) -> Result<Vec<Batch>, Error> {
    let begin = || match producer {
        Some((id, epoch)) => Builder::new().producer(id, epoch, -1).transactional(),
        None => Builder::new(),
    };
    let (mut batches, mut batch) = (Vec::new(), begin());
    for (key, value) in records {
        batch.push(now_ms, Some(key), value.as_deref(), &[]);
        if batch.size() >= BATCH_BYTES {
            batches.push(std::mem::replace(&mut batch, begin()).build()?);
        }
    }
    if !batch.is_empty() {
        batches.push(batch.build()?);
    }
    Ok(batches)
}
