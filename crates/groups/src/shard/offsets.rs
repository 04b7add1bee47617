//! Commits, and what forgets them: administrators, retention, the deletion of a topic.

use std::sync::Arc;

use super::Shard;
use super::body::Entry;
use crate::classic::RetentionFrom;
use crate::effects::Step;
use crate::{Committer, Effects, Error, GroupId, NewOffset, Now, Offset, Record};

impl Shard {
    /// Commits positions; each result answers the offset at the same place. Without a generation it
    /// needs no group: one is made that has no members, only offsets.
    ///
    /// # Errors
    /// Of the request as a whole: who asks may not commit.
    pub fn commit(
        &mut self,
        group: &str,
        who: &Committer<'_>,
        offsets: Vec<NewOffset>,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        self.visit_committing(group, who, now, effects, |entry, step| {
            entry.commit(who, offsets, step)
        })
    }

    /// Commits positions as part of the transaction of a producer, given with its epoch: they count once that
    /// commits. Each result answers the offset at the same place.
    ///
    /// # Errors
    /// As [`Shard::commit`].
    pub fn commit_in_transaction(
        &mut self,
        group: &str,
        who: &Committer<'_>,
        producer: (i64, i16),
        offsets: Vec<NewOffset>,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        effects.producer = Some(producer);
        let commit = |entry: &mut Entry, step: &mut Step<'_>| {
            entry
                .body
                .check_commit_in_transaction(who, &offsets, step)?;
            let commit_one = |new| entry.commit_undecided(producer.0, new, step);
            Ok(offsets.into_iter().map(commit_one).collect::<Vec<_>>())
        };
        let committed = self.visit_committing(group, who, now, effects, commit)?;
        if committed.iter().any(Result::is_ok) {
            self.note_undecided(producer.0, GroupId::from(group));
        }
        Ok(committed)
    }

    /// Runs a commit on a group that may be committed to; one is made for who is in no generation.
    fn visit_committing<R>(
        &mut self,
        group: &str,
        who: &Committer<'_>,
        now: Now,
        effects: &mut Effects,
        commit: impl FnOnce(&mut Entry, &mut Step<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if self.is_share_group(group) {
            return Err(Error::OtherKind(group.to_owned()));
        }
        if !self.groups.contains_key(group) && who.generation < 0 {
            self.entry(&GroupId::from(group));
        }
        self.visit(group, now, effects, commit)
            .unwrap_or_else(|| Err(Error::GroupIdNotFound(group.to_owned())))
    }

    /// Takes over what a record says that is part of the transaction of a producer.
    pub fn apply_undecided(&mut self, producer_id: i64, record: &Record) {
        match record {
            Record::Offset {
                group,
                topic,
                partition,
                value: Some(offset),
            } => {
                let offsets = &mut self.entry(group).offsets;
                offsets.apply_undecided(producer_id, topic, *partition, offset);
                self.note_undecided(producer_id, Arc::clone(group));
            }
            // Nothing else is ever part of a transaction.
            other => self.apply(other),
        }
    }

    /// Takes over how the transaction of a producer ended: its positions count, or are forgotten.
    pub fn decide(&mut self, producer_id: i64, is_committed: bool) {
        for id in self.undecided.remove(&producer_id).unwrap_or_default() {
            if let Some(entry) = self.groups.get_mut(&id) {
                entry.offsets.decide(producer_id, is_committed);
            }
            self.reschedule(&id);
        }
    }

    fn note_undecided(&mut self, producer_id: i64, group: GroupId) {
        self.undecided.entry(producer_id).or_default().insert(group);
    }

    /// Whether an open transaction may be about to change the position of a group in a partition.
    #[must_use]
    pub fn is_undecided(&self, group: &str, topic: &str, partition: i32) -> bool {
        let group = self.groups.get(group);
        group.is_some_and(|entry| entry.offsets.is_undecided(topic, partition))
    }

    /// The position of a group in a partition.
    #[must_use]
    pub fn offset(&self, group: &str, topic: &str, partition: i32) -> Option<&Offset> {
        self.groups.get(group)?.offsets.get(topic, partition)
    }

    /// All positions of a group as (topic, partition, offset), in no particular order.
    pub fn offsets(&self, group: &str) -> impl Iterator<Item = (&Arc<str>, i32, &Offset)> {
        self.groups
            .get(group)
            .into_iter()
            .flat_map(|entry| entry.offsets.iter())
    }

    /// Forgets positions, given as (topic, partition), unless a member reads the topic; each result
    /// answers the one at the same place.
    ///
    /// # Errors
    /// Of the request as a whole: there is no such group, or it has members whose topics are unknown.
    pub fn delete_offsets(
        &mut self,
        group: &str,
        unwanted: &[(Arc<str>, i32)],
        now: Now,
        effects: &mut Effects,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let missing = || Error::GroupIdNotFound(group.to_owned());
        let entry = self.groups.get(group).ok_or_else(missing)?;
        if !entry.body.is_empty() && !entry.body.consumes() {
            return Err(Error::NonEmptyGroup(group.to_owned()));
        }
        let delete = |entry: &mut Entry, step: &mut Step<'_>| {
            unwanted
                .iter()
                .map(|(topic, partition)| entry.delete_offset(topic, *partition, step))
                .collect()
        };
        self.visit(group, now, effects, delete).ok_or_else(missing)
    }

    /// Forgets the position of a group in a partition, whoever reads that.
    pub fn forget_offset(
        &mut self,
        group: &str,
        topic: &str,
        partition: i32,
        effects: &mut Effects,
    ) {
        if let Some((id, entry)) = self.groups.get_key_value(group) {
            let gone = |name: &str, index, _: &Offset| name == topic && index == partition;
            let tombstones = entry.offsets.tombstones(id, gone);
            self.write(tombstones, effects);
        }
    }

    /// Forgets every position in a topic that was deleted. `topic_id` is the id that it had, or 0.
    pub fn forget_topic(&mut self, topic: &str, topic_id: u128, effects: &mut Effects) {
        for id in self.ids() {
            let Some(entry) = self.groups.get(&id) else {
                continue;
            };
            let gone = |name: &str, _, offset: &Offset| name == topic && offset.is_for(topic_id);
            let tombstones = entry.offsets.tombstones(&id, gone);
            self.write(tombstones, effects);
        }
    }

    /// Forgets positions whose retention is over, and groups that have nothing left.
    pub fn expire_offsets(&mut self, now: Now, effects: &mut Effects) {
        for id in self.ids() {
            let Some(entry) = self.groups.get(&id) else {
                continue;
            };
            let tombstones = entry.expired(now, self.config.offsets_retention_ms);
            self.write(tombstones, effects);
            let is_done = |entry: &Entry| entry.offsets.is_empty() && entry.body.is_deserted();
            if let Some(entry) = self.groups.get(&id).filter(|entry| is_done(entry)) {
                self.write(entry.body.tombstones(), effects);
            }
        }
    }
}

impl Entry {
    fn commit(
        &mut self,
        who: &Committer<'_>,
        offsets: Vec<NewOffset>,
        step: &mut Step<'_>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        self.body.check_commit(who, &offsets, step)?;
        let expires_ms = who
            .retention_ms
            .map(|ms| step.now.unix_ms.saturating_add(ms));
        Ok(offsets
            .into_iter()
            .map(|new| self.commit_one(new, expires_ms, step))
            .collect())
    }

    fn commit_one(
        &mut self,
        new: NewOffset,
        expires_ms: Option<i64>,
        step: &mut Step<'_>,
    ) -> Result<(), Error> {
        let (topic, partition) = (Arc::clone(&new.topic), new.partition);
        let value = new.accept(expires_ms, step)?;
        self.write_offset(&topic, partition, Some(value), step);
        Ok(())
    }

    fn commit_undecided(
        &mut self,
        producer_id: i64,
        new: NewOffset,
        step: &mut Step<'_>,
    ) -> Result<(), Error> {
        let (topic, partition) = (Arc::clone(&new.topic), new.partition);
        let value = new.accept(None, step)?;
        self.offsets
            .apply_undecided(producer_id, &topic, partition, &value);
        step.effects.records.push(Record::Offset {
            group: Arc::clone(self.body.id()),
            topic,
            partition,
            value: Some(value),
        });
        Ok(())
    }

    fn delete_offset(
        &mut self,
        topic: &Arc<str>,
        partition: i32,
        step: &mut Step<'_>,
    ) -> Result<(), Error> {
        if self.body.is_subscribed_to(topic) {
            return Err(Error::SubscribedToTopic(topic.to_string()));
        }
        if self.offsets.get(topic, partition).is_some() {
            self.write_offset(topic, partition, None, step);
        }
        Ok(())
    }

    fn write_offset(
        &mut self,
        topic: &Arc<str>,
        partition: i32,
        value: Option<Offset>,
        step: &mut Step<'_>,
    ) {
        self.offsets.apply(topic, partition, value.as_ref());
        let (group, topic) = (Arc::clone(self.body.id()), Arc::clone(topic));
        step.effects.records.push(Record::Offset {
            group,
            topic,
            partition,
            value,
        });
    }

    /// The tombstones of what is past its retention and not in use.
    fn expired(&self, now: Now, retention_ms: i64) -> Vec<Record> {
        let Some(from) = self.body.retention_from() else {
            return Vec::new();
        };
        self.offsets.tombstones(self.body.id(), |topic, _, offset| {
            let start = match from {
                RetentionFrom::Moment(ms) => ms,
                RetentionFrom::Commit => offset.committed_ms,
            };
            let end = offset
                .expires_ms
                .unwrap_or_else(|| start.saturating_add(retention_ms));
            now.unix_ms >= end && !self.body.is_subscribed_to(topic)
        })
    }
}

impl NewOffset {
    /// What is kept of it.
    fn accept(self, expires_ms: Option<i64>, step: &Step<'_>) -> Result<Offset, Error> {
        if self.metadata.len() > step.config.offset_metadata_max_bytes {
            return Err(Error::OffsetMetadataTooLarge(self.metadata.len()));
        }
        Ok(Offset {
            offset: self.offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata,
            committed_ms: step.now.unix_ms,
            expires_ms,
            topic_id: self.topic_id,
        })
    }
}
