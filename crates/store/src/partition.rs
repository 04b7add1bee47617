//! A partition: an append-only log with its watermarks, producers and readers.
//!
//! Appending has two stages. [`Partition::append`] gives a batch its offsets and hands it to the
//! writer thread; it never touches the disk. [`Partition::wait`] waits until the batch is written, or
//! as durable as the partition promises.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use arc_swap::ArcSwap;
use millstream_batch::Batch;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::appender::Appender;
use crate::bond::Bond;
use crate::checkpoint::Checkpoint;
use crate::compaction;
use crate::config::{LogConfig, TopicPartition};
use crate::epochs::{EpochEnd, Epochs};
use crate::error::{Error, Result};
use crate::intake::{AppendMode, Appended, Intake};
use crate::keeper::Job;
use crate::log::Log;
use crate::producer_state::{ProducerSnapshot, Step, log_append_time};
use crate::progress::{Ack, Offsets, Progress, Stop};
use crate::recovery::Recovered;
use crate::shortage::Shortage;
use crate::store::Shared;
use crate::subscription::{Subscribers, Subscription};
use crate::tail::Tail;

/// One partition of a store.
///
/// Locks are taken in the order of the fields below, and never while waiting for anything but a
/// disk; those of several partitions in the order of their ids.
#[derive(Debug)]
pub struct Partition {
    pub(crate) id: TopicPartition,
    pub(crate) dir: PathBuf,
    pub(crate) shared: Arc<Shared>,
    pub(crate) config: ArcSwap<LogConfig>,
    /// How far the log is compacted; held while it is.
    pub(crate) compaction: Mutex<compaction::State>,
    /// Leader epochs, which stay as they are while the store is open. Apart from the checkpoint, whose
    /// lock is held while its file is synced.
    pub(crate) epochs: Arc<Epochs>,
    /// Offset of the newest recovery point; held while segments are removed or synced behind the
    /// writer's back.
    pub(crate) upkeep: Mutex<i64>,
    /// The writing end of the log. The writer thread has it but for moments.
    pub(crate) appender: Mutex<Appender>,
    /// What the checkpoint file says, or will say before it matters.
    pub(crate) checkpoint: Mutex<Checkpoint>,
    /// Up to where the keeper was asked to remove what lies below the log start.
    pub(crate) trimmed_to: AtomicI64,
    pub(crate) intake: Mutex<Intake>,
    /// Offset behind the last marker that may abort a transaction.
    pub(crate) aborted_to: AtomicI64,
    pub(crate) log: Log,
    pub(crate) tail: Arc<Tail>,
    pub(crate) progress: Progress,
    pub(crate) subscribers: Arc<Subscribers>,
}

impl Partition {
    /// A partition in the state that recovery found.
    pub(crate) fn new(
        id: TopicPartition,
        dir: &Path,
        shared: Arc<Shared>,
        config: Arc<LogConfig>,
        found: Recovered,
    ) -> Self {
        let intake = Intake {
            next_offset: found.log_end,
            leader_epoch: found.checkpoint.epochs.latest(),
            producers: found.producers,
            pending: Vec::new(),
            queued: false,
        };
        let with_aborted = found
            .segments
            .iter()
            .rfind(|segment| !segment.has_no_aborted());
        let aborted_to = with_aborted.map_or(0, |segment| segment.next_offset());
        let partition = Partition {
            id,
            dir: dir.to_owned(),
            shared,
            config: ArcSwap::new(config),
            compaction: Mutex::new(compaction::State::new(found.compaction)),
            epochs: Arc::new(found.checkpoint.epochs.clone()),
            upkeep: Mutex::new(found.recovery_point),
            appender: Mutex::new(Appender::new(found.is_saved)),
            progress: Progress::new(found.checkpoint.log_start, found.log_end),
            checkpoint: Mutex::new(found.checkpoint),
            trimmed_to: AtomicI64::new(0),
            intake: Mutex::new(intake),
            aborted_to: AtomicI64::new(aborted_to),
            log: Log::new(found.segments),
            tail: Arc::default(),
            subscribers: Arc::default(),
        };
        partition.show_undecided(&partition.intake.lock());
        if let Some(damage) = found.damage {
            partition.poison(&damage);
            // Nobody knows how the transactions behind the damage ended.
            let undecided_from = partition.intake.lock().producers.undecided_from();
            let undecided_from = undecided_from.min(found.recovery_point);
            partition.progress.set_undecided_from(undecided_from);
        }
        partition
    }

    /// Which partition this is.
    pub fn id(&self) -> TopicPartition {
        self.id
    }

    /// Gives a batch the next offsets and queues it for the writer; never touches the disk.
    ///
    /// Calls get offsets in the order in which they are made. The batch counts only once
    /// [`Partition::wait`] says so.
    ///
    /// # Errors
    /// For a producer's sequence: [`Error::OutOfOrderSequence`], [`Error::InvalidProducerEpoch`],
    /// [`Error::InvalidSequence`]. For its transaction: [`Error::TransactionOpen`]; for a marker, which ends that:
    /// [`Error::InvalidProducerEpoch`], [`Error::CoordinatorFenced`]. For the batch: [`Error::BatchTooLarge`],
    /// [`Error::Batch`] for a control record that cannot be read. For the state of things:
    /// [`Error::Overloaded`], [`Error::StorageFull`], [`Error::Poisoned`], [`Error::Deleted`], [`Error::Closed`].
    pub fn append(
        self: &Arc<Self>,
        batch: Batch,
        mode: AppendMode,
        now_ms: i64,
    ) -> Result<Appended> {
        self.check(&batch)?;
        let mut intake = self.intake.lock();
        let (step, original) = intake.check(&batch, mode)?;
        if let Some(original) = original {
            let (first, last) = (original.base_offset, original.last_offset());
            return Ok(self.appended(first, last, original.log_append_time, true));
        }
        self.admit(batch.size(), mode, now_ms)
            .inspect_err(|_| intake.refuse(step, now_ms))?;
        let appended = self.accept(&mut intake, batch, step, None, now_ms);
        let first_in_line = !std::mem::replace(&mut intake.queued, true);
        drop(intake);
        if first_in_line {
            self.shared.queue.push(Arc::clone(self));
        }
        Ok(appended)
    }

    /// Whether [`Store::append_all`](crate::Store::append_all) would take a batch now.
    ///
    /// # Errors
    /// Those with which it would not.
    pub fn can_append(&self, batch: &Batch, now_ms: i64) -> Result<()> {
        self.check(batch)?;
        self.check_room(now_ms)
    }

    /// Whether a batch could be appended now, whatever its producer.
    pub(crate) fn check(&self, batch: &Batch) -> Result<()> {
        let (size, limit) = (batch.size(), self.config.load().segment_bytes);
        if size as u64 > u64::from(limit) {
            return Err(Error::BatchTooLarge {
                partition: self.id,
                size,
                limit,
            });
        }
        self.progress.refusal(self.id).map_or(Ok(()), Err)
    }

    /// Gives a batch that was checked and counted the next offsets.
    pub(crate) fn accept(
        &self,
        intake: &mut Intake,
        batch: Batch,
        step: Option<Step>,
        bond: Option<Arc<Bond>>,
        now_ms: i64,
    ) -> Appended {
        let header = intake.accept(batch, step, bond, now_ms);
        self.show_undecided(intake);
        self.progress.set_log_end(intake.next_offset);
        let stamped = log_append_time(&header);
        self.appended(header.base_offset, header.last_offset(), stamped, false)
    }

    /// Counts bytes that are to wait for the writer, unless there is no room for them there or on the disk.
    fn admit(&self, bytes: usize, mode: AppendMode, now_ms: i64) -> Result<()> {
        if mode != AppendMode::Freeing {
            self.check_room(now_ms)?;
        }
        match mode {
            AppendMode::Client => self.shared.queue.admit(bytes)?,
            AppendMode::Internal | AppendMode::Freeing => self.shared.queue.count(bytes),
        }
        Ok(())
    }

    /// Refuses what would take the room that was given up for others.
    pub(crate) fn check_room(&self, now_ms: i64) -> Result<()> {
        let reserve = &self.shared.reserve;
        if reserve.is_whole() {
            return Ok(());
        }
        if reserve.is_due(now_ms) {
            self.shared.keeper.send(Job::Restore(Arc::clone(reserve)));
        }
        Err(Error::StorageFull { partition: self.id })
    }

    /// Gives up some of the room that is kept back for a full disk, for an append that is
    /// [`AppendMode::Freeing`] and found none; whether there was any. Blocks for a moment.
    pub fn give_up_reserve(&self) -> bool {
        self.shared.reserve.give_up()
    }

    fn appended(&self, first: i64, last: i64, log_append_time: i64, duplicate: bool) -> Appended {
        Appended {
            base_offset: first,
            last_offset: last,
            log_append_time: (log_append_time >= 0).then_some(log_append_time),
            log_start_offset: self.progress.offsets().log_start,
            duplicate,
        }
    }

    /// Waits until everything below `next_offset` is written, or durable.
    ///
    /// # Errors
    /// [`Error::StorageFull`] or [`Error::CannotOpen`] if that very append lacked room or a file;
    /// [`Error::Poisoned`], [`Error::Deleted`] or [`Error::Closed`] if it will never come to it.
    pub async fn wait(&self, next_offset: i64, ack: Ack) -> Result<()> {
        self.progress.wait(self.id, next_offset, ack).await
    }

    /// Waits until everything appended so far is as durable as promised, or known to be lost.
    ///
    /// # Errors
    /// [`Error::Poisoned`], [`Error::Deleted`] or [`Error::Closed`] if it will never come to it.
    pub async fn settle(&self) -> Result<()> {
        self.progress.settle(self.id).await
    }

    /// Where the log begins and ends.
    pub fn offsets(&self) -> Offsets {
        self.progress.offsets()
    }

    /// Has `notify` told whenever the high watermark or the log start moves.
    pub fn subscribe(&self, notify: &Arc<Notify>) -> Subscription {
        self.subscribers.add(notify)
    }

    /// The leader epoch of new records.
    pub fn leader_epoch(&self) -> i32 {
        self.intake.lock().leader_epoch
    }

    /// The leader epoch that the record at `offset` was written under, or −1 below the first.
    pub fn epoch_at(&self, offset: i64) -> i32 {
        self.epochs.at(offset)
    }

    /// Where the records of a leader epoch end.
    pub fn epoch_end_offset(&self, epoch: i32) -> EpochEnd {
        let high_watermark = self.offsets().high_watermark;
        self.epochs.end_offset(epoch, high_watermark)
    }

    /// The idempotent producers that the partition remembers, by id.
    pub fn producers(&self) -> Vec<ProducerSnapshot> {
        self.intake.lock().producers.describe()
    }

    /// The policies in force.
    pub fn config(&self) -> Arc<LogConfig> {
        self.config.load_full()
    }

    /// Puts new policies in force, from the next append on. Many partitions may share them.
    pub fn set_config(&self, config: impl Into<Arc<LogConfig>>) {
        self.config.store(config.into());
    }

    /// Bytes of visible records on disk.
    pub fn size(&self) -> u64 {
        self.log.size()
    }

    /// Why the partition takes no writes, if it does not.
    pub fn write_error(&self) -> Option<Error> {
        self.progress.refusal(self.id)
    }

    /// Takes no more writes and fails those that wait, since the disk failed.
    pub(crate) fn poison(&self, error: &Error) {
        if self.progress.poison(error) {
            tracing::error!(partition = %self.id, %error, "partition takes no more writes");
        }
    }

    /// Closes the files of a deleted partition, so that the disk gets its room back, and forgets what was
    /// kept in memory, whoever still holds the partition itself.
    pub(crate) fn let_go(&self) {
        self.appender.lock().abandon();
        self.log
            .segments()
            .iter()
            .for_each(|segment| segment.close());
        self.tail.evict_below(i64::MAX);
    }

    /// Has the next append begin a new segment.
    pub(crate) fn seal(&self) {
        let mut appender = self.appender.lock();
        if let Some(last) = self.log.last() {
            last.seal();
        }
        appender.release_active();
    }

    /// The lock on the files behind the writer's back, while there are any and nobody else may have them.
    ///
    /// # Errors
    /// [`Error::Deleted`], [`Error::Closed`].
    pub(crate) fn lock_upkeep(&self) -> Result<MutexGuard<'_, i64>> {
        let upkeep = self.upkeep.lock();
        match self.progress.refusal(self.id) {
            Some(error @ (Error::Deleted { .. } | Error::Closed)) => Err(error),
            _ => Ok(upkeep),
        }
    }

    /// The last recovery point of a clean shutdown, when the writer has ended.
    pub(crate) fn save_at_end(&self) -> Result<()> {
        match self.progress.refusal(self.id) {
            Some(error @ Error::Poisoned { .. }) => return Err(error),
            Some(Error::Deleted { .. }) => return Ok(()),
            _ => {}
        }
        // Clients may have been told of the epoch, even if nothing was written under it.
        self.appender.lock().save_epoch(self)?;
        match self.move_log_start(self.offsets().log_start) {
            // Without room for that, the segments that stay tell where the log starts.
            Err(error) if Shortage::of(&error).is_none() => return Err(error),
            _ => {}
        }
        if self.is_saved() {
            return Ok(());
        }
        let end = self.offsets().high_watermark;
        self.save_recovery_point(end, &self.producers_in_log(end))
    }

    /// Producer states without the appends that came too late for the writer to take them.
    fn producers_in_log(&self, end: i64) -> Vec<u8> {
        let mut intake = self.intake.lock();
        intake.producers.forget_from(end);
        self.show_undecided(&intake);
        intake.producers.encode()
    }

    /// Syncs what was published since the last recovery point, or poisons the partition.
    pub(crate) fn sync_unsaved(&self) {
        let _upkeep = self.upkeep.lock();
        if self.progress.stopped() == Some(Stop::Deleted) {
            return;
        }
        let segments = self.log.segments();
        let mut unsaved = segments.iter().filter(|segment| segment.is_unsaved());
        if let Err(error) = unsaved.try_for_each(|segment| segment.sync()) {
            self.poison(&error);
        }
    }

    /// Writes the checkpoint file as it should be now.
    pub(crate) fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        let volume = &self.shared.volume;
        checkpoint.save(&*volume.disk, &self.dir, volume.cluster_id)
    }
}
