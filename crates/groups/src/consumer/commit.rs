//! Who of a consumer group may commit, and who may ask how far it has come.

use super::group::Group;
use super::member::Member;
use crate::{Committer, Error, NewOffset};

impl Group {
    /// Whether `who` may commit these. A member that has not heard of the last epochs may, for what it had before
    /// (KIP-1251).
    pub(crate) fn check_commit(
        &self,
        who: &Committer<'_>,
        offsets: &[NewOffset],
    ) -> Result<(), Error> {
        if who.generation < 0 && self.is_empty() {
            return Ok(());
        }
        let (_, member) = self.known(who.member_id)?;
        if !member.is_classic() && !who.knows_epochs {
            return Err(Error::EpochsUnknown);
        }
        let given = who.generation;
        let was_given = |offset: &NewOffset| {
            let place = (offset.topic_id, offset.partition);
            let holding = &member.holding;
            let since = holding
                .assigned
                .get(&place)
                .or_else(|| holding.revoking.get(&place));
            since.is_some_and(|since| *since <= given)
        };
        let current = member.holding.epoch;
        match given == current || given < current && offsets.iter().all(was_given) {
            true => Ok(()),
            false => Err(member.stale(given)),
        }
    }

    /// Whether a member in that epoch may ask for offsets. Who is no member asks without both.
    pub(crate) fn check_fetch(&self, member_id: Option<&str>, epoch: i32) -> Result<(), Error> {
        if member_id.is_none() && epoch < 0 {
            return Ok(());
        }
        let (_, member) = self.known(member_id.unwrap_or_default())?;
        match epoch == member.holding.epoch {
            true => Ok(()),
            false => Err(member.stale(epoch)),
        }
    }
}

impl Member {
    /// What it is told for an epoch that is not its own.
    fn stale(&self, given: i32) -> Error {
        let current = self.holding.epoch;
        match self.is_classic() {
            true => Error::IllegalGeneration { given, current },
            false => Error::StaleMemberEpoch { given, current },
        }
    }
}
