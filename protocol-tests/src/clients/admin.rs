//! An administrator: makes, changes and removes topics.

use std::collections::BTreeMap;
use std::future::Future;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::{Builder, Runtime};

use super::{PATIENCE, config};

type Answer = Result<(), RDKafkaErrorCode>;

/// An admin client whose calls return when they are done.
#[expect(
    missing_debug_implementations,
    reason = "librdkafka's handle has nothing to show"
)]
pub struct Admin {
    client: AdminClient<DefaultClientContext>,
    runtime: Runtime,
}

impl Admin {
    /// An administrator of the server at `bootstrap`.
    ///
    /// # Panics
    /// When librdkafka refuses its configuration.
    pub fn new(bootstrap: &str) -> Self {
        let client = config(bootstrap)
            .create()
            .expect("an admin client can be made");
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        Self { client, runtime }
    }

    /// Creates a topic with `configs`, pairs of a name and a value.
    ///
    /// # Errors
    /// The code that the server answered for the topic.
    pub fn try_create(&self, topic: &str, partitions: i32, configs: &[(&str, &str)]) -> Answer {
        let empty = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let topic = configs
            .iter()
            .fold(empty, |topic, (name, value)| topic.set(name, value));
        only(self.wait(self.client.create_topics([&topic], &options())))
    }

    /// Creates a topic with `configs`, pairs of a name and a value.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn create(&self, topic: &str, partitions: i32, configs: &[(&str, &str)]) {
        let answer = self.try_create(topic, partitions, configs);
        assert_eq!(answer, Ok(()), "the creation of {topic}");
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// The code that the server answered for the topic.
    pub fn delete(&self, topic: &str) -> Answer {
        only(self.wait(self.client.delete_topics(&[topic], &options())))
    }

    /// Raises a topic's number of partitions to `total`.
    ///
    /// # Errors
    /// The code that the server answered for the topic.
    pub fn add_partitions(&self, topic: &str, total: usize) -> Answer {
        only(
            self.wait(
                self.client
                    .create_partitions([&NewPartitions::new(topic, total)], &options()),
            ),
        )
    }

    /// Asks to replace a topic's configuration by `configs`, pairs of a name and a value. The binding does not say
    /// whether the server agreed; [`describe`](Self::describe) tells.
    pub fn alter(&self, topic: &str, configs: &[(&str, &str)]) {
        let empty = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let change = configs
            .iter()
            .fold(empty, |change, (name, value)| change.set(name, value));
        self.wait(self.client.alter_configs([&change], &options()));
    }

    /// A topic's whole configuration.
    ///
    /// # Panics
    /// When the server refuses to describe it.
    pub fn describe(&self, topic: &str) -> BTreeMap<String, String> {
        let resource = ResourceSpecifier::Topic(topic);
        let answers = self.wait(self.client.describe_configs([&resource], &options()));
        let answer = answers
            .into_iter()
            .next()
            .expect("one answer for one resource");
        let entries = answer.expect("a topic can be described").entries;
        entries
            .into_iter()
            .map(|entry| (entry.name, entry.value.unwrap_or_default()))
            .collect()
    }

    /// Deletes the records below `before` of one partition and returns where the partition begins then.
    ///
    /// # Errors
    /// The code that the server answered for the partition.
    ///
    /// # Panics
    /// When the client could not ask.
    pub fn delete_records(
        &self,
        topic: &str,
        partition: i32,
        before: Offset,
    ) -> Result<Offset, KafkaError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, before)
            .expect("an offset is valid");
        let answers = self.wait(self.client.delete_records(&list, &options()));
        let answer = answers
            .find_partition(topic, partition)
            .expect("one answer for one partition");
        answer.error().map(|()| answer.offset())
    }

    /// Deletes a consumer group with its commits.
    ///
    /// # Errors
    /// The code that the server answered for the group.
    pub fn delete_group(&self, group: &str) -> Answer {
        only(self.wait(self.client.delete_groups(&[group], &options())))
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, KafkaError>>) -> T {
        self.runtime
            .block_on(answer)
            .expect("the server answers the administrator")
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE))
}

fn only(answers: Vec<Result<String, (String, RDKafkaErrorCode)>>) -> Answer {
    assert_eq!(answers.len(), 1, "one answer for one question");
    answers
        .into_iter()
        .try_for_each(|answer| answer.map(drop).map_err(|(_, code)| code))
}
