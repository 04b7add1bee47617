//! One partition of a fetch: what has been found there so far.

use std::sync::Arc;

use bytes::Bytes;
use millstream_batch::{Batches, Codec};
use millstream_store::{EpochEnd, Offsets, Partition, Subscription};
use tokio::sync::Notify;

use crate::answer_memory::{AnswerMemory, Share};
use crate::api::{leader_epoch, unreadable};
use crate::fetch_sessions::Position;
use crate::{Broker, Error};

/// A position and what there is to say about it.
pub(super) struct Slot {
    pub(super) position: Position,
    /// What was found when last looked, or why nothing can be.
    pub(super) found: Result<Found, Error>,
    /// What the found records have of the memory for answers.
    pub(super) memory: Share,
    partition: Option<Arc<Partition>>,
}

/// What was found in a partition.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The partition's bounds when last looked; none before the first look.
    pub(super) offsets: Option<Offsets>,
    /// Whole batches.
    pub(super) records: Vec<Bytes>,
    /// Where the client's log parts from this one.
    pub(super) diverging: Option<EpochEnd>,
}

/// How one look reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Most bytes to read.
    pub(super) room: usize,
    /// Whether the first batch is read even if it exceeds the room.
    pub(super) at_least_one: bool,
    /// Whether only committed records are read.
    pub(super) committed: bool,
    /// Whether the client knows zstd.
    pub(super) zstd: bool,
}

impl Slot {
    pub(super) fn new(broker: &Broker, position: Position) -> Self {
        match resolve(broker, &position) {
            Ok(partition) => Self {
                position,
                found: Ok(Found::default()),
                memory: Share::default(),
                partition: Some(partition),
            },
            Err(error) => Self {
                position,
                found: Err(error),
                memory: Share::default(),
                partition: None,
            },
        }
    }

    /// Bytes found.
    pub(super) fn size(&self) -> usize {
        let records = self.found.iter().flat_map(|found| &found.records);
        records.map(Bytes::len).sum()
    }

    /// Whether there is something that no amount of waiting changes.
    pub(super) fn is_final(&self) -> bool {
        self.found
            .as_ref()
            .map_or(true, |found| found.diverging.is_some())
    }

    /// Whether the partition has moved since the last look, as far as this reader can see.
    pub(super) fn has_moved(&self, committed: bool) -> bool {
        let (Ok(found), Some(partition)) = (&self.found, &self.partition) else {
            return false;
        };
        let bounds = |offsets: Offsets| (offsets.log_start, end(offsets, committed));
        found.offsets.map(bounds) != Some(bounds(partition.offsets()))
    }

    /// Has `notify` told when the partition moves.
    pub(super) fn subscribe(&self, notify: &Arc<Notify>) -> Option<Subscription> {
        self.partition
            .as_ref()
            .map(|partition| partition.subscribe(notify))
    }

    /// Looks, in place of whatever was found before, as far as there is memory.
    pub(super) async fn look(&mut self, mut look: Look, memory: &AnswerMemory) {
        if let Some(partition) = &self.partition {
            self.found = Ok(Found::default());
            self.memory = Share::default();
            self.memory = memory.take(look.room);
            look.room = self.memory.bytes();
            self.found = find(partition, &self.position, look).await;
            self.memory.shrink(self.size());
            unreadable::log(partition, &self.found);
        }
    }
}

fn resolve(broker: &Broker, position: &Position) -> Result<Arc<Partition>, Error> {
    let catalog = broker.catalog();
    let Some(topic) = position.topic.find(catalog) else {
        let reborn = position.name.as_ref().and_then(|name| catalog.topic(name));
        return Err(match reborn {
            Some(topic) => Error::InconsistentTopicId(topic.name.clone()),
            None => position.topic.unknown(),
        });
    };
    let partition = topic.partition(position.partition)?;
    leader_epoch::check(partition, position.leader_epoch)?;
    Ok(Arc::clone(partition))
}

async fn find(partition: &Partition, position: &Position, look: Look) -> Result<Found, Error> {
    let offsets = partition.offsets();
    let mut found = Found {
        offsets: Some(offsets),
        ..Found::default()
    };
    if let Some(diverging) = diverging(partition, position) {
        found.diverging = Some(diverging);
        return Ok(found);
    }
    if !(offsets.log_start..=offsets.log_end).contains(&position.offset) {
        return Err(partition.out_of_range(position.offset).into());
    }
    let until = end(offsets, look.committed);
    if position.offset < until && (look.room > 0 || look.at_least_one) {
        let (room, one) = (look.room, look.at_least_one);
        found.records = partition.read(position.offset, room, until, one).await?;
        if !look.zstd {
            end_before_zstd(&mut found.records)?;
        }
    }
    Ok(found)
}

/// The first offset that the reader does not see.
fn end(offsets: Offsets, committed: bool) -> i64 {
    match committed {
        true => offsets.last_stable,
        false => offsets.high_watermark,
    }
}

/// Where a client that says what it read last has read something else than stands here now.
fn diverging(partition: &Partition, position: &Position) -> Option<EpochEnd> {
    if position.last_fetched_epoch < 0 {
        return None;
    }
    let end = partition.epoch_end_offset(position.last_fetched_epoch);
    let parted = end.epoch < position.last_fetched_epoch || end.end_offset < position.offset;
    (end.epoch >= 0 && parted).then_some(end)
}

/// Keeps what stands before the first zstd batch, for a client that is too old for it.
fn end_before_zstd(records: &mut Vec<Bytes>) -> Result<(), Error> {
    for at in 0..records.len() {
        let run = &records[at];
        let plain: usize = Batches::new(run)
            .map_while(Result::ok)
            .take_while(|batch| batch.header.codec() != Codec::Zstd)
            .map(|batch| batch.bytes.len())
            .sum();
        if plain < run.len() {
            let plain = run.slice(..plain);
            records.truncate(at);
            records.extend((!plain.is_empty()).then_some(plain));
            return match records.is_empty() {
                true => Err(Error::ZstdTooNew),
                false => Ok(()),
            };
        }
    }
    Ok(())
}
