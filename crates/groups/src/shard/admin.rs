//! What administrators ask of a shard: which groups there are, what is in one, and to delete it.

use std::sync::Arc;

use super::Shard;
use crate::{Description, Effects, Error, GroupId, Record, State};

/// How the members of a group share the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They agree among themselves on who reads what.
    Classic,
    /// They all read the same partitions.
    Share,
}

impl Kind {
    /// Kafka's name of the kind, as ListGroups shows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
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
    /// Where it stands.
    pub state: State,
}

impl Shard {
    /// Shows a classic group; one that does not exist is [`State::Dead`].
    #[must_use]
    pub fn describe(&self, group: &str) -> Description {
        self.groups
            .get(group)
            .map_or_else(Description::dead, |entry| entry.group.describe())
    }

    /// Whether there is such a group of any kind, with or without members.
    #[must_use]
    pub fn exists(&self, group: &str) -> bool {
        self.groups.contains_key(group) || self.is_share_group(group)
    }

    /// Shows that there is a group, for all of them, in no particular order.
    pub fn list(&self) -> impl Iterator<Item = Listing> {
        let classic = self.groups.values().map(|entry| Listing {
            group: Arc::clone(entry.group.id()),
            kind: Kind::Classic,
            protocol_type: entry.group.protocol_type().to_owned(),
            state: entry.group.state(),
        });
        let shares = self.shares.values().map(|group| Listing {
            group: Arc::clone(group.id()),
            kind: Kind::Share,
            protocol_type: Kind::Share.name().to_owned(),
            state: group.state(),
        });
        classic.chain(shares)
    }

    /// Deletes a group that has no members, with its offsets.
    ///
    /// # Errors
    /// There is no such group, or it has members.
    pub fn delete_group(&mut self, group: &str, effects: &mut Effects) -> Result<(), Error> {
        let Some((id, entry)) = self.groups.get_key_value(group) else {
            return self.delete_share(group, effects);
        };
        if entry.group.state() != State::Empty {
            return Err(Error::NonEmptyGroup(group.to_owned()));
        }
        let mut records = entry.offsets.tombstones(id, |_, _, _| true);
        records.push(Record::Group {
            group: Arc::clone(id),
            value: None,
        });
        self.write(records, effects);
        Ok(())
    }
}
