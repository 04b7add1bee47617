//! The catalog as a value: what all changes so far amount to.
//!
//! Pure: an image reads no log and touches no partition. The same [`Image::apply`] serves replay at start
//! and every change made since.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::change::{Change, Resource};
use super::name::collide;
use crate::quotas::Entity;
use crate::scram::{Credential, Mechanism, Owner};

/// Explicit settings by name.
pub(crate) type Values = BTreeMap<String, String>;

/// Quotas by name.
pub(crate) type Quotas = BTreeMap<String, f64>;

/// One topic as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicImage {
    /// Its name; unique among the living.
    pub(crate) name: String,
    /// How many partitions it has, numbered from 0.
    pub(crate) partitions: i32,
}

/// Everything the catalog knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Image {
    topics: BTreeMap<Uuid, TopicImage>,
    ids: BTreeMap<String, Uuid>,
    configs: BTreeMap<Resource, Values>,
    next_producer_id: i64,
    features: BTreeMap<String, i16>,
    features_epoch: i64,
    quotas: BTreeMap<Entity, Quotas>,
    passwords: BTreeMap<Owner, Credential>,
}

impl Image {
    /// Takes one step of history. A step that concerns something unknown changes nothing.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Topic { name, id } => self.begin_topic(name, id),
            Change::Partition { topic, index } => self.add_partition(topic, index),
            Change::TopicRemoved { id } => self.remove_topic(id),
            Change::Config {
                resource,
                name,
                value,
            } => self.configure(&resource, name, value),
            Change::ProducerIds { next } => self.next_producer_id = next,
            Change::Feature { name, level } => {
                self.features.insert(name, level);
                self.features_epoch += 1;
            }
            Change::Quota { entity, key, value } => {
                self.set_quota(&entity, key, value);
            }
            Change::Password { owner, credential } => set(&mut self.passwords, owner, credential),
        }
    }

    fn begin_topic(&mut self, name: String, id: Uuid) {
        self.ids.insert(name.clone(), id);
        self.topics.insert(
            id,
            TopicImage {
                name,
                partitions: 0,
            },
        );
    }

    fn add_partition(&mut self, topic: Uuid, index: i32) {
        if let Some(topic) = self.topics.get_mut(&topic) {
            topic.partitions = topic.partitions.max(index.saturating_add(1));
        }
    }

    fn remove_topic(&mut self, id: Uuid) {
        if let Some(topic) = self.topics.remove(&id) {
            self.ids.remove(&topic.name);
            self.configs.remove(&Resource::Topic(topic.name));
        }
    }

    fn configure(&mut self, resource: &Resource, name: String, value: Option<String>) {
        let values = self.configs.entry(resource.clone()).or_default();
        set(values, name, value);
        if values.is_empty() {
            self.configs.remove(resource);
        }
    }

    fn set_quota(&mut self, entity: &Entity, key: String, value: Option<f64>) {
        let quotas = self.quotas.entry(entity.clone()).or_default();
        set(quotas, key, value);
        if quotas.is_empty() {
            self.quotas.remove(entity);
        }
    }

    /// Every topic with its id.
    pub(crate) fn topics(&self) -> impl Iterator<Item = (Uuid, &TopicImage)> {
        self.topics.iter().map(|(id, topic)| (*id, topic))
    }

    /// The topic of that id.
    pub(crate) fn topic(&self, id: Uuid) -> Option<&TopicImage> {
        self.topics.get(&id)
    }

    /// The id of the topic of that name.
    pub(crate) fn id_of(&self, name: &str) -> Option<Uuid> {
        self.ids.get(name).copied()
    }

    /// A topic whose name differs from `name` in nothing but '.' and '_'.
    pub(crate) fn collision(&self, name: &str) -> Option<&str> {
        // Names without either character collide with themselves only.
        let risky = name.contains(['.', '_']);
        self.ids
            .keys()
            .filter(|_| risky)
            .map(String::as_str)
            .find(|other| collide(name, other))
    }

    /// What is explicitly set on a resource.
    pub(crate) fn config(&self, resource: &Resource) -> Option<&Values> {
        self.configs.get(resource)
    }

    /// Every group on which anything is set, with that, in the order of their ids.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&str, &Values)> {
        let first = Resource::Group(String::new());
        self.configs
            .range(first..)
            .filter_map(|(resource, values)| match resource {
                Resource::Group(id) => Some((id.as_str(), values)),
                _ => None,
            })
    }

    /// The level that was chosen for a feature, if one ever was.
    pub(crate) fn feature(&self, name: &str) -> Option<i16> {
        self.features.get(name).copied()
    }

    /// How often a level was chosen.
    pub(crate) fn features_epoch(&self) -> i64 {
        self.features_epoch
    }

    /// Every entity that has quotas, with these.
    pub(crate) fn quotas(&self) -> impl Iterator<Item = (&Entity, &Quotas)> {
        self.quotas.iter()
    }

    /// The quota of an entity, if it has one of its own.
    pub(crate) fn quota(&self, entity: &Entity, key: &str) -> Option<f64> {
        self.quotas.get(entity)?.get(key).copied()
    }

    /// Every password, in the order of the users and mechanisms.
    pub(crate) fn passwords(&self) -> impl Iterator<Item = (&Owner, &Credential)> {
        self.passwords.iter()
    }

    /// The passwords of one user.
    pub(crate) fn passwords_of(&self, user: &str) -> impl Iterator<Item = (&Owner, &Credential)> {
        let owner = |mechanism| (user.to_owned(), mechanism);
        self.passwords
            .range(owner(Mechanism::Sha256)..=owner(Mechanism::Sha512))
    }

    /// A user's password.
    pub(crate) fn password(&self, owner: &Owner) -> Option<&Credential> {
        self.passwords.get(owner)
    }

    /// Every subscription to the metrics of clients, in the order of the names.
    pub(crate) fn client_metrics(&self) -> impl Iterator<Item = &str> {
        let first = Resource::ClientMetrics(String::new());
        self.configs
            .range(first..)
            .filter_map(|(resource, _)| match resource {
                Resource::ClientMetrics(name) => Some(name.as_str()),
                _ => None,
            })
    }

    /// The smallest producer id that nobody has been given.
    pub(crate) fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }
}

fn set<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Uuid = Uuid::from_u128(0xA);
    const B: Uuid = Uuid::from_u128(0xB);

    fn topic(name: &str, id: Uuid, partitions: i32) -> Vec<Change> {
        let begin = Change::Topic {
            name: name.to_owned(),
            id,
        };
        let partitions = (0..partitions).map(|index| Change::Partition { topic: id, index });
        [begin].into_iter().chain(partitions).collect()
    }

    fn set(resource: Resource, name: &str, value: Option<&str>) -> Change {
        Change::Config {
            resource,
            name: name.to_owned(),
            value: value.map(str::to_owned),
        }
    }

    fn image(changes: impl IntoIterator<Item = Change>) -> Image {
        let mut image = Image::default();
        changes.into_iter().for_each(|change| image.apply(change));
        image
    }

    #[test]
    fn a_topic_is_found_by_name_and_by_id() {
        let image = image(topic("a", A, 3));
        assert_eq!(image.id_of("a"), Some(A));
        assert_eq!(image.topic(A).unwrap().partitions, 3);
        assert_eq!(image.topics().count(), 1);
    }

    #[test]
    fn a_removed_topic_takes_its_settings_along_and_its_name_is_free() {
        let of_a = || Resource::Topic("a".to_owned());
        let mut image = image(topic("a", A, 1));
        image.apply(set(of_a(), "retention.ms", Some("1")));
        image.apply(Change::TopicRemoved { id: A });
        assert_eq!(image, Image::default());

        topic("a", B, 2)
            .into_iter()
            .for_each(|change| image.apply(change));
        assert_eq!((image.id_of("a"), image.config(&of_a())), (Some(B), None));
    }

    #[test]
    fn a_setting_without_value_is_unset() {
        let every = || Resource::Broker(None);
        let mut image = image([set(every(), "log.retention.ms", Some("5"))]);
        assert_eq!(image.config(&every()).unwrap()["log.retention.ms"], "5");
        image.apply(set(every(), "log.retention.ms", None));
        assert_eq!(image.config(&every()), None);
    }

    #[test]
    fn steps_that_concern_the_unknown_change_nothing() {
        let steps = [
            Change::Partition { topic: A, index: 0 },
            Change::TopicRemoved { id: A },
        ];
        assert_eq!(image(steps), Image::default());
    }

    #[test]
    fn collisions_are_found_only_where_they_can_be() {
        let image = image(topic("a.b", A, 1));
        assert_eq!(image.collision("a_b"), Some("a.b"));
        assert_eq!(image.collision("a-b"), None);
        assert_eq!(image.collision("ab"), None);
    }
}
