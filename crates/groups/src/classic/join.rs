//! A member asks to be part of the next generation.

use std::sync::Arc;

use super::group::Timer;
use super::member::{Member, Parked};
use super::{Group, Protocol, State, protocol};
use crate::effects::Step;
use crate::{Config, Effects, Error, MemberId, Token};

/// A join, whatever version it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// The id that the client was given before, or empty.
    pub member_id: String,
    /// The id that it is given if it has none, made up by the driver.
    pub fresh_member_id: MemberId,
    /// Its static identity, if it has one.
    pub instance_id: Option<String>,
    /// The client's name for itself.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// How long it may be silent, in milliseconds.
    pub session_timeout_ms: i32,
    /// How long it may take to rejoin, in milliseconds.
    pub rebalance_timeout_ms: i32,
    /// What kind of group it wants, such as `consumer`.
    pub protocol_type: String,
    /// What it can speak, best first.
    pub protocols: Vec<Protocol>,
    /// Whether a dynamic member has to come back with its id (KIP-394).
    pub id_required: bool,
    /// Whether the client understands `skip_assignment` (KIP-814).
    pub can_skip_assignment: bool,
}

impl Group {
    /// Parks the join, or answers it at once where there is nothing to wait for.
    pub(crate) fn join(&mut self, request: JoinRequest, token: Token, step: &mut Step<'_>) {
        if let Err(error) = self.try_join(request, token, step) {
            step.effects.join(token, Err(error));
        }
    }

    fn try_join(
        &mut self,
        request: JoinRequest,
        token: Token,
        step: &mut Step<'_>,
    ) -> Result<(), Error> {
        if !self.has_room_for(&request, step.config) {
            self.forget_pending(&request.member_id);
            self.remove_member(&request.member_id, step.effects);
            self.maybe_complete_join(step);
            return Err(Error::GroupFull(step.config.max_size));
        }
        if !self.supports(&request) {
            return Err(Error::InconsistentProtocol);
        }
        self.check_size(&request, step.config)?;
        if request.member_id.is_empty() {
            self.join_as_new(request, token, step)
        } else {
            self.join_again(request, token, step)
        }
    }

    /// While members gather, the first to come are kept, which lets a group shrink whose limit was
    /// lowered. Afterwards those who are in stay in, static ones under whatever id.
    fn has_room_for(&self, request: &JoinRequest, config: &Config) -> bool {
        let gathering = self.state == State::PreparingRebalance;
        let holds_place = |member: &Member| !gathering || member.is_joining();
        let static_id = request
            .instance_id
            .as_ref()
            .and_then(|instance| self.instances.get(instance));
        let id = static_id.map_or(request.member_id.as_str(), |id| &**id);
        self.members.len() < config.max_size
            || self.members.get(id).is_some_and(holds_place)
            || self
                .members
                .values()
                .filter(|member| holds_place(member))
                .count()
                < config.max_size
    }

    /// Half of what can be written down is for what members say, the other half for what they are given.
    fn check_size(&self, request: &JoinRequest, config: &Config) -> Result<(), Error> {
        let others = self
            .members
            .iter()
            .filter(|(id, _)| &***id != request.member_id.as_str());
        let said: usize = others.map(|(_, member)| member.size()).sum();
        let total = said + protocol::size(&request.protocols) + request.client_id.len();
        if total > config.max_generation_bytes / 2 {
            return Err(Error::GenerationTooLarge(total));
        }
        Ok(())
    }

    fn supports(&self, request: &JoinRequest) -> bool {
        if self.state == State::Empty {
            return !request.protocol_type.is_empty() && !request.protocols.is_empty();
        }
        self.protocol_type.as_ref() == Some(&request.protocol_type)
            && protocol::shared(&request.protocols, &self.members)
    }

    fn join_as_new(
        &mut self,
        request: JoinRequest,
        token: Token,
        step: &mut Step<'_>,
    ) -> Result<(), Error> {
        let id = Arc::clone(&request.fresh_member_id);
        let Some(instance) = &request.instance_id else {
            if request.id_required {
                self.timers.set(
                    Timer::Session(Arc::clone(&id)),
                    step.after(request.session_timeout_ms),
                );
                self.pending_join.insert(Arc::clone(&id));
                return Err(Error::MemberIdRequired(id));
            }
            self.add_member(id, request, token, step);
            return Ok(());
        };
        match self.instances.get(instance).map(Arc::clone) {
            Some(old) => self.replace_static(&old, request, token, step),
            None => self.add_member(id, request, token, step),
        }
        Ok(())
    }

    fn join_again(
        &mut self,
        request: JoinRequest,
        token: Token,
        step: &mut Step<'_>,
    ) -> Result<(), Error> {
        if let Some(id) = self.pending_join.take(request.member_id.as_str()) {
            self.add_member(id, request, token, step);
            return Ok(());
        }
        let id = self.check_member(&request.member_id, request.instance_id.as_deref())?;
        let unchanged = self
            .members
            .get(&id)
            .is_some_and(|member| member.protocols == request.protocols);
        let is_leader = self.is_leader(&id);
        match self.state {
            State::Empty | State::Dead => return Err(Error::UnknownMember(request.member_id)),
            // It may have missed the answer to its first join.
            State::CompletingRebalance if unchanged => {
                step.effects.join(token, Ok(self.joined(&id, is_leader)));
            }
            State::Stable if unchanged && !is_leader => {
                step.effects.join(token, Ok(self.joined(&id, false)));
            }
            // A leader joins again when it sees a reason that the metadata does not show, such as new partitions.
            State::PreparingRebalance | State::CompletingRebalance | State::Stable => {
                self.update_member(&id, request, token, step.effects);
                self.rebalance(step);
            }
        }
        Ok(())
    }

    fn add_member(
        &mut self,
        id: MemberId,
        request: JoinRequest,
        token: Token,
        step: &mut Step<'_>,
    ) {
        if let Some(delay) = &mut self.initial_delay {
            delay.joined = true;
        }
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type.clone());
        }
        if let Some(instance) = &request.instance_id {
            self.instances.insert(instance.clone(), Arc::clone(&id));
        }
        self.leader.get_or_insert_with(|| Arc::clone(&id));
        self.timers.set(
            Timer::Session(Arc::clone(&id)),
            step.after(step.config.new_member_join_timeout_ms),
        );
        let mut member = Member {
            instance_id: request.instance_id.clone(),
            is_new: true,
            ..Member::default()
        };
        member.update(request);
        member.park(Parked::Join(token), step.effects);
        self.members.insert(id, member);
        self.rebalance(step);
    }

    /// Takes over what a known member says of itself now, and parks its join.
    pub(super) fn update_member(
        &mut self,
        id: &str,
        request: JoinRequest,
        token: Token,
        effects: &mut Effects,
    ) {
        if let Some(member) = self.members.get_mut(id) {
            member.update(request);
            member.park(Parked::Join(token), effects);
        }
    }
}
