//! What a group's members and state mean for its offsets: who may commit, what may be forgotten.

use super::{Group, State};
use crate::effects::Step;
use crate::{Committer, Error};

/// From when on the retention of a group's offsets is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetentionFrom {
    /// From this moment, in Unix milliseconds, for all of them.
    Moment(i64),
    /// From the commit of each.
    Commit,
}

impl Group {
    /// Whether `who` may commit now. A commit is a sign of life.
    pub(crate) fn check_commit(
        &mut self,
        who: &Committer<'_>,
        step: &Step<'_>,
    ) -> Result<(), Error> {
        if who.generation < 0 && self.state == State::Empty {
            return Ok(());
        }
        // Without generation and member this finds no member: only an empty group takes such commits.
        let id = self.check_member(who.member_id, who.instance_id)?;
        self.check_generation(who.generation)?;
        if self.state == State::CompletingRebalance {
            return Err(Error::RebalanceInProgress);
        }
        self.touch(&id, step);
        Ok(())
    }

    /// Whether `who` may commit as part of a transaction, which goes on while members gather.
    pub(crate) fn check_commit_in_transaction(
        &mut self,
        who: &Committer<'_>,
        step: &Step<'_>,
    ) -> Result<(), Error> {
        if who.generation < 0 && self.state == State::Empty {
            return Ok(());
        }
        let id = self.check_member(who.member_id, who.instance_id)?;
        self.check_generation(who.generation)?;
        self.touch(&id, step);
        Ok(())
    }

    /// Whether a member may be reading `topic`. Where that cannot be known, it may.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed {
            Some(topics) => topics.contains(topic),
            None => self.is_consumer_group() && !self.members.is_empty(),
        }
    }

    /// From when on the offsets age, or `None` while they may be in use.
    pub(crate) fn retention_from(&self) -> Option<RetentionFrom> {
        match self.state {
            _ if self.protocol_type.is_none() => Some(RetentionFrom::Commit),
            State::Empty => Some(
                self.changed_ms
                    .map_or(RetentionFrom::Commit, RetentionFrom::Moment),
            ),
            State::Stable if self.subscribed.is_some() => Some(RetentionFrom::Commit),
            _ => None,
        }
    }
}
