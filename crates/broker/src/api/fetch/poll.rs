//! Looks at the partitions of a fetch until there is enough, without ever polling them.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use millstream_store::Subscription;
use millstream_wire::api::fetch::Request;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::slot::{Look, Slot};
use crate::Broker;
use crate::fetch_sessions::Position;

/// First version whose clients know zstd.
const ZSTD: i16 = 10;

/// All partitions of one fetch, and how much has been found in them.
struct Poll<'a> {
    broker: &'a Broker,
    slots: Vec<Slot>,
    /// Bytes found in all slots together.
    taken: usize,
    max_bytes: usize,
    min_bytes: usize,
    committed: bool,
    zstd: bool,
}

/// Reads from `positions` in their order, and waits for as long as the request says if there is too little.
pub(super) async fn poll(
    broker: &Broker,
    request: &Request<'_>,
    positions: Vec<Position>,
    version: i16,
) -> Vec<Slot> {
    let limit = broker.config().fetch_max_bytes;
    let slots = positions.into_iter();
    let mut poll = Poll {
        broker,
        slots: slots.map(|position| Slot::new(broker, position)).collect(),
        taken: 0,
        max_bytes: count(request.max_bytes.min(limit)),
        min_bytes: count(request.min_bytes),
        committed: request.isolation_level == super::READ_COMMITTED,
        zstd: version >= ZSTD,
    };
    if !poll.look().await && request.max_wait_ms > 0 && !poll.slots.is_empty() {
        let patience = Duration::from_millis(u64::from(request.max_wait_ms.unsigned_abs()));
        poll.wait(patience).await;
    }
    poll.slots
}

/// A number of bytes; clients send negative ones for none.
fn count(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}

impl Poll<'_> {
    /// Looks again whenever a partition moves or something is due in it, until there is enough, or time is up, or
    /// the broker is to stop.
    async fn wait(&mut self, patience: Duration) {
        let notify = Arc::new(Notify::new());
        let _subscriptions: Vec<Subscription> = self
            .slots
            .iter()
            .filter_map(|slot| slot.subscribe(&notify))
            .collect();
        let mut time_is_up = pin!(sleep(patience));
        let mut drained = pin!(self.broker.drained());
        // The first look catches what moved before the subscriptions were there.
        while !self.look().await {
            tokio::select! {
                () = notify.notified() => {}
                () = self.due() => {}
                () = &mut time_is_up => return,
                () = &mut drained => return,
            }
        }
    }

    /// Returns when the first of the records is due that are held back; never without any.
    async fn due(&self) {
        match self.slots.iter().filter_map(Slot::due_ms).min() {
            Some(due_ms) => {
                let left = due_ms.saturating_sub(self.broker.now_ms());
                // Never at once, so that a clock which goes back keeps nobody busy.
                sleep(Duration::from_millis(left.max(1).unsigned_abs())).await;
            }
            None => pending().await,
        }
    }

    /// Looks at the partitions that moved since the last look; returns whether there is enough to answer.
    async fn look(&mut self) -> bool {
        let now_ms = self.broker.now_ms();
        for slot in &mut self.slots {
            if slot.has_moved(self.committed, now_ms) {
                self.taken -= slot.size();
                let limit = count(slot.position.max_bytes);
                let look = Look {
                    room: self.max_bytes.saturating_sub(self.taken).min(limit),
                    at_least_one: self.taken == 0,
                    committed: self.committed,
                    zstd: self.zstd,
                    now_ms,
                };
                slot.look(look, self.broker).await;
                self.taken += slot.size();
            }
        }
        self.taken >= self.min_bytes || self.slots.iter().any(Slot::is_final)
    }
}
