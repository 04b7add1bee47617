//! Producing to and fetching from a test broker over raw frames.

use std::sync::Arc;

use bytes::BytesMut;
use millstream_batch::{Batch, Builder};
use millstream_wire::api::{fetch, produce};
use millstream_wire::{ApiKey, Uuid};

use crate::Topic;
use crate::catalog::NewTopic;
use crate::config::{Settings, TopicConfig};
use crate::testing::{NOW_MS, TestBroker};

/// Newest version of Produce, and of Fetch, that names topics.
pub(crate) const BY_NAME: i16 = 12;

/// A batch of these values, without keys.
pub(crate) fn values(values: &[&str]) -> Builder {
    values.iter().fold(Builder::new(), |builder, value| {
        builder.record(NOW_MS, None, Some(value.as_bytes()))
    })
}

/// The bytes of a batch as a client sends it.
pub(crate) fn sent(builder: Builder) -> Vec<u8> {
    builder.build().unwrap().bytes().to_vec()
}

/// A request to append one batch to a partition.
pub(crate) fn append<'a>(
    topic: &'a str,
    index: i32,
    acks: i16,
    batch: &'a [u8],
) -> produce::Request<'a> {
    produce::Request {
        acks,
        timeout_ms: 1_000,
        topic_data: vec![produce::Topic {
            name: topic,
            topic_id: Uuid::nil(),
            partition_data: vec![produce::Partition {
                index,
                records: Some(batch),
            }],
        }],
        ..produce::Request::default()
    }
}

/// A request to read one partition from an offset, without waiting.
pub(crate) fn from(topic: &Topic, index: i32, offset: i64) -> fetch::Request<'_> {
    fetch::Request {
        topics: vec![position(topic, index, offset)],
        ..fetch::Request::default()
    }
}

/// One partition of a Fetch request, by name and by id.
pub(crate) fn position(topic: &Topic, index: i32, offset: i64) -> fetch::Topic<'_> {
    fetch::Topic {
        topic: &topic.name,
        topic_id: topic.id,
        partitions: vec![fetch::Partition {
            partition: index,
            fetch_offset: offset,
            partition_max_bytes: 1 << 20,
            ..fetch::Partition::default()
        }],
    }
}

/// The batches in one partition's answer.
pub(crate) fn batches(result: &fetch::PartitionResult) -> Vec<Batch> {
    let bytes = result.records.0.concat();
    millstream_batch::Batches::new(&bytes)
        .map(|batch| Batch::parse(BytesMut::from(batch.unwrap().bytes)).unwrap())
        .collect()
}

impl TestBroker {
    /// Makes a topic.
    pub(crate) async fn topic(
        &self,
        name: &str,
        partitions: i32,
        set: &[(&str, &str)],
    ) -> Arc<Topic> {
        let mut overrides = Settings::default();
        for (name, value) in set {
            overrides.set(TopicConfig::TABLE, name, value).unwrap();
        }
        let topic = NewTopic {
            name: name.to_owned(),
            partitions,
            overrides,
        };
        let catalog = self.broker.catalog();
        catalog.create_topic(topic).await.unwrap()
    }

    /// Sends a Produce of one partition; returns what became of it.
    pub(crate) async fn produce(
        &self,
        request: &produce::Request<'_>,
    ) -> produce::PartitionResult<'static> {
        let mut response: produce::Response<'static> =
            self.call(ApiKey::Produce, BY_NAME, request).await;
        response.responses.remove(0).partition_responses.remove(0)
    }

    /// Appends a batch with acks=all to partition 0; returns its base offset.
    pub(crate) async fn append(&self, topic: &str, batch: Builder) -> i64 {
        let batch = sent(batch);
        let result = self.produce(&append(topic, 0, -1, &batch)).await;
        assert_eq!(result.error_code, millstream_wire::ErrorCode::NONE);
        result.base_offset
    }

    /// Sends a Fetch.
    pub(crate) async fn fetch(
        &self,
        version: i16,
        request: &fetch::Request<'_>,
    ) -> fetch::Response<'static> {
        self.call(ApiKey::Fetch, version, request).await
    }

    /// Sends a Fetch of one partition; returns what it answers for that.
    pub(crate) async fn fetch_one(
        &self,
        version: i16,
        request: &fetch::Request<'_>,
    ) -> fetch::PartitionResult {
        let mut response = self.fetch(version, request).await;
        response.responses.remove(0).partitions.remove(0)
    }
}
