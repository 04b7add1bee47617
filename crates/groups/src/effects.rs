//! What an operation is given beside its request, and what it hands back.

use std::sync::Arc;

use crate::{Catalog, Config, Error, MemberId, Record};

/// One reading of both clocks, taken where the request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds that only ever grow, from any origin. Deadlines are counted in these, so that a
    /// wall clock set back or forth expires nobody.
    pub monotonic_ms: i64,
    /// Milliseconds since the Unix epoch: what is written down.
    pub unix_ms: i64,
}

/// Names a request whose reply may come later. Chosen by the driver, never reused within a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// The reply to a request that could be parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Answers a join.
    Join(Result<Joined, Error>),
    /// Answers a sync.
    Sync(Result<Synced, Error>),
}

/// A member's place in a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The member that this is told to.
    pub member_id: MemberId,
    /// The generation that it is now part of.
    pub generation: i32,
    /// What kind of group this is, such as `consumer`.
    pub protocol_type: Option<String>,
    /// The protocol that the members agreed on, such as `range`.
    pub protocol: Option<String>,
    /// The member that computes the assignment.
    pub leader: Option<MemberId>,
    /// Tells a leader to keep the assignment that stands (KIP-814).
    pub skip_assignment: bool,
    /// Everybody, for the leader's eyes; empty for followers.
    pub members: Vec<JoinedMember>,
}

/// What the leader is told of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member_id: MemberId,
    /// Its instance id, if it is static.
    pub instance_id: Option<String>,
    /// What it attached to the protocol that was agreed on; its subscription, for a consumer.
    pub metadata: Arc<[u8]>,
}

/// A member's share of the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// What kind of group this is.
    pub protocol_type: Option<String>,
    /// The protocol that the assignment was made by.
    pub protocol: Option<String>,
    /// The leader's words for this member; empty if it had none.
    pub assignment: Arc<[u8]>,
}

/// What an operation asks of its driver.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// To be appended, in this order, before any of the replies is sent.
    pub records: Vec<Record>,
    /// The producer, with its epoch, of whose transaction the records are a part, if they are.
    pub producer: Option<(i64, i16)>,
    /// To be sent once the records are durable.
    pub replies: Vec<(Token, Reply)>,
}

impl Effects {
    pub(crate) fn join(&mut self, token: Token, result: Result<Joined, Error>) {
        self.replies.push((token, Reply::Join(result)));
    }

    pub(crate) fn sync(&mut self, token: Token, result: Result<Synced, Error>) {
        self.replies.push((token, Reply::Sync(result)));
    }
}

/// The surroundings of one operation.
pub(crate) struct Step<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a Config,
    pub(crate) catalog: &'a dyn Catalog,
    pub(crate) effects: &'a mut Effects,
}

impl Step<'_> {
    /// The moment that lies `ms` ahead, on the monotonic clock. Never now, so that a client's timeout
    /// of 0 cannot keep one and the same moment busy for ever.
    pub(crate) fn after(&self, ms: i32) -> i64 {
        self.now.monotonic_ms.saturating_add(i64::from(ms.max(1)))
    }
}
