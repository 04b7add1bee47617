//! Time passes: what happens at the deadlines that a group has set.

use super::group::Timer;
use super::{Group, State};
use crate::effects::Step;

impl Group {
    /// Does what is due.
    pub(crate) fn expire(&mut self, step: &mut Step<'_>) {
        while let Some(timer) = self.timers.pop_due(step.now.monotonic_ms) {
            match timer {
                Timer::Session(id) => self.session_is_over(&id, step),
                Timer::Join => self.join_time_is_over(step),
                Timer::Sync => self.sync_time_is_over(step),
            }
        }
    }

    /// After a replay: the members get a full session to show up in.
    pub(crate) fn resume(&mut self, step: &mut Step<'_>) {
        let ids: Vec<_> = self.members.keys().cloned().collect();
        for id in &ids {
            self.touch(id, step);
        }
        // The limit was lowered: the next rebalance keeps as many as there is room for.
        if self.members.len() > step.config.max_size {
            self.prepare_rebalance(step);
        }
    }

    fn session_is_over(&mut self, id: &str, step: &mut Step<'_>) {
        if self.forget_pending(id) {
            self.maybe_complete_join(step);
        } else if self
            .members
            .get(id)
            .is_some_and(|member| !member.may_be_silent())
        {
            self.remove_member(id, step.effects);
            self.rebalance_without(step);
        }
    }

    fn sync_time_is_over(&mut self, step: &mut Step<'_>) {
        if !matches!(self.state, State::CompletingRebalance | State::Stable) {
            return;
        }
        for id in std::mem::take(&mut self.pending_sync) {
            self.remove_member(&id, step.effects);
        }
        self.prepare_rebalance(step);
    }
}
