//! Appends to several partitions that stand or fall together.
//!
//! The batches get their offsets under the locks of all partitions at once, so that the writer finds
//! them all or none. It commits them with one entry of the journal, and writes them to their segments
//! only after that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millstream_batch::Batch;

use crate::config::TopicPartition;
use crate::error::Result;
use crate::intake::{AppendMode, Appended, Intake};
use crate::partition::Partition;
use crate::producer_state::Step;
use crate::store::Store;

/// What batches of several partitions have in common.
#[derive(Debug)]
pub(crate) struct Bond {
    /// The partitions.
    pub(crate) partitions: Vec<Arc<Partition>>,
    /// The one of the first batch, which is shown last.
    leader: Option<TopicPartition>,
    /// Whether one of the batches is known to be lost, so that the others have to be.
    lost: AtomicBool,
}

impl Bond {
    /// Says that one of the batches is lost. Only the writer says so, and asks.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Whether who waits for this partition waits for all.
    pub(crate) fn is_led_by(&self, partition: TopicPartition) -> bool {
        self.leader == Some(partition)
    }

    /// Whether one of the batches is lost.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Store {
    /// Appends the broker's own batches to several partitions so that after a crash all of them are
    /// there, or none; tells where each went. As [`Partition::append`], it never touches the disk, and
    /// each counts only once [`Partition::wait`] says so; if one is lost, all are. Who waits for the first batch sees all.
    ///
    /// A partition may come more than once.
    ///
    /// # Errors
    /// Those of [`Partition::append`] for the first that is refused; then nothing is appended.
    pub fn append_all(
        &self,
        batches: Vec<(Arc<Partition>, Batch)>,
        now_ms: i64,
    ) -> Result<Vec<Appended>> {
        let mut partitions: Vec<_> = batches.iter().map(|(p, _)| Arc::clone(p)).collect();
        partitions.sort_unstable_by_key(|partition| partition.id());
        partitions.dedup_by_key(|partition| partition.id());
        let bond = Arc::new(Bond {
            partitions: partitions.clone(),
            leader: batches.first().map(|(partition, _)| partition.id()),
            lost: AtomicBool::new(false),
        });
        // Whoever locks several does it in the order of their ids.
        let mut intakes: Vec<_> = partitions.iter().map(|p| p.intake.lock()).collect();
        let intake_of =
            |partition: &Partition| partitions.partition_point(|other| other.id() < partition.id());
        let mut steps = Vec::with_capacity(batches.len());
        for (partition, batch) in &batches {
            partition.check(batch)?;
            partition.check_room(now_ms)?;
            let intake = &intakes[intake_of(partition)];
            let (step, _) = intake.check(batch, AppendMode::Internal)?;
            steps.push(step);
        }
        let accept = |((partition, batch), step): ((Arc<Partition>, Batch), Option<Step>)| {
            self.shared.queue.count(batch.size());
            let (intake, bond) = (&mut intakes[intake_of(&partition)], Arc::clone(&bond));
            partition.accept(intake, batch, step, Some(bond), now_ms)
        };
        let appended = batches.into_iter().zip(steps).map(accept).collect();
        let queue = |intake: &mut Intake| !std::mem::replace(&mut intake.queued, true);
        let first_in_line: Vec<bool> = intakes.iter_mut().map(|intake| queue(intake)).collect();
        drop(intakes);
        for (partition, _) in partitions
            .iter()
            .zip(first_in_line)
            .filter(|(_, first)| *first)
        {
            self.shared.queue.push(Arc::clone(partition));
        }
        Ok(appended)
    }
}
