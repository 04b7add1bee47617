//! One member of a classic group. It never looks at its group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{JoinRequest, Protocol, protocol};
use crate::{Effects, Error, JoinedMember, MemberId, MemberRecord, Token};

/// A request of a member that has not been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parked {
    Join(Token),
    Sync(Token),
}

/// The members of a group, in an order that is the same on every run.
pub(super) type Members = BTreeMap<MemberId, Member>;

/// What the coordinator knows of a member.
#[derive(Debug, Default)]
pub(crate) struct Member {
    /// The static identity that outlives member ids.
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) session_timeout_ms: i32,
    pub(super) protocols: Vec<Protocol>,
    pub(super) assignment: Arc<[u8]>,
    /// It has not been told its first generation, so that its client may not know of it at all.
    pub(super) is_new: bool,
    pub(super) parked: Option<Parked>,
}

impl Member {
    /// A member as the log remembers it: of its protocols, only the one that was agreed on.
    pub(super) fn from_record(record: &MemberRecord, protocol: Option<&str>) -> Self {
        let name = protocol.unwrap_or_default().to_owned();
        Self {
            instance_id: record.instance_id.clone(),
            client_id: record.client_id.clone(),
            client_host: record.client_host.clone(),
            rebalance_timeout_ms: record.rebalance_timeout_ms,
            session_timeout_ms: record.session_timeout_ms,
            protocols: vec![Protocol {
                name,
                metadata: Arc::clone(&record.subscription),
            }],
            assignment: Arc::clone(&record.assignment),
            is_new: false,
            parked: None,
        }
    }

    /// Takes over what a join says of the member. Its static identity, or that it has none, stays.
    pub(super) fn update(&mut self, request: JoinRequest) {
        self.client_id = request.client_id;
        self.client_host = request.client_host;
        self.rebalance_timeout_ms = request.rebalance_timeout_ms;
        self.session_timeout_ms = request.session_timeout_ms;
        self.protocols = request.protocols;
    }

    /// The member as it is written down under the agreed protocol.
    pub(super) fn to_record(&self, id: &MemberId, protocol: &str) -> MemberRecord {
        MemberRecord {
            member_id: Arc::clone(id),
            instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            subscription: self.metadata(protocol),
            assignment: Arc::clone(&self.assignment),
        }
    }

    /// The member as a leader sees it.
    pub(super) fn to_joined(&self, id: &MemberId, protocol: &str) -> JoinedMember {
        JoinedMember {
            member_id: Arc::clone(id),
            instance_id: self.instance_id.clone(),
            metadata: self.metadata(protocol),
        }
    }

    /// Bytes that the member's own words take.
    pub(super) fn size(&self) -> usize {
        protocol::size(&self.protocols) + self.client_id.len()
    }

    pub(super) fn speaks(&self, protocol: &str) -> bool {
        self.protocols
            .iter()
            .any(|offered| offered.name == protocol)
    }

    /// The first of its protocols that is among `candidates`.
    pub(super) fn first_choice(&self, candidates: &BTreeSet<&str>) -> Option<&str> {
        self.protocols
            .iter()
            .map(|offered| offered.name.as_str())
            .find(|name| candidates.contains(name))
    }

    /// What it attached to `protocol`; empty if it does not speak it.
    pub(super) fn metadata(&self, protocol: &str) -> Arc<[u8]> {
        self.protocols
            .iter()
            .find(|offered| offered.name == protocol)
            .map_or_else(|| Arc::from([]), |offered| Arc::clone(&offered.metadata))
    }

    pub(super) fn is_joining(&self) -> bool {
        matches!(self.parked, Some(Parked::Join(_)))
    }

    /// Whether silence is not to be held against it: it waits for us, not we for it. A new member may
    /// be gone without a trace while it waits, so it is only given so much time.
    pub(super) fn may_be_silent(&self) -> bool {
        !self.is_new && self.parked.is_some()
    }

    /// Keeps a request for later. Of one that was parked before, the connection is lost or given up;
    /// it is answered all the same, so that it does not hang.
    pub(super) fn park(&mut self, request: Parked, effects: &mut Effects) {
        self.refuse(&Error::RebalanceInProgress, effects);
        self.parked = Some(request);
    }

    /// Answers the parked request, if there is one, with an error.
    pub(super) fn refuse(&mut self, error: &Error, effects: &mut Effects) {
        match self.parked.take() {
            Some(Parked::Join(token)) => effects.join(token, Err(error.clone())),
            Some(Parked::Sync(token)) => effects.sync(token, Err(error.clone())),
            None => {}
        }
    }
}
