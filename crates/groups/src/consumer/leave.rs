//! Members leave, for good or for a while; and those that are not heard of are put out.

use std::sync::Arc;

use super::group::{Group, Timer};
use super::member::AWAY;
use super::record::{ConsumerRecord, Holding, Stage};
use crate::effects::Step;
use crate::{Error, MemberId};

impl Group {
    /// A member leaves for good.
    pub(crate) fn leave(
        &mut self,
        member_id: &str,
        instance: Option<&str>,
        step: &mut Step<'_>,
    ) -> Result<(), Error> {
        let id = Arc::clone(self.claimed(member_id, instance)?.0);
        self.put_out(&[id], step);
        Ok(())
    }

    /// A static member leaves and means to return: what it has is kept for it until its session ends.
    pub(crate) fn go_away(
        &mut self,
        member_id: &str,
        instance: Option<&str>,
        step: &mut Step<'_>,
    ) -> Result<(), Error> {
        let (id, member) = self.claimed(member_id, instance)?;
        let id = Arc::clone(id);
        if member.words.instance_id.is_none() {
            return Err(Error::NotStatic(id.to_string()));
        }
        // Whoever returns has been told no epoch, so that none is too old for its commits.
        let assigned = member.holding.assigned.keys().map(|place| (*place, 0));
        let away = Holding {
            epoch: AWAY,
            assigned: assigned.collect(),
            revoking: std::collections::BTreeMap::new(),
            ..member.holding.clone()
        };
        self.timers.cancel(&Timer::Revocation(Arc::clone(&id)));
        self.write(ConsumerRecord::Holding(id, Some(away)), step);
        Ok(())
    }

    /// Takes members out; the others learn of it in a new epoch. What becomes a classic group rebalances instead, and
    /// does so in the epoch that its members know.
    pub(super) fn put_out(&mut self, ids: &[MemberId], step: &mut Step<'_>) {
        for id in ids {
            self.remove(id, step);
        }
        if !ids.is_empty() && !self.is_to_be_classic(step.config) {
            self.follow_topics(true, step);
        }
    }

    /// Puts out whoever was waited for too long.
    pub(crate) fn expire(&mut self, step: &mut Step<'_>) {
        while let Some(timer) = self.timers.pop_due(step.now.monotonic_ms) {
            let (Timer::Session(id) | Timer::Revocation(id) | Timer::Join(id) | Timer::Sync(id)) =
                timer;
            if self.members.contains_key(&id) {
                self.put_out(&[id], step);
            }
        }
    }

    /// After a replay: the members get a full session to show up in, and as long as ever to give up partitions.
    pub(crate) fn resume(&mut self, step: &mut Step<'_>) {
        let terms = step.catalog.terms(&self.id);
        for (id, member) in &self.members {
            let classic = member.words.classic.as_ref();
            let session_ms = classic.map_or(terms.session_timeout_ms, |classic| {
                classic.session_timeout_ms
            });
            self.timers
                .set(Timer::Session(Arc::clone(id)), step.after(session_ms));
            if member.holding.stage == Stage::Unrevoked && !member.is_away() {
                let end = step.after(member.words.rebalance_timeout_ms);
                self.timers.set(Timer::Revocation(Arc::clone(id)), end);
            }
        }
    }
}
