//! Members leave by themselves, or are removed by an administrator.

use super::Group;
use super::group::Timer;
use crate::effects::Step;
use crate::{Effects, Error, MemberId};

/// Who is to leave. An administrator names a static member by its instance id alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaver<'a> {
    /// The member's id, or empty.
    pub member_id: &'a str,
    /// Its static identity, if it has one.
    pub instance_id: Option<&'a str>,
}

impl Group {
    /// Takes members out; each result answers the leaver at the same place.
    pub(crate) fn leave(
        &mut self,
        leavers: &[Leaver<'_>],
        step: &mut Step<'_>,
    ) -> Vec<Result<(), Error>> {
        let before = self.members.len();
        let results = leavers
            .iter()
            .map(|leaver| self.leave_one(*leaver, step.effects))
            .collect();
        if self.members.len() < before {
            self.rebalance_without(step);
        } else {
            self.maybe_complete_join(step);
        }
        results
    }

    fn leave_one(&mut self, leaver: Leaver<'_>, effects: &mut Effects) -> Result<(), Error> {
        if self.forget_pending(leaver.member_id) {
            return Ok(());
        }
        let id = self.leaving_member(leaver)?;
        self.remove_member(&id, effects);
        Ok(())
    }

    fn leaving_member(&self, leaver: Leaver<'_>) -> Result<MemberId, Error> {
        if !leaver.member_id.is_empty() {
            return self.check_member(leaver.member_id, leaver.instance_id);
        }
        let named = leaver
            .instance_id
            .and_then(|instance| self.instances.get(instance));
        named
            .map(MemberId::clone)
            .ok_or_else(|| Error::UnknownMember(String::new()))
    }

    /// Withdraws an id that was given out and not used; false if it was not.
    pub(super) fn forget_pending(&mut self, id: &str) -> bool {
        let Some(id) = self.pending_join.take(id) else {
            return false;
        };
        self.timers.cancel(&Timer::Session(id));
        true
    }
}
