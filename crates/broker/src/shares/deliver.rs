//! Handing messages of a partition to a consumer.

use std::sync::Arc;

use bytes::Bytes;
use millstream_queue::{Acquired, Consumer, Demand};
use millstream_store::AbortedSet;
use tokio::sync::Notify;

use super::candidates::{candidates, end_of, with_acquired};
use super::machine::Share;
use super::turn::Turn;
use super::{Place, Shares};
use crate::Error;

/// Bytes that are read at a time. More are read if the consumer still has room.
const PIECE: usize = 1 << 20;

/// What a consumer wants from a partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want {
    /// Messages.
    pub(crate) messages: u64,
    /// Whether it takes no more than that, or what else there is in a batch that was begun.
    pub(crate) strict: bool,
    /// Bytes of batches.
    pub(crate) bytes: usize,
    /// Whether the first batch is read even if it exceeds the bytes.
    pub(crate) at_least_one: bool,
}

/// What a consumer was given.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The batches that hold the messages, and perhaps others.
    pub(crate) batches: Vec<Bytes>,
    /// The messages.
    pub(crate) acquired: Vec<Acquired>,
}

impl Taken {
    /// How many messages it has.
    pub(crate) fn count(&self) -> u64 {
        self.acquired.iter().map(|one| one.span.count()).sum()
    }

    /// Whether it is one message on one of its last deliveries, which is better not mixed with others.
    fn is_alone(&self) -> bool {
        matches!(self.acquired[..], [one] if one.span.count() == 1 && one.deliveries > 1)
    }

    /// Adds what comes next in the log.
    fn add(&mut self, piece: Self) {
        // A batch that is begun in one piece and finished in the next is there once.
        let again = piece
            .batches
            .first()
            .is_some_and(|first| Some(first) == self.batches.last());
        self.batches
            .extend(piece.batches.into_iter().skip(usize::from(again)));
        self.acquired.extend(piece.acquired);
    }

    /// Bytes of its batches.
    pub(crate) fn size(&self) -> usize {
        self.batches.iter().map(Bytes::len).sum()
    }
}

/// A place in the waiting room of a partition.
#[derive(Debug)]
pub(crate) struct Seat {
    turn: Arc<Turn>,
}

impl Seat {
    /// Has `notify` told when there may be messages, for as long as it lives.
    pub(crate) fn subscribe(&self, notify: &Arc<Notify>) {
        self.turn.subscribe(notify);
    }
}

impl Shares {
    /// Has a group come to a partition, if it has not.
    pub(crate) async fn sit_down(&self, place: &Place) -> Result<Seat, Error> {
        let turn = self.enter(place).await?;
        Ok(Seat { turn })
    }

    /// Hands out what `want` says and the terms allow; nothing, if there is nothing.
    pub(crate) async fn take(
        &self,
        place: &Place,
        seat: &Seat,
        by: &Consumer,
        want: Want,
    ) -> Result<Taken, Error> {
        let mut taken = Taken::default();
        let _turn = seat.turn.line.lock().await;
        let mut last = None;
        while let Some(from) = self.next_offset(place, by).await?
            && from < place.until()
            && last != Some(from)
            && !taken.is_alone()
            && taken.count() < want.messages
            && (taken.size() < want.bytes || (want.at_least_one && taken.batches.is_empty()))
        {
            last = Some(from);
            match self.take_piece(place, by, from, want, &taken).await {
                Ok(Some(piece)) => taken.add(piece),
                Ok(None) => break,
                // What it has by now is locked for it: it is told of the rest when it comes again.
                Err(error) if taken.acquired.is_empty() => return Err(error),
                Err(_) => break,
            }
            // However long nothing turns up that may be handed out, others get on.
            tokio::task::yield_now().await;
        }
        Ok(taken)
    }

    /// Reads on from `from` and hands out what may be; `None` if that is all that may go into one answer.
    async fn take_piece(
        &self,
        place: &Place,
        by: &Consumer,
        from: i64,
        want: Want,
        taken: &Taken,
    ) -> Result<Option<Taken>, Error> {
        let room = want.bytes.saturating_sub(taken.size()).min(PIECE);
        let one = want.at_least_one && taken.batches.is_empty();
        let read = place.partition.read(from, room, place.until(), one);
        let batches = read.await?;
        if batches.is_empty() {
            return Ok(None);
        }
        let left = Want {
            messages: want.messages - taken.count(),
            at_least_one: taken.acquired.is_empty(),
            ..want
        };
        let acquired = self.acquire(place, by, from, &batches, left).await?;
        Ok(Some(Taken {
            batches: with_acquired(&batches, &acquired),
            acquired,
        }))
    }

    /// Where to look for messages that `by` may have; nowhere, while it has its share of all that may be in flight. What
    /// has left the log is left behind here.
    async fn next_offset(&self, place: &Place, by: &Consumer) -> Result<Option<i64>, Error> {
        let readers = self.sessions.readers(&place.reader).max(1);
        let log_start = place.partition.offsets().log_start;
        let look = |share: &mut Share, _| {
            share.state.set_limits(place.terms.limits);
            share.state.begin_at(log_start);
            let next = share.state.next_offset();
            let may = allowance(place, readers, share.state.held(by)) > 0;
            (next.filter(|_| may), Vec::new())
        };
        Ok(self.visit(&place.key, look).await?.flatten())
    }

    async fn acquire(
        &self,
        place: &Place,
        by: &Consumer,
        from: i64,
        batches: &[Bytes],
        want: Want,
    ) -> Result<Vec<Acquired>, Error> {
        let limit = place.decompressed_limit();
        let (terms, now) = (&place.terms, self.coordinator.now());
        let until = end_of(batches).unwrap_or(from);
        let aborted = match terms.committed {
            true => AbortedSet::new(place.partition.aborted(from..until).await?),
            false => AbortedSet::default(),
        };
        let found = candidates(batches, from, &aborted, terms.queue.as_ref(), limit, now)?;
        let readers = self.sessions.readers(&place.reader).max(1);
        let acquire = |share: &mut Share, now: millstream_groups::Now| {
            let may = allowance(place, readers, share.state.held(by));
            let demand = Demand {
                by,
                enough: want.messages,
                at_most: if want.strict {
                    want.messages.min(may)
                } else {
                    may
                },
                has_others: !want.at_least_one,
                until_ms: now.monotonic_ms.saturating_add(terms.lock_ms),
                now_ms: now.monotonic_ms,
            };
            (share.state.acquire(demand, from, until, found), Vec::new())
        };
        Ok(self.visit(&place.key, acquire).await?.unwrap_or_default())
    }
}

/// How many messages more a consumer may have, who shares what may be in flight with others.
fn allowance(place: &Place, readers: u64, held: u64) -> u64 {
    let share = (place.terms.limits.in_flight / readers).max(1);
    share.saturating_sub(held)
}
