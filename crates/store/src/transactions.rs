//! What a partition knows of its transactions: those that are open, and for readers those that were aborted.
//!
//! How a transaction ends, a coordinator decides; what follows from its marker is decided here. Which of the records read
//! belong to a transaction that was aborted is for the reader to tell, by the list.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::aborted::{Aborted, Entry};
use crate::compaction::Source;
use crate::error::{Error, Result};
use crate::intake::Intake;
use crate::partition::Partition;
use crate::producer_state::{OpenTransaction, Producers};
use crate::reader::blocking;
use crate::segment::Segment;

impl Partition {
    /// The transaction that a producer has open here.
    pub fn transaction(&self, producer_id: i64) -> Option<OpenTransaction> {
        self.intake.lock().producers.transaction(producer_id)
    }

    /// All open transactions, by where they begin.
    pub fn open_transactions(&self) -> Vec<OpenTransaction> {
        self.intake.lock().producers.open_transactions()
    }

    /// The aborted transactions that have anything in a range of offsets below the last stable one, their markers
    /// included; by first offset. To be asked after the range was read.
    ///
    /// # Errors
    /// [`Error::OffsetOutOfRange`] if the log begins behind the first offset by now; [`Error::Corrupt`] if the list is
    /// damaged and what it was made from, too; [`Error::Deleted`]; [`Error::Io`].
    pub async fn aborted(self: &Arc<Self>, range: Range<i64>) -> Result<Vec<Aborted>> {
        if range.start >= self.aborted_to.load(Ordering::Acquire) {
            return Ok(Vec::new());
        }
        let mut found = match self.aborted_at_hand(&range) {
            Some(found) => found,
            None => {
                let (partition, range) = (Arc::clone(self), range.clone());
                blocking(move || partition.load_aborted_in(&range)).await?
            }
        };
        // The list of what was removed meanwhile went with it.
        if range.start < self.offsets().log_start {
            return Err(self.out_of_range(range.start));
        }
        found.sort_unstable_by_key(|aborted| aborted.first_offset);
        Ok(found)
    }

    /// The same in no order, if it is in memory.
    fn aborted_at_hand(&self, range: &Range<i64>) -> Option<Vec<Aborted>> {
        let mut found = Vec::new();
        for segment in self.log.from(range.start) {
            if segment.find_aborted(range, &mut found)? {
                break;
            }
        }
        Some(found)
    }

    /// The same, loading what is needed; blocks.
    pub(crate) fn load_aborted_in(&self, range: &Range<i64>) -> Result<Vec<Aborted>> {
        'again: loop {
            let mut found = Vec::new();
            for segment in self.log.from(range.start) {
                if let Err(error) = self.load_aborted(&segment) {
                    self.check_removed(&segment, error)?;
                    continue 'again;
                }
                match segment.find_aborted(range, &mut found) {
                    Some(true) => break,
                    Some(false) => {}
                    // It was dropped again meanwhile.
                    None => continue 'again,
                }
            }
            return Ok(found);
        }
    }

    /// Has the list of a segment in memory, made anew if its file is damaged; blocks.
    pub(crate) fn load_aborted(&self, segment: &Arc<Segment>) -> Result<()> {
        match segment.load_aborted() {
            Err(error @ Error::Corrupt { .. }) => {
                tracing::warn!(partition = %self.id, %error, "aborted transactions are looked for in the log");
                segment.restore_aborted(self.find_again(segment)?);
                Ok(())
            }
            loaded => loaded,
        }
    }

    /// The aborted transactions of a segment, as the log up to its end tells them.
    fn find_again(&self, wanted: &Arc<Segment>) -> Result<Vec<Entry>> {
        let mut producers = Producers::default();
        for segment in self.log.segments() {
            let mut list = Vec::new();
            let mut batches = Source::up_to(self, &segment, segment.size())?;
            while let Some(batch) = batches.next()? {
                list.extend(producers.replay(batch, 0));
            }
            if Arc::ptr_eq(&segment, wanted) {
                return Ok(list);
            }
        }
        // It was removed, and nobody can see any more what is in it.
        Ok(Vec::new())
    }

    /// Takes the markers below `high_watermark`, which is about to be the high watermark, for granted.
    pub(crate) fn settle_transactions(&self, high_watermark: i64) -> Result<()> {
        let mut intake = self.intake.lock();
        for entry in intake.producers.settle(high_watermark) {
            let marker = entry.aborted.last_offset;
            if let Some(segment) = self.log.holding(marker) {
                segment.push_aborted(entry)?;
                self.aborted_to.fetch_max(marker + 1, Ordering::AcqRel);
            }
        }
        self.show_undecided(&intake);
        Ok(())
    }

    /// Says up to where what was given a place is decided.
    pub(crate) fn show_undecided(&self, intake: &Intake) {
        let undecided_from = intake.producers.undecided_from();
        self.progress.set_undecided_from(undecided_from);
    }
}
