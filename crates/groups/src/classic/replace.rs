//! A static member comes back under a new member id.

use std::sync::Arc;

use super::group::Timer;
use super::{Group, JoinRequest, State, protocol};
use crate::effects::Step;
use crate::{Effects, Error, Joined, MemberId, Token};

impl Group {
    /// Puts the member that joins into the place of `old`, which is fenced. In a settled group that
    /// changes nothing for the others, unless they would agree on another protocol.
    pub(super) fn replace_static(
        &mut self,
        old: &str,
        request: JoinRequest,
        token: Token,
        step: &mut Step<'_>,
    ) {
        let new = Arc::clone(&request.fresh_member_id);
        let can_skip = request.can_skip_assignment;
        let leader_before = self.leader.clone();
        self.rename_member(old, &new, step.effects);
        self.update_member(&new, request, token, step.effects);
        self.touch(&new, step);
        if self.state != State::Stable || protocol::elect(&self.members) != self.protocol {
            self.rebalance(step);
            return;
        }
        self.write(self.to_record(), step.effects);
        let joined = self.rejoined(&new, can_skip, leader_before);
        if let Some(member) = self.members.get_mut(&new) {
            member.parked = None;
        }
        step.effects.join(token, Ok(joined));
    }

    /// What a replaced member is told. A leader that cannot be told to leave the assignment alone is
    /// told that its old id still leads, so that it does not compute one which nobody would sync.
    fn rejoined(&self, id: &MemberId, can_skip: bool, leader_before: Option<MemberId>) -> Joined {
        if !can_skip {
            return Joined {
                leader: leader_before,
                ..self.joined(id, false)
            };
        }
        let leads = self.is_leader(id);
        Joined {
            skip_assignment: leads,
            ..self.joined(id, leads)
        }
    }

    fn rename_member(&mut self, old: &str, new: &MemberId, effects: &mut Effects) {
        let Some((old, mut member)) = self.members.remove_entry(old) else {
            return;
        };
        if let Some(instance) = member.instance_id.clone() {
            member.refuse(&Error::FencedInstanceId(instance.clone()), effects);
            self.instances.insert(instance, Arc::clone(new));
        }
        self.members.insert(Arc::clone(new), member);
        if self.is_leader(&old) {
            self.leader = Some(Arc::clone(new));
        }
        if self.pending_sync.remove(&old) {
            self.pending_sync.insert(Arc::clone(new));
        }
        self.timers.cancel(&Timer::Session(old));
    }
}
