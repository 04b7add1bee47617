//! One member of a share group. It never looks at its group.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ShareHeartbeat;
use crate::{Catalog, Error, Topic};

/// What the coordinator knows of a member.
#[derive(Debug, Default)]
pub(crate) struct Member {
    /// The epoch that it was told last.
    pub(super) epoch: i32,
    /// The epoch that it was told before: it may not have heard of the last one.
    pub(super) previous_epoch: i32,
    pub(super) rack: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    /// The names of the topics that it subscribes to, whether there are such topics or not.
    pub(super) topics: BTreeSet<Arc<str>>,
    /// What it was given last, in the order of the names.
    pub(super) assignment: Vec<Topic>,
}

impl Member {
    /// Takes over what a heartbeat says of the member; whether it wants other topics than before.
    pub(super) fn update(&mut self, beat: ShareHeartbeat<'_>) -> bool {
        self.client_id = beat.client_id.to_owned();
        self.client_host = beat.client_host.to_owned();
        if let Some(rack) = beat.rack {
            self.rack = Some(rack.to_owned());
        }
        let Some(topics) = beat.topics else {
            return false;
        };
        let topics = topics.iter().map(|name| Arc::from(*name)).collect();
        let before = std::mem::replace(&mut self.topics, topics);
        before != self.topics
    }

    /// Gives it what there is of its topics; whether that is something else than before.
    pub(super) fn assign(&mut self, catalog: &dyn Catalog) -> bool {
        let found = self.topics.iter().filter_map(|name| catalog.topic(name));
        let assignment = found.collect();
        let before = std::mem::replace(&mut self.assignment, assignment);
        before != self.assignment
    }

    /// Takes it to the epoch of its group.
    pub(super) fn follow(&mut self, epoch: i32) {
        if self.epoch != epoch {
            self.previous_epoch = std::mem::replace(&mut self.epoch, epoch);
        }
    }

    /// Refuses an epoch that the member cannot have been told last.
    pub(super) fn check_epoch(&self, given: i32) -> Result<(), Error> {
        if given == self.epoch || given == self.previous_epoch {
            return Ok(());
        }
        Err(Error::FencedMemberEpoch {
            given,
            current: self.epoch,
        })
    }
}
