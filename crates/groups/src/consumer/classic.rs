//! Members of the classic protocol in a consumer group: the coordinator decides for them, too, and they learn of it by
//! joining again and fetching their assignment. Their generation is their member epoch, and nobody leads.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::group::{Group, Timer};
use super::heartbeat::check_size;
use super::member::Member;
use super::record::{Classic, Place, Stage, Words, by_topic};
use crate::classic::{CONSUMER, JoinRequest, Leaver, Protocol, SyncRequest};
use crate::effects::Step;
use crate::embedded::{Named, Subscription, write_assignment};
use crate::{Catalog, Error, Joined, MemberId, Synced, Token};

impl Group {
    /// Answers a join. Nobody is waited for.
    pub(crate) fn join(&mut self, request: &JoinRequest, token: Token, step: &mut Step<'_>) {
        let joined = self.try_join(request, step);
        step.effects.join(token, joined);
    }

    fn try_join(&mut self, request: &JoinRequest, step: &mut Step<'_>) -> Result<Joined, Error> {
        let (protocol, subscription) = self.understood(request)?;
        let (protocol, owned) = (
            protocol.to_owned(),
            places(&subscription.owned, step.catalog),
        );
        let words = words(request, &subscription);
        check_size(&words, step)?;
        let id = self.joining(request, step)?;
        let rebalance_ms = request.rebalance_timeout_ms;
        self.hear(&id, words, Some(&owned), step);
        self.timers.cancel(&Timer::Join(Arc::clone(&id)));
        self.timers.set(
            Timer::Session(Arc::clone(&id)),
            step.after(request.session_timeout_ms),
        );
        self.timers
            .set(Timer::Sync(Arc::clone(&id)), step.after(rebalance_ms));
        Ok(Joined {
            generation: self.known(&id)?.1.holding.epoch,
            member_id: id,
            protocol_type: Some(CONSUMER.to_owned()),
            protocol: Some(protocol),
            leader: None,
            skip_assignment: false,
            members: Vec::new(),
        })
    }

    /// The protocol that is spoken with a member, and what it wants, if it is a consumer as the others are.
    fn understood<'a>(
        &self,
        request: &'a JoinRequest,
    ) -> Result<(&'a str, Subscription<'a>), Error> {
        let speak = |name: &str| {
            let mut others = self
                .members
                .values()
                .filter_map(|member| member.words.classic.as_ref());
            others.all(|other| other.protocols.iter().any(|one| one.name == name))
        };
        if request.protocol_type != CONSUMER
            || !request.protocols.iter().any(|one| speak(&one.name))
        {
            return Err(Error::InconsistentProtocol);
        }
        let first = request
            .protocols
            .first()
            .ok_or(Error::InconsistentProtocol)?;
        let subscription =
            Subscription::read(&first.metadata).ok_or(Error::InconsistentProtocol)?;
        Ok((&first.name, subscription))
    }

    /// Lets a member in, or finds it; returns the id that it goes by.
    fn joining(&mut self, request: &JoinRequest, step: &mut Step<'_>) -> Result<MemberId, Error> {
        let fresh = Arc::clone(&request.fresh_member_id);
        let known = &*request.member_id;
        match &request.instance_id {
            Some(instance) if known.is_empty() => match self.instances.get(&**instance).cloned() {
                Some(old) => self.replace(&old, &fresh, step),
                None => self.check_room(true, step)?,
            },
            Some(instance) => return Ok(Arc::clone(self.claimed(known, Some(instance))?.0)),
            None => {
                self.check_room(!self.members.contains_key(known), step)?;
                if known.is_empty() && request.id_required {
                    return Err(Error::MemberIdRequired(fresh));
                }
            }
        }
        Ok(if known.is_empty() {
            fresh
        } else {
            MemberId::from(known)
        })
    }

    /// Answers a sync with what the member may read.
    pub(crate) fn sync(&mut self, request: &SyncRequest, token: Token, step: &mut Step<'_>) {
        let synced = self.try_sync(request, step);
        step.effects.sync(token, synced);
    }

    fn try_sync(&mut self, request: &SyncRequest, step: &mut Step<'_>) -> Result<Synced, Error> {
        let (id, classic) =
            self.classic_member(&request.member_id, request.instance_id.as_deref())?;
        let member = self.known(&id)?.1;
        member.check_generation(request.generation)?;
        let spoken = classic.protocols.first();
        let names = |claimed: &Option<String>, actual: &str| {
            claimed.as_ref().is_none_or(|claimed| claimed == actual)
        };
        if !names(&request.protocol_type, CONSUMER)
            || !spoken.is_some_and(|spoken| names(&request.protocol, &spoken.name))
        {
            return Err(Error::InconsistentProtocol);
        }
        if self.epoch.epoch > member.holding.epoch && member.holding.stage != Stage::Unrevoked {
            return Err(self.ask_to_join(&id, step));
        }
        let assignment = assignment(member, spoken, step.catalog);
        self.timers.cancel(&Timer::Sync(Arc::clone(&id)));
        self.timers
            .set(Timer::Session(id), step.after(classic.session_timeout_ms));
        Ok(Synced {
            protocol_type: Some(CONSUMER.to_owned()),
            protocol: spoken.map(|spoken| spoken.name.clone()),
            assignment,
        })
    }

    /// Keeps a member's session going, and asks it to join again where there is something to learn for it.
    pub(crate) fn classic_heartbeat(
        &mut self,
        member_id: &str,
        instance: Option<&str>,
        generation: i32,
        step: &Step<'_>,
    ) -> Result<(), Error> {
        let (id, classic) = self.classic_member(member_id, instance)?;
        let member = self.known(&id)?.1;
        member.check_generation(generation)?;
        let has_news = self.epoch.epoch > member.holding.epoch
            || match member.holding.stage {
                Stage::Stable => false,
                Stage::Unrevoked => true,
                Stage::Unreleased => !self.waits_for_others(&id),
            };
        self.timers.set(
            Timer::Session(Arc::clone(&id)),
            step.after(classic.session_timeout_ms),
        );
        match has_news {
            true => Err(self.ask_to_join(&id, step)),
            false => Ok(()),
        }
    }

    /// Members leave by themselves, or are removed by an administrator; each result answers the leaver at the same place.
    pub(crate) fn classic_leave(
        &mut self,
        leavers: &[Leaver<'_>],
        step: &mut Step<'_>,
    ) -> Vec<Result<(), Error>> {
        let named = |leaver: &Leaver<'_>| {
            let instance = leaver
                .instance_id
                .and_then(|instance| self.instances.get(instance));
            let id = match (leaver.member_id, instance) {
                ("", Some(id)) => id,
                (id, _) => id,
            };
            Ok(self.classic_member(id, leaver.instance_id)?.0)
        };
        let found: Vec<Result<MemberId, Error>> = leavers.iter().map(named).collect();
        let gone: BTreeSet<MemberId> = found.iter().flatten().cloned().collect();
        self.put_out(&Vec::from_iter(gone), step);
        found.into_iter().map(|found| found.map(drop)).collect()
    }

    /// A member that speaks the classic protocol, and what it said in that.
    fn classic_member(
        &self,
        id: &str,
        instance: Option<&str>,
    ) -> Result<(MemberId, Classic), Error> {
        let (id, member) = self.claimed(id, instance)?;
        let classic = member.words.classic.clone();
        let unknown = || Error::UnknownMember(id.to_string());
        Ok((Arc::clone(id), classic.ok_or_else(unknown)?))
    }

    /// Tells a member to join again, and gives it as long as a rebalance may take.
    fn ask_to_join(&mut self, id: &MemberId, step: &Step<'_>) -> Error {
        let timeout_ms = self
            .members
            .get(id)
            .map_or(0, |member| member.words.rebalance_timeout_ms);
        let timer = Timer::Join(Arc::clone(id));
        if !self.timers.is_set(&timer) {
            self.timers.set(timer, step.after(timeout_ms));
        }
        Error::RebalanceInProgress
    }
}

impl Member {
    fn check_generation(&self, given: i32) -> Result<(), Error> {
        match self.holding.epoch {
            current if current == given => Ok(()),
            current => Err(Error::IllegalGeneration { given, current }),
        }
    }
}

fn words(request: &JoinRequest, subscription: &Subscription<'_>) -> Words {
    Words {
        instance_id: request.instance_id.as_deref().map(Arc::from),
        rack: subscription.rack.map(str::to_owned),
        client_id: request.client_id.clone(),
        client_host: request.client_host.clone(),
        topics: subscription
            .topics
            .iter()
            .map(|name| Arc::from(*name))
            .collect(),
        expression: None,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        assignor: None,
        classic: Some(Classic {
            session_timeout_ms: request.session_timeout_ms,
            protocols: request.protocols.clone(),
        }),
    }
}

/// Partitions that were named by their topics' names, as far as there are such topics.
pub(super) fn places(named: &Named<'_>, catalog: &dyn Catalog) -> BTreeSet<Place> {
    let known = named
        .iter()
        .filter_map(|(name, indexes)| Some((catalog.topic(name)?, indexes)));
    known
        .flat_map(|(topic, indexes)| indexes.iter().map(move |index| (topic.id, *index)))
        .collect()
}

/// What a member may read, in the words of the protocol that it speaks.
pub(super) fn assignment(
    member: &Member,
    spoken: Option<&Protocol>,
    catalog: &dyn Catalog,
) -> Arc<[u8]> {
    let topics = by_topic(member.holding.assigned.keys());
    let named = topics
        .into_iter()
        .filter_map(|(id, indexes)| Some((catalog.topic_by_id(id)?.name, indexes)));
    let subscription = spoken.and_then(|spoken| Subscription::read(&spoken.metadata));
    let version = subscription.map_or(0, |subscription| subscription.version);
    write_assignment(version, &named.collect::<Vec<_>>())
}
