//! Where messages are handed out one by one: share groups, on queues and on ordinary topics.
//!
//! What becomes of a message is decided in `millstream_queue`; this is the rim around it. The state of each group in each
//! partition is a replay of `__share_group_state`. On a queue, what is acknowledged leaves the log; nothing leaves any other
//! topic on the word of a group.

mod candidates;
mod deliver;
mod key;
mod letters;
mod machine;
mod record;
mod sessions;
mod settle;
mod terms;
mod turn;
mod upkeep;
mod words;

use std::sync::Arc;

use millstream_groups::{Now, ShareDescription};
use millstream_queue::{Counts, Span};
use millstream_store::Partition;
use uuid::Uuid;

use crate::catalog::{Catalog, SHARES, Topic};
use crate::config::OffsetReset;
use crate::coordinator::Coordinator;
use crate::{Broker, Environment, Error};
pub(crate) use candidates::end_of;
pub(crate) use deliver::{Seat, Taken, Want};
pub(crate) use key::Key;
use machine::{Effects, Share};
pub(crate) use sessions::{FINAL_EPOCH, INITIAL_EPOCH, Member, Sessions, ShareSessionError};
pub(crate) use settle::Word;
use terms::Terms;
use turn::Turn;
pub(crate) use upkeep::serve;
pub(crate) use words::{member, words};

/// What every share group of this broker was given.
#[derive(Debug)]
pub(crate) struct Shares {
    coordinator: Coordinator<machine::Shares>,
    sessions: Sessions,
}

/// One group in one partition, with all there is to know to serve it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Whose deliveries, and where.
    key: Key,
    /// Who fetches, and from where.
    reader: Key,
    /// The topic.
    pub(crate) topic: Arc<Topic>,
    /// The partition.
    pub(crate) partition: Arc<Partition>,
    terms: Terms,
}

/// Where a group stands in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The first message that is not finished.
    pub(crate) start: i64,
    /// How many messages are where.
    pub(crate) counts: Counts,
    /// Messages that were given up, ever.
    pub(crate) dead: i64,
}

impl Place {
    /// How long a consumer has a message, in milliseconds.
    pub(crate) fn lock_ms(&self) -> i64 {
        self.terms.lock_ms
    }

    /// Bytes to which one batch may decompress where its records are looked at.
    fn decompressed_limit(&self) -> usize {
        let limit = self.topic.config().max_decompressed_message_bytes;
        usize::try_from(limit).unwrap_or_default()
    }

    /// The first offset that is not to be handed out yet.
    fn until(&self) -> i64 {
        let offsets = self.partition.offsets();
        match self.terms.committed {
            true => offsets.last_stable,
            false => offsets.high_watermark,
        }
    }
}

impl Broker {
    /// A group in a partition, if there is such a partition and the group may have its messages.
    pub(crate) async fn attached_place(
        &self,
        group: &Arc<str>,
        topic: Uuid,
        partition: i32,
    ) -> Result<Place, Error> {
        let place = self.shares().place(group, topic, partition)?;
        self.attach(&place.topic, group).await?;
        Ok(place)
    }

    /// Refuses what may only be done to a share group, and while it has no members.
    pub(crate) async fn check_idle(&self, group: &str) -> Result<(), Error> {
        let described = self
            .groups()
            .run(group, |groups, _, _| groups.describe_share(group));
        let described = described.await?;
        let has_members = |group: &ShareDescription| !group.members.is_empty();
        if described.as_ref().is_ok_and(has_members) || self.shares().has_session(group) {
            return Err(millstream_groups::Error::NonEmptyGroup(group.to_owned()).into());
        }
        Ok(described.map(drop)?)
    }

    /// The same, and makes the group if there is none.
    pub(crate) async fn make_idle(&self, group: &str) -> Result<(), Error> {
        match self.check_idle(group).await {
            Err(Error::Group(millstream_groups::Error::GroupIdNotFound(_))) => {
                let make = self.groups().run(group, |groups, now, effects| {
                    groups.make_share_group(group, now, effects)
                });
                Ok(make.await??)
            }
            outcome => outcome,
        }
    }
}

impl Shares {
    /// Shares whose log is found, or made, when it is first needed.
    pub(crate) fn new(catalog: Arc<Catalog>, environment: Environment) -> Self {
        Self {
            coordinator: Coordinator::new(catalog, environment),
            sessions: Sessions::default(),
        }
    }

    /// What members have said about the partitions that they fetch from.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Whether any member of a group fetches.
    pub(crate) fn has_session(&self, group: &str) -> bool {
        self.sessions.has_any(group)
    }

    /// A group in a partition, if there is such a partition.
    pub(crate) fn place(
        &self,
        group: &Arc<str>,
        topic: Uuid,
        partition: i32,
    ) -> Result<Place, Error> {
        let catalog = self.coordinator.catalog();
        let found = catalog.topic_by_id(topic);
        let topic = found.ok_or(Error::UnknownTopicId(topic))?;
        let reader = Key {
            group: Arc::clone(group),
            topic: topic.id,
            partition,
        };
        let key = match topic.config().queue_enable {
            true => Key::of_queue(topic.id, partition),
            false => reader.clone(),
        };
        Ok(Place {
            partition: Arc::clone(topic.partition(partition)?),
            terms: Terms::of(&topic, &catalog.group_config(&reader.group)),
            key,
            reader,
            topic,
        })
    }

    /// Where a group stands in a partition; `None` if it has not come there.
    pub(crate) async fn standing(&self, place: &Place) -> Result<Option<Standing>, Error> {
        if !self.has_log() {
            return Ok(None);
        }
        let log_start = place.partition.offsets().log_start;
        let standing = |share: &mut Share, _| {
            // What has left the log, by whatever hand, is nobody's any more.
            share.state.begin_at(log_start);
            let standing = Standing {
                start: share.state.start(),
                counts: share.state.counts(),
                dead: share.dead,
            };
            (standing, Vec::new())
        };
        self.visit(&place.key, standing).await
    }

    /// Of the messages of a queue within `range`, those that are finished, in order. After a crash they may not have
    /// left the log yet. The queue is told by its topic and partition.
    pub(crate) async fn finished(
        &self,
        queue: (Uuid, i32),
        range: Span,
    ) -> Result<Vec<Span>, Error> {
        if !self.has_log() {
            return Ok(Vec::new());
        }
        let key = Key::of_queue(queue.0, queue.1);
        let finished = |share: &Share| {
            let below = Span::new(i64::MIN, share.state.start() - 1);
            let finished = below.into_iter().chain(share.state.finished());
            finished.filter_map(|span| span.intersect(range)).collect()
        };
        Ok(self.read(&key, finished).await?.unwrap_or_default())
    }

    /// The partitions that a group has come to.
    pub(crate) async fn keys(&self, group: &str) -> Result<Vec<Key>, Error> {
        let catalog = self.coordinator.catalog();
        let owns = |key: &Key| {
            let topic = catalog.topic_by_id(key.topic);
            topic.is_some_and(|topic| topic.config().queue_owner.as_deref() == Some(group))
        };
        let all = self.coordinator.run_everywhere(|shares, _, _| {
            let keys = shares.iter().map(|(key, _)| key);
            let own = keys.filter(|key| match key.is_of_queue() {
                true => owns(key),
                false => &*key.group == group,
            });
            own.cloned().collect::<Vec<_>>()
        });
        Ok(all.await?.concat())
    }

    /// Has a group begin at `start` in a partition, whatever it had there before; what is held by consumers is held no more.
    /// A queue only goes forward, over what is not finished.
    pub(crate) async fn begin_at(&self, place: &Place, start: i64) -> Result<(), Error> {
        let offsets = place.partition.offsets();
        let start = start.clamp(offsets.log_start, offsets.high_watermark);
        let leader = place.partition.leader_epoch();
        let begin = |shares: &mut machine::Shares, now, effects: &mut Effects| {
            if place.terms.queue.is_some() && shares.get(&place.key).is_some() {
                shares.skip(&place.key, start, now, effects);
            } else {
                shares.begin(&place.key, start, leader, now, effects);
            }
        };
        self.coordinator.run(&place.key.home(), begin).await?;
        self.leave_behind(place, start);
        Ok(())
    }

    /// Forgets what groups have been given, as `is_gone` says; tells for how many partitions.
    pub(crate) async fn forget(&self, is_gone: impl Fn(&Key) -> bool) -> Result<usize, Error> {
        let forget = |shares: &mut machine::Shares, _, effects: &mut Effects| {
            shares.forget(&is_gone, effects)
        };
        Ok(self.coordinator.run_everywhere(forget).await?.iter().sum())
    }

    /// Forgets what a group has been given, once the group is no more.
    pub(crate) async fn forget_group(&self, group: &str) {
        if let Err(error) = self.forget(|key| &*key.group == group).await {
            tracing::warn!(group, %error, "deliveries of a deleted group are still there");
        }
    }

    /// Forgets what groups have been given of a topic, once the topic is no more.
    pub(crate) async fn forget_topic(&self, topic: Uuid) {
        if let Err(error) = self.forget(|key| key.topic == topic).await {
            tracing::warn!(%topic, %error, "deliveries of a deleted topic are still there");
        }
    }

    /// Whether anything was ever given to a share group. Who only asks needs no log to be made.
    fn has_log(&self) -> bool {
        self.coordinator.catalog().topic(SHARES).is_some()
    }

    /// The waiting room of a group in a partition. One that has not come there before begins where its terms say.
    async fn enter(&self, place: &Place) -> Result<Arc<Turn>, Error> {
        let turn = |share: &Share| Arc::clone(&share.turn);
        if let Some(turn) = self.read(&place.key, turn).await? {
            return Ok(turn);
        }
        let start = self.first_offset(place).await?;
        let leader = place.partition.leader_epoch();
        let begin = |shares: &mut machine::Shares, now, effects: &mut Effects| {
            // Another member may have been faster.
            if shares.get(&place.key).is_none() {
                shares.begin(&place.key, start, leader, now, effects);
            }
            shares.get(&place.key).map(turn)
        };
        let entered = self.coordinator.run(&place.key.home(), begin).await?;
        entered.ok_or(Error::CoordinatorNotAvailable)
    }

    async fn first_offset(&self, place: &Place) -> Result<i64, Error> {
        let offsets = place.partition.offsets();
        match place.terms.begin {
            OffsetReset::Earliest => Ok(offsets.log_start),
            OffsetReset::Latest => Ok(offsets.high_watermark),
            OffsetReset::ByDuration(ms) => {
                let from = self.coordinator.now().unix_ms.saturating_sub(ms);
                let found = place.partition.offset_for_timestamp(from).await?;
                Ok(found.map_or(offsets.high_watermark, |found| found.offset))
            }
        }
    }

    async fn read<R>(&self, key: &Key, look: impl Fn(&Share) -> R) -> Result<Option<R>, Error> {
        let look = |shares: &mut machine::Shares, _, _: &mut Effects| shares.get(key).map(look);
        self.coordinator.run(&key.home(), look).await
    }

    /// Changes a state; `None` if there is none. Returns once the change is durable.
    async fn visit<R>(
        &self,
        key: &Key,
        operation: impl FnOnce(&mut Share, Now) -> (R, Vec<millstream_queue::Change>),
    ) -> Result<Option<R>, Error> {
        let visit = |shares: &mut machine::Shares, now, effects: &mut Effects| {
            shares.visit(key, now, effects, |share| operation(share, now))
        };
        self.coordinator.run(&key.home(), visit).await
    }

    /// Lets go of what lies below `start` in a queue, whose end is durable: it is there for nobody else. A crash forgets
    /// this, and [`serve`] does it again.
    fn leave_behind(&self, place: &Place, start: i64) {
        if place.terms.queue.is_none() || start <= place.partition.offsets().log_start {
            return;
        }
        if let Err(error) = place.partition.advance_log_start(start) {
            let queue = &place.topic.name;
            let partition = place.key.partition;
            tracing::warn!(queue, partition, %error, "acknowledged messages stay in the log");
        }
    }
}
