//! What an operation on the catalog amounts to, decided before anything is written.
//!
//! Pure: an image and a wish give the changes that fulfil it, or the reason why it cannot be. A plan that is
//! not carried out is what `validate_only` answers.

use uuid::Uuid;

use super::change::{Change, Resource};
use super::image::Image;
use super::name::{METADATA, validate};
use crate::Error;
use crate::config::Settings;
use crate::features::{self, Direction};
use crate::quotas::Entity;

/// Most partitions that one operation makes, so that one operation is one batch of bounded size.
const MAX_NEW_PARTITIONS: i32 = 10_000;

/// A topic that is wished for.
#[derive(Debug, Clone, Default)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions, at least 1.
    pub partitions: i32,
    /// What is set on the topic itself.
    pub overrides: Settings,
}

/// A level that is wished for.
#[derive(Debug)]
pub(crate) struct FeatureWish {
    /// Which feature.
    pub(crate) name: String,
    /// Where it is to be.
    pub(crate) level: i16,
    /// In which direction it may go; none is one that is not known.
    pub(crate) direction: Option<Direction>,
}

/// Begins a topic.
pub(crate) fn create(image: &Image, topic: &NewTopic, id: Uuid) -> Result<Vec<Change>, Error> {
    let NewTopic {
        name,
        partitions,
        overrides,
    } = topic;
    vacant(image, name)?;
    if *partitions < 1 {
        return Err(Error::PartitionCount(*partitions));
    }
    let begin = Change::Topic {
        name: name.clone(),
        id,
    };
    let partitions = new_partitions(id, 0, *partitions)?;
    let configs = configure(image, &Resource::Topic(name.clone()), overrides);
    Ok([begin]
        .into_iter()
        .chain(partitions)
        .chain(configs)
        .collect())
}

/// Begins those of the topics that there can be, as many as one operation makes.
pub(crate) fn create_all(
    image: &Image,
    topics: impl IntoIterator<Item = (NewTopic, Uuid)>,
) -> Vec<Change> {
    let limit = MAX_NEW_PARTITIONS as usize;
    let (mut image, mut changes) = (image.clone(), Vec::new());
    for (topic, id) in topics.into_iter().take(limit) {
        let planned = create(&image, &topic, id).unwrap_or_default();
        if changes.len() + planned.len() > limit {
            break;
        }
        planned
            .iter()
            .for_each(|change| image.apply(change.clone()));
        changes.extend(planned);
    }
    changes
}

/// Refuses a name that cannot be used or is in use.
fn vacant(image: &Image, name: &str) -> Result<(), Error> {
    validate(name)?;
    if name == METADATA {
        return Err(Error::InternalTopic(name.to_owned()));
    }
    if image.id_of(name).is_some() {
        return Err(Error::TopicExists(name.to_owned()));
    }
    image.collision(name).map_or(Ok(()), |existing| {
        Err(Error::Collision {
            name: name.to_owned(),
            existing: existing.to_owned(),
        })
    })
}

/// Ends a topic.
pub(crate) fn delete(image: &Image, id: Uuid) -> Result<Vec<Change>, Error> {
    image.topic(id).ok_or(Error::UnknownTopicId(id))?;
    Ok(vec![Change::TopicRemoved { id }])
}

/// Gives a topic more partitions, `wanted` in all.
pub(crate) fn grow(image: &Image, name: &str, wanted: i32) -> Result<Vec<Change>, Error> {
    let unknown = || Error::UnknownTopic(name.to_owned());
    let id = image.id_of(name).ok_or_else(unknown)?;
    let current = image.topic(id).ok_or_else(unknown)?.partitions;
    if wanted <= current {
        return Err(Error::NotMorePartitions {
            topic: name.to_owned(),
            current,
            wanted,
        });
    }
    new_partitions(id, current, wanted)
}

fn new_partitions(topic: Uuid, from: i32, to: i32) -> Result<Vec<Change>, Error> {
    let (wanted, limit) = (to.saturating_sub(from), MAX_NEW_PARTITIONS);
    if wanted > limit {
        return Err(Error::TooManyPartitions { wanted, limit });
    }
    Ok((from..to)
        .map(|index| Change::Partition { topic, index })
        .collect())
}

/// Makes `wanted` all that is set on a resource.
pub(crate) fn configure(image: &Image, resource: &Resource, wanted: &Settings) -> Vec<Change> {
    let change = |name: &str, value: Option<&str>| Change::Config {
        resource: resource.clone(),
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    let current = image.config(resource);
    let is_set = |name: &str| {
        current
            .and_then(|values| values.get(name))
            .map(String::as_str)
    };
    let set = wanted
        .iter()
        .filter(|(name, value)| is_set(name) != Some(*value));
    let gone = current.into_iter().flat_map(|values| values.keys());
    let gone = gone.filter(|name| wanted.get(name).is_none());
    set.map(|(name, value)| change(name, Some(value)))
        .chain(gone.map(|name| change(name, None)))
        .collect()
}

/// Takes features to the levels wished for.
pub(crate) fn update_features(image: &Image, wishes: &[FeatureWish]) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for wish in wishes {
        let current = level(image, &wish.name);
        features::check(&wish.name, current, wish.level, wish.direction)?;
        if wish.level != current {
            changes.push(Change::Feature {
                name: wish.name.clone(),
                level: wish.level,
            });
        }
    }
    Ok(changes)
}

/// The level that a feature works at; 0 is off, as is what does not exist.
pub(crate) fn level(image: &Image, name: &str) -> i16 {
    let release = features::find(name).map_or(0, |feature| feature.level);
    image.feature(name).unwrap_or(release)
}

/// What is wished for one quota: its name, and its value if it is to have one.
pub(crate) type QuotaWish = (String, Option<f64>);

/// Sets and removes quotas of an entity.
pub(crate) fn alter_quotas(image: &Image, entity: &Entity, wishes: &[QuotaWish]) -> Vec<Change> {
    let differs = |(key, value): &&QuotaWish| image.quota(entity, key) != *value;
    let change = |(key, value): &QuotaWish| Change::Quota {
        entity: entity.clone(),
        key: key.clone(),
        value: *value,
    };
    wishes.iter().filter(differs).map(change).collect()
}

/// Sets `count` producer ids aside; the first of them is the image's next one.
pub(crate) fn reserve_producer_ids(image: &Image, count: i64) -> Vec<Change> {
    vec![Change::ProducerIds {
        next: image.next_producer_id().saturating_add(count),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TopicConfig;

    const A: Uuid = Uuid::from_u128(0xA);

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in pairs {
            settings.set(TopicConfig::TABLE, name, value).unwrap();
        }
        settings
    }

    fn wish(name: &str, partitions: i32) -> NewTopic {
        NewTopic {
            name: name.to_owned(),
            partitions,
            ..NewTopic::default()
        }
    }

    fn with_topic(name: &str, partitions: i32) -> Image {
        let mut image = Image::default();
        let overrides = settings(&[("retention.ms", "7"), ("segment.ms", "9")]);
        let topic = NewTopic {
            overrides,
            ..wish(name, partitions)
        };
        let plan = create(&image, &topic, A).unwrap();
        plan.into_iter().for_each(|change| image.apply(change));
        image
    }

    #[test]
    fn a_name_in_use_or_too_alike_is_refused() {
        let image = with_topic("a.b", 1);
        let refusal = |name| create(&image, &wish(name, 1), A).unwrap_err().to_string();
        assert!(refusal("a.b").contains("already exists"));
        assert!(refusal("a_b").contains("collides"));
        assert!(refusal("a/b").contains("character"));
        assert!(refusal(METADATA).contains("broker's own"));
    }

    #[test]
    fn partition_counts_are_bounded() {
        let image = with_topic("a", 3);
        let creating = |n| create(&image, &wish("new", n), A);
        assert!(matches!(creating(0), Err(Error::PartitionCount(0))));
        assert!(matches!(
            creating(10_001),
            Err(Error::TooManyPartitions { .. })
        ));
        assert_eq!(creating(10_000).unwrap().len(), 10_001);

        assert!(matches!(
            grow(&image, "a", 3),
            Err(Error::NotMorePartitions { .. })
        ));
        assert!(matches!(
            grow(&image, "a", i32::MAX),
            Err(Error::TooManyPartitions { .. })
        ));
        assert!(matches!(grow(&image, "b", 3), Err(Error::UnknownTopic(_))));
        let plan: Vec<_> = (3..5)
            .map(|index| Change::Partition { topic: A, index })
            .collect();
        assert_eq!(grow(&image, "a", 5).unwrap(), plan);
    }

    #[test]
    fn configuring_changes_only_what_differs() {
        let image = with_topic("a", 1);
        let resource = Resource::Topic("a".to_owned());
        let wanted = settings(&[("retention.ms", "8"), ("segment.bytes", "1048576")]);
        let plan = configure(&image, &resource, &wanted);
        let set = |name: &str, value: Option<&str>| Change::Config {
            resource: resource.clone(),
            name: name.to_owned(),
            value: value.map(str::to_owned),
        };
        let expected = [
            set("retention.ms", Some("8")),
            set("segment.bytes", Some("1048576")),
            set("segment.ms", None),
        ];
        assert_eq!(plan, expected);
    }
}
