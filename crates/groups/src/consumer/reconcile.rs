//! A member on the way from what it has to what it is to have. [`Stage`] says which leads where.
//!
//! A partition has one owner: nobody is given one before the member that had it has said that it gave it up, or has
//! left the group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::group::{Group, Timer};
use super::member::Member;
use super::record::{ConsumerRecord, Holding, Place, Stage};
use crate::MemberId;
use crate::effects::Step;

impl Group {
    /// Takes a member as far as it can go; whether it may read something else than before.
    pub(super) fn reconcile(
        &mut self,
        id: &MemberId,
        owned: Option<&BTreeSet<Place>>,
        wants_others: bool,
        step: &mut Step<'_>,
    ) -> bool {
        let Some(member) = self.members.get(id) else {
            return false;
        };
        let holding = &member.holding;
        let from = match holding.stage {
            Stage::Stable if self.is_settled(member) && !wants_others => return false,
            Stage::Unrevoked if has_any(&holding.revoking, owned) => return false,
            Stage::Unrevoked => holding.epoch.saturating_add(1).min(self.target_epoch),
            Stage::Stable | Stage::Unreleased => holding.epoch,
        };
        let next = self.next(id, member, from, owned, step);
        if next == *holding {
            return false;
        }
        let moved = next.assigned != holding.assigned;
        let revocation = Timer::Revocation(Arc::clone(id));
        match next.stage {
            Stage::Unrevoked => {
                let end = step.after(member.words.rebalance_timeout_ms);
                self.timers.set(revocation, end);
            }
            Stage::Stable | Stage::Unreleased => self.timers.cancel(&revocation),
        }
        self.write(ConsumerRecord::Holding(Arc::clone(id), Some(next)), step);
        moved
    }

    /// What a member has next. Before it gives up what it is to lose, it stays in the epoch `from` and gets nothing.
    fn next(
        &self,
        id: &MemberId,
        member: &Member,
        from: i32,
        owned: Option<&BTreeSet<Place>>,
        step: &Step<'_>,
    ) -> Holding {
        let wanted = self.wanted(&member.words, step.catalog);
        let target: BTreeSet<&Place> = self
            .target(id)
            .filter(|(topic, _)| wanted.contains_key(topic))
            .collect();
        let previous_epoch = member.holding.epoch;
        let assigned = member.holding.assigned.clone().into_iter();
        let (mut assigned, revoking): (BTreeMap<_, _>, BTreeMap<_, _>) =
            assigned.partition(|(place, _)| target.contains(place));
        if has_any(&revoking, owned) {
            return Holding {
                epoch: from,
                previous_epoch,
                stage: Stage::Unrevoked,
                assigned,
                revoking,
            };
        }
        let mut stage = Stage::Stable;
        for place in target {
            match self.owners.get(place) {
                Some(owner) if owner != id => stage = Stage::Unreleased,
                _ => drop(assigned.entry(*place).or_insert(self.target_epoch)),
            }
        }
        Holding {
            epoch: self.target_epoch,
            previous_epoch,
            stage,
            assigned,
            revoking: BTreeMap::new(),
        }
    }

    /// Whether a member waits for partitions that others still have.
    pub(super) fn waits_for_others(&self, id: &MemberId) -> bool {
        let mut owners = self.target(id).filter_map(|place| self.owners.get(place));
        owners.any(|owner| owner != id)
    }
}

/// Whether a member that says it owns these may still have some of those. Without a word it may.
fn has_any(places: &BTreeMap<Place, i32>, owned: Option<&BTreeSet<Place>>) -> bool {
    places
        .keys()
        .any(|place| owned.is_none_or(|owned| owned.contains(place)))
}
