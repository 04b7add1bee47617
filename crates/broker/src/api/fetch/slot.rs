//! One partition of a fetch: what has been found there so far.

use std::sync::Arc;

use bytes::Bytes;
use millstream_store::{Aborted, EpochEnd, Error as StoreError, Offsets, Partition, Subscription};
use tokio::sync::Notify;

use super::{cut, done};
use crate::answer_memory::Share;
use crate::api::{leader_epoch, unreadable};
use crate::fetch_sessions::Position;
use crate::shares::end_of;
use crate::{Broker, Error, Topic};

/// A position and what there is to say about it.
pub(super) struct Slot {
    pub(super) position: Position,
    /// What was found when last looked, or why nothing can be.
    pub(super) found: Result<Found, Error>,
    /// What the found records have of the memory for answers.
    pub(super) memory: Share,
    source: Option<Source>,
}

/// Where a slot reads.
#[derive(Debug)]
struct Source {
    topic: Arc<Topic>,
    partition: Arc<Partition>,
}

/// What was found in a partition.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The partition's bounds when last looked; none before the first look.
    pub(super) offsets: Option<Offsets>,
    /// Whole batches.
    pub(super) records: Vec<Bytes>,
    /// The aborted transactions that these have anything of, by first offset; asked for by readers of what is committed.
    pub(super) aborted: Vec<Aborted>,
    /// Where the client's log parts from this one.
    pub(super) diverging: Option<EpochEnd>,
    /// When the first batch is due that was held back, in Unix milliseconds.
    pub(super) due_ms: Option<i64>,
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
    /// The time, in Unix milliseconds.
    pub(super) now_ms: i64,
}

impl Slot {
    pub(super) fn new(broker: &Broker, position: Position) -> Self {
        match resolve(broker, &position) {
            Ok(source) => Self {
                position,
                found: Ok(Found::default()),
                memory: Share::default(),
                source: Some(source),
            },
            Err(error) => Self {
                position,
                found: Err(error),
                memory: Share::default(),
                source: None,
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

    /// When there is something to find whether the partition moves or not.
    pub(super) fn due_ms(&self) -> Option<i64> {
        self.found.as_ref().ok()?.due_ms
    }

    /// Whether there is more to find since the last look, as far as this reader can see. What is held back stands
    /// before whatever comes.
    pub(super) fn has_moved(&self, committed: bool, now_ms: i64) -> bool {
        let (Ok(found), Some(source)) = (&self.found, &self.source) else {
            return false;
        };
        let bounds = |offsets: Offsets| (offsets.log_start, end(offsets, committed));
        match found.due_ms {
            Some(due_ms) => due_ms <= now_ms,
            None => found.offsets.map(bounds) != Some(bounds(source.partition.offsets())),
        }
    }

    /// Has `notify` told when the partition moves.
    pub(super) fn subscribe(&self, notify: &Arc<Notify>) -> Option<Subscription> {
        self.source
            .as_ref()
            .map(|source| source.partition.subscribe(notify))
    }

    /// Looks, in place of whatever was found before, as far as there is memory.
    pub(super) async fn look(&mut self, mut look: Look, broker: &Broker) {
        if let Some(source) = &self.source {
            self.found = Ok(Found::default());
            self.memory = Share::default();
            self.memory = broker.answer_memory().take(look.room);
            look.room = self.memory.bytes();
            self.found = find(broker, source, &self.position, look).await;
            self.memory.shrink(self.size());
            unreadable::log(&source.partition, &self.found);
        }
    }
}

fn resolve(broker: &Broker, position: &Position) -> Result<Source, Error> {
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
    Ok(Source {
        partition: Arc::clone(partition),
        topic,
    })
}

async fn find(
    broker: &Broker,
    source: &Source,
    position: &Position,
    look: Look,
) -> Result<Found, Error> {
    let partition = &source.partition;
    let offsets = partition.offsets();
    let mut found = Found {
        offsets: Some(offsets),
        ..Found::default()
    };
    if let Some(diverging) = diverging(partition, position) {
        found.diverging = Some(diverging);
        return Ok(found);
    }
    let from = begin(source, position, offsets);
    if !(offsets.log_start..=offsets.log_end).contains(&from) {
        return Err(partition.out_of_range(from).into());
    }
    let until = end(offsets, look.committed);
    if from < until && (look.room > 0 || look.at_least_one) {
        let (room, one) = (look.room, look.at_least_one);
        found.records = partition.read(from, room, until, one).await?;
        if source.topic.config().queue_enable {
            found.due_ms = wait(broker, source, position, look, &mut found.records).await?;
        }
        if !look.zstd {
            cut::before_zstd(&mut found.records)?;
        }
        if look.committed
            && let Some(end) = end_of(&found.records)
        {
            found.aborted = partition.aborted(from..end).await?;
        }
    }
    Ok(found)
}

/// Leaves of what was read of a queue what waits to be worked off, and returns when the next of it is due that is
/// held back.
async fn wait(
    broker: &Broker,
    source: &Source,
    position: &Position,
    look: Look,
    records: &mut Vec<Bytes>,
) -> Result<Option<i64>, Error> {
    let config = source.topic.config();
    let due_ms = match config.queue_delay_ms {
        0 => None,
        delay_ms => cut::before_delayed(records, delay_ms, look.now_ms),
    };
    if let Some(range) = done::range(records) {
        let queue = (source.topic.id, position.partition);
        let done = broker.shares().finished(queue, range).await;
        // Fetches have no word for a coordinator that is away; by this one clients come again.
        let done = done.map_err(|_| StoreError::Closed)?;
        let limit = usize::try_from(config.max_decompressed_message_bytes).unwrap_or(0);
        *records = done::without(std::mem::take(records), &done, limit)?;
    }
    Ok(due_ms)
}

/// Where to read. Below the head of a queue there is nothing to miss, and a client that were sent away might
/// come back behind messages that wait.
fn begin(source: &Source, position: &Position, offsets: Offsets) -> i64 {
    match source.topic.config().queue_enable && position.offset >= 0 {
        true => position.offset.max(offsets.log_start),
        false => position.offset,
    }
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
