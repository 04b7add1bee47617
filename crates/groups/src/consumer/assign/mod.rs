//! Who is to read what, computed by the coordinator. Nothing here knows of time, epochs or members' states.

mod range;
mod uniform;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Place;
use crate::MemberId;

/// What a member wants, and what it was to have.
#[derive(Debug, Clone, Default)]
pub(super) struct Wish {
    /// What puts it in order among the others: its instance id or else its member id.
    pub(super) rank: Arc<str>,
    /// Ids of the topics that it subscribes to. Only topics that there are.
    pub(super) topics: BTreeSet<u128>,
    /// Its last target, which may name partitions that it no longer wants or that are no more.
    pub(super) before: BTreeSet<Place>,
}

/// Everybody's wishes.
pub(super) type Wishes = BTreeMap<MemberId, Wish>;

/// How many partitions each topic has.
pub(super) type Sizes = BTreeMap<u128, i32>;

/// What each member is to have. Every partition that somebody wants is given to one of those.
pub(super) type Plan = BTreeMap<MemberId, BTreeSet<Place>>;

/// A way to share partitions among members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignor {
    /// Members get numbers of partitions that differ as little as their subscriptions allow, and keep what they have
    /// where that goes with it.
    Uniform,
    /// Topic by topic, members get ranges of partitions one after the other, so that partitions of the same number
    /// meet at the same member.
    Range,
}

impl Assignor {
    /// All of them, the one that is used without a wish first.
    pub const ALL: &'static [Self] = &[Self::Uniform, Self::Range];

    /// Kafka's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The assignor of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }

    pub(super) fn assign(self, wishes: &Wishes, sizes: &Sizes) -> Plan {
        match self {
            Self::Uniform => uniform::assign(wishes, sizes),
            Self::Range => range::assign(wishes, sizes),
        }
    }
}
