//! What a group is beside its offsets: its members, by the protocol that they speak.

use crate::classic::{self, RetentionFrom, State};
use crate::consumer::{self, ConsumerRecord};
use crate::effects::Step;
use crate::offsets::Offsets;
use crate::{Committer, Error, GroupId, NewOffset, Record};

use super::Kind;

/// The members of a group.
#[derive(Debug)]
pub(super) enum Body {
    /// They agree among themselves.
    Classic(Box<classic::Group>),
    /// The coordinator decides.
    Consumer(Box<consumer::Group>),
}

/// A group with what it has committed.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) body: Body,
    pub(super) offsets: Offsets,
}

impl Entry {
    /// A group that no record tells of.
    pub(super) fn new(id: GroupId) -> Self {
        Self {
            body: Body::Classic(Box::new(classic::Group::new(id))),
            offsets: Offsets::default(),
        }
    }

    /// Whether nothing is lost if it is dropped: no record mentions it, and nobody is on the way.
    pub(super) fn is_blank(&self) -> bool {
        !self.body.is_recorded() && self.body.is_deserted() && self.offsets.is_empty()
    }
}

impl Body {
    pub(super) fn id(&self) -> &GroupId {
        match self {
            Self::Classic(group) => group.id(),
            Self::Consumer(group) => group.id(),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Classic(_) => Kind::Classic,
            Self::Consumer(_) => Kind::Consumer,
        }
    }

    /// Kafka's name of where it stands.
    pub(super) fn state(&self) -> &'static str {
        match self {
            Self::Classic(group) => group.state().name(),
            Self::Consumer(group) => group.state().name(),
        }
    }

    /// What the members are for each other.
    pub(super) fn protocol_type(&self) -> &str {
        match self {
            Self::Classic(group) => group.protocol_type(),
            Self::Consumer(_) => classic::CONSUMER,
        }
    }

    /// Whether it has no members.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Classic(group) => group.state() == State::Empty,
            Self::Consumer(group) => group.is_empty(),
        }
    }

    /// Whether there is nobody in it, nor on the way.
    pub(super) fn is_deserted(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_deserted(),
            Self::Consumer(group) => group.is_empty(),
        }
    }

    fn is_recorded(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_recorded(),
            Self::Consumer(group) => group.is_recorded(),
        }
    }

    /// Whether its members read topics.
    pub(super) fn consumes(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_consumer_group(),
            Self::Consumer(_) => true,
        }
    }

    pub(super) fn is_subscribed_to(&self, topic: &str) -> bool {
        match self {
            Self::Classic(group) => group.is_subscribed_to(topic),
            Self::Consumer(group) => group.is_subscribed_to(topic),
        }
    }

    /// From when on the offsets age, or `None` while they may be in use.
    pub(super) fn retention_from(&self) -> Option<RetentionFrom> {
        match self {
            Self::Classic(group) => group.retention_from(),
            Self::Consumer(_) => Some(RetentionFrom::Commit),
        }
    }

    /// Whether `who` may commit these now.
    pub(super) fn check_commit(
        &mut self,
        who: &Committer<'_>,
        offsets: &[NewOffset],
        step: &Step<'_>,
    ) -> Result<(), Error> {
        match self {
            Self::Classic(group) => group.check_commit(who, step),
            Self::Consumer(group) => group.check_commit(who, offsets),
        }
    }

    /// Whether `who` may commit these now as part of a transaction. A producer that does not say for which member it
    /// works may.
    pub(super) fn check_commit_in_transaction(
        &mut self,
        who: &Committer<'_>,
        offsets: &[NewOffset],
        step: &Step<'_>,
    ) -> Result<(), Error> {
        if who.generation < 0 && who.member_id.is_empty() && who.instance_id.is_none() {
            return Ok(());
        }
        match self {
            Self::Classic(group) => group.check_commit_in_transaction(who, step),
            Self::Consumer(group) => group.check_commit(who, offsets),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<i64> {
        match self {
            Self::Classic(group) => group.next_deadline(),
            Self::Consumer(group) => group.next_deadline(),
        }
    }

    pub(super) fn expire(&mut self, step: &mut Step<'_>) {
        match self {
            Self::Classic(group) => group.expire(step),
            Self::Consumer(group) => group.expire(step),
        }
    }

    pub(super) fn resume(&mut self, step: &mut Step<'_>) {
        match self {
            Self::Classic(group) => group.resume(step),
            Self::Consumer(group) => group.resume(step),
        }
    }

    /// The records that forget the members, and that there is a group.
    pub(super) fn tombstones(&self) -> Vec<Record> {
        match self {
            Self::Classic(group) => vec![Record::Group {
                group: GroupId::clone(group.id()),
                value: None,
            }],
            Self::Consumer(group) => consumer_records(group.id(), group.tombstones()).collect(),
        }
    }
}

/// Records of the consumer group `id`.
pub(super) fn consumer_records(
    id: &GroupId,
    records: Vec<ConsumerRecord>,
) -> impl Iterator<Item = Record> {
    records.into_iter().map(|record| Record::Consumer {
        group: GroupId::clone(id),
        record,
    })
}
