//! One partition of a share fetch: what was acknowledged in it, and what was taken from it.

use std::sync::Arc;

use millstream_store::Subscription;
use tokio::sync::Notify;

use super::Said;
use crate::answer_memory::Share;
use crate::api::unreadable;
use crate::shares::{Key, Member, Place, Seat, Taken, Want};
use crate::{Broker, Error};

/// A partition, and what there is to say about it.
pub(crate) struct Slot {
    pub(super) key: Key,
    place: Option<Place>,
    seat: Option<Seat>,
    /// Why nothing can be taken.
    pub(super) error: Option<Error>,
    /// What came of the acknowledgements, if there were any.
    pub(super) acknowledged: Option<Result<(), Error>>,
    /// What was taken.
    pub(super) taken: Taken,
    /// What the taken batches have of the memory for answers.
    pub(super) memory: Share,
}

impl Slot {
    /// The partition, if it is there and the group may have its messages.
    pub(super) async fn open(broker: &Broker, key: Key) -> Self {
        let place = broker.attached_place(&key.group, key.topic, key.partition);
        let place = place.await;
        let (place, error) = match place {
            Ok(place) => (Some(place), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            key,
            place,
            seat: None,
            error,
            acknowledged: None,
            taken: Taken::default(),
            memory: Share::default(),
        }
    }

    /// For how long messages are locked here, in milliseconds.
    pub(super) fn lock_ms(&self) -> Option<i64> {
        self.place.as_ref().map(Place::lock_ms)
    }

    /// Does what the member says of its messages.
    pub(super) async fn settle(
        &self,
        broker: &Broker,
        member: &Member,
        said: Said,
    ) -> Result<(), Error> {
        let said = said?;
        let Some(place) = &self.place else {
            let Key {
                group,
                topic,
                partition,
            } = &self.key;
            let place = broker.attached_place(group, *topic, *partition);
            return place.await.map(drop);
        };
        broker.shares().settle(place, &member.id, &said).await
    }

    /// Has `notify` told when there may be messages here.
    pub(super) async fn sit_down(
        &mut self,
        broker: &Broker,
        notify: &Arc<Notify>,
    ) -> Option<Subscription> {
        let place = self.place.as_ref()?;
        match broker.shares().sit_down(place).await {
            Ok(seat) => {
                seat.subscribe(notify);
                self.seat = Some(seat);
                Some(place.partition.subscribe(notify))
            }
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }

    /// Takes messages, as far as there is memory.
    pub(super) async fn take(&mut self, broker: &Broker, member: &Member, mut want: Want) {
        let (Some(place), Some(seat)) = (&self.place, &self.seat) else {
            return;
        };
        let mut memory = broker.answer_memory().take(want.bytes);
        want.bytes = memory.bytes();
        let taken = broker.shares().take(place, seat, &member.id, want).await;
        unreadable::log(&place.partition, &taken);
        match taken {
            Ok(taken) => {
                memory.shrink(taken.size());
                self.memory = memory;
                self.taken = taken;
            }
            Err(error) => self.error = Some(error),
        }
    }
}
