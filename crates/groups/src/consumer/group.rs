//! A consumer group: its fields, and how a record enters memory, both live and on replay.
//! It never decides what an event means; the files beside this one do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::member::Member;
use super::record::{ConsumerRecord, Epoch, Holding, Matches, Place, Stage, Words};
use crate::effects::Step;
use crate::timers::Timers;
use crate::{Error, GroupId, MemberId, Record};

/// What a member is waited for. When it does not come, the member is put out of the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A sign of life.
    Session(MemberId),
    /// That it gives up partitions.
    Revocation(MemberId),
    /// That it joins again, of the classic protocol.
    Join(MemberId),
    /// That it fetches its assignment, of the classic protocol.
    Sync(MemberId),
}

/// A consumer group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) id: GroupId,
    pub(super) epoch: Epoch,
    /// The epoch that the targets were made for.
    pub(super) target_epoch: i32,
    /// When that was, in Unix milliseconds.
    pub(super) target_made_ms: i64,
    /// In an order that is the same on every run.
    pub(super) members: BTreeMap<MemberId, Member>,
    pub(super) targets: BTreeMap<MemberId, Arc<BTreeSet<Place>>>,
    /// What the expressions of the members match.
    pub(super) expressions: BTreeMap<Arc<str>, Matches>,
    /// The static members, by instance id.
    pub(super) instances: HashMap<Arc<str>, MemberId>,
    /// Who has a partition, be it on the way out.
    pub(super) owners: HashMap<Place, MemberId>,
    pub(super) timers: Timers<Timer>,
    /// The version of the catalog that the topics were last looked up in.
    pub(super) looked_at: Option<i64>,
    /// When something last changed, on the monotonic clock.
    pub(super) stirred_ms: Option<i64>,
}

impl Group {
    /// A group that no record tells of.
    pub(crate) fn new(id: GroupId) -> Self {
        Self {
            id,
            epoch: Epoch::default(),
            target_epoch: 0,
            target_made_ms: 0,
            members: BTreeMap::new(),
            targets: BTreeMap::new(),
            expressions: BTreeMap::new(),
            instances: HashMap::new(),
            owners: HashMap::new(),
            timers: Timers::default(),
            looked_at: None,
            stirred_ms: None,
        }
    }

    pub(crate) fn id(&self) -> &GroupId {
        &self.id
    }

    /// Whether any record tells of it.
    pub(crate) fn is_recorded(&self) -> bool {
        self.epoch.epoch > 0 || !self.members.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn next_deadline(&self) -> Option<i64> {
        self.timers.next()
    }

    /// Takes over what a record says. Records of a compacted log may tell of a member's share before they tell of the
    /// member, and of both before the group.
    pub(crate) fn apply(&mut self, record: &ConsumerRecord) {
        match record {
            ConsumerRecord::Group(epoch) => self.epoch = epoch.unwrap_or_default(),
            ConsumerRecord::Member(id, Some(words)) => self.apply_words(id, words),
            ConsumerRecord::Member(id, None) => self.forget(id),
            ConsumerRecord::TargetEpoch(made) => {
                (self.target_epoch, self.target_made_ms) = made.unwrap_or_default();
            }
            ConsumerRecord::Target(id, Some(places)) => {
                self.targets.insert(Arc::clone(id), Arc::clone(places));
            }
            ConsumerRecord::Target(id, None) => drop(self.targets.remove(id)),
            ConsumerRecord::Holding(id, Some(holding)) => self.apply_holding(id, holding.clone()),
            ConsumerRecord::Holding(id, None) if self.members.contains_key(id) => {
                self.apply_holding(id, Holding::default());
            }
            ConsumerRecord::Holding(_, None) => {}
            ConsumerRecord::Expression(expression, Some(matches)) => {
                self.expressions
                    .insert(Arc::clone(expression), matches.clone());
            }
            ConsumerRecord::Expression(expression, None) => {
                drop(self.expressions.remove(expression));
            }
        }
    }

    fn apply_words(&mut self, id: &MemberId, words: &Arc<Words>) {
        let member = self.members.entry(Arc::clone(id)).or_default();
        let before = std::mem::replace(&mut member.words, Arc::clone(words));
        self.forget_instance(&before, id);
        if let Some(instance) = &words.instance_id {
            self.instances.insert(Arc::clone(instance), Arc::clone(id));
        }
    }

    fn forget_instance(&mut self, words: &Words, id: &MemberId) {
        if let Some(instance) = &words.instance_id
            && self.instances.get(instance) == Some(id)
        {
            self.instances.remove(instance);
        }
    }

    fn apply_holding(&mut self, id: &MemberId, holding: Holding) {
        let member = self.members.entry(Arc::clone(id)).or_default();
        let before = std::mem::replace(&mut member.holding, holding);
        for place in before.places() {
            // On replay another may have it by now.
            if self.owners.get(place) == Some(id) {
                self.owners.remove(place);
            }
        }
        for place in member.holding.places() {
            self.owners.insert(*place, Arc::clone(id));
        }
    }

    fn forget(&mut self, id: &MemberId) {
        if let Some(member) = self.members.remove(id) {
            self.forget_instance(&member.words, id);
            let owners = &mut self.owners;
            for place in member
                .holding
                .places()
                .filter(|place| owners.get(*place) == Some(id))
                .collect::<Vec<_>>()
            {
                owners.remove(place);
            }
        }
        self.targets.remove(id);
    }

    /// Writes a record down and takes it over.
    pub(super) fn write(&mut self, record: ConsumerRecord, step: &mut Step<'_>) {
        self.apply(&record);
        self.stirred_ms = Some(step.now.monotonic_ms);
        step.effects.records.push(Record::Consumer {
            group: Arc::clone(&self.id),
            record,
        });
    }

    /// Takes a member out, as far as records go.
    pub(super) fn remove(&mut self, id: &MemberId, step: &mut Step<'_>) {
        self.write(ConsumerRecord::Holding(Arc::clone(id), None), step);
        self.write(ConsumerRecord::Target(Arc::clone(id), None), step);
        self.write(ConsumerRecord::Member(Arc::clone(id), None), step);
        for timer in [Timer::Session, Timer::Revocation, Timer::Join, Timer::Sync] {
            self.timers.cancel(&timer(Arc::clone(id)));
        }
    }

    /// The records that forget all that is written of it.
    pub(crate) fn tombstones(&self) -> Vec<ConsumerRecord> {
        let holdings = self
            .members
            .keys()
            .map(|id| ConsumerRecord::Holding(Arc::clone(id), None));
        let targets = self
            .targets
            .keys()
            .map(|id| ConsumerRecord::Target(Arc::clone(id), None));
        let members = self
            .members
            .keys()
            .map(|id| ConsumerRecord::Member(Arc::clone(id), None));
        let expressions = self
            .expressions
            .keys()
            .map(|one| ConsumerRecord::Expression(Arc::clone(one), None));
        let group = [
            ConsumerRecord::TargetEpoch(None),
            ConsumerRecord::Group(None),
        ];
        holdings
            .chain(targets)
            .chain(members)
            .chain(expressions)
            .chain(group)
            .collect()
    }

    /// The member of that id.
    pub(super) fn known(&self, id: &str) -> Result<(&MemberId, &Member), Error> {
        let unknown = || Error::UnknownMember(id.to_owned());
        self.members.get_key_value(id).ok_or_else(unknown)
    }

    /// The member that a request claims to come from, if the claim holds.
    pub(super) fn claimed(
        &self,
        id: &str,
        instance: Option<&str>,
    ) -> Result<(&MemberId, &Member), Error> {
        if let Some(instance) = instance {
            let unknown = || Error::UnknownMember(id.to_owned());
            let current = self.instances.get(instance).ok_or_else(unknown)?;
            if &**current != id {
                return Err(Error::FencedInstanceId(instance.to_owned()));
            }
        }
        self.known(id)
    }

    /// Refuses one more than there may be.
    pub(super) fn check_room(&self, joins: bool, step: &Step<'_>) -> Result<(), Error> {
        let limit = step.config.consumer_max_size;
        match joins && self.members.len() >= limit {
            true => Err(Error::GroupFull(limit)),
            false => Ok(()),
        }
    }

    /// Whether a member has all that it is to have.
    pub(super) fn is_settled(&self, member: &Member) -> bool {
        member.holding.stage == Stage::Stable && member.holding.epoch == self.target_epoch
    }
}

impl Holding {
    /// All that it has, be it on the way out.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.assigned.keys().chain(self.revoking.keys())
    }
}
