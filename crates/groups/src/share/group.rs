//! A share group: its fields, its epoch, and the members that leave it or fall silent.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::member::Member;
use crate::effects::Step;
use crate::timers::Timers;
use crate::{Error, GroupId, MemberId, Record, State};

/// A share group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) id: GroupId,
    /// Counts the changes; 0 until the first is written down.
    pub(super) epoch: i32,
    /// In an order that is the same on every run.
    pub(super) members: BTreeMap<MemberId, Member>,
    /// When the sessions of the members end.
    pub(super) sessions: Timers<MemberId>,
}

impl Group {
    /// The group that a record tells of, before anybody has joined it; with epoch 0 one that no record knows.
    pub(crate) fn new(id: GroupId, epoch: i32) -> Self {
        Self {
            id,
            epoch,
            members: BTreeMap::new(),
            sessions: Timers::default(),
        }
    }

    pub(crate) fn id(&self) -> &GroupId {
        &self.id
    }

    /// Whether any record tells of it.
    pub(crate) fn is_recorded(&self) -> bool {
        self.epoch > 0
    }

    pub(crate) fn state(&self) -> State {
        if self.members.is_empty() {
            State::Empty
        } else {
            State::Stable
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<i64> {
        self.sessions.next()
    }

    /// Takes over the epoch that a record tells. The members stay.
    pub(crate) fn apply(&mut self, epoch: i32) {
        self.epoch = epoch;
    }

    /// Begins another epoch and writes that down.
    pub(super) fn begin_epoch(&mut self, step: &mut Step<'_>) {
        let epoch = self.epoch.saturating_add(1);
        self.apply(epoch);
        step.effects.records.push(Record::ShareGroup {
            group: Arc::clone(&self.id),
            value: Some(epoch),
        });
    }

    /// Writes down that there is the group, unless that is written.
    pub(crate) fn ensure_recorded(&mut self, step: &mut Step<'_>) {
        if !self.is_recorded() {
            self.begin_epoch(step);
        }
    }

    /// A member leaves.
    pub(crate) fn leave(&mut self, member_id: &str, step: &mut Step<'_>) -> Result<(), Error> {
        let unknown = || Error::UnknownMember(member_id.to_owned());
        let (id, _) = self.members.remove_entry(member_id).ok_or_else(unknown)?;
        self.sessions.cancel(&id);
        self.begin_epoch(step);
        Ok(())
    }

    /// Members whose sessions have ended are gone.
    pub(crate) fn expire(&mut self, step: &mut Step<'_>) {
        while let Some(id) = self.sessions.pop_due(step.now.monotonic_ms) {
            self.members.remove(&id);
            self.begin_epoch(step);
        }
    }
}
