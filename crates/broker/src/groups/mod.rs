//! Where groups live: the coordinator over `__consumer_offsets`, and what forgets offsets in it.
//!
//! What a request means is decided in `millstream_groups`.

mod consumer_record;
pub(crate) mod expression;
mod machine;
mod record;
mod world;

use std::sync::Arc;
use std::time::Duration;

use millstream_batch::Marker;
use millstream_groups::{Effects, Now, Reply, Shard, Token};
use millstream_transactions::TopicPartition;
use uuid::Uuid;

use crate::catalog::{Catalog, OFFSETS};
use crate::coordinator::{Coordinator, Machine as _, Proof};
use crate::{Broker, Environment, Error};
use machine::Groups as Machine;

/// Every group of this broker.
#[derive(Debug)]
pub(crate) struct Groups(Coordinator<Machine>);

impl Groups {
    /// Groups whose log is found, or made, when it is first needed.
    pub(crate) fn new(catalog: Arc<Catalog>, environment: Environment) -> Self {
        Self(Coordinator::new(catalog, environment))
    }

    /// Makes sure that there is a log for groups.
    pub(crate) async fn prepare(&self) -> Result<(), Error> {
        self.0.prepare().await
    }

    /// Runs an operation on the shard of `group` and returns once what it saw and wrote is durable.
    pub(crate) async fn run<R>(
        &self,
        group: &str,
        operation: impl FnOnce(&mut Shard, Now, &mut Effects) -> R,
    ) -> Result<R, Error> {
        let run = |groups: &mut Machine, now, effects: &mut Effects| {
            operation(groups.shard(), now, effects)
        };
        self.0.run(group, run).await
    }

    /// Makes sure that [`Groups::run_now`] finds `group`.
    pub(crate) async fn ready(&self, group: &str) -> Result<(), Error> {
        self.0.ready(group).await
    }

    /// Runs an operation on the shard of `group` at once; what it saw and wrote is durable once the proof is confirmed.
    ///
    /// # Errors
    /// [`Error::CoordinatorNotAvailable`] if it is not ready.
    pub(crate) fn run_now<R>(
        &self,
        group: &str,
        operation: impl FnOnce(&mut Shard, Now, &mut Effects) -> R,
    ) -> Result<(R, Proof), Error> {
        let run = |groups: &mut Machine, now, effects: &mut Effects| {
            operation(groups.shard(), now, effects)
        };
        self.0.run_now(group, run)
    }

    /// Returns once what the proof says about `group` is durable.
    pub(crate) async fn confirm(&self, group: &str, proof: Proof) -> Result<(), Error> {
        self.0.confirm(group, proof).await
    }

    /// The partition of `__consumer_offsets` that `group` lives in.
    pub(crate) async fn place_of(&self, group: &str) -> Result<TopicPartition, Error> {
        let partition = self.0.partition_of(group).await?;
        Ok(TopicPartition {
            topic: Arc::from(OFFSETS),
            partition: i32::try_from(partition).unwrap_or(i32::MAX),
        })
    }

    /// Lets a marker take effect that was appended to a partition of `__consumer_offsets`.
    pub(crate) fn decide(&self, partition: i32, offset: i64, marker: &Marker) {
        self.0
            .note(partition, offset, |groups| groups.decide(marker));
    }

    /// Runs an operation whose reply may have to wait for others, and waits for it.
    pub(crate) async fn ask(
        &self,
        group: &str,
        operation: impl FnOnce(&mut Shard, Token, Now, &mut Effects),
    ) -> Result<Reply, Error> {
        let ask = |groups: &mut Machine, now, effects: &mut Effects| {
            let (token, reply) = groups.park();
            operation(groups.shard(), token, now, effects);
            reply
        };
        self.0.ask(group, ask).await
    }

    /// Runs an operation on every shard, one after the other, whether it succeeds on others or not; the first
    /// failure is told. Without a log there is none.
    pub(crate) async fn run_everywhere<R>(
        &self,
        mut operation: impl FnMut(&mut Shard, Now, &mut Effects) -> R,
    ) -> Result<Vec<R>, Error> {
        let run = |groups: &mut Machine, now, effects: &mut Effects| {
            operation(groups.shard(), now, effects)
        };
        self.0.run_everywhere(run).await
    }

    /// Forgets how far anyone has come in a topic that was deleted. What a crash keeps from being forgotten is
    /// told apart by the topic's id, and expires.
    pub(crate) async fn forget_topic(&self, name: &str, id: Uuid) {
        let forget = |shard: &mut Shard, _, effects: &mut Effects| {
            shard.forget_topic(name, id.as_u128(), effects);
        };
        if let Err(error) = self.run_everywhere(forget).await {
            tracing::warn!(topic = name, %error, "offsets of a deleted topic are still there");
        }
    }

    /// Forgets offsets that nobody has needed for as long as the configuration says.
    async fn keep_retention(&self, broker: &Broker) {
        loop {
            let config = self.0.catalog().config();
            let interval = config.offsets_retention_check_interval_ms.unsigned_abs();
            tokio::time::sleep(Duration::from_millis(interval)).await;
            let expire = |shard: &mut Shard, now, effects: &mut Effects| {
                shard.expire_offsets(now, effects);
            };
            let kept = broker.keep_acknowledged_by(|_| true).await;
            let expired = match kept {
                Ok(()) => self.run_everywhere(expire).await.map(drop),
                Err(error) => Err(error),
            };
            if let Err(error) = expired {
                tracing::warn!(%error, "cannot look for expired offsets");
            }
            broker.release_orphans().await;
        }
    }
}

/// Keeps time for all groups until the broker stops; then whoever is parked is sent away.
pub(crate) async fn serve(broker: Arc<Broker>) {
    let groups = broker.groups();
    let begin = async {
        groups.0.load().await;
        broker.release_orphans().await;
    };
    let work = async {
        tokio::join!(
            begin,
            groups.0.keep_deadlines(),
            groups.keep_retention(&broker)
        );
    };
    tokio::select! {
        () = work => {}
        () = broker.drained() => {}
    }
    groups.0.close();
}
