//! The requests of members, brought to the group that they name.

use std::sync::Arc;

use super::Shard;
use super::body::Body;
use crate::{Effects, Error, GroupId, JoinRequest, Leaver, Now, SyncRequest, Token};

impl Shard {
    /// A member joins. The reply may come with the effects of a later operation.
    pub fn join(
        &mut self,
        group: &str,
        request: JoinRequest,
        token: Token,
        now: Now,
        effects: &mut Effects,
    ) {
        match self.group_to_join(group, &request) {
            Ok(id) => {
                self.visit(&id, now, effects, |entry, step| {
                    if let Err(error) = entry.welcome_classic(step) {
                        return step.effects.join(token, Err(error));
                    }
                    match &mut entry.body {
                        Body::Classic(members) => members.join(request, token, step),
                        Body::Consumer(members) => members.join(&request, token, step),
                    }
                    entry.maybe_become_classic(step);
                });
            }
            Err(error) => effects.join(token, Err(error)),
        }
    }

    /// A group begins with the first join of a member that has no id; one who comes with an id
    /// belonged to a group that is no more.
    fn group_to_join(&mut self, group: &str, request: &JoinRequest) -> Result<GroupId, Error> {
        check_id(group)?;
        let allowed = self.config.min_session_timeout_ms..=self.config.max_session_timeout_ms;
        if !allowed.contains(&request.session_timeout_ms) {
            return Err(Error::InvalidSessionTimeout(request.session_timeout_ms));
        }
        if self.is_share_group(group) {
            return Err(Error::InconsistentProtocol);
        }
        if let Some((id, _)) = self.groups.get_key_value(group) {
            return Ok(Arc::clone(id));
        }
        if !request.member_id.is_empty() {
            return Err(Error::UnknownMember(request.member_id.clone()));
        }
        let id = GroupId::from(group);
        self.entry(&id);
        Ok(id)
    }

    /// A member asks for its assignment. The reply may come with the effects of a later operation.
    pub fn sync(
        &mut self,
        group: &str,
        request: SyncRequest,
        token: Token,
        now: Now,
        effects: &mut Effects,
    ) {
        let unknown = Error::UnknownMember(request.member_id.clone());
        let refusal = match check_id(group) {
            Err(error) => Some(error),
            Ok(()) => self
                .visit(group, now, effects, |entry, step| match &mut entry.body {
                    Body::Classic(members) => members.sync(request, token, step),
                    Body::Consumer(members) => members.sync(&request, token, step),
                })
                .map_or(Some(unknown), |()| None),
        };
        if let Some(error) = refusal {
            effects.sync(token, Err(error));
        }
    }

    /// A member says that it is alive.
    ///
    /// # Errors
    /// What the member has to do instead of going on.
    pub fn heartbeat(
        &mut self,
        group: &str,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now: Now,
    ) -> Result<(), Error> {
        check_id(group)?;
        let mut effects = Effects::default();
        self.visit(group, now, &mut effects, |entry, step| {
            match &mut entry.body {
                Body::Classic(members) => {
                    members.heartbeat(member_id, instance_id, generation, step)
                }
                Body::Consumer(members) => {
                    members.classic_heartbeat(member_id, instance_id, generation, step)
                }
            }
        })
        .unwrap_or_else(|| Err(Error::UnknownMember(member_id.to_owned())))
    }

    /// Members leave; each result answers the leaver at the same place. Nobody is a member of a group that is not there.
    ///
    /// # Errors
    /// Of the request as a whole: the group has no name.
    pub fn leave(
        &mut self,
        group: &str,
        leavers: &[Leaver<'_>],
        now: Now,
        effects: &mut Effects,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        check_id(group)?;
        let stranger = |leaver: &Leaver<'_>| Err(Error::UnknownMember(leaver.member_id.to_owned()));
        let outcomes = self.visit(group, now, effects, |entry, step| {
            let outcomes = match &mut entry.body {
                Body::Classic(members) => members.leave(leavers, step),
                Body::Consumer(members) => members.classic_leave(leavers, step),
            };
            entry.maybe_become_classic(step);
            outcomes
        });
        Ok(outcomes.unwrap_or_else(|| leavers.iter().map(stranger).collect()))
    }
}

/// Members need a name for their group; offsets may live in the nameless one, as they always could.
fn check_id(group: &str) -> Result<(), Error> {
    if group.is_empty() {
        Err(Error::InvalidGroupId)
    } else {
        Ok(())
    }
}
