//! Changes as records of `__cluster_metadata`, in the form that Kafka's own tools read.

use std::borrow::Cow;

use bytes::Bytes;
use millstream_wire::record::metadata::{
    ConfigRecord, MetadataRecord, PartitionRecord, ProducerIdsRecord, RemoveTopicRecord,
    TopicRecord, to_bytes,
};
use millstream_wire::{Error, Uuid};

use super::change::{Change, Resource};
use crate::resource_type;

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
        MetadataRecord::PartitionChange(_) | MetadataRecord::FeatureLevel(_) => None,
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
    }
}

fn resource(record: &ConfigRecord<'_>) -> Option<Resource> {
    match (record.resource_type, record.resource_name.as_ref()) {
        (resource_type::TOPIC, name) => Some(Resource::Topic(name.to_owned())),
        (resource_type::BROKER, "") => Some(Resource::Broker(None)),
        (resource_type::BROKER, id) => id.parse().ok().map(|id| Resource::Broker(Some(id))),
        (resource_type::GROUP, id) => Some(Resource::Group(id.to_owned())),
        _ => None,
    }
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
            Change::ProducerIds { next: i64::MAX },
        ];
        for change in changes {
            let record = encode(&change, 1).unwrap();
            assert_eq!(decode(&record).unwrap(), Some(change));
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
