//! State that is a replay of an internal topic, kept in memory and changed by requests.
//!
//! What a request means is decided in a pure [`Machine`]; this is the rim around it. Keys are spread over the
//! partitions of the machine's topic by a hash, and each partition has a machine of its own:
//!
//! - an operation changes memory and appends its records under one lock, so that memory and log agree on the order;
//! - no reply leaves before everything that its shard had written at that moment is durable;
//! - when the log refuses a record or loses one, the shard's memory is dropped. Whoever waits is told that the
//!   coordinator is not available, and the next request replays what did become durable.
//!
//! Changes of different keys never wait for each other: each appends at once, and one sync serves all that wait.

mod alarm;
mod clock;
mod machine;
mod replay;
mod shard;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use millstream_groups::Now;
use tokio::sync::{OnceCell, oneshot};

use crate::catalog::Catalog;
use crate::{Environment, Error};
use alarm::Alarm;
use clock::Clock;
pub(crate) use machine::{Machine, Record};
pub(crate) use shard::Proof;
use shard::Shard;

/// What all shards share.
#[derive(Debug)]
struct Shared {
    catalog: Arc<Catalog>,
    clock: Clock,
    alarm: Alarm,
    /// Whether nobody keeps time any more, so that nobody may be kept waiting.
    closing: AtomicBool,
}

/// All machines of one kind.
#[derive(Debug)]
pub(crate) struct Coordinator<M: Machine> {
    shared: Arc<Shared>,
    /// Set once the topic exists. Its number of partitions at that time decides where keys live.
    shards: OnceCell<Vec<Shard<M>>>,
}

impl<M: Machine> Coordinator<M> {
    /// Machines whose log is found, or made, when it is first needed.
    pub(crate) fn new(catalog: Arc<Catalog>, environment: Environment) -> Self {
        let (clock, alarm) = (Clock::new(environment), Alarm::default());
        let shared = Arc::new(Shared {
            catalog,
            clock,
            alarm,
            closing: AtomicBool::new(false),
        });
        Self {
            shared,
            shards: OnceCell::new(),
        }
    }

    /// The topics and the configuration.
    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        &self.shared.catalog
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Now {
        self.shared.clock.now()
    }

    /// Makes sure that there is a log.
    pub(crate) async fn prepare(&self) -> Result<(), Error> {
        self.shards().await.map(drop)
    }

    /// Runs an operation on the machine of `key` and returns once what it saw and wrote is durable.
    pub(crate) async fn run<R>(
        &self,
        key: &str,
        operation: impl FnOnce(&mut M, Now, &mut M::Effects) -> R,
    ) -> Result<R, Error> {
        self.shard(key).await?.run(operation).await
    }

    /// Makes sure that [`Coordinator::run_now`] finds the machine of `key`.
    pub(crate) async fn ready(&self, key: &str) -> Result<(), Error> {
        self.shard(key).await?.ready().await
    }

    /// Runs an operation on the machine of `key` at once. Nobody may be told what came of it before the proof is
    /// confirmed.
    ///
    /// # Errors
    /// [`Error::CoordinatorNotAvailable`] if that machine is not ready.
    pub(crate) fn run_now<R>(
        &self,
        key: &str,
        operation: impl FnOnce(&mut M, Now, &mut M::Effects) -> R,
    ) -> Result<(R, Proof), Error> {
        let shards = self.shards.get().ok_or(Error::CoordinatorNotAvailable)?;
        shards[partition_of(key, shards.len())].step(operation)
    }

    /// Returns once what the proof says about the machine of `key` is durable.
    pub(crate) async fn confirm(&self, key: &str, proof: Proof) -> Result<(), Error> {
        self.shard(key).await?.confirm(proof).await
    }

    /// Has the machine of a partition take over what was appended there, the last of it at `offset`, without asking it.
    pub(crate) fn note(&self, partition: i32, offset: i64, change: impl FnOnce(&mut M)) {
        let shard = usize::try_from(partition).ok();
        let shard = shard.and_then(|index| self.shards.get()?.get(index));
        if let Some(shard) = shard {
            shard.note(offset, change);
        }
    }

    /// The partition that the machine of `key` lives in.
    pub(crate) async fn partition_of(&self, key: &str) -> Result<usize, Error> {
        Ok(partition_of(key, self.shards().await?.len()))
    }

    /// Runs an operation that hands back where its reply will come from, and waits for that.
    pub(crate) async fn ask<R>(
        &self,
        key: &str,
        operation: impl FnOnce(&mut M, Now, &mut M::Effects) -> oneshot::Receiver<(R, Proof)>,
    ) -> Result<R, Error> {
        self.shard(key).await?.ask(operation).await
    }

    /// Runs an operation on every machine, one after the other, whether it succeeds on others or not; the first
    /// failure is told. Without a log there is none.
    pub(crate) async fn run_everywhere<R>(
        &self,
        operation: impl FnMut(&mut M, Now, &mut M::Effects) -> R,
    ) -> Result<Vec<R>, Error> {
        self.try_everywhere(operation).await.into_iter().collect()
    }

    /// The same, with what came of it on each machine.
    pub(crate) async fn try_everywhere<R>(
        &self,
        mut operation: impl FnMut(&mut M, Now, &mut M::Effects) -> R,
    ) -> Vec<Result<R, Error>> {
        if self.shared.catalog.topic(M::TOPIC).is_none() {
            return Vec::new();
        }
        let mut results = Vec::new();
        match self.shards().await {
            Ok(shards) => {
                for shard in shards {
                    results.push(shard.run(&mut operation).await);
                }
            }
            Err(error) => results.push(Err(error)),
        }
        results
    }

    /// Replays every shard, so that the first requests need not wait for it.
    pub(crate) async fn load(&self) {
        if let Err(error) = self.run_everywhere(|_, _, _| ()).await {
            tracing::warn!(%error, "{} are not available", M::WHAT);
        }
    }

    /// Sleeps until a deadline, does what is due, and so on.
    pub(crate) async fn keep_deadlines(&self) {
        loop {
            let shards = self.shards.get().map_or(&[][..], Vec::as_slice);
            let alarm = &self.shared.alarm;
            alarm.wait(&self.shared.clock, || earliest(shards)).await;
            join_all(shards.iter().map(Shard::expire)).await;
        }
    }

    /// Sends away whoever waits, and keeps nobody waiting from now on.
    pub(crate) fn close(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        for shard in self.shards.get().into_iter().flatten() {
            shard.send_away();
        }
    }

    async fn shard(&self, key: &str) -> Result<&Shard<M>, Error> {
        let shards = self.shards().await?;
        Ok(&shards[partition_of(key, shards.len())])
    }

    async fn shards(&self) -> Result<&[Shard<M>], Error> {
        let find = || async {
            let topic = self.shared.catalog.ensure_topic(M::TOPIC).await?;
            let shard = |partition| Shard::new(Arc::clone(partition), Arc::clone(&self.shared));
            Ok(topic.partitions().iter().map(shard).collect())
        };
        self.shards.get_or_try_init(find).await.map(Vec::as_slice)
    }
}

fn earliest<M: Machine>(shards: &[Shard<M>]) -> i64 {
    shards.iter().map(Shard::deadline).min().unwrap_or(i64::MAX)
}

/// The partition that a key lives in: the hash that Java gives it, which other tools count on.
fn partition_of(key: &str, partitions: usize) -> usize {
    let add = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    let hash = key.encode_utf16().fold(0, add);
    hash.checked_abs().unwrap_or(0).unsigned_abs() as usize % partitions
}

#[cfg(test)]
mod tests {
    use super::partition_of;

    #[test]
    fn keys_are_spread_as_java_hashes_them() {
        // Of String.hashCode: "" is 0, "a" is 97, "console" is 951510359, "polygenelubricants" is the
        // smallest integer there is, and characters beyond the first plane count as two.
        let table = [
            ("", 0),
            ("a", 47),
            ("console", 9),
            ("polygenelubricants", 0),
            ("\u{1F600}", 49),
        ];
        for (key, expected) in table {
            assert_eq!(partition_of(key, 50), expected, "{key}");
        }
    }
}
