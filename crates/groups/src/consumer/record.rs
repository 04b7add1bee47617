//! What is written down of a consumer group: each change by itself, under a key of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{MemberId, Protocol};

/// One partition: the id of its topic, and its index.
pub type Place = (u128, i32);

/// The partitions of each topic, in order.
pub fn by_topic<'a>(places: impl IntoIterator<Item = &'a Place>) -> BTreeMap<u128, Vec<i32>> {
    let mut topics: BTreeMap<u128, Vec<i32>> = BTreeMap::new();
    for (topic, index) in places {
        topics.entry(*topic).or_default().push(*index);
    }
    topics
}

/// One durable change of a consumer group. The newest of a key is the truth about it; `None` says that there is
/// none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerRecord {
    /// The group itself.
    Group(Option<Epoch>),
    /// What a member says of itself.
    Member(MemberId, Option<Arc<Words>>),
    /// For which epoch the targets of all members were made, and when, in Unix milliseconds.
    TargetEpoch(Option<(i32, i64)>),
    /// What a member is to have.
    Target(MemberId, Option<Arc<BTreeSet<Place>>>),
    /// What a member has.
    Holding(MemberId, Option<Holding>),
    /// The topics that an expression matches, by their names.
    Expression(Arc<str>, Option<Matches>),
}

/// Where a group stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Epoch {
    /// Counts the changes of its members and of what they want; 0 until the first is written down.
    pub epoch: i32,
    /// Stands for the topics that the members want, with their ids and sizes.
    pub topics_hash: i64,
}

/// What a member says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Its instance id, if it is static.
    pub instance_id: Option<Arc<str>>,
    /// Its rack, if it has one.
    pub rack: Option<String>,
    /// The client's name for itself.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// The names of the topics that it subscribes to, whether there are such topics or not.
    pub topics: BTreeSet<Arc<str>>,
    /// It subscribes to the topics that this expression matches, too.
    pub expression: Option<Arc<str>>,
    /// How long it may take to give up partitions, in milliseconds.
    pub rebalance_timeout_ms: i32,
    /// The assignor that it would like.
    pub assignor: Option<String>,
    /// What it says beyond that if it speaks the classic protocol.
    pub classic: Option<Classic>,
}

/// What a member of the classic protocol says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classic {
    /// How long it may be silent, in milliseconds.
    pub session_timeout_ms: i32,
    /// What it can speak, best first.
    pub protocols: Vec<Protocol>,
}

/// What a member has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    /// The epoch that it was told last; -2 while a static member is away.
    pub epoch: i32,
    /// The epoch that it was told before: it may not have heard of the last one.
    pub previous_epoch: i32,
    /// On the way to its target.
    pub stage: Stage,
    /// What it may read, each with the epoch in which it was given that.
    pub assigned: BTreeMap<Place, i32>,
    /// What it has to give up, likewise.
    pub revoking: BTreeMap<Place, i32>,
}

/// How far a member is on its way to the target assignment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    /// **Means:** it has what the epoch that it was told gives it.
    ///
    /// - there is a newer target, and it has to give up nothing → `Stable` in that epoch
    /// - … something → `Unrevoked`
    /// - … nothing, but others have not given up what it is to get → `Unreleased`
    #[default]
    Stable,
    /// **Means:** it was told to give up partitions, and has not said that it did. Its epoch stands still.
    ///
    /// - it no longer names them among those that it owns → as from `Stable`, towards the newest target
    /// - the rebalance timeout ends → it is put out of the group
    Unrevoked,
    /// **Means:** it waits for partitions that others still have.
    ///
    /// - some are free → it is given them; once all are, `Stable`
    /// - there is a newer target → as from `Stable`
    Unreleased,
}

/// What matches an expression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    /// The names of the topics, in order.
    pub topics: Vec<Arc<str>>,
    /// The version of the catalog that they were found in.
    pub version: i64,
    /// When they were found, in Unix milliseconds.
    pub found_ms: i64,
}
