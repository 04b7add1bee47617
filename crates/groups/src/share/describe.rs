//! What an administrator is shown of a share group.

use std::sync::Arc;

use super::Group;
use super::member::Member;
use crate::{MemberId, State, Topic};

/// A group, as ShareGroupDescribe shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareDescription {
    /// Whether it has members.
    pub state: State,
    /// Counts its changes.
    pub epoch: i32,
    /// The members, in the order of their ids.
    pub members: Vec<ShareMemberDescription>,
}

/// A member, as ShareGroupDescribe shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareMemberDescription {
    /// Its id.
    pub member_id: MemberId,
    /// The epoch that it was told last.
    pub epoch: i32,
    /// Its rack, if it has one.
    pub rack: Option<String>,
    /// The client's name for itself.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// The names of the topics that it subscribes to, in order.
    pub topics: Vec<Arc<str>>,
    /// What it was given last.
    pub assignment: Vec<Topic>,
}

impl Group {
    /// Shows the group.
    pub(crate) fn describe(&self) -> ShareDescription {
        let member = |(id, member): (&MemberId, &Member)| ShareMemberDescription {
            member_id: Arc::clone(id),
            epoch: member.epoch,
            rack: member.rack.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            topics: member.topics.iter().map(Arc::clone).collect(),
            assignment: member.assignment.clone(),
        };
        ShareDescription {
            state: self.state(),
            epoch: self.epoch,
            members: self.members.iter().map(member).collect(),
        }
    }
}
