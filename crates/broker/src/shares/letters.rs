//! The end of messages that nobody works off: from a queue with a dead-letter topic they go there, all or nothing with the
//! record that ends them; elsewhere they are only counted.

use std::sync::Arc;

use bytes::Bytes;
use millstream_batch::{Batch, Batches, Builder, RecordHeader};
use millstream_queue::{Cause, Dying, Span};
use millstream_store::Partition;

use super::machine::{Effects, Share, Shares as Machine};
use super::{Place, Shares};
use crate::Error;

/// Bytes of messages that are taken at a time, unless one batch is larger.
const PIECE: usize = 1 << 20;

/// Messages that go.
struct Letters {
    span: Span,
    /// What is appended where, unless the log holds none of the messages.
    batch: Option<(Arc<Partition>, Batch)>,
}

/// Letters that are being written.
struct Packed {
    builder: Builder,
    /// The last message that they are about, or that is not there.
    last: i64,
}

impl Letters {
    fn none(span: Span) -> Self {
        Self { span, batch: None }
    }
}

impl Shares {
    /// Ends all messages of a partition that are given up.
    pub(super) async fn bury(&self, place: &Place) -> Result<(), Error> {
        let turn = |share: &Share| Arc::clone(&share.turn);
        let Some(turn) = self.read(&place.key, turn).await? else {
            return Ok(());
        };
        // Whoever is at it already has not let go of the messages before the lock is free.
        let _burial = turn.burial.lock().await;
        while let Some(dying) = self.first_dying(place).await? {
            let letters = match self.address(place) {
                Some(name) => self.letters(place, dying, &name).await?,
                None => Letters::none(dying.span),
            };
            let span = letters.span;
            let start = self.end(place, letters).await?;
            self.leave_behind(place, start);
            tell(place, dying, span);
        }
        Ok(())
    }

    async fn first_dying(&self, place: &Place) -> Result<Option<Dying>, Error> {
        let first = |share: &Share| share.state.dying().next();
        Ok(self.read(&place.key, first).await?.flatten())
    }

    fn address(&self, place: &Place) -> Option<String> {
        place.terms.queue.as_ref()?.dead_letters.clone()
    }

    /// The first of the messages, ready to be sent.
    async fn letters(&self, place: &Place, dying: Dying, topic: &str) -> Result<Letters, Error> {
        let from = dying.span.first.max(place.partition.offsets().log_start);
        let Some(left) = Span::new(from, dying.span.last) else {
            return Ok(Letters::none(dying.span));
        };
        let topic = self.coordinator.catalog().ensure_topic(topic).await?;
        let count = topic.partitions().len().max(1);
        let to = topic.partition((place.key.partition.unsigned_abs() as usize % count) as i32)?;
        let until = place.partition.offsets().high_watermark;
        let read = place.partition.read(from, PIECE, until, true).await?;
        let room = PIECE.min(to.config().segment_bytes as usize / 2);
        let packed = self.pack(place, dying, left, &read, room)?;
        let mut batch = match packed.builder.is_empty() {
            true => None,
            false => Some(packed.builder.build()?),
        };
        // What is refused is refused before the state has changed.
        let now_ms = self.coordinator.now().unix_ms;
        match batch.as_ref().map(|batch| to.can_append(batch, now_ms)) {
            None | Some(Ok(())) => {}
            Some(Err(error @ millstream_store::Error::BatchTooLarge { .. })) => {
                let (queue, offset) = (&place.topic.name, packed.last);
                tracing::error!(queue, offset, %error, "message is given up without a dead letter");
                batch = None;
            }
            Some(Err(error)) => return Err(error.into()),
        }
        // Where the log holds nothing, there is nothing to wait for.
        let last = if read.is_empty() {
            left.last
        } else {
            packed.last
        };
        Ok(Letters {
            span: Span { last, ..dying.span },
            batch: batch.map(|batch| (Arc::clone(to), batch)),
        })
    }

    /// Letters for the messages of `left` that `read` holds, as many as there is room for and one at least.
    fn pack(
        &self,
        place: &Place,
        dying: Dying,
        left: Span,
        read: &[Bytes],
        room: usize,
    ) -> Result<Packed, Error> {
        let limit = place.decompressed_limit();
        let now = self.coordinator.now();
        let mut packed = Packed {
            builder: Builder::new(),
            last: left.first,
        };
        for batch in read.iter().flat_map(|run| Batches::new(run)) {
            let batch = batch?;
            if !batch.header.is_control() {
                for record in &batch.records(limit)? {
                    let record = record?;
                    if left.intersect(Span::one(record.offset)).is_none() {
                        continue;
                    }
                    let size =
                        record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
                    if !packed.builder.is_empty() && packed.builder.size() + size > room {
                        return Ok(packed);
                    }
                    packed.last = record.offset;
                    let facts = facts(place, record.offset, dying, now);
                    let mut headers = record.headers;
                    headers.extend(facts.iter().map(|(key, value)| RecordHeader {
                        key: key.as_bytes(),
                        value: Some(value.as_bytes()),
                    }));
                    packed
                        .builder
                        .push(now.unix_ms, record.key, record.value, &headers);
                }
            }
            packed.last = packed.last.max(batch.header.last_offset()).min(left.last);
        }
        Ok(packed)
    }

    /// Ends messages and sends their letters, all or nothing; returns the first message that is not finished then.
    async fn end(&self, place: &Place, letters: Letters) -> Result<i64, Error> {
        let end = |shares: &mut Machine, now, effects: &mut Effects| {
            let ended = shares.visit(&place.key, now, effects, |share| {
                let changes = share.state.bury(letters.span);
                let dead: u64 = changes.iter().map(|change| change.span.count()).sum();
                share.dead = share.dead.saturating_add_unsigned(dead);
                ((share.state.start(), dead), changes)
            });
            if let Some((_, 1..)) = ended {
                effects.beside.extend(letters.batch);
            }
            ended.map(|(start, _)| start)
        };
        let start = self.coordinator.run(&place.key.home(), end).await?;
        start.ok_or(Error::CoordinatorNotAvailable)
    }
}

/// What a dead letter says of itself.
fn facts(
    place: &Place,
    offset: i64,
    dying: Dying,
    now: millstream_groups::Now,
) -> Vec<(&'static str, String)> {
    let unix = |ms: i64| (ms + now.unix_ms - now.monotonic_ms).to_string();
    let attempts = dying.attempts;
    let mut facts = vec![
        ("queue.dead.topic", place.topic.name.clone()),
        ("queue.dead.partition", place.key.partition.to_string()),
        ("queue.dead.offset", offset.to_string()),
        ("queue.dead.delivery.count", attempts.count.to_string()),
        ("queue.dead.reason", reason(dying.cause).to_owned()),
    ];
    let first = attempts
        .first_ms
        .map(|ms| ("queue.dead.first.delivery.ms", unix(ms)));
    let last = attempts
        .last_ms
        .map(|ms| ("queue.dead.last.delivery.ms", unix(ms)));
    facts.extend(first.into_iter().chain(last));
    facts
}

fn reason(cause: Cause) -> &'static str {
    match cause {
        Cause::Rejected => "rejected",
        Cause::Exhausted => "delivery count limit reached",
    }
}

fn tell(place: &Place, dying: Dying, span: Span) {
    let (topic, partition) = (&place.topic.name, place.key.partition);
    let (group, reason) = (&place.key.group, reason(dying.cause));
    tracing::info!(topic, partition, %group, first = span.first, last = span.last, reason, "messages are given up");
}
