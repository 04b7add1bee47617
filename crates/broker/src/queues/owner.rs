//! Who consumes a queue: one group, the one that its settings name or else the first that comes.
//!
//! The owner is a setting of the topic, which the catalog keeps like any other; nothing is remembered here. Reading
//! without a group attaches nobody.

use std::collections::BTreeSet;

use crate::catalog::{Resource, Topic};
use crate::config::TopicConfig;
use crate::{Broker, Error};

/// The setting that tells who owns a queue.
const OWNER: &str = "queue.owner";

impl Broker {
    /// Lets `group` consume `topic`. Of a queue it becomes the owner if there is none, durably before this
    /// returns; any other topic is everybody's.
    ///
    /// # Errors
    /// [`Error::QueueOwned`] if the queue is another group's; [`Error::Group`] for the group without a name;
    /// those of the catalog's log.
    pub(crate) async fn attach(&self, topic: &Topic, group: &str) -> Result<(), Error> {
        if !topic.config().queue_enable {
            return Ok(());
        }
        let outcome = self.own(topic, group).await;
        if let Err(error @ Error::QueueOwned { .. }) = &outcome {
            tracing::warn!("{error}");
        }
        outcome
    }

    async fn own(&self, topic: &Topic, group: &str) -> Result<(), Error> {
        if group.is_empty() {
            return Err(millstream_groups::Error::InvalidGroupId.into());
        }
        if is_owned(topic, group)? {
            return Ok(());
        }
        let owner = group;
        let (id, group) = (topic.id, group.to_owned());
        let resource = Resource::Topic(topic.name.clone());
        let own = self.catalog().configure(resource.clone(), move |state| {
            let topic = state.topic_by_id(id).ok_or(Error::UnknownTopicId(id))?;
            let mut settings = state.settings(&resource);
            if !is_owned(topic, &group)? {
                settings.set(TopicConfig::TABLE, OWNER, &group)?;
            }
            Ok(settings)
        });
        own.await?;
        tracing::info!(queue = topic.name, owner, "queue has an owner");
        Ok(())
    }

    /// Takes from `group` the queues that it owns, when it is no more.
    pub(crate) async fn release(&self, group: &str) {
        for topic in self.catalog().topics() {
            if topic.config().queue_owner.as_deref() == Some(group)
                && let Err(error) = self.disown(&topic, group).await
            {
                tracing::warn!(queue = topic.name, group, %error, "queue still belongs to a group that is no more");
            }
        }
    }

    /// Takes their queues from owners that are no more: those that have expired, and those that a crash kept
    /// from being more than an owner.
    pub(crate) async fn release_orphans(&self) {
        let topics = self.catalog().topics();
        let owners = topics
            .iter()
            .filter_map(|topic| topic.config().queue_owner.as_deref());
        for owner in owners.collect::<BTreeSet<_>>() {
            let exists = self
                .groups()
                .run(owner, |groups, _, _| groups.exists(owner));
            let fetches = self.shares().has_session(owner);
            if !fetches && let Ok(false) = exists.await {
                self.release(owner).await;
            }
        }
    }

    async fn disown(&self, topic: &Topic, group: &str) -> Result<(), Error> {
        let owner = group.to_owned();
        let resource = Resource::Topic(topic.name.clone());
        let disown = self.catalog().configure(resource.clone(), move |state| {
            let mut settings = state.settings(&resource);
            if settings.get(OWNER) == Some(&owner) {
                settings.remove(TopicConfig::TABLE, OWNER)?;
            }
            Ok(settings)
        });
        disown.await?;
        tracing::info!(queue = topic.name, owner = group, "queue has no owner");
        Ok(())
    }
}

/// Whether `group` owns a queue already; otherwise it may become its owner.
pub(super) fn is_owned(queue: &Topic, group: &str) -> Result<bool, Error> {
    let config = queue.config();
    let owner = config.queue_owner.as_ref();
    match config.queue_group.as_ref().or(owner) {
        Some(other) if other != group => Err(Error::QueueOwned {
            topic: queue.name.clone(),
            owner: other.clone(),
            group: group.to_owned(),
        }),
        _ => Ok(owner.is_some()),
    }
}
