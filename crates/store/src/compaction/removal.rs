//! Removing records from the middle of a log, by offset, on the word of who knows that they are dead.
//!
//! Neighbouring segments that fit into one are rewritten without them once more of their bytes are dead than have to be
//! copied, so that what is left takes no more than twice its room, and no byte is ever copied but for another that
//! goes. How many are dead is estimated: all records of a segment are taken for equally large, and each of its offsets
//! for one. A wrong guess costs a look at the segment, once.

use std::ops::Range;
use std::sync::Arc;

use super::State;
use super::by_offset::ByOffset;
use super::ranges::Ranges;
use super::rewrite::Rewriter;
use crate::error::{Error, Result};
use crate::partition::Partition;
use crate::segment::{SEAL_BYTES, Segment};

/// Segments that become one though nothing of them goes: what is left of many others must not stay as many files.
const MANY: usize = 8;

impl Partition {
    /// Gives back the room of records that nobody will ask for again, as far as that pays; it costs little where it
    /// does not. Offsets stay as they are, readers go on, and markers of transactions stay.
    ///
    /// `dead` names the offsets of all such records, in any order, also those that were named before. A record at any
    /// other offset never goes. What cannot go yet, for it is still being written or no recovery point covers it, goes
    /// with a later call. The work is done on the thread that compacts.
    ///
    /// # Errors
    /// [`Error::OffsetOutOfRange`] for offsets below 0 or past the high watermark; then nothing goes.
    /// [`Error::Corrupt`] if a segment is damaged; then nothing more goes before the next open. [`Error::Io`];
    /// [`Error::Closed`].
    pub async fn remove(self: &Arc<Self>, dead: Vec<Range<i64>>) -> Result<()> {
        let dead = Ranges::new(dead);
        let Some(bounds) = dead.bounds() else {
            return Ok(());
        };
        self.check_log_start(bounds.start)?;
        self.check_log_start(bounds.end)?;
        let mut segments = self.log.segments();
        segments.pop_if(|last| !last.is_sealed() && last.size() < SEAL_BYTES);
        if !segments.iter().any(|segment| pays(&[segment], &dead)) {
            return Ok(());
        }
        self.shared.cleaner.remove(Arc::clone(self), dead).await
    }

    /// The same, on this thread.
    pub(crate) fn remove_blocking(&self, dead: &Ranges) -> Result<()> {
        let mut state = self.compaction.lock();
        if state.is_halted || self.progress.stopped().is_some() {
            return Ok(());
        }
        let done = self.remove_from(&mut state, dead);
        state.is_halted |= matches!(done, Err(Error::Corrupt { .. }));
        done
    }

    fn remove_from(&self, state: &mut State, dead: &Ranges) -> Result<()> {
        self.finish_swap(state)?;
        self.seal_if_dead(dead);
        let segments = self.removable(dead)?;
        if segments.is_empty() {
            return Ok(());
        }
        let mut rewriter = Rewriter::new(self, ByOffset(dead));
        let staying = |segment: &Segment| {
            let size = segment.size();
            // However wrong the guess is, what stays of a group is then no more than two segments.
            (size - dead_bytes(segment, dead)).max(size / 2)
        };
        for group in self.groups(&segments, staying)? {
            let sources = &segments[group];
            if !pays(sources, dead) && sources.len() < MANY {
                continue;
            }
            let left = self.rewrite(state, &mut rewriter, sources)?;
            // If nothing differs there is one source, and the guess was wrong.
            if let Some(left) = left.as_ref().or(sources.first()) {
                left.set_holes(dead.count(&left.offsets()));
            }
        }
        Ok(())
    }

    /// Has appends go on in a new segment if most of this one is dead.
    fn seal_if_dead(&self, dead: &Ranges) {
        let last = self.log.last();
        let is_dead = |last: &Arc<Segment>| last.size() >= SEAL_BYTES && pays(&[last], dead);
        if last.is_some_and(|last| !last.is_sealed() && is_dead(&last)) {
            self.seal();
        }
    }

    /// The segments up to the last for which it pays, as far as nobody writes to them and a recovery point covers them.
    fn removable(&self, dead: &Ranges) -> Result<Vec<Arc<Segment>>> {
        let (mut segments, ends, at_rest) = self.segments_at_rest();
        segments.truncate(at_rest);
        let wanted = segments.iter().rposition(|segment| pays(&[segment], dead));
        let wanted = wanted.map_or(0, |last| last + 1);
        let mut newest = self.upkeep.lock();
        if let Some(last) = wanted.checked_sub(1) {
            self.reach_recovery_point(&mut newest, ends[last])?;
        }
        let covered = ends.iter().take_while(|&&end| end <= *newest).count();
        segments.truncate(wanted.min(covered));
        Ok(segments)
    }
}

/// Whether more than half of some segments is dead.
fn pays<S: AsRef<Segment>>(segments: &[S], dead: &Ranges) -> bool {
    let all: u64 = segments.iter().map(|segment| segment.as_ref().size()).sum();
    let gone = segments
        .iter()
        .map(|segment| dead_bytes(segment.as_ref(), dead));
    gone.sum::<u64>() > all / 2
}

/// An estimate of the bytes that the dead records of a segment take up.
fn dead_bytes(segment: &Segment, dead: &Ranges) -> u64 {
    let (offsets, holes) = (segment.offsets(), segment.holes());
    let held = (offsets.end - offsets.start - holes).max(1);
    let gone = (dead.count(&offsets) - holes).clamp(0, held);
    // Neither a segment's bytes nor its offsets are more than 2³¹.
    segment.size() * gone.unsigned_abs() / held.unsigned_abs()
}
