//! From one generation to the next: gather the members, close the circle, begin.

use super::group::{InitialDelay, Timer};
use super::member::{Member, Parked};
use super::{Group, State, protocol};
use crate::effects::Step;
use crate::{Error, Generation, MemberId};

impl Group {
    /// Somebody joined: begins to gather members, or ends it if everybody is there.
    pub(super) fn rebalance(&mut self, step: &mut Step<'_>) {
        if self.state == State::PreparingRebalance {
            self.maybe_complete_join(step);
        } else {
            self.prepare_rebalance(step);
        }
    }

    /// A member is gone: goes on without it.
    pub(super) fn rebalance_without(&mut self, step: &mut Step<'_>) {
        match self.state {
            State::Stable | State::CompletingRebalance => self.prepare_rebalance(step),
            State::PreparingRebalance => self.maybe_complete_join(step),
            State::Empty | State::Dead => {}
        }
    }

    /// Begins to gather members for the next generation.
    pub(super) fn prepare_rebalance(&mut self, step: &mut Step<'_>) {
        self.refuse_syncs(step);
        self.pending_sync.clear();
        self.timers.cancel(&Timer::Sync);
        let was_empty = self.state == State::Empty;
        self.enter(State::PreparingRebalance, step);
        if was_empty {
            let delay = step.config.initial_rebalance_delay_ms;
            let remaining_ms = self.rebalance_timeout_ms().saturating_sub(delay);
            self.initial_delay = Some(InitialDelay {
                remaining_ms,
                joined: false,
            });
            self.timers.set(Timer::Join, step.after(delay));
        } else if self.has_everybody_joined() {
            self.complete_join(step);
        } else {
            self.timers
                .set(Timer::Join, step.after(self.rebalance_timeout_ms()));
        }
    }

    /// Whoever waits for an assignment learns that it will not come.
    fn refuse_syncs(&mut self, step: &mut Step<'_>) {
        let mut waiting: Vec<MemberId> = Vec::new();
        for (id, member) in &mut self.members {
            if matches!(member.parked, Some(Parked::Sync(_))) {
                member.refuse(&Error::RebalanceInProgress, step.effects);
                waiting.push(MemberId::clone(id));
            }
        }
        for id in waiting {
            self.touch(&id, step);
        }
    }

    /// Ends the gathering if nobody is missing. The initial delay is always waited for: it is there for
    /// those whom the group does not know yet.
    pub(super) fn maybe_complete_join(&mut self, step: &mut Step<'_>) {
        let gathering = self.state == State::PreparingRebalance && self.initial_delay.is_none();
        if gathering && self.has_everybody_joined() {
            self.complete_join(step);
        }
    }

    fn has_everybody_joined(&self) -> bool {
        self.pending_join.is_empty() && self.members.values().all(Member::is_joining)
    }

    fn rebalance_timeout_ms(&self) -> i32 {
        self.members
            .values()
            .map(|member| member.rebalance_timeout_ms)
            .max()
            .unwrap_or(0)
    }

    /// The time for gathering is over. While a new group still grows, it gets more of it.
    pub(super) fn join_time_is_over(&mut self, step: &mut Step<'_>) {
        match &mut self.initial_delay {
            Some(delay) if delay.joined && delay.remaining_ms > 0 => {
                let next = step
                    .config
                    .initial_rebalance_delay_ms
                    .min(delay.remaining_ms);
                *delay = InitialDelay {
                    remaining_ms: delay.remaining_ms - next.max(1),
                    joined: false,
                };
                self.timers.set(Timer::Join, step.after(next));
            }
            _ => self.complete_join(step),
        }
    }

    /// Goes on with those who are here. Static members may be absent for as long as their session lasts.
    fn complete_join(&mut self, step: &mut Step<'_>) {
        self.timers.cancel(&Timer::Join);
        let laggards: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, member)| !member.is_joining() && member.instance_id.is_none())
            .map(|(id, _)| MemberId::clone(id))
            .collect();
        for id in laggards {
            self.remove_member(&id, step.effects);
        }
        if self.members.is_empty() {
            self.begin_empty_generation(step);
        } else if self.has_present_leader() {
            self.begin_generation(step);
        } else {
            self.timers
                .set(Timer::Join, step.after(self.rebalance_timeout_ms()));
        }
    }

    /// Hands the lead to a member that has joined, if the leader has not.
    fn has_present_leader(&mut self) -> bool {
        let is_present = |id: &MemberId| self.members.get(id).is_some_and(Member::is_joining);
        if !self.leader.as_ref().is_some_and(is_present) {
            let Some(id) = self.members.keys().find(|id| is_present(id)) else {
                return false;
            };
            self.leader = Some(MemberId::clone(id));
        }
        true
    }

    fn begin_generation(&mut self, step: &mut Step<'_>) {
        self.initial_delay = None;
        self.generation = next_generation(self.generation);
        self.protocol = protocol::elect(&self.members);
        self.subscribed = self.subscriptions();
        self.enter(State::CompletingRebalance, step);
        self.pending_sync = self.members.keys().map(MemberId::clone).collect();
        self.timers
            .set(Timer::Sync, step.after(self.rebalance_timeout_ms()));
        self.answer_joins(step);
    }

    fn begin_empty_generation(&mut self, step: &mut Step<'_>) {
        self.initial_delay = None;
        let value = Generation {
            generation: next_generation(self.generation),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: None,
            leader: None,
            changed_ms: Some(step.now.unix_ms),
            members: Vec::new(),
        };
        self.write(value, step.effects);
    }
}

/// Generations stay positive: a client takes -1 for none.
fn next_generation(generation: i32) -> i32 {
    generation.checked_add(1).unwrap_or(1)
}
