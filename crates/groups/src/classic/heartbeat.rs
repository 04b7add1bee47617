//! A member says that it is alive, and learns whether it has to join again.

use super::{Group, State};
use crate::Error;
use crate::effects::Step;

impl Group {
    /// Keeps the member's session going.
    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        step: &Step<'_>,
    ) -> Result<(), Error> {
        let id = self.check_member(member_id, instance_id)?;
        self.check_generation(generation)?;
        self.touch(&id, step);
        match self.state {
            State::PreparingRebalance => Err(Error::RebalanceInProgress),
            // The assignment may take the leader longer than a session lasts.
            State::CompletingRebalance | State::Stable => Ok(()),
            State::Empty | State::Dead => Err(Error::UnknownMember(member_id.to_owned())),
        }
    }
}
