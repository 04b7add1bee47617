//! What administrators ask of a shard: which groups there are, what is in one, and to delete it.

use std::sync::Arc;

use super::Shard;
use crate::{Description, Effects, Error, GroupId, Record, State};

/// A group, as ListGroups shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its id.
    pub group: GroupId,
    /// What kind of group it is; empty if it holds nothing but offsets.
    pub protocol_type: String,
    /// Where it stands.
    pub state: State,
}

impl Shard {
    /// Shows a group; one that does not exist is [`State::Dead`].
    #[must_use]
    pub fn describe(&self, group: &str) -> Description {
        self.groups
            .get(group)
            .map_or_else(Description::dead, |entry| entry.group.describe())
    }

    /// Whether there is such a group, with members or with nothing but offsets.
    #[must_use]
    pub fn exists(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    /// Shows that there is a group, for all of them, in no particular order.
    pub fn list(&self) -> impl Iterator<Item = Listing> {
        self.groups.values().map(|entry| Listing {
            group: Arc::clone(entry.group.id()),
            protocol_type: entry.group.protocol_type().to_owned(),
            state: entry.group.state(),
        })
    }

    /// Deletes a group that has no members, with its offsets.
    ///
    /// # Errors
    /// There is no such group, or it has members.
    pub fn delete_group(&mut self, group: &str, effects: &mut Effects) -> Result<(), Error> {
        let Some((id, entry)) = self.groups.get_key_value(group) else {
            return Err(Error::GroupIdNotFound(group.to_owned()));
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
