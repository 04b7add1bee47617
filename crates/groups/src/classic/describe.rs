//! What an administrator is shown of a group.

use std::sync::Arc;

use super::{Group, State};
use crate::MemberId;

/// A group, as DescribeGroups shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Where the group stands.
    pub state: State,
    /// What kind of group it is; empty if unknown.
    pub protocol_type: String,
    /// What the members agreed on; empty unless `Stable`.
    pub protocol: String,
    /// The members, in the order of their ids.
    pub members: Vec<MemberDescription>,
}

impl Description {
    /// What is said of a group that does not exist.
    pub(crate) fn dead() -> Self {
        Self {
            state: State::Dead,
            protocol_type: String::new(),
            protocol: String::new(),
            members: Vec::new(),
        }
    }
}

/// A member, as DescribeGroups shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDescription {
    /// Its id.
    pub member_id: MemberId,
    /// Its instance id, if it is static.
    pub instance_id: Option<String>,
    /// The client's name for itself.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// What it attached to the agreed protocol; empty unless `Stable`.
    pub metadata: Arc<[u8]>,
    /// What the leader gave it; empty unless `Stable`.
    pub assignment: Arc<[u8]>,
}

impl Group {
    /// Shows the group. What members say and get means something only while it is settled.
    pub(crate) fn describe(&self) -> Description {
        let settled = self.state == State::Stable;
        let protocol = self
            .protocol
            .as_deref()
            .filter(|_| settled)
            .unwrap_or_default();
        let members = self.members.iter().map(|(id, member)| MemberDescription {
            member_id: Arc::clone(id),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: if settled {
                member.metadata(protocol)
            } else {
                Arc::default()
            },
            assignment: if settled {
                Arc::clone(&member.assignment)
            } else {
                Arc::default()
            },
        });
        Description {
            state: self.state,
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: protocol.to_owned(),
            members: members.collect(),
        }
    }

    pub(crate) fn protocol_type(&self) -> &str {
        self.protocol_type.as_deref().unwrap_or_default()
    }
}
