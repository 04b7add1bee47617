//! What administrators ask of a shard: which groups there are, what is in one, and to delete it.

use std::sync::Arc;

use super::Shard;
use super::body::Body;
use crate::{Description, Effects, Error, GroupId};

/// How the members of a group share the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They agree among themselves on who reads what.
    Classic,
    /// The coordinator decides who reads what.
    Consumer,
    /// They all read the same partitions.
    Share,
}

impl Kind {
    /// Kafka's name of the kind, as ListGroups shows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
            Self::Share => "share",
        }
    }
}

/// A group, as ListGroups shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its id.
    pub group: GroupId,
    /// What kind of group it is.
    pub kind: Kind,
    /// What its members are for each other, such as `consumer`; empty if it holds nothing but offsets.
    pub protocol_type: String,
    /// Kafka's name of where it stands.
    pub state: &'static str,
}

impl Shard {
    /// Shows a classic group; one that does not exist is [`State::Dead`](crate::State::Dead).
    #[must_use]
    pub fn describe(&self, group: &str) -> Description {
        match self.groups.get(group).map(|entry| &entry.body) {
            Some(Body::Classic(members)) => members.describe(),
            _ => Description::dead(),
        }
    }

    /// Whether there is such a group of any kind, with or without members.
    #[must_use]
    pub fn exists(&self, group: &str) -> bool {
        self.groups.contains_key(group) || self.is_share_group(group)
    }

    /// Shows that there is a group, for all of them, in no particular order.
    pub fn list(&self) -> impl Iterator<Item = Listing> {
        let groups = self.groups.values().map(|entry| Listing {
            group: Arc::clone(entry.body.id()),
            kind: entry.body.kind(),
            protocol_type: entry.body.protocol_type().to_owned(),
            state: entry.body.state(),
        });
        let shares = self.shares.values().map(|group| Listing {
            group: Arc::clone(group.id()),
            kind: Kind::Share,
            protocol_type: Kind::Share.name().to_owned(),
            state: group.state().name(),
        });
        groups.chain(shares)
    }

    /// Deletes a group that has no members, with its offsets.
    ///
    /// # Errors
    /// There is no such group, or it has members.
    pub fn delete_group(&mut self, group: &str, effects: &mut Effects) -> Result<(), Error> {
        let Some((id, entry)) = self.groups.get_key_value(group) else {
            return self.delete_share(group, effects);
        };
        if !entry.body.is_empty() {
            return Err(Error::NonEmptyGroup(group.to_owned()));
        }
        let mut records = entry.offsets.tombstones(id, |_, _, _| true);
        records.extend(entry.body.tombstones());
        self.write(records, effects);
        Ok(())
    }
}
