//! Where transactions live: the coordinator over `__transaction_state`.
//!
//! What a request means is decided in `millstream_transactions`. With one node the end of a transaction is one append
//! of its entry and all markers, so that there is nothing to be prepared and nothing to be gone on with after a crash.

mod machine;
mod offsets;
mod record;
mod upkeep;

use std::sync::Arc;

use millstream_store::Appended;
use millstream_transactions::{
    Coordinator as Entries, Done, Entry, Error as Refusal, Init, Outcome, Producer, TopicPartition,
    Version,
};

use crate::catalog::{Catalog, Topic};
use crate::coordinator::{Coordinator, Proof};
use crate::groups::Groups;
use crate::producer_ids::ProducerIds;
use crate::{Environment, Error};
pub(crate) use machine::COORDINATOR_EPOCH;
use machine::{Effects, Step, Transactions as Machine};
pub(crate) use offsets::Commit;
pub(crate) use upkeep::serve;

/// The transaction that a request is part of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'a> {
    /// The transactional id.
    pub(crate) id: &'a str,
    /// Who uses it.
    pub(crate) producer: Producer,
    /// Whether what it writes to becomes part of the transaction by that.
    pub(crate) adds: bool,
}

/// Every transaction of this broker.
#[derive(Debug)]
pub(crate) struct Transactions {
    coordinator: Coordinator<Machine>,
    groups: Arc<Groups>,
}

impl Transactions {
    /// Transactions whose log is found, or made, when it is first needed.
    pub(crate) fn new(
        catalog: Arc<Catalog>,
        groups: Arc<Groups>,
        environment: Environment,
    ) -> Self {
        Self {
            coordinator: Coordinator::new(catalog, environment),
            groups,
        }
    }

    /// Makes sure that there is a log for transactions.
    ///
    /// # Errors
    /// Those of the catalog.
    pub(crate) async fn prepare(&self) -> Result<(), Error> {
        self.coordinator.prepare().await
    }

    /// Gives a transactional id to a producer; what its predecessor has begun is aborted.
    ///
    /// # Errors
    /// [`Error::Transaction`]; [`Error::Store`] if a partition of an open transaction takes no writes.
    pub(crate) async fn init(
        &self,
        ids: &ProducerIds,
        id: &str,
        asked: Init,
    ) -> Result<Producer, Error> {
        let init = |entries: &mut Entries, spare, now_ms| {
            entries.init(id, Init { spare, ..asked }, now_ms)
        };
        self.run_with_spare(ids, id, init).await
    }

    /// Makes partitions part of a transaction.
    ///
    /// # Errors
    /// [`Error::Transaction`].
    pub(crate) async fn add(
        &self,
        id: &str,
        producer: Producer,
        partitions: Vec<TopicPartition>,
    ) -> Result<(), Error> {
        let add =
            |machine: &mut Machine, step: &mut Step<'_>| machine.add(step, producer, partitions);
        self.run(id, add).await
    }

    /// Whether a partition is part of a transaction.
    ///
    /// # Errors
    /// [`Error::Transaction`].
    pub(crate) async fn check(
        &self,
        id: &str,
        producer: Producer,
        at: &TopicPartition,
    ) -> Result<(), Error> {
        let check = |machine: &mut Machine, _: &mut Step<'_>| {
            let checked = machine.coordinator().check(id, producer, at);
            checked.map_err(|error| machine::refused(id, error))
        };
        self.run(id, check).await
    }

    /// Makes the offsets of a group part of a transaction.
    ///
    /// # Errors
    /// [`Error::Transaction`]; those of the log of groups.
    pub(crate) async fn add_group(
        &self,
        id: &str,
        producer: Producer,
        group: &str,
    ) -> Result<(), Error> {
        let at = self.groups.place_of(group).await?;
        self.add(id, producer, vec![at]).await
    }

    /// Ends a transaction; tells who its producer is from now on.
    ///
    /// # Errors
    /// [`Error::Transaction`]; [`Error::Store`] if a partition of the transaction takes no writes.
    pub(crate) async fn end(
        &self,
        ids: &ProducerIds,
        (id, producer): (&str, Producer),
        outcome: Outcome,
        version: Version,
    ) -> Result<Producer, Error> {
        let end = |entries: &mut Entries, spare, now_ms| {
            entries.end(id, producer, outcome, version, spare, now_ms)
        };
        self.run_with_spare(ids, id, end).await
    }

    /// Runs an operation that may end a transaction: without a producer id that nobody has, and again with one if it
    /// turns out to need that.
    async fn run_with_spare<T>(
        &self,
        ids: &ProducerIds,
        id: &str,
        operation: impl Fn(&mut Entries, Option<i64>, i64) -> Result<Done<T>, Refusal>,
    ) -> Result<T, Error> {
        let mut spare = None;
        loop {
            let run = |machine: &mut Machine, step: &mut Step<'_>| {
                let now_ms = step.now.unix_ms;
                machine.end(step, |entries| operation(entries, spare, now_ms))
            };
            match self.run(id, run).await {
                Err(error) if spare.is_none() && needs_id(&error) => {
                    spare = Some(ids.next(self.coordinator.catalog()).await?);
                }
                other => return other,
            }
        }
    }

    /// Appends to a partition of a topic as part of a transaction, at once. Nobody may be told before the proof is
    /// confirmed.
    ///
    /// # Errors
    /// [`Error::Transaction`]; those of `append`. Then nothing has changed.
    pub(crate) fn append(
        &self,
        writer: Writer<'_>,
        (topic, partition): (&Topic, i32),
        append: impl FnOnce() -> Result<Appended, Error>,
    ) -> Result<(Appended, Proof), Error> {
        let topic = Arc::from(topic.name.as_str());
        let at = TopicPartition { topic, partition };
        let write = |machine: &mut Machine, step: &mut Step<'_>| {
            machine.write(step, writer.producer, (at, writer.adds), append)
        };
        let (appended, proof) = self.run_now(writer.id, write)?;
        Ok((appended?, proof))
    }

    /// Returns once what the proof says about a transactional id is durable.
    ///
    /// # Errors
    /// [`Error::CoordinatorNotAvailable`] if it was lost.
    pub(crate) async fn confirm(&self, id: &str, proof: Proof) -> Result<(), Error> {
        self.coordinator.confirm(id, proof).await
    }

    /// What is known of a transactional id.
    ///
    /// # Errors
    /// Those of the log.
    pub(crate) async fn describe(&self, id: &str) -> Result<Option<Entry>, Error> {
        let describe =
            |machine: &mut Machine, _: &mut Step<'_>| Ok(machine.coordinator().get(id).cloned());
        self.run(id, describe).await
    }

    /// What `pick` makes of the transactional ids.
    ///
    /// # Errors
    /// Those of the log.
    pub(crate) async fn list<T>(
        &self,
        mut pick: impl FnMut(&str, &Entry) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let list = |machine: &mut Machine, _, _: &mut Effects| {
            let entries = machine.coordinator().iter();
            let picked = entries.filter_map(|(id, entry)| pick(id, entry));
            picked.collect::<Vec<_>>()
        };
        let lists = self.coordinator.run_everywhere(list).await?;
        Ok(lists.into_iter().flatten().collect())
    }

    async fn run<T>(
        &self,
        id: &str,
        operation: impl FnOnce(&mut Machine, &mut Step<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.coordinator.ready(id).await?;
        let (result, proof) = self.run_now(id, operation)?;
        let result = result?;
        self.confirm(id, proof).await?;
        Ok(result)
    }

    fn run_now<T>(
        &self,
        id: &str,
        operation: impl FnOnce(&mut Machine, &mut Step<'_>) -> T,
    ) -> Result<(T, Proof), Error> {
        let run = |machine: &mut Machine, now, effects: &mut Effects| {
            let (catalog, groups) = (self.coordinator.catalog(), &self.groups);
            let mut step = Step {
                id,
                now,
                catalog,
                groups,
                effects,
            };
            operation(machine, &mut step)
        };
        self.coordinator.run_now(id, run)
    }
}

/// Whether the same operation goes on once it is given a producer id that nobody has.
fn needs_id(error: &Error) -> bool {
    matches!(
        error,
        Error::Transaction {
            error: Refusal::NeedsProducerId,
            ..
        }
    )
}
