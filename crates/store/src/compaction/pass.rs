//! One pass over a partition: from what is dirty to the last offset of each key, and from there to new segments.

use std::ops::Range;
use std::sync::Arc;

use millstream_batch::BatchRef;

use super::by_key::{ByKey, Rules};
use super::groups::{Extent, Limits, groups};
use super::key_map::KeyMap;
use super::rewrite::{Rewriter, Source};
use super::transactions::Traces;
use super::verdict::Judge;
use super::{State, is_closing};
use crate::aborted::AbortedSet;
use crate::config::CompactionConfig;
use crate::error::Result;
use crate::partition::Partition;
use crate::segment::Segment;
use crate::timestamps::DECOMPRESSED_LIMIT;

/// What was learned about the dirty range.
struct Survey {
    latest: KeyMap,
    aborted: AbortedSet,
    /// Where the range ends that all this speaks of.
    end: i64,
}

impl Partition {
    /// Compacts `segments` with what was appended from where the log is clean up to `end`, or up to where the map of
    /// keys is full; then the log is clean up to there.
    pub(super) fn pass(
        &self,
        state: &mut State,
        segments: &[Arc<Segment>],
        end: i64,
        config: &CompactionConfig,
        now_ms: i64,
    ) -> Result<()> {
        let clean_to = state.file.clean_to.max(self.offsets().log_start);
        let survey = self.survey(segments, clean_to, end)?;
        if survey.end <= state.file.clean_to {
            return Ok(());
        }
        let before = size(segments);
        let judge = ByKey {
            rules: Rules {
                latest: &survey.latest,
                end: survey.end,
                now_ms,
                horizon: now_ms.saturating_add(config.delete_retention_ms),
            },
            aborted: &survey.aborted,
            traces: Traces::default(),
        };
        let mut rewriter = Rewriter::new(self, judge);
        let mut after = 0;
        for group in self.groups(segments, Segment::size)? {
            let sources = &segments[group];
            let left = self.rewrite(state, &mut rewriter, sources)?;
            after += left.map_or_else(|| size(sources), |left| left.size());
        }
        self.set_clean_to(state, survey.end)?;
        let partition = self.id;
        tracing::debug!(%partition, before, after, clean_to = survey.end, "compacted");
        Ok(())
    }

    /// Puts what is left of neighbouring segments in their place; tells what that is, if it differs from them.
    pub(super) fn rewrite<J: Judge>(
        &self,
        state: &mut State,
        rewriter: &mut Rewriter<'_, J>,
        sources: &[Arc<Segment>],
    ) -> Result<Option<Arc<Segment>>> {
        let rewritten = rewriter.rewrite(sources, state.next_generation());
        state.is_halted |= rewriter.left_behind;
        let Some(output) = rewritten?.map(Arc::new) else {
            return Ok(None);
        };
        self.swap(state, sources, Arc::clone(&output))?;
        Ok(Some(output))
    }

    /// Reads what lies between two offsets, where every transaction is decided.
    fn survey(&self, segments: &[Arc<Segment>], from: i64, end: i64) -> Result<Survey> {
        let span = (end - from).max(0).unsigned_abs();
        let mut survey = Survey {
            latest: KeyMap::new(self.shared.options.compaction_bytes, span),
            aborted: AbortedSet::new(self.load_aborted_in(&(from..end))?),
            end,
        };
        for segment in segments
            .iter()
            .filter(|segment| segment.next_offset() > from)
        {
            let walk = segment.walk_from_offset(from)?;
            let mut batches = Source::new(self, segment, walk);
            while let Some(batch) = batches.next()? {
                is_closing(self)?;
                let header = &batch.header;
                if header.next_offset() <= from {
                    continue;
                }
                if header.base_offset >= survey.end {
                    return Ok(survey);
                }
                survey.note(&batch, from);
            }
        }
        Ok(survey)
    }

    /// Which of the segments become one, if of each so many bytes stay.
    pub(super) fn groups(
        &self,
        segments: &[Arc<Segment>],
        staying: impl Fn(&Segment) -> u64,
    ) -> Result<Vec<Range<usize>>> {
        let extent = |segment: &Arc<Segment>| {
            segment.load_index()?;
            Ok(Extent {
                base_offset: segment.base_offset(),
                next_offset: segment.next_offset(),
                size: staying(segment),
                index_size: segment.index_len() as u64 * 16,
            })
        };
        let extents = segments.iter().map(extent).collect::<Result<Vec<_>>>()?;
        let config = self.config.load();
        let limits = Limits {
            size: config.segment_bytes.into(),
            index_size: config.segment_index_bytes.into(),
        };
        Ok(groups(&extents, limits))
    }
}

impl Survey {
    /// Takes note of the keys that a batch has at or after `from`, or of where the range has to end since one finds no
    /// room: an older value that the map does not know to be old would outlive the tombstone of its key.
    fn note(&mut self, batch: &BatchRef<'_>, from: i64) {
        let header = &batch.header;
        if header.is_control() || self.aborted.has(header) {
            return;
        }
        // What cannot be read stays as it is, and nothing else goes because of it.
        let Ok(records) = batch.records(DECOMPRESSED_LIMIT) else {
            return;
        };
        for record in records.iter().map_while(Result::ok) {
            if let Some(key) = record.key
                && record.offset >= from
                && !self.latest.put(key, record.offset)
            {
                self.end = record.offset;
                return;
            }
        }
    }
}

/// Bytes of some segments.
fn size(segments: &[Arc<Segment>]) -> u64 {
    segments.iter().map(|segment| segment.size()).sum()
}
