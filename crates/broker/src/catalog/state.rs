//! The catalog as everyone reads it: one immutable value, replaced as a whole by each change.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use uuid::Uuid;

use super::change::Resource;
use super::follow::settings;
use super::group::GroupConfigs;
use super::image::Image;
use super::plan;
use super::queue;
use super::topic::Topic;
use crate::Error;
use crate::config::{BrokerConfig, GroupConfig, Settings, TopicConfig};

/// What was true at one moment: topics with their partitions, and the broker's configuration.
#[derive(Debug)]
pub struct State {
    pub(super) version: i64,
    pub(super) image: Image,
    pub(super) config: Arc<BrokerConfig>,
    pub(super) by_name: BTreeMap<String, Arc<Topic>>,
    pub(super) by_id: HashMap<Uuid, Arc<Topic>>,
    pub(super) groups: GroupConfigs,
}

impl State {
    /// Counts the changes since the broker began.
    pub(crate) fn version(&self) -> i64 {
        self.version
    }

    /// The topic of that name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.by_name.get(name)
    }

    /// The topic of that id.
    #[must_use]
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<Topic>> {
        self.by_id.get(&id)
    }

    /// Every topic in the order of the names.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_name.values()
    }

    /// Every topic from that name on, in the order of the names.
    pub(crate) fn topics_from(&self, name: &str) -> impl Iterator<Item = &Arc<Topic>> {
        let from = (Bound::Included(name), Bound::Unbounded);
        self.by_name.range::<str, _>(from).map(|(_, topic)| topic)
    }

    /// The broker's configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<BrokerConfig> {
        &self.config
    }

    /// The configuration of a group, whether it exists or not.
    #[must_use]
    pub fn group_config(&self, group: &str) -> &Arc<GroupConfig> {
        self.groups.of(group)
    }

    /// Every group on which anything is set, in the order of their ids.
    pub(crate) fn configured_groups(&self) -> impl Iterator<Item = &str> {
        self.image.groups().map(|(id, _)| id)
    }

    /// What is set on a resource itself.
    pub(crate) fn settings(&self, resource: &Resource) -> Settings {
        settings(resource.table(), self.image.config(resource))
    }

    /// Whether the topic `name`, which need not be there yet, could have that configuration as a queue.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting that keeps it from that.
    pub(crate) fn check_queue(&self, name: &str, wanted: &TopicConfig) -> Result<(), Error> {
        queue::check(self, name, wanted)
    }

    /// The level that a feature works at; 0 is off.
    pub(crate) fn feature_level(&self, name: &str) -> i16 {
        plan::level(&self.image, name)
    }

    /// Grows whenever a feature goes to another level.
    pub(crate) fn features_epoch(&self) -> i64 {
        self.image.features_epoch()
    }

    /// What the catalog's log amounts to.
    pub(crate) fn image(&self) -> &Image {
        &self.image
    }
}
