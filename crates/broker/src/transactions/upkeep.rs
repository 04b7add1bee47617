//! What happens to transactions without their producers: those that take too long are aborted, ids that nobody uses are
//! forgotten, and after a start what the log does not know is taken in or ended. What was written without a coordinator is
//! left to operators.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_batch::{Marker, Outcome};
use millstream_store::{AppendMode, OpenTransaction, Partition};
use millstream_transactions::{Entry, Producer, State, TopicPartition};

use super::machine::{Effects, Step, Transactions as Machine};
use super::{COORDINATOR_EPOCH, Transactions};
use crate::catalog::OFFSETS;
use crate::{Broker, Error};

impl Transactions {
    /// Aborts what has taken too long, each by itself: one that cannot be ended keeps no other open.
    pub(crate) async fn abort_timed_out(&self) -> Result<(), Error> {
        let now_ms = self.coordinator.now().unix_ms;
        let due =
            |machine: &mut Machine, _, _: &mut Effects| machine.coordinator().timed_out(now_ms);
        let due = self.coordinator.run_everywhere(due).await?;
        for id in due.into_iter().flatten() {
            let abort = |machine: &mut Machine, step: &mut Step<'_>| {
                let now_ms = step.now.unix_ms;
                let is_due = machine.coordinator().get(&id).and_then(Entry::due_ms);
                if is_due.is_none_or(|due| due > now_ms) {
                    return Ok(false);
                }
                machine
                    .end(step, |coordinator| {
                        let done = coordinator.abort(&id, now_ms);
                        done.ok_or(millstream_transactions::Error::InvalidState)
                    })
                    .map(|_| true)
            };
            match self.run(&id, abort).await {
                Ok(true) => tracing::info!(id = &*id, "transaction took too long and is aborted"),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(id = &*id, %error, "transaction that took too long is still open");
                }
            }
        }
        Ok(())
    }

    /// Forgets ids that nobody has used for so long.
    pub(crate) async fn forget_unused(&self, expiration_ms: i64) -> Result<(), Error> {
        let forget = |machine: &mut Machine, now, effects: &mut Effects| {
            machine.forget_unused(expiration_ms, now, effects);
        };
        self.coordinator.run_everywhere(forget).await.map(drop)
    }

    /// Replays what is known, and compares it with the transactions that partitions have open: a crash may have come
    /// between the records of one and the word that they are part of it.
    pub(crate) async fn recover(&self) {
        if let Err(error) = self.reconcile().await {
            tracing::error!(%error, "transactions may hang");
        }
    }

    async fn reconcile(&self) -> Result<(), Error> {
        let known = self.list(|id, entry| Some((id.to_owned(), entry.clone())));
        let known = known.await?;
        let of_id = |(id, entry): &'_ (String, Entry)| {
            [entry.producer.id, entry.previous_id].map(|of| (of, (id.clone(), entry.clone())))
        };
        let users: HashMap<_, _> = known.iter().flat_map(of_id).collect();
        for topic in self.coordinator.catalog().topics() {
            for (index, partition) in (0..).zip(topic.partitions()) {
                let at = TopicPartition {
                    topic: Arc::from(topic.name.as_str()),
                    partition: index,
                };
                for open in partition.open_transactions() {
                    let user = users.get(&open.producer_id);
                    self.settle(&at, partition, open, user).await?;
                }
            }
        }
        Ok(())
    }

    /// Sees to it that somebody ends an open transaction, if it can be told who wrote it.
    async fn settle(
        &self,
        at: &TopicPartition,
        partition: &Arc<Partition>,
        open: OpenTransaction,
        user: Option<&(String, Entry)>,
    ) -> Result<(), Error> {
        let producer = Producer {
            id: open.producer_id,
            epoch: open.epoch,
        };
        let is_known =
            |entry: &Entry| entry.state == State::Ongoing && entry.partitions.contains(at);
        match user {
            Some((id, entry)) if entry.producer == producer => match is_known(entry) {
                true => Ok(()),
                false => self.take_in(id, at.clone()).await,
            },
            Some(_) => self.abort_left_over(at, partition, open).await,
            None => {
                let (topic, index, producer_id) = (&*at.topic, at.partition, open.producer_id);
                tracing::warn!(topic, index, producer_id, "transaction hangs");
                Ok(())
            }
        }
    }

    async fn take_in(&self, id: &str, at: TopicPartition) -> Result<(), Error> {
        let take_in = |machine: &mut Machine, step: &mut Step<'_>| {
            machine.take_in(id, at, step);
            Ok(())
        };
        self.run(id, take_in).await
    }

    /// Aborts what a producer has begun that has since been replaced.
    async fn abort_left_over(
        &self,
        at: &TopicPartition,
        partition: &Arc<Partition>,
        open: OpenTransaction,
    ) -> Result<(), Error> {
        let marker = Marker {
            producer_id: open.producer_id,
            producer_epoch: open.epoch,
            coordinator_epoch: open.coordinator_epoch.max(COORDINATOR_EPOCH),
            outcome: Outcome::Abort,
        };
        tracing::warn!(
            topic = &*at.topic,
            partition = at.partition,
            producer_id = open.producer_id,
            "transaction of a producer that was replaced is aborted"
        );
        self.write_marker(at, partition, &marker).await
    }

    /// Ends the transaction of a producer in one partition, whatever its coordinator has in mind.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) async fn write_marker(
        &self,
        at: &TopicPartition,
        partition: &Arc<Partition>,
        marker: &Marker,
    ) -> Result<(), Error> {
        let now_ms = self.coordinator.now().unix_ms;
        let batch = marker.batch(now_ms)?;
        let appended = partition.append(batch, AppendMode::Internal, now_ms)?;
        if *at.topic == *OFFSETS {
            self.groups
                .decide(at.partition, appended.last_offset, marker);
        }
        let durable = millstream_store::Ack::Durable;
        partition.wait(appended.last_offset + 1, durable).await?;
        Ok(())
    }
}

/// Looks after transactions until the broker stops.
pub(crate) async fn serve(broker: Arc<Broker>) {
    let abort = async {
        loop {
            let config = broker.config();
            let interval = config.transaction_abort_timed_out_transaction_cleanup_interval_ms;
            tokio::time::sleep(Duration::from_millis(interval.unsigned_abs().into())).await;
            if let Err(error) = broker.transactions().abort_timed_out().await {
                tracing::warn!(%error, "cannot look for transactions that take too long");
            }
        }
    };
    let forget = async {
        loop {
            let config = broker.config();
            let interval = config.transaction_remove_expired_transaction_cleanup_interval_ms;
            tokio::time::sleep(Duration::from_millis(interval.unsigned_abs().into())).await;
            let expiration_ms = config.transactional_id_expiration_ms.into();
            if let Err(error) = broker.transactions().forget_unused(expiration_ms).await {
                tracing::warn!(%error, "cannot look for transactional ids that nobody uses");
            }
        }
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(abort, forget) } => {}
        () = broker.drained() => {}
    }
}
