//! Compaction by key: of each key a log keeps the last value only.
//!
//! A pass reads what was appended since the last one, up to a point where every transaction is decided and a recovery
//! point vouches for every byte, and notes the last offset of each key; then it rewrites the segments from the first
//! on, without what has a successor. Memory is bounded by the map of keys: when it is full the pass ends there, and
//! another one goes on. Offsets stay as they are, and neither readers nor appends ever wait for a pass.
//!
//! What it never does: write into a file that readers may see, or touch the segment that is being appended to.

mod by_key;
mod by_offset;
mod cleanable;
mod file;
mod groups;
mod key_map;
mod pass;
mod ranges;
mod removal;
mod rewrite;
mod swap;
mod transactions;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cleanable::{Cleanable, Facts, cleanable, is_worth_sealing};
pub(crate) use file::{CompactionFile, NAME};
pub(crate) use ranges::Ranges;
pub(crate) use rewrite::Source;
pub(crate) use swap::{segments, settle};

use crate::config::CompactionConfig;
use crate::error::{Error, Result};
use crate::partition::Partition;
use crate::segment::Segment;

/// What is remembered of the compaction of a partition.
#[derive(Debug)]
pub(crate) struct State {
    /// What its file says.
    file: CompactionFile,
    /// The last generation that was given to anything.
    generation: u32,
    /// Where the log ended at the last look.
    seen_end: i64,
    /// Whether nothing more is done until the next open, since the log is damaged or nobody knows what the file says.
    is_halted: bool,
}

impl State {
    /// As recovery found it.
    pub(crate) fn new(file: CompactionFile) -> Self {
        State {
            generation: file.generation,
            file,
            seen_end: -1,
            is_halted: false,
        }
    }

    fn next_generation(&mut self) -> u32 {
        self.generation += 1;
        self.generation
    }
}

impl Partition {
    /// How much of what may be compacted is dirty, if enough is. Closes the active segment where that pays, and asks
    /// for a recovery point where one is lacking; blocks.
    pub(crate) fn dirt(&self, now_ms: i64) -> Result<Option<f64>> {
        let Some(config) = self.config.load().compaction else {
            return Ok(None);
        };
        let mut state = self.compaction.lock();
        let end = self.offsets().high_watermark;
        let is_idle = std::mem::replace(&mut state.seen_end, end) == end;
        if state.is_halted || self.progress.stopped().is_some() {
            return Ok(None);
        }
        let (_, facts) = self.facts(&state, &config)?;
        if is_worth_sealing(&facts, is_idle, &config, now_ms) {
            self.seal();
        }
        let found = self.cleanable(&state, &config, now_ms)?;
        Ok(found.map(|(_, cleanable)| cleanable.ratio))
    }

    /// Compacts what is due, in as many passes as the bytes for the map of keys ask for; blocks for as long as it takes.
    pub(crate) fn compact(&self, now_ms: i64) -> Result<()> {
        let Some(config) = self.config.load().compaction else {
            return Ok(());
        };
        let mut state = self.compaction.lock();
        self.finish_swap(&mut state)?;
        while let Some((segments, cleanable)) = self.cleanable(&state, &config, now_ms)?
            && !state.is_halted
        {
            let before = state.file.clean_to;
            let done = self.pass(&mut state, &segments, cleanable.end, &config, now_ms);
            if let Err(Error::Corrupt { .. }) = done {
                state.is_halted = true;
            }
            done?;
            if state.file.clean_to <= before {
                break;
            }
        }
        Ok(())
    }

    /// The segments that may be compacted, if that is due and a recovery point covers them.
    fn cleanable(
        &self,
        state: &State,
        config: &CompactionConfig,
        now_ms: i64,
    ) -> Result<Option<(Vec<Arc<Segment>>, Cleanable)>> {
        let (mut segments, facts) = self.facts(state, config)?;
        let stable = self.offsets().last_stable;
        let Some(wanted) = cleanable(&facts, stable, config, now_ms).filter(|found| found.is_due)
        else {
            return Ok(None);
        };
        let mut upkeep = self.upkeep.lock();
        self.reach_recovery_point(&mut upkeep, wanted.end)?;
        let covered = stable.min(*upkeep);
        drop(upkeep);
        let found = cleanable(&facts, covered, config, now_ms).filter(|found| found.is_due);
        Ok(found.map(|found| {
            segments.truncate(found.segments);
            (segments, found)
        }))
    }

    /// The segments, and what there is to know about each.
    fn facts(
        &self,
        state: &State,
        config: &CompactionConfig,
    ) -> Result<(Vec<Arc<Segment>>, Vec<Facts>)> {
        let (segments, ends, at_rest) = self.segments_at_rest();
        let all = segments.iter().zip(ends).enumerate();
        let facts = all.map(|(at, (segment, end))| {
            facts_of(segment, end, at >= at_rest, state.file.clean_to, config)
        });
        let facts = facts.collect::<Result<_>>()?;
        Ok((segments, facts))
    }

    /// The segments, where each ends, and how many of them from the first stay as they are: all but the last, and that
    /// one if it is sealed and visible to its end.
    fn segments_at_rest(&self) -> (Vec<Arc<Segment>>, Vec<i64>, usize) {
        let appender = self.appender.lock();
        let segments = self.log.segments();
        let is_settled = appender.is_settled();
        drop(appender);
        let begins = segments.iter().skip(1).map(|next| next.base_offset());
        let last = segments.last();
        let ends = begins.chain(last.map(|last| last.next_offset()));
        let is_active = last.is_some_and(|last| !(last.is_sealed() && is_settled));
        let at_rest = segments.len() - usize::from(is_active);
        (segments.clone(), ends.collect(), at_rest)
    }
}

fn facts_of(
    segment: &Segment,
    end: i64,
    is_active: bool,
    clean_to: i64,
    config: &CompactionConfig,
) -> Result<Facts> {
    let size = segment.size();
    let dirty = if clean_to <= segment.base_offset() {
        size
    } else if clean_to >= end {
        0
    } else {
        size - segment.position_before(clean_to)?.min(size)
    };
    let has_lag = config.max_lag_ms < i64::MAX && dirty > 0;
    let first = has_lag.then(|| segment.first_timestamp()).transpose()?;
    let newest = match config.min_lag_ms {
        0 => -1,
        _ => segment.max_timestamp()?,
    };
    Ok(Facts {
        end,
        size,
        dirty,
        oldest: first.flatten().unwrap_or(i64::MAX),
        newest,
        is_active,
    })
}

/// Fails once the store closes, so that a pass ends between two batches.
fn is_closing(partition: &Partition) -> Result<()> {
    match partition.shared.cleaner.is_ending.load(Ordering::Relaxed) {
        true => Err(Error::Closed),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use millstream_batch::Builder;
    use uuid::Uuid;

    use super::*;
    use crate::config::{LogConfig, StoreOptions, TopicPartition};
    use crate::disk::faulty::FaultyDisk;
    use crate::intake::AppendMode;
    use crate::progress::Ack;
    use crate::store::Store;

    /// Appends a record of so many bytes; the offset after it.
    fn put(partition: &Arc<Partition>, key: &str, size: usize) -> i64 {
        let value = vec![b'v'; size];
        let builder = Builder::new().record(0, Some(key.as_bytes()), Some(&value));
        let batch = builder.build().unwrap();
        let appended = partition.append(batch, AppendMode::Internal, 0);
        appended.unwrap().next_offset()
    }

    #[tokio::test]
    async fn a_busy_log_is_compacted_without_a_pause() {
        let disk = Arc::new(FaultyDisk::default());
        let store = Store::open_on(disk, Path::new("/data"), StoreOptions::default(), 0).unwrap();
        let config = LogConfig {
            compaction: Some(CompactionConfig::default()),
            ..LogConfig::default()
        };
        let (topic_id, index) = (Uuid::nil(), 0);
        let id = TopicPartition { topic_id, index };
        let partition = store.create_partition(id, config).unwrap();
        for round in 0..11 {
            let next = put(&partition, &format!("key {}", round % 2), 100_000);
            partition.wait(next, Ack::Durable).await.unwrap();
        }
        // The writer is not told of what comes next until it is handed over: one append is always on its way.
        let hold = || partition.intake.lock().queued = true;
        let hand_over = || store.shared.queue.push(Arc::clone(&partition));
        hold();
        let next = put(&partition, "other", 1);
        store.compact(0).await;
        assert!(partition.settled().is_none());
        let before = partition.size();
        assert!(before > 1_000_000, "there is no recovery point yet");
        assert!(partition.log.last().unwrap().is_sealed());
        hand_over();
        partition.wait(next, Ack::Durable).await.unwrap();
        let saved = async {
            while *partition.upkeep.lock() < next {
                tokio::task::yield_now().await;
            }
        };
        let patience = Duration::from_secs(60);
        tokio::time::timeout(patience, saved).await.unwrap();
        hold();
        let next = put(&partition, "other", 1);
        store.compact(0).await;
        assert!(partition.settled().is_none());
        let left = partition.size();
        assert!(left < 300_000, "{left} of {before} bytes left");
        hand_over();
        partition.wait(next, Ack::Durable).await.unwrap();
    }
}
