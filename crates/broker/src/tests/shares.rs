//! Promises of share groups (KIP-932), frame by frame: who gets which message, and what becomes of it.

mod acknowledge;
mod admin;
mod queue;
mod sessions;

use millstream_wire::api::share_fetch::{
    AcknowledgementBatch, Partition, PartitionResult, Request, Response, Topic as Asked,
};
use millstream_wire::{ApiKey, ErrorCode};

use super::traffic::values;
use crate::Topic;
use crate::catalog::Resource;
use crate::config::{GroupConfig, Settings};
use crate::testing::TestBroker;

/// Settings of a group that has everything from the beginning.
pub(super) const FROM_START: (&str, &str) = ("share.auto.offset.reset", "earliest");

/// A queue.
pub(super) const QUEUE: (&str, &str) = ("queue.enable", "true");

/// What somebody was given: first offset, last offset and how often it was delivered.
pub(super) type Given = Vec<(i64, i64, i16)>;

/// A member of share group `g` that fetches from one partition.
pub(super) struct Consumer<'a> {
    broker: &'a TestBroker,
    topic: &'a Topic,
    group: &'a str,
    id: &'a str,
    epoch: i32,
}

/// What is acknowledged: first offset, last offset and the types.
pub(super) type Acks<'a> = &'a [(i64, i64, &'a [i8])];

impl<'a> Consumer<'a> {
    pub(super) fn new(broker: &'a TestBroker, topic: &'a Topic, id: &'a str) -> Self {
        Self::of("g", broker, topic, id)
    }

    pub(super) fn of(
        group: &'a str,
        broker: &'a TestBroker,
        topic: &'a Topic,
        id: &'a str,
    ) -> Self {
        Self {
            broker,
            topic,
            group,
            id,
            epoch: 0,
        }
    }

    /// The request that comes next, for `max_records` messages and no more.
    pub(super) fn request(&mut self, max_records: i32, acks: Acks<'_>) -> Request<'a> {
        let batch = |(first, last, types): &(i64, i64, &[i8])| AcknowledgementBatch {
            first_offset: *first,
            last_offset: *last,
            acknowledge_types: types.to_vec(),
        };
        let partition = Partition {
            partition_index: 0,
            acknowledgement_batches: acks.iter().map(batch).collect(),
        };
        let epoch = self.epoch;
        self.epoch += 1;
        Request {
            group_id: Some(self.group),
            member_id: Some(self.id),
            share_session_epoch: epoch,
            max_records,
            batch_size: max_records,
            share_acquire_mode: 1,
            topics: vec![Asked {
                topic_id: self.topic.id,
                partitions: vec![partition],
            }],
            ..Request::default()
        }
    }

    pub(super) async fn send(&self, request: &Request<'_>) -> Response<'static> {
        self.broker.call(ApiKey::ShareFetch, 2, request).await
    }

    /// What is said of the partition, which is nothing if there is no news.
    pub(super) async fn poll(
        &mut self,
        max_records: i32,
        acks: Acks<'_>,
    ) -> PartitionResult<'static> {
        let request = self.request(max_records, acks);
        let response = self.send(&request).await;
        assert_eq!(response.error_code, ErrorCode::NONE, "{response:?}");
        let mut partitions = response
            .responses
            .into_iter()
            .flat_map(|topic| topic.partitions);
        partitions.next().unwrap_or_default()
    }

    /// What the next fetch gives.
    pub(super) async fn fetch(&mut self, max_records: i32) -> Given {
        given(&self.poll(max_records, &[]).await)
    }

    /// What comes of acknowledgements.
    pub(super) async fn acknowledge(&mut self, acks: Acks<'_>) -> ErrorCode {
        self.poll(0, acks).await.acknowledge_error_code
    }

    /// Closes the session.
    pub(super) async fn close(&mut self) {
        let mut request = self.request(0, &[]);
        request.share_session_epoch = -1;
        request.topics.clear();
        let response = self.send(&request).await;
        assert_eq!(response.error_code, ErrorCode::NONE);
    }
}

pub(super) fn given(partition: &PartitionResult<'_>) -> Given {
    assert_eq!(partition.error_code, ErrorCode::NONE, "{partition:?}");
    let acquired = partition.acquired_records.iter();
    acquired
        .map(|one| (one.first_offset, one.last_offset, one.delivery_count))
        .collect()
}

/// Sets what is set on a group.
pub(super) async fn configure(broker: &TestBroker, group: &str, set: &[(&str, &str)]) {
    let mut settings = Settings::default();
    for (name, value) in set {
        settings.set(GroupConfig::TABLE, name, value).unwrap();
    }
    let resource = Resource::Group(group.to_owned());
    let configured = broker
        .broker
        .catalog()
        .configure(resource, |_| Ok(settings));
    configured.await.unwrap();
}

/// A topic of one partition that holds ten messages in two batches, and that group `g` reads from the beginning.
pub(super) async fn ten_messages(
    settings: &[(&'static str, &'static str)],
) -> (TestBroker, std::sync::Arc<Topic>) {
    let broker = TestBroker::start().await;
    configure(&broker, "g", &[FROM_START]).await;
    let topic = broker.topic("t", 1, settings).await;
    broker.append("t", values(&["a", "b", "c", "d", "e"])).await;
    broker.append("t", values(&["f", "g", "h", "i", "j"])).await;
    (broker, topic)
}
