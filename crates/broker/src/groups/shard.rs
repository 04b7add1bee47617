//! One partition of `__consumer_offsets` and the groups that live in it.
//!
//! It never decides anything about a group: it keeps memory and log together, and replies back until they are true.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use millstream_batch::Builder;
use millstream_groups::{Config, Effects, Now, Record, Reply, Token};
use millstream_store::{Ack, AppendMode, Partition};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Shared, record, replay};
use crate::Error;
use crate::config::BrokerConfig;

/// Where a batch is closed and the next one begun.
const BATCH_BYTES: usize = 1 << 20;

/// What has to become durable before a reply may leave, and in which memory it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Proof {
    /// The end of the log when the reply was made.
    written: i64,
    /// Counts the replays.
    incarnation: u64,
}

/// The groups in memory, and who waits for them.
#[derive(Debug)]
struct Memory {
    groups: millstream_groups::Shard,
    parked: HashMap<Token, oneshot::Sender<(Reply, Proof)>>,
    tokens: u64,
    proof: Proof,
}

/// The groups of one partition.
#[derive(Debug)]
pub(super) struct Shard {
    partition: Arc<Partition>,
    shared: Arc<Shared>,
    memory: Mutex<Option<Memory>>,
    /// Held while memory is made from the log; how often that was done.
    replays: tokio::sync::Mutex<u64>,
    deadline: AtomicI64,
    /// The end of the log when it failed, so that it is told once; or [`NEVER`] while it works.
    failed_at: AtomicI64,
}

/// Stands for an end of the log that no log has.
const NEVER: i64 = i64::MAX;

impl Shard {
    /// The groups of `partition`, read when they are first needed.
    pub(super) fn new(partition: Arc<Partition>, shared: Arc<Shared>) -> Self {
        Self {
            partition,
            shared,
            memory: Mutex::default(),
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
        operation: impl FnOnce(&mut millstream_groups::Shard, Now, &mut Effects) -> R,
    ) -> Result<R, Error> {
        self.ready().await?;
        let (result, proof) =
            self.step(|memory, now, effects| operation(&mut memory.groups, now, effects))?;
        self.confirm(proof).await?;
        Ok(result)
    }

    /// Runs an operation whose reply may come with a later one; returns it once it is durable.
    pub(super) async fn ask(
        &self,
        operation: impl FnOnce(&mut millstream_groups::Shard, Token, Now, &mut Effects),
    ) -> Result<Reply, Error> {
        self.ready().await?;
        let (reply, _) = self.step(|memory, now, effects| {
            let (token, reply) = memory.park();
            operation(&mut memory.groups, token, now, effects);
            if self.shared.closing.load(Ordering::SeqCst) {
                memory.parked.clear();
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
        if let Ok(((), proof)) =
            self.step(|memory, now, effects| memory.groups.expire(now, effects))
        {
            let _ = self.confirm(proof).await;
        }
    }

    /// Sends away whoever is parked, once [`Shared::closing`] keeps others from being parked.
    pub(super) fn send_away(&self) {
        if let Some(memory) = &mut *self.memory.lock() {
            memory.parked.clear();
        }
    }

    /// Makes sure that there is memory to work on.
    async fn ready(&self) -> Result<(), Error> {
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
        let config = limits(&self.shared.catalog.config());
        let (groups, written) = self.replay(config).await.map_err(|error| {
            if self.note_failure() {
                tracing::error!(partition = %self.partition.id(), %error, "groups cannot be read");
            }
            Error::CoordinatorNotAvailable
        })?;
        *replays += 1;
        let proof = Proof {
            written,
            incarnation: *replays,
        };
        *self.memory.lock() = Some(Memory::new(groups, proof));
        self.step(|memory, now, effects| memory.groups.resume(now, effects))
            .map(drop)
    }

    async fn replay(&self, config: Config) -> Result<(millstream_groups::Shard, i64), Error> {
        // What an earlier memory wrote may still be on its way; whether it arrives is all the same.
        self.partition.settle().await?;
        replay::replay(&self.partition, config).await
    }

    /// Changes memory and appends the records of the change, in one and the same order.
    fn step<R>(
        &self,
        operation: impl FnOnce(&mut Memory, Now, &mut Effects) -> R,
    ) -> Result<(R, Proof), Error> {
        let mut guard = self.memory.lock();
        let memory = guard.as_mut().ok_or(Error::CoordinatorNotAvailable)?;
        let (now, mut effects) = (self.shared.clock.now(), Effects::default());
        let result = operation(memory, now, &mut effects);
        match self.append(&effects.records, now.unix_ms) {
            Ok(Some(end)) => {
                memory.proof.written = end;
                tell(&effects.records);
            }
            Ok(None) => {}
            Err(error) => {
                let proof = memory.proof;
                drop(guard);
                return Err(self.fail(proof, &error));
            }
        }
        memory.answer(effects.replies);
        let deadline = memory.groups.next_deadline().unwrap_or(i64::MAX);
        let proof = memory.proof;
        self.deadline.store(deadline, Ordering::SeqCst);
        drop(guard);
        self.shared.alarm.set(deadline);
        Ok((result, proof))
    }

    /// Appends records in as few batches as reasonable; returns the end of the log if there were any.
    fn append(&self, records: &[Record], now_ms: i64) -> Result<Option<i64>, Error> {
        let (mut end, mut batch) = (None, Builder::new());
        for record in records {
            let (key, value) = record::encode(record)?;
            batch.push(now_ms, Some(&key), value.as_deref(), &[]);
            if batch.size() >= BATCH_BYTES {
                end = Some(self.append_batch(std::mem::take(&mut batch), now_ms)?);
            }
        }
        if !batch.is_empty() {
            end = Some(self.append_batch(batch, now_ms)?);
        }
        Ok(end)
    }

    fn append_batch(&self, batch: Builder, now_ms: i64) -> Result<i64, Error> {
        let appended = self
            .partition
            .append(batch.build()?, AppendMode::Internal, now_ms)?;
        Ok(appended.last_offset + 1)
    }

    /// Waits until what a reply rests on is durable.
    async fn confirm(&self, proof: Proof) -> Result<(), Error> {
        match self.partition.wait(proof.written, Ack::Durable).await {
            Ok(()) if self.incarnation() == Some(proof.incarnation) => {
                self.note_success(proof);
                Ok(())
            }
            Ok(()) => Err(Error::CoordinatorNotAvailable),
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
            tracing::info!(partition = %self.partition.id(), "group records are kept again");
        }
    }

    fn incarnation(&self) -> Option<u64> {
        let memory = self.memory.lock();
        memory.as_ref().map(|memory| memory.proof.incarnation)
    }

    /// Memory is ahead of the log and is dropped, unless that has been done already.
    fn fail(&self, proof: Proof, error: &Error) -> Error {
        let mut memory = self.memory.lock();
        if memory.as_ref().map(|memory| memory.proof.incarnation) == Some(proof.incarnation) {
            *memory = None;
            self.deadline.store(i64::MAX, Ordering::SeqCst);
            let partition = self.partition.id();
            if self.note_failure() {
                tracing::error!(%partition, %error, "group records are lost, what is durable is read back");
            }
        }
        Error::CoordinatorNotAvailable
    }
}

impl Memory {
    fn new(groups: millstream_groups::Shard, proof: Proof) -> Self {
        Self {
            groups,
            parked: HashMap::new(),
            tokens: 0,
            proof,
        }
    }

    fn park(&mut self) -> (Token, oneshot::Receiver<(Reply, Proof)>) {
        let (sender, receiver) = oneshot::channel();
        self.tokens += 1;
        self.parked.insert(Token(self.tokens), sender);
        (Token(self.tokens), receiver)
    }

    fn answer(&mut self, replies: Vec<(Token, Reply)>) {
        for (token, reply) in replies {
            if let Some(sender) = self.parked.remove(&token) {
                // Whoever asked may have gone.
                let _ = sender.send((reply, self.proof));
            }
        }
    }
}

/// Says in the server's log what has become of groups. Offsets are too many to speak of.
fn tell(records: &[Record]) {
    for record in records {
        match record {
            Record::Group {
                group,
                value: Some(value),
            } => {
                let (generation, members) = (value.generation, value.members.len());
                tracing::info!(%group, generation, members, "group has settled");
            }
            Record::Group { group, value: None } => tracing::info!(%group, "group is deleted"),
            Record::Offset { .. } => {}
        }
    }
}

/// The limits of the coordinator, as configured.
fn limits(config: &BrokerConfig) -> Config {
    Config {
        min_session_timeout_ms: config.group_min_session_timeout_ms,
        max_session_timeout_ms: config.group_max_session_timeout_ms,
        initial_rebalance_delay_ms: config.group_initial_rebalance_delay_ms,
        max_size: config.group_max_size.unsigned_abs() as usize,
        offset_metadata_max_bytes: config.offset_metadata_max_bytes.unsigned_abs() as usize,
        offsets_retention_ms: i64::from(config.offsets_retention_minutes) * 60_000,
        max_generation_bytes: config.offsets_topic_segment_bytes.unsigned_abs() as usize / 2,
        ..Config::default()
    }
}
