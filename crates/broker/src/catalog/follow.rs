//! Makes the store follow the catalog.
//!
//! The catalog's log is the truth. What it knows and the store lacks is created; what the store holds and the
//! catalog does not know is removed. The same step follows each change and heals what a crash between the two
//! left behind. It touches files and belongs on a thread that may block.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_store::{Error as StoreError, LogConfig, Partition, Store, TopicPartition};
use uuid::Uuid;

use super::change::Resource;
use super::group::GroupConfigs;
use super::image::{Image, TopicImage, Values};
use super::name::METADATA_ID;
use super::state::State;
use super::topic::{Topic, log_config};
use crate::Error;
use crate::config::{BrokerConfig, Settings, Table, TopicConfig};

/// The state that `image` describes, taking over from `before` what has not changed. A topic whose
/// partitions cannot be had is left out until the next change, and is why the second value is an error.
pub(super) fn follow(
    store: &Store,
    before: Option<&State>,
    image: Image,
    config: Arc<BrokerConfig>,
    groups: GroupConfigs,
) -> (State, Result<(), Error>) {
    let mut outcome = Ok(());
    let mut by_name = BTreeMap::new();
    for (id, topic) in image.topics() {
        let resource = Resource::Topic(topic.name.clone());
        let kept = before.and_then(|before| unchanged(before, &image, &config, id, &resource));
        let topic = kept.map_or_else(
            || realise(store, id, topic, image.config(&resource), &config).map(Arc::new),
            Ok,
        );
        match topic {
            Ok(topic) => drop(by_name.insert(topic.name.clone(), topic)),
            Err(error) => outcome = Err(error),
        }
    }
    let by_id = by_name
        .values()
        .map(|topic| (topic.id, Arc::clone(topic)))
        .collect();
    (
        State {
            version: before.map_or(0, |before| before.version + 1),
            image,
            config,
            by_name,
            by_id,
            groups,
        },
        outcome,
    )
}

/// The topic as it was, if nothing that it is made of has changed.
fn unchanged(
    before: &State,
    image: &Image,
    config: &Arc<BrokerConfig>,
    id: Uuid,
    resource: &Resource,
) -> Option<Arc<Topic>> {
    let same = before.image.topic(id) == image.topic(id)
        && before.image.config(resource) == image.config(resource)
        && Arc::ptr_eq(&before.config, config);
    before.topic_by_id(id).filter(|_| same).cloned()
}

fn realise(
    store: &Store,
    id: Uuid,
    topic: &TopicImage,
    values: Option<&Values>,
    broker: &BrokerConfig,
) -> Result<Topic, Error> {
    let overrides = settings(TopicConfig::TABLE, values);
    let config = Arc::new(TopicConfig::resolve(overrides, broker)?);
    let partitions = partitions(store, id, topic.partitions, &Arc::new(log_config(&config)))?;
    Ok(Topic::new(topic.name.clone(), id, config, partitions))
}

/// The partitions of a topic, made where they are missing, with that configuration.
fn partitions(
    store: &Store,
    topic_id: Uuid,
    count: i32,
    config: &Arc<LogConfig>,
) -> Result<Vec<Arc<Partition>>, Error> {
    let ids = (0..count).map(|index| TopicPartition { topic_id, index });
    let is_missing = |id: &TopicPartition| store.partition(id).is_none();
    let missing: Vec<_> = ids.clone().filter(is_missing).collect();
    if !missing.is_empty() {
        store.create_partitions(&missing, config)?;
    }
    ids.map(|id| {
        let partition = store
            .partition(&id)
            .ok_or(StoreError::NotFound { partition: id })?;
        partition.set_config(Arc::clone(config));
        Ok(partition)
    })
    .collect()
}

/// What is set, as far as this release knows the names and allows the values.
pub(super) fn settings(table: Table, values: Option<&Values>) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in values.into_iter().flatten() {
        if let Err(error) = settings.set(table, name, value) {
            tracing::warn!(%error, "setting of the catalog ignored");
        }
    }
    settings
}

/// Removes every partition of the store that the catalog does not know; tells how many there were.
pub(super) fn remove_orphans(store: &Store, image: &Image) -> Result<usize, Error> {
    let orphans = orphans(store, image);
    if !orphans.is_empty() {
        store.delete_partitions(&orphans)?;
    }
    Ok(orphans.len())
}

/// Partitions of the store that the catalog does not know.
pub(super) fn orphans(store: &Store, image: &Image) -> Vec<TopicPartition> {
    let known = |tp: &TopicPartition| {
        tp.topic_id == METADATA_ID
            || image
                .topic(tp.topic_id)
                .is_some_and(|topic| tp.index < topic.partitions)
    };
    store
        .partitions()
        .iter()
        .map(|partition| partition.id())
        .filter(|tp| !known(tp))
        .collect()
}
