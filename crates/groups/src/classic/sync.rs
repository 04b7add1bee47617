//! Members ask for their share of the work; the leader brings everybody's.

use std::collections::HashMap;
use std::sync::Arc;

use super::member::Parked;
use super::{Group, State};
use crate::effects::Step;
use crate::{Config, Error, MemberId, Token};

/// A sync, whatever version it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRequest {
    /// The member that asks.
    pub member_id: String,
    /// Its static identity, if it has one.
    pub instance_id: Option<String>,
    /// The generation that it believes in.
    pub generation: i32,
    /// What kind of group it believes this to be, where it says so (v5).
    pub protocol_type: Option<String>,
    /// What it believes to be agreed on, where it says so (v5).
    pub protocol: Option<String>,
    /// Everybody's assignment by member id, if it leads.
    pub assignments: HashMap<String, Arc<[u8]>>,
}

impl Group {
    /// Parks the sync, or answers it at once where the assignment stands.
    pub(crate) fn sync(&mut self, request: SyncRequest, token: Token, step: &mut Step<'_>) {
        if let Err(error) = self.try_sync(request, token, step) {
            step.effects.sync(token, Err(error));
        }
    }

    fn try_sync(
        &mut self,
        request: SyncRequest,
        token: Token,
        step: &mut Step<'_>,
    ) -> Result<(), Error> {
        let id = self.check_member(&request.member_id, request.instance_id.as_deref())?;
        self.check_generation(request.generation)?;
        if contradicts(request.protocol_type.as_ref(), self.protocol_type.as_ref())
            || contradicts(request.protocol.as_ref(), self.protocol.as_ref())
        {
            return Err(Error::InconsistentProtocol);
        }
        match self.state {
            State::Empty | State::Dead => Err(Error::UnknownMember(request.member_id)),
            State::PreparingRebalance => Err(Error::RebalanceInProgress),
            State::CompletingRebalance => {
                let leads = self.is_leader(&id);
                if leads {
                    check_size(&request.assignments, step.config)?;
                }
                self.park_sync(&id, token, step);
                if leads {
                    self.settle(request.assignments, step);
                }
                Ok(())
            }
            State::Stable => {
                self.synced(&id);
                self.touch(&id, step);
                self.answer_sync(&id, token, step.effects);
                Ok(())
            }
        }
    }

    fn park_sync(&mut self, id: &MemberId, token: Token, step: &mut Step<'_>) {
        self.synced(id);
        if let Some(member) = self.members.get_mut(id) {
            member.park(Parked::Sync(token), step.effects);
        }
    }

    /// The assignment is known: the generation is written down, and everybody who waits is told.
    /// Whom the leader forgot gets nothing to do.
    fn settle(&mut self, mut assignments: HashMap<String, Arc<[u8]>>, step: &mut Step<'_>) {
        let mut value = self.to_record();
        value.changed_ms = Some(step.now.unix_ms);
        for member in &mut value.members {
            member.assignment = assignments.remove(&*member.member_id).unwrap_or_default();
        }
        self.write(value, step.effects);
        self.answer_syncs(step);
    }
}

fn check_size(assignments: &HashMap<String, Arc<[u8]>>, config: &Config) -> Result<(), Error> {
    let total = assignments
        .values()
        .map(|assignment| assignment.len())
        .sum();
    if total > config.max_generation_bytes / 2 {
        return Err(Error::GenerationTooLarge(total));
    }
    Ok(())
}

/// Whether a claim is made, can be checked, and is wrong.
fn contradicts(claimed: Option<&String>, actual: Option<&String>) -> bool {
    matches!((claimed, actual), (Some(claimed), Some(actual)) if claimed != actual)
}
