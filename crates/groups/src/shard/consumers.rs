//! What consumer groups are asked, brought to the group that is named; and the change of a group from the classic
//! protocol to theirs and back.

use std::sync::Arc;

use super::body::{Body, consumer_records};
use super::{Entry, Kind, Shard};
use crate::classic;
use crate::consumer::{ConsumerRecord, Group};
use crate::effects::Step;
use crate::{
    ConsumerBeat, ConsumerDescription, ConsumerHeartbeat, Effects, Error, GroupId, Now, Record,
};

impl Shard {
    /// Takes a heartbeat of a consumer group's member. The first to join makes the group, or makes one of a classic
    /// group.
    ///
    /// # Errors
    /// What keeps the member from going on, or from joining.
    pub fn consumer_heartbeat(
        &mut self,
        group: &str,
        beat: &ConsumerHeartbeat<'_>,
        now: Now,
        effects: &mut Effects,
    ) -> Result<ConsumerBeat, Error> {
        if beat.member_epoch == 0 && !group.is_empty() && !self.is_share_group(group) {
            self.entry(&GroupId::from(group));
        }
        let told = self.visit(group, now, effects, |entry, step| {
            if beat.member_epoch == 0 {
                entry.become_consumer(beat, step)?;
            }
            entry.consumer(group)?.heartbeat(beat, step)
        });
        told.unwrap_or_else(|| Err(self.no_group(group)))
    }

    /// A member of a consumer group leaves: for good, or for a while if it is static, whether it says as what or not.
    ///
    /// # Errors
    /// There is no such consumer group, it has no such member, or that one could not return.
    pub fn consumer_leave(
        &mut self,
        group: &str,
        member_id: &str,
        instance: Option<&str>,
        for_good: bool,
        now: Now,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        let left = self.visit(group, now, effects, |entry, step| {
            let members = entry.consumer(group)?;
            match for_good {
                true => members.leave(member_id, instance, step)?,
                false => members.go_away(member_id, instance, step)?,
            }
            entry.maybe_become_classic(step);
            Ok(())
        });
        left.unwrap_or_else(|| Err(self.no_group(group)))
    }

    /// Shows a consumer group.
    ///
    /// # Errors
    /// There is no such consumer group.
    pub fn describe_consumer(&self, group: &str) -> Result<ConsumerDescription, Error> {
        match self.groups.get(group).map(|entry| &entry.body) {
            Some(Body::Consumer(members)) => Ok(members.describe(&self.config.assignors)),
            _ => Err(self.no_group(group)),
        }
    }

    /// Whether a member of a group in that epoch may ask for its offsets. Only consumer groups care.
    ///
    /// # Errors
    /// There is no such member, or it is in another epoch.
    pub fn check_fetch(
        &self,
        group: &str,
        member_id: Option<&str>,
        epoch: i32,
    ) -> Result<(), Error> {
        match self.groups.get(group).map(|entry| &entry.body) {
            Some(Body::Consumer(members)) => members.check_fetch(member_id, epoch),
            _ => Ok(()),
        }
    }

    /// Which kind of group that is, if there is one.
    #[must_use]
    pub fn kind(&self, group: &str) -> Option<Kind> {
        let entry = self.groups.get(group).map(|entry| entry.body.kind());
        entry.or_else(|| self.is_share_group(group).then_some(Kind::Share))
    }

    /// Takes over what a record says of a consumer group.
    pub(super) fn apply_consumer(&mut self, id: &GroupId, record: &ConsumerRecord) {
        let tells = !matches!(
            record,
            ConsumerRecord::Group(None)
                | ConsumerRecord::Member(_, None)
                | ConsumerRecord::TargetEpoch(None)
                | ConsumerRecord::Target(_, None)
                | ConsumerRecord::Holding(_, None)
                | ConsumerRecord::Expression(_, None)
        );
        if tells {
            let entry = self.entry(id);
            if matches!(entry.body, Body::Classic(_)) {
                entry.body = Body::Consumer(Box::new(Group::new(Arc::clone(id))));
            }
        }
        if let Some(entry) = self.groups.get_mut(id)
            && let Body::Consumer(members) = &mut entry.body
        {
            members.apply(record);
            if *record == ConsumerRecord::Group(None) {
                entry.body = Body::Classic(Box::new(classic::Group::new(Arc::clone(id))));
            }
            if !tells {
                self.reschedule(id);
            }
        }
    }

    /// Why a request to a consumer group, or to a share group, finds none.
    pub(super) fn no_group(&self, group: &str) -> Error {
        if group.is_empty() {
            Error::InvalidGroupId
        } else if self.exists(group) {
            Error::OtherKind(group.to_owned())
        } else {
            Error::GroupIdNotFound(group.to_owned())
        }
    }
}

impl Entry {
    fn consumer(&mut self, group: &str) -> Result<&mut Group, Error> {
        match &mut self.body {
            Body::Consumer(members) => Ok(members),
            Body::Classic(_) => Err(Error::OtherKind(group.to_owned())),
        }
    }

    /// Makes this a consumer group for the member that joins, unless it is one or the member would be refused.
    fn become_consumer(
        &mut self,
        beat: &ConsumerHeartbeat<'_>,
        step: &mut Step<'_>,
    ) -> Result<(), Error> {
        let Body::Classic(classic) = &mut self.body else {
            return Ok(());
        };
        let id = Arc::clone(classic.id());
        let begins = classic.size() == 0;
        let mut members = match begins {
            true => Group::new(Arc::clone(&id)),
            false => upgraded(classic, &id, step)?,
        };
        members.check_heartbeat(beat, step)?;
        if classic.is_recorded() {
            let group = Arc::clone(&id);
            step.effects
                .records
                .push(Record::Group { group, value: None });
        }
        classic.send_away(step);
        if !begins {
            let records = consumer_records(&id, members.records());
            step.effects.records.extend(records);
            members.resume(step);
        }
        self.body = Body::Consumer(Box::new(members));
        Ok(())
    }

    /// Lets a classic member in: an empty consumer group becomes a classic one for it, any other takes it as it is.
    pub(super) fn welcome_classic(&mut self, step: &mut Step<'_>) -> Result<(), Error> {
        let Body::Consumer(members) = &self.body else {
            return Ok(());
        };
        if members.is_empty() {
            step.effects.records.extend(self.body.tombstones());
            self.body = Body::Classic(Box::new(classic::Group::new(Arc::clone(self.body.id()))));
        } else if !step.config.migration.upgrades && !step.config.migration.downgrades {
            return Err(Error::InconsistentProtocol);
        }
        Ok(())
    }

    /// Makes this a classic group once the last member is gone that speaks the protocol of consumer groups.
    pub(super) fn maybe_become_classic(&mut self, step: &mut Step<'_>) {
        let Body::Consumer(members) = &self.body else {
            return;
        };
        if members.is_to_be_classic(step.config) {
            step.effects.records.extend(self.body.tombstones());
            if let Body::Consumer(members) = &self.body {
                self.body = Body::Classic(Box::new(members.downgraded(step)));
            }
        }
    }
}

fn upgraded(classic: &classic::Group, id: &GroupId, step: &Step<'_>) -> Result<Group, Error> {
    let refuse = |reason| {
        Err(Error::CannotUpgrade {
            group: id.to_string(),
            reason,
        })
    };
    if !step.config.migration.upgrades {
        return refuse("group.consumer.migration.policy does not allow it");
    }
    if classic.size() > step.config.consumer_max_size {
        return refuse("it has more members than group.consumer.max.size");
    }
    Group::upgraded(classic, id, step.catalog)
}
