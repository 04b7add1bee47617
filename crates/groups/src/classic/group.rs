//! A classic group: its fields, and the small steps that the events are made of.
//! It never decides what an event means; the files beside this one do.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::State;
use super::member::{Member, Members, Parked};
use super::protocol::CONSUMER;
use crate::effects::Step;
use crate::embedded::subscribed_topics;
use crate::timers::Timers;
use crate::{Effects, Error, Generation, GroupId, Joined, MemberId, Record, Synced, Token};

/// What a group waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A sign of life of a member, or the return of one that was only given an id.
    Session(MemberId),
    /// The end of gathering members.
    Join,
    /// The syncs of the members of the new generation.
    Sync,
}

/// The patience with which an empty group waits for its first members.
#[derive(Debug)]
pub(super) struct InitialDelay {
    /// How much longer it can still be extended, in milliseconds.
    pub(super) remaining_ms: i32,
    /// Whether somebody joined since it was last extended.
    pub(super) joined: bool,
}

/// A group of the classic protocol.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) id: GroupId,
    pub(super) state: State,
    /// When `state` was entered, in Unix milliseconds; unknown for groups written by ancient brokers.
    pub(super) changed_ms: Option<i64>,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) leader: Option<MemberId>,
    pub(super) members: Members,
    /// The static members, by instance id.
    pub(super) instances: HashMap<String, MemberId>,
    /// Ids given out to clients that have not joined with them yet.
    pub(super) pending_join: BTreeSet<MemberId>,
    /// Members of this generation that have not asked for their assignment yet.
    pub(super) pending_sync: BTreeSet<MemberId>,
    /// Set while the first members of an empty group are gathered.
    pub(super) initial_delay: Option<InitialDelay>,
    /// The topics that the members read, where that can be known.
    pub(super) subscribed: Option<BTreeSet<String>>,
    pub(super) timers: Timers<Timer>,
}

impl Group {
    pub(crate) fn new(id: GroupId) -> Self {
        Self {
            id,
            state: State::Empty,
            changed_ms: None,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: Members::new(),
            instances: HashMap::new(),
            pending_join: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            initial_delay: None,
            subscribed: None,
            timers: Timers::default(),
        }
    }

    pub(crate) fn id(&self) -> &GroupId {
        &self.id
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Whether any generation was ever written down.
    pub(crate) fn is_recorded(&self) -> bool {
        self.generation > 0
    }

    /// Whether there is nobody in it, nor on the way.
    pub(crate) fn is_deserted(&self) -> bool {
        self.state == State::Empty && self.pending_join.is_empty()
    }

    pub(crate) fn next_deadline(&self) -> Option<i64> {
        self.timers.next()
    }

    /// A group that is known by its last record alone.
    pub(crate) fn replay(id: GroupId, value: &Generation) -> Self {
        let mut group = Self::new(id);
        group.apply(value);
        group
    }

    /// Takes over what a record says: the members in it are the members there are. This is how a
    /// settled generation enters memory, both live and on replay.
    fn apply(&mut self, value: &Generation) {
        let mut known = std::mem::take(&mut self.members);
        for record in &value.members {
            let mut member = known
                .remove(&record.member_id)
                .unwrap_or_else(|| Member::from_record(record, value.protocol.as_deref()));
            member.assignment = Arc::clone(&record.assignment);
            self.members.insert(Arc::clone(&record.member_id), member);
        }
        let named = self
            .members
            .iter()
            .filter_map(|(id, member)| Some((member.instance_id.clone()?, Arc::clone(id))));
        self.instances = named.collect();
        self.generation = value.generation;
        self.protocol_type = Some(value.protocol_type.clone()).filter(|kind| !kind.is_empty());
        self.protocol.clone_from(&value.protocol);
        self.leader.clone_from(&value.leader);
        self.changed_ms = value.changed_ms;
        self.state = if self.members.is_empty() {
            State::Empty
        } else {
            State::Stable
        };
        self.subscribed = self.subscriptions();
    }

    /// The group as it would be written down now.
    pub(super) fn to_record(&self) -> Generation {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        Generation {
            generation: self.generation,
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            changed_ms: self.changed_ms,
            members: self
                .members
                .iter()
                .map(|(id, member)| member.to_record(id, protocol))
                .collect(),
        }
    }

    /// Writes `value` down and takes it over.
    pub(super) fn write(&mut self, value: Generation, effects: &mut Effects) {
        self.apply(&value);
        effects.records.push(Record::Group {
            group: Arc::clone(&self.id),
            value: Some(value),
        });
    }

    pub(super) fn enter(&mut self, state: State, step: &Step<'_>) {
        self.state = state;
        self.changed_ms = Some(step.now.unix_ms);
    }

    /// The member that a request claims to come from, if the claim holds.
    pub(super) fn check_member(
        &self,
        id: &str,
        instance_id: Option<&str>,
    ) -> Result<MemberId, Error> {
        let unknown = || Error::UnknownMember(id.to_owned());
        if let Some(instance) = instance_id {
            let current = self.instances.get(instance).ok_or_else(unknown)?;
            if &**current != id {
                return Err(Error::FencedInstanceId(instance.to_owned()));
            }
        }
        let (id, _) = self.members.get_key_value(id).ok_or_else(unknown)?;
        Ok(Arc::clone(id))
    }

    pub(super) fn check_generation(&self, given: i32) -> Result<(), Error> {
        if given == self.generation {
            return Ok(());
        }
        Err(Error::IllegalGeneration {
            given,
            current: self.generation,
        })
    }

    pub(super) fn is_leader(&self, id: &str) -> bool {
        self.leader.as_deref() == Some(id)
    }

    /// Takes a member out, telling whatever it has parked that it is unknown now.
    pub(super) fn remove_member(&mut self, id: &str, effects: &mut Effects) {
        let Some((id, mut member)) = self.members.remove_entry(id) else {
            return;
        };
        member.refuse(&Error::UnknownMember(id.to_string()), effects);
        if let Some(instance) = &member.instance_id {
            self.instances.remove(instance);
        }
        if self.is_leader(&id) {
            self.leader = self.members.keys().next().map(Arc::clone);
        }
        self.timers.cancel(&Timer::Session(Arc::clone(&id)));
        self.synced(&id);
    }

    /// Notes that nothing more is expected of `id` in this generation.
    pub(super) fn synced(&mut self, id: &str) {
        self.pending_sync.remove(id);
        if self.pending_sync.is_empty() {
            self.timers.cancel(&Timer::Sync);
        }
    }

    /// Counts the session of a member anew.
    pub(super) fn touch(&mut self, id: &str, step: &Step<'_>) {
        if let Some((id, member)) = self.members.get_key_value(id) {
            let deadline = step.after(member.session_timeout_ms);
            self.timers.set(Timer::Session(Arc::clone(id)), deadline);
        }
    }

    /// What a member is told of the current generation.
    pub(super) fn joined(&self, id: &MemberId, with_members: bool) -> Joined {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let everybody = self.members.iter().filter(|_| with_members);
        Joined {
            member_id: Arc::clone(id),
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            skip_assignment: false,
            members: everybody
                .map(|(id, member)| member.to_joined(id, protocol))
                .collect(),
        }
    }

    /// Answers every parked join with the generation that begins.
    pub(super) fn answer_joins(&mut self, step: &mut Step<'_>) {
        let ids: Vec<MemberId> = self.members.keys().map(Arc::clone).collect();
        for id in ids {
            let parked = self.members.get_mut(&id).and_then(|member| {
                member.is_new = false;
                member.parked.take()
            });
            if let Some(Parked::Join(token)) = parked {
                step.effects
                    .join(token, Ok(self.joined(&id, self.is_leader(&id))));
            }
            self.touch(&id, step);
        }
    }

    /// Answers every parked sync with the assignment that stands.
    pub(super) fn answer_syncs(&mut self, step: &mut Step<'_>) {
        let ids: Vec<MemberId> = self.members.keys().map(Arc::clone).collect();
        for id in ids {
            let Some(member) = self.members.get_mut(&id) else {
                continue;
            };
            if let Some(Parked::Sync(token)) = member.parked {
                member.parked = None;
                self.answer_sync(&id, token, step.effects);
                self.touch(&id, step);
            }
        }
    }

    /// Answers one sync with the assignment that stands.
    pub(super) fn answer_sync(&self, id: &str, token: Token, effects: &mut Effects) {
        let assignment = self
            .members
            .get(id)
            .map_or_else(|| Arc::from([]), |member| Arc::clone(&member.assignment));
        effects.sync(
            token,
            Ok(Synced {
                protocol_type: self.protocol_type.clone(),
                protocol: self.protocol.clone(),
                assignment,
            }),
        );
    }

    pub(crate) fn is_consumer_group(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER)
    }

    /// The union of what the members subscribe to. `None` if this is no group of consumers, or if
    /// one of them cannot be understood.
    pub(super) fn subscriptions(&self) -> Option<BTreeSet<String>> {
        if !self.is_consumer_group() {
            return None;
        }
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            let metadata = member.metadata(self.protocol.as_deref()?);
            topics.extend(subscribed_topics(&metadata)?.into_iter().map(str::to_owned));
        }
        Some(topics)
    }
}
