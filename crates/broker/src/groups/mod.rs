//! Where groups live: the shards of `__consumer_offsets`, their replay, their deadlines and their durability.
//!
//! What a request means is decided in `millstream_groups`; this is the rim around it. Groups are spread over the
//! partitions of the topic by a hash of their id. All state is a replay of its partition's records:
//!
//! - an operation changes memory and appends its records under one lock, so that memory and log agree on the order;
//! - no reply leaves before everything that its shard had written at that moment is durable;
//! - when the log refuses a record or loses one, the shard's memory is dropped. Whoever waits is told that the
//!   coordinator is not available, and the next request replays what did become durable.
//!
//! Commits of different groups never wait for each other: each appends at once, and one sync serves all that wait.

mod alarm;
mod clock;
mod record;
mod replay;
mod shard;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use millstream_groups::{Effects, Now, Reply, Token};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::catalog::{Catalog, OFFSETS};
use crate::{Broker, Environment, Error};
use alarm::Alarm;
use clock::Clock;
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

/// Every group of this broker.
#[derive(Debug)]
pub(crate) struct Groups {
    shared: Arc<Shared>,
    /// Set once the topic exists. Its number of partitions at that time decides where groups live.
    shards: OnceCell<Vec<Shard>>,
}

impl Groups {
    /// Groups whose log is found, or made, when it is first needed.
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

    /// Makes sure that there is a log for groups.
    pub(crate) async fn prepare(&self) -> Result<(), Error> {
        self.shards().await.map(drop)
    }

    /// Runs an operation on the shard of `group` and returns once what it saw and wrote is durable.
    pub(crate) async fn run<R>(
        &self,
        group: &str,
        operation: impl FnOnce(&mut millstream_groups::Shard, Now, &mut Effects) -> R,
    ) -> Result<R, Error> {
        self.shard(group).await?.run(operation).await
    }

    /// Runs an operation whose reply may have to wait for others, and waits for it.
    pub(crate) async fn ask(
        &self,
        group: &str,
        operation: impl FnOnce(&mut millstream_groups::Shard, Token, Now, &mut Effects),
    ) -> Result<Reply, Error> {
        self.shard(group).await?.ask(operation).await
    }

    /// Runs an operation on every shard, one after the other, whether it succeeds on others or not; the first
    /// failure is told. Without a log there is none.
    pub(crate) async fn run_everywhere<R>(
        &self,
        mut operation: impl FnMut(&mut millstream_groups::Shard, Now, &mut Effects) -> R,
    ) -> Result<Vec<R>, Error> {
        if self.shared.catalog.topic(OFFSETS).is_none() {
            return Ok(Vec::new());
        }
        let mut results = Vec::new();
        for shard in self.shards().await? {
            results.push(shard.run(&mut operation).await);
        }
        results.into_iter().collect()
    }

    /// Forgets how far anyone has come in a topic that was deleted. What a crash keeps from being forgotten is
    /// told apart by the topic's id, and expires.
    pub(crate) async fn forget_topic(&self, name: &str, id: Uuid) {
        let forget = |shard: &mut millstream_groups::Shard, _, effects: &mut Effects| {
            shard.forget_topic(name, id.as_u128(), effects);
        };
        if let Err(error) = self.run_everywhere(forget).await {
            tracing::warn!(topic = name, %error, "offsets of a deleted topic are still there");
        }
    }

    async fn shard(&self, group: &str) -> Result<&Shard, Error> {
        let shards = self.shards().await?;
        Ok(&shards[partition_of(group, shards.len())])
    }

    async fn shards(&self) -> Result<&[Shard], Error> {
        let find = || async {
            let topic = self.shared.catalog.ensure_topic(OFFSETS).await?;
            let shard = |partition| Shard::new(Arc::clone(partition), Arc::clone(&self.shared));
            Ok(topic.partitions().iter().map(shard).collect())
        };
        self.shards.get_or_try_init(find).await.map(Vec::as_slice)
    }

    /// Replays every shard, so that the first requests need not wait for it.
    async fn load(&self) {
        if let Err(error) = self.run_everywhere(|_, _, _| ()).await {
            tracing::warn!(%error, "groups are not available");
        }
    }

    /// Sleeps until a deadline of any group, does what is due, and so on.
    async fn keep_deadlines(&self) {
        loop {
            let shards = self.shards.get().map_or(&[][..], Vec::as_slice);
            let alarm = &self.shared.alarm;
            alarm.wait(&self.shared.clock, || earliest(shards)).await;
            join_all(shards.iter().map(Shard::expire)).await;
        }
    }

    /// Forgets offsets that nobody has needed for as long as the configuration says.
    async fn keep_retention(&self, broker: &Broker) {
        loop {
            let config = self.shared.catalog.config();
            let interval = config.offsets_retention_check_interval_ms.unsigned_abs();
            tokio::time::sleep(Duration::from_millis(interval)).await;
            let expire = |shard: &mut millstream_groups::Shard, now, effects: &mut Effects| {
                shard.expire_offsets(now, effects);
            };
            if let Err(error) = self.run_everywhere(expire).await {
                tracing::warn!(%error, "cannot look for expired offsets");
            }
            broker.release_orphans().await;
        }
    }
}

fn earliest(shards: &[Shard]) -> i64 {
    shards.iter().map(Shard::deadline).min().unwrap_or(i64::MAX)
}

/// Keeps time for all groups until the broker stops; then whoever is parked is sent away.
pub(crate) async fn serve(broker: Arc<Broker>) {
    let groups = broker.groups();
    let begin = async {
        groups.load().await;
        broker.release_orphans().await;
    };
    let work = async {
        tokio::join!(
            begin,
            groups.keep_deadlines(),
            groups.keep_retention(&broker)
        );
    };
    tokio::select! {
        () = work => {}
        () = broker.drained() => {}
    }
    groups.shared.closing.store(true, Ordering::SeqCst);
    for shard in groups.shards.get().into_iter().flatten() {
        shard.send_away();
    }
}

/// The partition that a group lives in: the hash that Java gives its id, which other tools count on.
fn partition_of(group: &str, partitions: usize) -> usize {
    let add = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    let hash = group.encode_utf16().fold(0, add);
    hash.checked_abs().unwrap_or(0).unsigned_abs() as usize % partitions
}

#[cfg(test)]
mod tests {
    use super::partition_of;

    #[test]
    fn groups_are_spread_as_java_hashes_their_ids() {
        // Of String.hashCode: "" is 0, "a" is 97, "console" is 951510359, "polygenelubricants" is the
        // smallest integer there is, and characters beyond the first plane count as two.
        let table = [
            ("", 0),
            ("a", 47),
            ("console", 9),
            ("polygenelubricants", 0),
            ("\u{1F600}", 49),
        ];
        for (group, expected) in table {
            assert_eq!(partition_of(group, 50), expected, "{group}");
        }
    }
}
