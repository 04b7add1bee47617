//! A member joins, says that it is alive, or wants other topics; and is told what it gets.

use std::sync::Arc;

use super::Group;
use crate::effects::Step;
use crate::{Config, Error, MemberId, Topic};

/// What a member says.
#[derive(Debug, Clone, Copy)]
pub struct ShareHeartbeat<'a> {
    /// Its id, made by the client.
    pub member_id: &'a str,
    /// The epoch that it was told last; 0 joins, also where it is a member already.
    pub member_epoch: i32,
    /// Its rack, if it has one; `None` too if that is as before.
    pub rack: Option<&'a str>,
    /// The topics that it subscribes to; `None` if they are as before.
    pub topics: Option<&'a [&'a str]>,
    /// The client's name for itself.
    pub client_id: &'a str,
    /// Where it connects from.
    pub client_host: &'a str,
    /// How long it may be silent, in milliseconds.
    pub session_timeout_ms: i32,
}

/// What it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareBeat {
    /// The epoch to name with the next heartbeat.
    pub member_epoch: i32,
    /// All that it gets, in the order of the topics' names; `None` if it knows.
    pub assignment: Option<Vec<Topic>>,
}

impl Group {
    /// Takes a heartbeat.
    pub(crate) fn heartbeat(
        &mut self,
        beat: ShareHeartbeat<'_>,
        step: &mut Step<'_>,
    ) -> Result<ShareBeat, Error> {
        let (id, joins) = self.member_of(&beat, step.config)?;
        let asks = beat.member_epoch == 0 || beat.topics.is_some();
        let member = self.members.entry(Arc::clone(&id)).or_default();
        let wants_others = member.update(beat);
        let gets_others = member.assign(step.catalog);
        let session_end = step.after(beat.session_timeout_ms);
        self.sessions.set(Arc::clone(&id), session_end);
        if joins || wants_others || gets_others {
            self.begin_epoch(step);
        }
        let member = self.members.entry(id).or_default();
        member.follow(self.epoch);
        Ok(ShareBeat {
            member_epoch: self.epoch,
            assignment: (asks || gets_others).then(|| member.assignment.clone()),
        })
    }

    /// The member that a heartbeat comes from, and whether it joins with it.
    fn member_of(
        &self,
        beat: &ShareHeartbeat<'_>,
        config: &Config,
    ) -> Result<(MemberId, bool), Error> {
        let known = self.members.get_key_value(beat.member_id);
        match known {
            Some((id, _)) if beat.member_epoch == 0 => Ok((Arc::clone(id), false)),
            Some((id, member)) => {
                member.check_epoch(beat.member_epoch)?;
                Ok((Arc::clone(id), false))
            }
            None if beat.member_epoch != 0 => Err(Error::UnknownMember(beat.member_id.to_owned())),
            None if self.members.len() >= config.share_max_size => {
                Err(Error::GroupFull(config.share_max_size))
            }
            None => Ok((MemberId::from(beat.member_id), true)),
        }
    }
}
