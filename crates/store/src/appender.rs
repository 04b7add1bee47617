//! The writing end of a partition's log: batches into the file of the active segment.
//!
//! What is written here becomes visible only when the writer publishes it. A run of batches is written
//! at once, or only given its place and room, to be written when the journal has it.

use std::io::IoSlice;
use std::sync::Arc;

use millstream_batch::Header;

use crate::config::{Flush, LogConfig, TopicPartition};
use crate::disk::File;
use crate::error::{Error, IoContext, Result};
use crate::intake::Pending;
use crate::journal::Place;
use crate::partition::Partition;
use crate::segment::Segment;
use crate::shortage::Shortage;

/// Batches that have a place in one segment and are not visible yet.
#[derive(Debug)]
pub(crate) struct Run {
    /// The segment.
    pub(crate) segment: Arc<Segment>,
    /// Its open file.
    pub(crate) file: Arc<dyn File>,
    /// Byte at which they begin.
    pub(crate) position: u64,
    /// The batches, in order.
    pub(crate) batches: Vec<Pending>,
}

/// What is done with batches that are given a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Now {
    /// They are written.
    Write,
    /// Room is set aside for them; [`Run::write`] comes later.
    Reserve,
}

impl Run {
    /// Bytes of the batches.
    pub(crate) fn len(&self) -> u64 {
        self.batches.iter().map(|b| b.bytes.len() as u64).sum()
    }

    /// Byte at which they end.
    pub(crate) fn end(&self) -> u64 {
        self.position + self.len()
    }

    /// Where they stand, as the journal says it.
    pub(crate) fn place(&self, partition: TopicPartition) -> Place {
        Place {
            partition,
            base_offset: self.segment.base_offset(),
            position: self.position,
        }
    }

    /// Writes the batches where they belong.
    pub(crate) fn write(&self) -> Result<()> {
        let bytes = self.batches.iter().map(|batch| &batch.bytes[..]);
        let mut parts: Vec<IoSlice<'_>> = bytes.map(IoSlice::new).collect();
        let written = self.file.write_at(&mut parts, self.position);
        written.on("write", self.segment.log_path())
    }

    /// Sets room aside for the batches.
    fn reserve(&self) -> Result<(), Failure> {
        let reserved = self.file.reserve(self.position, self.len());
        Ok(reserved.on("reserve", self.segment.log_path())?)
    }

    /// Writes the batches. If there is no room for all, none stays.
    fn write_or_restore(&self) -> Result<(), Failure> {
        let Err(error) = self.write() else {
            return Ok(());
        };
        let restored = self.file.set_len(self.position);
        let restored = restored.on("truncate", self.segment.log_path());
        Err(restored.map_or_else(Failure::Broken, |()| Failure::from(error)))
    }
}

/// The segment that is being written.
#[derive(Debug)]
struct Active {
    segment: Arc<Segment>,
    file: Arc<dyn File>,
    /// Where the next batch goes; at or past the visible end.
    position: u64,
    /// Greatest timestamp of the first batch, from which `segment.ms` counts.
    first_timestamp: Option<i64>,
}

/// The writing end.
#[derive(Debug)]
pub(crate) struct Appender {
    active: Option<Active>,
    /// Whether a power cut would leave the leader epoch that goes into the batches.
    epoch_saved: bool,
    /// What the last write lacked, so that it is told once and not for every append.
    lacks: Option<Shortage>,
    /// What the last commit promised.
    flush: Flush,
    /// Bytes written since the last recovery point.
    pub(crate) since_recovery_point: u64,
}

impl Appender {
    /// The end of a log that nobody writes to yet.
    pub(crate) fn new(epoch_saved: bool) -> Self {
        Appender {
            active: None,
            epoch_saved,
            lacks: None,
            flush: Flush::Sync,
            since_recovery_point: 0,
        }
    }

    /// Gives batches their places, opening new segments as they fill, and writes them unless that is to
    /// come later. Returns what was done, and if that is not all, why.
    pub(crate) fn place(
        &mut self,
        partition: &Partition,
        batches: Vec<Pending>,
        now: Now,
    ) -> (Vec<Run>, Option<Failure>) {
        let config = partition.config.load();
        let mut runs = Vec::new();
        let mut batches = batches.into_iter().peekable();
        while let Some(next) = batches.peek() {
            let mut run = match self.begin_run(partition, &next.header, &config, now) {
                Ok(run) => run,
                Err(error) => return (runs, Some(error)),
            };
            let Some(active) = &mut self.active else {
                break;
            };
            let mut end = active.position;
            while let Some(batch) =
                batches.next_if(|batch| active.takes(&batch.header, end, &config))
            {
                end += batch.bytes.len() as u64;
                active
                    .first_timestamp
                    .get_or_insert(batch.header.max_timestamp);
                run.batches.push(batch);
            }
            let done = match now {
                Now::Write => run.write_or_restore(),
                Now::Reserve => run.reserve(),
            };
            if let Err(error) = done {
                return (runs, Some(error));
            }
            self.since_recovery_point += end - active.position;
            active.advance(end);
            runs.push(run);
        }
        (runs, None)
    }

    /// Takes back the places of batches that were never written.
    pub(crate) fn take_back(&mut self, runs: &[Run]) {
        let Some(active) = &mut self.active else {
            return;
        };
        // Behind an earlier segment nothing is written any more, whatever was planned there.
        let own = |run: &&Run| Arc::ptr_eq(&run.segment, &active.segment);
        if let Some(first) = runs.iter().find(own) {
            active.position = first.position;
        }
    }

    /// Sees to it that the active segment takes a batch with this header.
    fn begin_run(
        &mut self,
        partition: &Partition,
        next: &Header,
        config: &LogConfig,
        now: Now,
    ) -> Result<Run, Failure> {
        self.save_epoch(partition)?;
        if self.active.is_none() {
            let last = partition.log.last().filter(|last| !last.is_sealed());
            if let Some(last) = &last {
                partition.load_aborted(last)?;
            }
            self.active = last.map(Active::resume).transpose()?;
        }
        let full = |active: &Active| !active.takes(next, active.position, config);
        if self.active.as_ref().is_none_or(full) {
            if now == Now::Write {
                self.finish_active(config)?;
            }
            let volume = &partition.shared.volume;
            let segment = Segment::create(volume, &partition.dir, next.base_offset)?;
            let segment = Arc::new(segment);
            partition.log.push(Arc::clone(&segment));
            self.active = Some(Active::resume(segment)?);
        }
        match &self.active {
            Some(active) => Ok(active.run()),
            None => Err(Failure::Broken(Error::Closed)),
        }
    }

    /// Syncs what this group wrote to the segment that is full now, before anything goes into the next
    /// one: a power cut must not leave the second half of a group without the first.
    fn finish_active(&self, config: &LogConfig) -> Result<()> {
        match &self.active {
            Some(active) if config.flush == Flush::Sync && !active.is_settled() => {
                active.file.sync().on("sync", active.segment.log_path())
            }
            _ => Ok(()),
        }
    }

    /// Has the leader epoch survive a power cut, if it would not yet.
    pub(crate) fn save_epoch(&mut self, partition: &Partition) -> Result<()> {
        if !self.epoch_saved {
            partition.save_checkpoint(&partition.checkpoint.lock())?;
            self.epoch_saved = true;
        }
        Ok(())
    }

    /// Takes note of what was lacking, if anything; whether that is news.
    pub(crate) fn note_shortage(&mut self, lacks: Option<Shortage>) -> bool {
        std::mem::replace(&mut self.lacks, lacks) != lacks
    }

    /// Takes note of what a commit promises; whether what came before it promised less, and has to be
    /// synced for that.
    pub(crate) fn note_flush(&mut self, flush: Flush) -> bool {
        std::mem::replace(&mut self.flush, flush) == Flush::PageCache && flush == Flush::Sync
    }

    /// Stops writing to the active segment, so that it may be removed; the next append makes a new
    /// one. Refused while it holds what is not visible yet.
    pub(crate) fn release_active(&mut self) -> bool {
        let released = self.is_settled();
        if released {
            self.active = None;
        }
        released
    }

    /// Lets go of the active segment, whatever becomes of it: the partition is deleted.
    pub(crate) fn abandon(&mut self) {
        self.active = None;
    }

    /// Whether it is this segment that is being written.
    pub(crate) fn is_active(&self, segment: &Segment) -> bool {
        self.active
            .as_ref()
            .is_some_and(|active| std::ptr::eq(&*active.segment, segment))
    }

    /// Whether everything that was given a place is visible; it stays so for who holds the lock.
    pub(crate) fn is_settled(&self) -> bool {
        self.active.as_ref().is_none_or(Active::is_settled)
    }
}

impl Active {
    /// Goes on at the end of a segment.
    fn resume(segment: Arc<Segment>) -> Result<Self> {
        let (file, position) = (segment.file()?, segment.size());
        let first_timestamp = segment.first_timestamp()?;
        // What can fail has to do so before anything is written.
        segment.load_index()?;
        Ok(Active {
            segment,
            file,
            position,
            first_timestamp,
        })
    }

    /// Whether everything that was given a place is visible.
    fn is_settled(&self) -> bool {
        self.position == self.segment.size()
    }

    fn run(&self) -> Run {
        let (segment, file) = (Arc::clone(&self.segment), Arc::clone(&self.file));
        Run {
            segment,
            file,
            position: self.position,
            batches: Vec::new(),
        }
    }

    /// Whether the batch belongs here, at `position`, rather than into a new segment.
    fn takes(&self, batch: &Header, position: u64, config: &LogConfig) -> bool {
        if self.segment.is_sealed() {
            return false;
        }
        let near = batch.last_offset() - self.segment.base_offset() <= i64::from(i32::MAX);
        if position == 0 {
            return near;
        }
        let fits = position + batch.size() as u64 <= u64::from(config.segment_bytes);
        let span = batch
            .max_timestamp
            .saturating_sub(self.first_timestamp.unwrap_or(i64::MAX));
        let indexed = self.segment.index_len() as u64 * 16 < u64::from(config.segment_index_bytes);
        fits && near && span <= config.segment_ms && indexed
    }

    /// Moves the position behind what was written, and has the kernel forget what lies behind it.
    ///
    /// Readers near the end are served from the tail's memory, so that the page cache would only fill
    /// with what hardly anybody reads; and where a machine has to find new pages for it all the time,
    /// as a virtual one does, that costs more than the write itself.
    fn advance(&mut self, end: u64) {
        if self.position / FORGET_STEP < end / FORGET_STEP {
            self.file.forget(end - end % FORGET_STEP);
        }
        self.position = end;
    }
}

/// Bytes written to a segment between two hints to the kernel. What is not on the disk yet at one
/// hint is forgotten at the next.
const FORGET_STEP: u64 = 8 << 20;

/// Why a write did not happen.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something is lacking that may come back; the files are as they were.
    Refused(Shortage),
    /// What is on the disk is unknown.
    Broken(Error),
    /// The partition takes no writes.
    Stopped,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Shortage::of(&error).map_or(Failure::Broken(error), Failure::Refused)
    }
}
