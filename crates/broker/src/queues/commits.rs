//! A group of consumers acknowledges everything before the offset that it commits: the log start moves there.
//!
//! The commit is durable first, and is what a crash in between is mended from. So before a commit is forgotten, the log
//! start that it moved has to be durable by itself. Nothing here moves a log start back.

use std::sync::Arc;

use millstream_groups::{NewOffset, Offset, Shard};
use millstream_store::Partition;

use super::is_owned;
use crate::catalog::Topic;
use crate::{Broker, Error};

/// A position to commit.
#[derive(Debug)]
pub(crate) struct Position {
    /// What to commit.
    offset: NewOffset,
    /// Where that acknowledges messages, if it does.
    queue: Option<Arc<Partition>>,
}

impl Position {
    /// A position in a partition of `topic`, if there is that partition. In a queue it is kept among the messages that
    /// are there.
    pub(crate) fn new(topic: &Topic, mut offset: NewOffset) -> Option<Self> {
        let partition = topic.partition(offset.partition).ok()?;
        let queue = topic.config().queue_enable.then(|| Arc::clone(partition));
        if let Some(queue) = &queue {
            let bounds = queue.offsets();
            offset.offset = offset
                .offset
                .min(bounds.high_watermark)
                .max(bounds.log_start);
        }
        Some(Self { offset, queue })
    }

    /// What `group` is to commit: none of it goes back behind what it has committed before.
    pub(crate) fn held(positions: &mut [Self], groups: &Shard, group: &str) -> Vec<NewOffset> {
        let hold = |position: &mut Self| {
            position.hold(groups, group);
            position.offset.clone()
        };
        positions.iter_mut().map(hold).collect()
    }

    /// Keeps the position in a queue from going back behind what `group` has committed before, although that may
    /// not have moved the log start yet.
    fn hold(&mut self, groups: &Shard, group: &str) {
        let NewOffset {
            topic,
            partition,
            topic_id,
            ..
        } = &self.offset;
        let before = groups
            .offset(group, topic, *partition)
            .filter(|before| before.is_for(*topic_id));
        if let (Some(_), Some(before)) = (&self.queue, before) {
            self.offset.offset = self.offset.offset.max(before.offset);
        }
    }

    /// Removes what the position acknowledges, once it is committed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn acknowledge(&self) -> Result<(), Error> {
        match &self.queue {
            Some(queue) => acknowledge(queue, self.offset.offset),
            None => Ok(()),
        }
    }
}

/// Has a queue begin at a position that is committed, and could be asked for after a crash.
fn acknowledge(queue: &Arc<Partition>, committed: i64) -> Result<(), Error> {
    let end = queue.offsets().high_watermark;
    queue.advance_log_start(committed.min(end))?;
    Ok(())
}

/// Makes durable where a queue begins, without the commits that have brought it there.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn keep_acknowledged(queue: &Topic) -> Result<(), Error> {
    for partition in queue.partitions() {
        partition
            .delete_records(partition.offsets().log_start)
            .await?;
    }
    Ok(())
}

/// Where `group` goes on in a partition of `topic`, if that is a queue and the group may consume it: at its first
/// message, whatever was committed or not.
pub(crate) fn head(topic: &Topic, partition: i32, group: &str) -> Option<i64> {
    let may_consume = topic.config().queue_enable && is_owned(topic, group).is_ok();
    let partition = topic.partition(partition).ok().filter(|_| may_consume)?;
    Some(partition.offsets().log_start)
}

impl Broker {
    /// Lets every queue begin where its owner has come to: a crash may have come between the two.
    pub(crate) async fn recover_queues(&self) {
        for topic in self.catalog().topics() {
            if let Some(owner) = topic.config().queue_owner.as_deref()
                && topic.config().queue_enable
                && let Err(error) = self.recover_queue(&topic, owner).await
            {
                tracing::error!(queue = topic.name, %error, "acknowledged messages may come back");
            }
        }
    }

    async fn recover_queue(&self, topic: &Topic, owner: &str) -> Result<(), Error> {
        let committed = |groups: &Shard| {
            let of = |index| groups.offset(owner, &topic.name, index);
            let for_this = |offset: &&Offset| offset.is_for(topic.id.as_u128());
            let offsets = (0..).take(topic.partitions().len()).map(of);
            let offsets = offsets.map(|offset| Some(offset.filter(for_this)?.offset));
            offsets.collect::<Vec<_>>()
        };
        let committed = self
            .groups()
            .run(owner, |groups, _, _| committed(groups))
            .await?;
        for ((index, queue), committed) in (0..).zip(topic.partitions()).zip(committed) {
            let Some(committed) = committed else {
                continue;
            };
            acknowledge(queue, committed)?;
            let end = queue.offsets().high_watermark;
            if committed > end {
                tracing::warn!(
                    queue = topic.name,
                    index,
                    committed,
                    end,
                    "messages were lost that were not synced"
                );
                keep_acknowledged(topic).await?;
                let forget = self.groups().run(owner, |groups, _, effects| {
                    groups.forget_offset(owner, &topic.name, index, effects);
                });
                forget.await?;
            }
        }
        Ok(())
    }

    /// Makes durable what has been acknowledged in the queues of those owners, so that their commits can be
    /// forgotten.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) async fn keep_acknowledged_by(
        &self,
        by: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        for topic in self.catalog().topics() {
            if topic.config().queue_owner.as_deref().is_some_and(&by) {
                keep_acknowledged(&topic).await?;
            }
        }
        Ok(())
    }
}
