//! What share groups are asked, brought to the group that is named.
//!
//! An id belongs to one kind of group at a time: who comes to it as a member of the other kind is refused.

use std::sync::Arc;

use super::Shard;
use crate::effects::Step;
use crate::share::Group;
use crate::{
    Effects, Error, GroupId, Now, Record, ShareBeat, ShareDescription, ShareHeartbeat, State,
};

impl Shard {
    /// Takes a heartbeat of a share group's member; the first to join makes the group.
    ///
    /// # Errors
    /// What keeps the member from going on, or from joining.
    pub fn share_heartbeat(
        &mut self,
        group: &str,
        beat: ShareHeartbeat<'_>,
        now: Now,
        effects: &mut Effects,
    ) -> Result<ShareBeat, Error> {
        if beat.member_epoch == 0 {
            self.begin_share(group);
        }
        self.visit_share(group, now, effects, |group, step| {
            group.heartbeat(beat, step)
        })
        .unwrap_or_else(|| Err(self.no_group(group)))
    }

    /// Makes a share group without members, if there is none of that id.
    ///
    /// # Errors
    /// There is a group of another kind, or no group can have that id.
    pub fn make_share_group(
        &mut self,
        group: &str,
        now: Now,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        self.begin_share(group);
        let made = self.visit_share(group, now, effects, Group::ensure_recorded);
        made.ok_or_else(|| self.no_group(group))
    }

    /// A share group that nothing is written about yet, if there is no group of that id.
    fn begin_share(&mut self, group: &str) {
        if !group.is_empty() && !self.exists(group) {
            let id = GroupId::from(group);
            let begun = Group::new(Arc::clone(&id), 0);
            self.shares.insert(id, begun);
        }
    }

    /// A member of a share group leaves.
    ///
    /// # Errors
    /// There is no such share group, or it has no such member.
    pub fn share_leave(
        &mut self,
        group: &str,
        member_id: &str,
        now: Now,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        self.visit_share(group, now, effects, |group, step| {
            group.leave(member_id, step)
        })
        .unwrap_or_else(|| Err(self.no_group(group)))
    }

    /// Shows a share group.
    ///
    /// # Errors
    /// There is no such share group.
    pub fn describe_share(&self, group: &str) -> Result<ShareDescription, Error> {
        let found = self.shares.get(group).map(Group::describe);
        found.ok_or_else(|| self.no_group(group))
    }

    /// Whether that is a share group.
    #[must_use]
    pub fn is_share_group(&self, group: &str) -> bool {
        self.shares.contains_key(group)
    }

    /// Deletes a share group that has no members.
    pub(super) fn delete_share(&mut self, group: &str, effects: &mut Effects) -> Result<(), Error> {
        let Some((id, found)) = self.shares.get_key_value(group) else {
            return Err(Error::GroupIdNotFound(group.to_owned()));
        };
        if found.state() != State::Empty {
            return Err(Error::NonEmptyGroup(group.to_owned()));
        }
        let record = Record::ShareGroup {
            group: Arc::clone(id),
            value: None,
        };
        self.write(vec![record], effects);
        Ok(())
    }

    /// Takes over what a record says of a share group.
    pub(super) fn apply_share(&mut self, id: &GroupId, epoch: Option<i32>) {
        match epoch {
            Some(epoch) => self
                .shares
                .entry(Arc::clone(id))
                .or_insert_with(|| Group::new(Arc::clone(id), epoch))
                .apply(epoch),
            None => {
                self.shares.remove(id);
                self.deadlines.cancel(id);
            }
        }
    }

    /// Runs one operation on a share group, if it exists, and sees to its next deadline.
    pub(super) fn visit_share<R>(
        &mut self,
        id: &str,
        now: Now,
        effects: &mut Effects,
        operation: impl FnOnce(&mut Group, &mut Step<'_>) -> R,
    ) -> Option<R> {
        let group = self.shares.get_mut(id)?;
        let result = operation(
            group,
            &mut Step {
                now,
                config: &self.config,
                catalog: &*self.catalog,
                effects,
            },
        );
        let id = Arc::clone(group.id());
        match group.next_deadline() {
            Some(at) => self.deadlines.set(Arc::clone(&id), at),
            None => self.deadlines.cancel(&id),
        }
        // Nobody could join, and no record mentions it.
        if !group.is_recorded() {
            self.shares.remove(&id);
        }
        Some(result)
    }
}
