//! What a classic group hands over to a consumer group, and takes over from one.

use std::sync::Arc;

use super::member::Member;
use super::{Group, Protocol, State, protocol};
use crate::consumer::Classic;
use crate::effects::Step;
use crate::{Error, GroupId, MemberRecord};

impl Group {
    /// The last generation.
    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    /// How many members it has.
    pub(crate) fn size(&self) -> usize {
        self.members.len()
    }

    /// The members with all that they can speak.
    pub(crate) fn speakers(&self) -> impl Iterator<Item = (MemberRecord, Classic)> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        self.members.iter().map(move |(id, member)| {
            let mut record = member.to_record(id, protocol);
            if let Some(first) = member.protocols.first()
                && record.subscription.is_empty()
            {
                record.subscription = Arc::clone(&first.metadata);
            }
            let classic = Classic {
                session_timeout_ms: member.session_timeout_ms,
                protocols: member.protocols.clone(),
            };
            (record, classic)
        })
    }

    /// Whoever waits here joins again, in what the group has become.
    pub(crate) fn send_away(&mut self, step: &mut Step<'_>) {
        for member in self.members.values_mut() {
            member.refuse(&Error::RebalanceInProgress, step.effects);
        }
    }

    /// A group that goes on with the members of a consumer group: it is written down with what they have, and gathers
    /// them for the next generation.
    pub(crate) fn downgraded(
        id: GroupId,
        generation: i32,
        protocol_type: &str,
        members: Vec<(MemberRecord, Vec<Protocol>)>,
        step: &mut Step<'_>,
    ) -> Self {
        let mut group = Self::new(id);
        group.generation = generation;
        group.protocol_type = Some(protocol_type.to_owned());
        for (record, protocols) in members {
            let member = Member {
                protocols,
                ..Member::from_record(&record, None)
            };
            group.members.insert(record.member_id, member);
        }
        group.protocol = protocol::elect(&group.members);
        group.leader = group.members.keys().next().map(Arc::clone);
        group.enter(State::Stable, step);
        let value = group.to_record();
        group.write(value, step.effects);
        group.resume(step);
        group.rebalance(step);
        group
    }
}
