//! The groups whose records share one log: which exist, when each is due next, and what replay does.
//!
//! A shard is the unit of failure too. When its log refuses a record, memory is ahead of the log;
//! the driver then drops the whole shard, so that nobody is ever told what a restart would not know.

mod admin;
mod body;
mod consumers;
mod members;
mod offsets;
mod shares;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::classic::Group;
use crate::effects::Step;
use crate::share;
use crate::timers::Timers;
use crate::{Catalog, Config, Effects, GroupId, Now, Record};
use body::{Body, Entry};

pub use admin::{Kind, Listing};

/// All groups of one log.
#[derive(Debug)]
pub struct Shard {
    config: Config,
    catalog: Arc<dyn Catalog>,
    groups: HashMap<GroupId, Entry>,
    /// No id is in both maps.
    shares: HashMap<GroupId, share::Group>,
    /// By producer: the groups that have positions in its transaction.
    undecided: HashMap<i64, HashSet<GroupId>>,
    deadlines: Timers<GroupId>,
}

impl Shard {
    /// A shard without groups, in the world that `catalog` shows.
    #[must_use]
    pub fn new(config: Config, catalog: Arc<dyn Catalog>) -> Self {
        Self {
            config,
            catalog,
            groups: HashMap::new(),
            shares: HashMap::new(),
            undecided: HashMap::new(),
            deadlines: Timers::default(),
        }
    }

    /// Takes over what a record says. Replaying every record of the log in order gives the durable
    /// part of the state that wrote them.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Offset {
                group,
                topic,
                partition,
                value: Some(offset),
            } => {
                self.entry(group)
                    .offsets
                    .apply(topic, *partition, Some(offset));
            }
            Record::Group {
                group,
                value: Some(value),
            } => {
                self.entry(group).body =
                    Body::Classic(Box::new(Group::replay(Arc::clone(group), value)));
            }
            Record::Offset {
                group,
                topic,
                partition,
                value: None,
            } => {
                if let Some(entry) = self.groups.get_mut(group) {
                    entry.offsets.apply(topic, *partition, None);
                }
                self.reschedule(group);
            }
            Record::Group { group, value: None } => {
                if let Some(entry) = self.groups.get_mut(group)
                    && matches!(entry.body, Body::Classic(_))
                {
                    entry.body = Body::Classic(Box::new(Group::new(Arc::clone(group))));
                }
                self.reschedule(group);
            }
            Record::Consumer { group, record } => self.apply_consumer(group, record),
            Record::ShareGroup { group, value } => self.apply_share(group, *value),
        }
    }

    /// Begins to count time, once the replay is done.
    pub fn resume(&mut self, now: Now, effects: &mut Effects) {
        for id in self.ids() {
            self.visit(&id, now, effects, |entry, step| entry.body.resume(step));
        }
    }

    /// The earliest moment, on the monotonic clock, at which [`Shard::expire`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.next()
    }

    /// Does what is due.
    pub fn expire(&mut self, now: Now, effects: &mut Effects) {
        while let Some(id) = self.deadlines.pop_due(now.monotonic_ms) {
            self.visit(&id, now, effects, |entry, step| {
                entry.body.expire(step);
                entry.maybe_become_classic(step);
            });
            self.visit_share(&id, now, effects, share::Group::expire);
        }
    }

    fn ids(&self) -> Vec<GroupId> {
        self.groups.keys().map(Arc::clone).collect()
    }

    /// The group of that name, made if there is none.
    fn entry(&mut self, id: &GroupId) -> &mut Entry {
        let new = || Entry::new(Arc::clone(id));
        self.groups.entry(Arc::clone(id)).or_insert_with(new)
    }

    /// Runs one operation on a group, if it exists, and sees to its next deadline.
    fn visit<R>(
        &mut self,
        id: &str,
        now: Now,
        effects: &mut Effects,
        operation: impl FnOnce(&mut Entry, &mut Step<'_>) -> R,
    ) -> Option<R> {
        let entry = self.groups.get_mut(id)?;
        let result = operation(
            entry,
            &mut Step {
                now,
                config: &self.config,
                catalog: &*self.catalog,
                effects,
            },
        );
        self.reschedule(id);
        Some(result)
    }

    /// Keeps the deadlines true after a group has changed, and drops it once it is blank.
    fn reschedule(&mut self, id: &str) {
        let Some(entry) = self.groups.get(id) else {
            return;
        };
        let id = entry.body.id();
        match entry.body.next_deadline() {
            Some(at) => self.deadlines.set(Arc::clone(id), at),
            None => self.deadlines.cancel(id),
        }
        if entry.is_blank() {
            let id = Arc::clone(id);
            self.groups.remove(&id);
        }
    }

    /// Writes records down and takes them over.
    fn write(&mut self, records: Vec<Record>, effects: &mut Effects) {
        for record in records {
            self.apply(&record);
            effects.records.push(record);
        }
    }
}
