//! The transactional ids of one partition of `__transaction_state`, and the partitions that their transactions write to.
//!
//! What a request means is decided in `millstream_transactions`. Here the end of a transaction becomes one append: of its
//! entry, and of a marker for each partition. What a transaction writes is appended under the same lock, so that nothing
//! of it comes behind its marker.

use std::sync::Arc;

use millstream_batch::{Batch, Marker, Outcome as Ending};
use millstream_groups::Now;
use millstream_store::Partition;
use millstream_transactions::{
    Change, Coordinator, Done, Entry, Error as Refusal, Markers, Outcome, Producer, State,
    TopicPartition, Version,
};

use super::record;
use crate::Error;
use crate::catalog::{Catalog, OFFSETS, TRANSACTIONS};
use crate::coordinator::{Machine, Proof, Record};
use crate::groups::Groups;

/// There is one coordinator, for ever.
pub(crate) const COORDINATOR_EPOCH: i32 = 0;

/// Transactional ids in memory.
#[derive(Debug, Default)]
pub(super) struct Transactions(Coordinator);

/// What an operation asks for.
#[derive(Debug, Default)]
pub(super) struct Effects {
    changes: Vec<Change>,
    markers: Vec<Placed>,
    /// Who has to know of markers among committed offsets.
    groups: Option<Arc<Groups>>,
}

/// A marker, and where it belongs.
#[derive(Debug)]
struct Placed {
    at: TopicPartition,
    partition: Arc<Partition>,
    marker: Marker,
}

/// What an operation on one transactional id happens in.
pub(super) struct Step<'a> {
    pub(super) id: &'a str,
    pub(super) now: Now,
    pub(super) catalog: &'a Catalog,
    pub(super) groups: &'a Arc<Groups>,
    pub(super) effects: &'a mut Effects,
}

impl Transactions {
    /// What is known.
    pub(super) fn coordinator(&self) -> &Coordinator {
        &self.0
    }

    /// Runs an operation that may end the transaction of an id.
    ///
    /// # Errors
    /// [`Error::Transaction`]; [`Error::Store`] if a partition of the transaction takes no writes.
    pub(super) fn end<T>(
        &mut self,
        step: &mut Step<'_>,
        operation: impl FnOnce(&mut Coordinator) -> Result<Done<T>, Refusal>,
    ) -> Result<T, Error> {
        if let Some(entry) = self.0.get(step.id) {
            check_writable(entry, step.catalog)?;
        }
        let done = operation(&mut self.0).map_err(|error| refused(step.id, error))?;
        step.effects.changes.extend(done.change);
        if let Some(markers) = done.markers {
            step.effects.markers = placed(&markers, step.catalog);
            step.effects.groups = Some(Arc::clone(step.groups));
        }
        Ok(done.result)
    }

    /// Makes partitions part of the transaction of a producer.
    ///
    /// # Errors
    /// [`Error::Transaction`].
    pub(super) fn add(
        &mut self,
        step: &mut Step<'_>,
        producer: Producer,
        partitions: Vec<TopicPartition>,
    ) -> Result<(), Error> {
        let now_ms = step.now.unix_ms;
        let done = self
            .0
            .add(step.id, producer, Version::V1, partitions, now_ms);
        let done = done.map_err(|error| refused(step.id, error))?;
        step.effects.changes.extend(done.change);
        Ok(())
    }

    /// Writes to a partition of a transaction, which becomes part of it if it may.
    ///
    /// # Errors
    /// [`Error::Transaction`]; those of `write`. Then nothing has changed.
    pub(super) fn write<T>(
        &mut self,
        step: &mut Step<'_>,
        producer: Producer,
        (at, may_add): (TopicPartition, bool),
        write: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.0.check(step.id, producer, &at) {
            Ok(()) => write(),
            Err(Refusal::NotInTransaction) if may_add => {
                let written = write()?;
                let now_ms = step.now.unix_ms;
                let done = self.0.add(step.id, producer, Version::V2, [at], now_ms);
                let done = done.map_err(|error| refused(step.id, error))?;
                step.effects.changes.extend(done.change);
                Ok(written)
            }
            Err(error) => Err(refused(step.id, error)),
        }
    }

    /// Takes in a partition that a producer has written to, although nobody has said so.
    pub(super) fn take_in(&mut self, id: &str, at: TopicPartition, step: &mut Step<'_>) {
        let Some((producer, version)) = self.0.get(id).map(|e| (e.producer, e.version)) else {
            return;
        };
        if let Ok(done) = self.0.add(id, producer, version, [at], step.now.unix_ms) {
            step.effects.changes.extend(done.change);
        }
    }

    /// Forgets ids that nobody has used for so long.
    pub(super) fn forget_unused(&mut self, expiration_ms: i64, now: Now, effects: &mut Effects) {
        for id in self.0.unused(now.unix_ms, expiration_ms) {
            effects.changes.extend(self.0.forget(&id).change);
        }
    }
}

impl Machine for Transactions {
    const TOPIC: &'static str = TRANSACTIONS;
    const WHAT: &'static str = "transactions";
    type Effects = Effects;

    fn new(_: &Arc<Catalog>) -> Self {
        Self::default()
    }

    fn apply(&mut self, _: i64, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        self.0.apply(record::decode(key, value)?);
        Ok(())
    }

    fn resume(&mut self, _: Now, _: &mut Effects) {}

    // What takes too long is looked for at intervals, as in Kafka.
    fn expire(&mut self, _: Now, _: &mut Effects) {}

    fn next_deadline(&self) -> Option<i64> {
        None
    }

    fn records(effects: &mut Effects) -> Result<Vec<Record>, Error> {
        effects.changes.iter().map(record::encode).collect()
    }

    fn beside(effects: &mut Effects, now_ms: i64) -> Result<Vec<(Arc<Partition>, Batch)>, Error> {
        let batch = |placed: &Placed| {
            let batch = placed.marker.batch(now_ms)?;
            Ok((Arc::clone(&placed.partition), batch))
        };
        effects.markers.iter().map(batch).collect()
    }

    fn appended(&mut self, effects: Effects, _: i64, _: Proof) {
        let Some(groups) = effects.groups else {
            return;
        };
        for placed in effects.markers {
            if *placed.at.topic == *OFFSETS {
                let end = placed.partition.offsets().log_end;
                groups.decide(placed.at.partition, end - 1, &placed.marker);
            }
        }
    }
}

/// Why a request is refused, with the id that it is about.
pub(super) fn refused(id: &str, error: Refusal) -> Error {
    let id = id.to_owned();
    Error::Transaction { id, error }
}

fn check_writable(entry: &Entry, catalog: &Catalog) -> Result<(), Error> {
    let broken = |at| find(at, catalog)?.write_error();
    let ongoing = entry.state == State::Ongoing;
    let broken = entry.partitions.iter().filter(|_| ongoing).find_map(broken);
    broken.map_or(Ok(()), |error| Err(error.into()))
}

/// The markers that can be written: partitions that are no more have nothing to be ended.
fn placed(markers: &Markers, catalog: &Catalog) -> Vec<Placed> {
    let marker = Marker {
        producer_id: markers.producer.id,
        producer_epoch: markers.producer.epoch,
        coordinator_epoch: COORDINATOR_EPOCH,
        outcome: match markers.outcome {
            Outcome::Commit => Ending::Commit,
            Outcome::Abort => Ending::Abort,
        },
    };
    let place = |at: &TopicPartition| {
        Some(Placed {
            at: at.clone(),
            partition: find(at, catalog)?,
            marker,
        })
    };
    markers.partitions.iter().filter_map(place).collect()
}

fn find(at: &TopicPartition, catalog: &Catalog) -> Option<Arc<Partition>> {
    let topic = catalog.topic(&at.topic)?;
    topic.partition(at.partition).ok().map(Arc::clone)
}
