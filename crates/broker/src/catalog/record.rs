//! Changes as records of `__cluster_metadata`, in the form that Kafka's own tools read.

use std::borrow::Cow;

use bytes::Bytes;
use millstream_wire::record::metadata::{
    ClientQuotaRecord, ConfigRecord, FeatureLevelRecord, MetadataRecord, PartitionRecord,
    ProducerIdsRecord, QuotaEntity, RemoveTopicRecord, RemoveUserScramCredentialRecord,
    TopicRecord, UserScramCredentialRecord, to_bytes,
};
use millstream_wire::{Error, Uuid};

use super::change::{Change, Resource};
use crate::quotas::Entity;
use crate::resource_type;
use crate::scram::{Credential, Mechanism, Owner};

/// The record of a change, as made by the broker `node_id`, which leads every partition.
pub(super) fn encode(change: &Change, node_id: i32) -> Result<Bytes, Error> {
    match change {
        Change::Topic { name, id } => to_bytes(
            &TopicRecord {
                name: Cow::Borrowed(name),
                topic_id: *id,
            },
            0,
        ),
        Change::Partition { topic, index } => to_bytes(&led_by(node_id, *topic, *index), 0),
        Change::TopicRemoved { id } => to_bytes(&RemoveTopicRecord { topic_id: *id }, 0),
        Change::Config {
            resource,
            name,
            value,
        } => {
            let (resource_type, resource_name) = named(resource);
            let (name, value) = (
                Cow::Borrowed(name.as_str()),
                value.as_deref().map(Cow::Borrowed),
            );
            to_bytes(
                &ConfigRecord {
                    resource_type,
                    resource_name,
                    name,
                    value,
                },
                0,
            )
        }
        Change::ProducerIds { next } => to_bytes(
            &ProducerIdsRecord {
                broker_id: node_id,
                broker_epoch: 0,
                next_producer_id: *next,
            },
            0,
        ),
        Change::Feature { name, level } => to_bytes(
            &FeatureLevelRecord {
                name: Cow::Borrowed(name),
                feature_level: *level,
            },
            0,
        ),
        Change::Quota { entity, key, value } => to_bytes(&quota(entity, key, *value), 0),
        Change::Password {
            owner,
            credential: Some(credential),
        } => to_bytes(&password(owner, credential), 0),
        Change::Password {
            owner: (user, mechanism),
            credential: None,
        } => to_bytes(
            &RemoveUserScramCredentialRecord {
                name: Cow::Borrowed(user),
                mechanism: mechanism.id(),
            },
            0,
        ),
    }
}

/// The change that a record stands for; none for a record that changes nothing here.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<Change>, Error> {
    Ok(match MetadataRecord::from_bytes(bytes)? {
        MetadataRecord::Topic(record) => Some(Change::Topic {
            name: record.name.into_owned(),
            id: record.topic_id,
        }),
        MetadataRecord::Partition(record) => Some(Change::Partition {
            topic: record.topic_id,
            index: record.partition_id,
        }),
        MetadataRecord::RemoveTopic(record) => Some(Change::TopicRemoved {
            id: record.topic_id,
        }),
        MetadataRecord::Config(record) => resource(&record).map(|resource| Change::Config {
            resource,
            name: record.name.into_owned(),
            value: record.value.map(Cow::into_owned),
        }),
        MetadataRecord::ProducerIds(record) => Some(Change::ProducerIds {
            next: record.next_producer_id,
        }),
        MetadataRecord::FeatureLevel(record) => Some(Change::Feature {
            name: record.name.into_owned(),
            level: record.feature_level,
        }),
        MetadataRecord::ClientQuota(record) => Some(quota_change(record)),
        MetadataRecord::UserScramCredential(record) => {
            owner(record.name, record.mechanism).map(|owner| Change::Password {
                owner,
                credential: Some(Credential {
                    salt: record.salt.into_owned(),
                    stored_key: record.stored_key.into_owned(),
                    server_key: record.server_key.into_owned(),
                    iterations: record.iterations,
                }),
            })
        }
        MetadataRecord::RemoveUserScramCredential(record) => owner(record.name, record.mechanism)
            .map(|owner| Change::Password {
                owner,
                credential: None,
            }),
        MetadataRecord::PartitionChange(_) => None,
    })
}

fn led_by(node_id: i32, topic: Uuid, index: i32) -> PartitionRecord {
    PartitionRecord {
        partition_id: index,
        topic_id: topic,
        replicas: vec![node_id],
        isr: vec![node_id],
        leader: node_id,
        leader_epoch: 0,
        partition_epoch: 0,
        ..PartitionRecord::default()
    }
}

fn named(resource: &Resource) -> (i8, Cow<'_, str>) {
    match resource {
        Resource::Topic(name) => (resource_type::TOPIC, Cow::Borrowed(name)),
        Resource::Broker(None) => (resource_type::BROKER, Cow::Borrowed("")),
        Resource::Broker(Some(id)) => (resource_type::BROKER, Cow::Owned(id.to_string())),
        Resource::Group(id) => (resource_type::GROUP, Cow::Borrowed(id)),
        Resource::ClientMetrics(name) => (resource_type::CLIENT_METRICS, Cow::Borrowed(name)),
    }
}

fn resource(record: &ConfigRecord<'_>) -> Option<Resource> {
    match (record.resource_type, record.resource_name.as_ref()) {
        (resource_type::TOPIC, name) => Some(Resource::Topic(name.to_owned())),
        (resource_type::BROKER, "") => Some(Resource::Broker(None)),
        (resource_type::BROKER, id) => id.parse().ok().map(|id| Resource::Broker(Some(id))),
        (resource_type::GROUP, id) => Some(Resource::Group(id.to_owned())),
        (resource_type::CLIENT_METRICS, name) => Some(Resource::ClientMetrics(name.to_owned())),
        _ => None,
    }
}

fn quota<'a>(entity: &'a Entity, key: &'a str, value: Option<f64>) -> ClientQuotaRecord<'a> {
    let side = |(side, name): (&'a str, Option<&'a str>)| QuotaEntity {
        entity_type: Cow::Borrowed(side),
        entity_name: name.map(Cow::Borrowed),
    };
    ClientQuotaRecord {
        entity: entity.sides().map(side).collect(),
        key: Cow::Borrowed(key),
        value: value.unwrap_or_default(),
        remove: value.is_none(),
    }
}

fn quota_change(record: ClientQuotaRecord<'_>) -> Change {
    let side = |side: QuotaEntity<'_>| {
        let name = side.entity_name.map(Cow::into_owned);
        (side.entity_type.into_owned(), name)
    };
    Change::Quota {
        entity: Entity::known(record.entity.into_iter().map(side)),
        key: record.key.into_owned(),
        value: (!record.remove).then_some(record.value),
    }
}

fn password<'a>(owner: &'a Owner, credential: &'a Credential) -> UserScramCredentialRecord<'a> {
    UserScramCredentialRecord {
        name: Cow::Borrowed(&owner.0),
        mechanism: owner.1.id(),
        salt: Cow::Borrowed(&credential.salt),
        stored_key: Cow::Borrowed(&credential.stored_key),
        server_key: Cow::Borrowed(&credential.server_key),
        iterations: credential.iterations,
    }
}

/// Whose password it is, unless its mechanism is not known here.
fn owner(user: Cow<'_, str>, mechanism: i8) -> Option<Owner> {
    Some((user.into_owned(), Mechanism::from_id(mechanism).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_survives_its_record() {
        let id = Uuid::from_u128(0xABCD);
        let config = |resource, value: Option<&str>| Change::Config {
            resource,
            name: "retention.ms".to_owned(),
            value: value.map(str::to_owned),
        };
        let changes = [
            Change::Topic {
                name: "orders".to_owned(),
                id,
            },
            Change::Partition {
                topic: id,
                index: 9_999,
            },
            Change::TopicRemoved { id },
            config(Resource::Topic("orders".to_owned()), Some("1")),
            config(Resource::Broker(None), Some("2")),
            config(Resource::Broker(Some(7)), None),
            config(Resource::Group("workers".to_owned()), Some("3")),
            config(Resource::ClientMetrics("all".to_owned()), Some("*")),
            Change::ProducerIds { next: i64::MAX },
            Change::Feature {
                name: "share.version".to_owned(),
                level: 1,
            },
            quota(Some(1.5)),
            quota(None),
            password(Some(Credential {
                salt: vec![1],
                stored_key: vec![2, 3],
                server_key: vec![4, 5],
                iterations: 4096,
            })),
            password(None),
        ];
        for change in changes {
            let record = encode(&change, 1).unwrap();
            assert_eq!(decode(&record).unwrap(), Some(change));
        }
    }

    fn quota(value: Option<f64>) -> Change {
        let sides = [
            ("client-id".to_owned(), None),
            ("user".to_owned(), Some("a".to_owned())),
        ];
        Change::Quota {
            entity: Entity::known(sides),
            key: "request_percentage".to_owned(),
            value,
        }
    }

    fn password(credential: Option<Credential>) -> Change {
        Change::Password {
            owner: ("a".to_owned(), Mechanism::Sha512),
            credential,
        }
    }

    #[test]
    fn topic_records_have_kafkas_bytes() {
        let id = Uuid::from_u128(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
        let record = encode(
            &Change::Topic {
                name: "ab".to_owned(),
                id,
            },
            1,
        )
        .unwrap();
        // Frame version 1, record 2, version 0; compact string; id; no tags.
        let bytes = [
            1, 2, 0, 3, b'a', b'b', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0,
        ];
        assert_eq!(record.as_ref(), bytes);
    }
}
