//! What an administrator is shown of a consumer group.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::assign::Assignor;
use super::group::Group;
use super::record::{Place, Words};
use crate::MemberId;

/// Where a consumer group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerState {
    /// It has no members.
    Empty,
    /// An epoch has begun that no targets are made for.
    Assigning,
    /// Some members do not have what they are to have.
    Reconciling,
    /// All members have what they are to have.
    Stable,
}

impl ConsumerState {
    /// Kafka's name of the state.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

/// A group, as ConsumerGroupDescribe shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerDescription {
    /// Where the group stands.
    pub state: ConsumerState,
    /// Counts the changes.
    pub epoch: i32,
    /// The epoch that the targets were made for.
    pub target_epoch: i32,
    /// What makes the targets.
    pub assignor: Assignor,
    /// The members, in the order of their ids.
    pub members: Vec<ConsumerMemberDescription>,
}

/// A member, as ConsumerGroupDescribe shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerMemberDescription {
    /// Its id.
    pub member_id: MemberId,
    /// The epoch that it was told last.
    pub epoch: i32,
    /// What it says of itself.
    pub words: Arc<Words>,
    /// What it may read.
    pub assigned: BTreeSet<Place>,
    /// What it is to have.
    pub target: BTreeSet<Place>,
}

impl Group {
    pub(crate) fn state(&self) -> ConsumerState {
        match () {
            () if self.members.is_empty() => ConsumerState::Empty,
            () if self.epoch.epoch > self.target_epoch => ConsumerState::Assigning,
            () if self.members.values().all(|member| self.is_settled(member)) => {
                ConsumerState::Stable
            }
            () => ConsumerState::Reconciling,
        }
    }

    /// Shows the group, which is shared out by one of these assignors.
    pub(crate) fn describe(&self, assignors: &[Assignor]) -> ConsumerDescription {
        let members = self
            .members
            .iter()
            .map(|(id, member)| ConsumerMemberDescription {
                member_id: Arc::clone(id),
                epoch: member.holding.epoch,
                words: Arc::clone(&member.words),
                assigned: member.holding.assigned.keys().copied().collect(),
                target: self.target(id).copied().collect(),
            });
        ConsumerDescription {
            state: self.state(),
            epoch: self.epoch.epoch,
            target_epoch: self.target_epoch,
            assignor: self.assignor(assignors),
            members: members.collect(),
        }
    }
}
