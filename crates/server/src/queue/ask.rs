//! What these commands ask of a server, each as one request and its answer. Nothing is printed here.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use millstream_wire::api::{
    create_topics, delete_records, delete_topics, describe_configs, describe_share_group_offsets,
    fetch, list_offsets, metadata, produce,
};
use millstream_wire::{ApiKey, ErrorCode};

use crate::client::Client;
use crate::error::Error;

/// For an answer, which may have to wait for the disk.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same in the terms of a request.
const TIMEOUT_MS: i32 = 60_000;
/// Bytes of records that are asked for at once.
const FETCH_BYTES: i32 = 1 << 20;
/// Kafka's number for topics among what has settings.
const TOPIC: i8 = 2;

/// The first offset that can be read.
pub(super) const EARLIEST: i64 = -2;
/// The offset after the last that can be read.
pub(super) const LATEST: i64 = -1;
/// The high watermark, in DeleteRecords.
pub(super) const ALL: i64 = -1;

/// A running server.
#[derive(Debug)]
pub(super) struct Server(Client);

/// Settings by name; what is not set is left out.
pub(super) type Settings = BTreeMap<String, String>;

/// A place in a log, as ListOffsets tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// -1 if there is no such record.
    pub(super) offset: i64,
    /// In milliseconds since 1970; -1 unless a time was sought.
    pub(super) timestamp: i64,
}

impl Found {
    /// The offset, if there is such a record.
    pub(super) fn offset(self) -> Option<i64> {
        (self.offset >= 0).then_some(self.offset)
    }
}

/// What has become of the messages of a partition that are handed out one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Given {
    /// Messages that are not done with.
    pub(super) left: i64,
    /// Those of them that consumers have.
    pub(super) in_flight: i64,
    /// Those of them that are held back.
    pub(super) delayed: i64,
    /// Messages that were given up, ever.
    pub(super) dead: i64,
}

impl Server {
    /// The server at `address`.
    ///
    /// # Errors
    /// [`Error::Server`].
    pub(super) fn connect(address: &str) -> Result<Self, Error> {
        Client::connect(address, PATIENCE).map(Self)
    }

    /// Makes a topic; -1 partitions are as many as the server thinks right. Returns how many it has.
    ///
    /// # Errors
    /// [`Error::Server`], [`Error::Refused`].
    pub(super) fn create(
        &mut self,
        name: &str,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> Result<i32, Error> {
        let config = |&(name, value)| create_topics::Config {
            name,
            value: Some(value),
        };
        let topic = create_topics::Topic {
            name,
            num_partitions: partitions,
            replication_factor: -1,
            configs: settings.iter().map(config).collect(),
            ..create_topics::Topic::default()
        };
        let request = create_topics::Request {
            topics: vec![topic],
            timeout_ms: TIMEOUT_MS,
            validate_only: false,
        };
        let answer = self.0.ask(ApiKey::CreateTopics, 7, &request)?;
        let response: create_topics::Response<'_> = answer.read()?;
        let created = only(response.topics, name)?;
        check(name, created.error_code, created.error_message.as_deref())?;
        Ok(created.num_partitions)
    }

    /// Removes a topic.
    ///
    /// # Errors
    /// [`Error::Server`], [`Error::Refused`].
    pub(super) fn delete(&mut self, name: &str) -> Result<(), Error> {
        let topic = delete_topics::Topic {
            name: Some(name),
            ..delete_topics::Topic::default()
        };
        let request = delete_topics::Request {
            topics: vec![topic],
            timeout_ms: TIMEOUT_MS,
            ..delete_topics::Request::default()
        };
        let answer = self.0.ask(ApiKey::DeleteTopics, 6, &request)?;
        let response: delete_topics::Response<'_> = answer.read()?;
        let deleted = only(response.responses, name)?;
        check(name, deleted.error_code, deleted.error_message.as_deref())
    }

    /// Each topic of the clients with its number of partitions, by name.
    ///
    /// # Errors
    /// [`Error::Server`].
    pub(super) fn topics(&mut self) -> Result<BTreeMap<String, i32>, Error> {
        let request = metadata::Request {
            topics: None,
            allow_auto_topic_creation: false,
            ..metadata::Request::default()
        };
        let answer = self.0.ask(ApiKey::Metadata, 12, &request)?;
        let response: metadata::Response<'_> = answer.read()?;
        let topics = response
            .topics
            .into_iter()
            .filter(|topic| !topic.is_internal);
        let topics = topics.filter_map(|topic| {
            let count = i32::try_from(topic.partitions.len()).ok()?;
            Some((topic.name?.into_owned(), count))
        });
        Ok(topics.collect())
    }

    /// The settings `names` of each of the topics, in their order.
    ///
    /// # Errors
    /// [`Error::Server`], [`Error::Refused`].
    pub(super) fn settings(
        &mut self,
        topics: &[&str],
        names: &[&str],
    ) -> Result<Vec<Settings>, Error> {
        let resources = topics.iter().map(|topic| describe_configs::Resource {
            resource_type: TOPIC,
            resource_name: topic,
            configuration_keys: Some(names.to_vec()),
        });
        let request = describe_configs::Request {
            resources: resources.collect(),
            ..describe_configs::Request::default()
        };
        let answer = self.0.ask(ApiKey::DescribeConfigs, 4, &request)?;
        let response: describe_configs::Response<'_> = answer.read()?;
        let settings = response.results.into_iter().map(|result| {
            let name = &result.resource_name;
            check(name, result.error_code, result.error_message.as_deref())?;
            let set = result.configs.into_iter();
            Ok(set
                .filter_map(|config| Some((config.name.into_owned(), config.value?.into_owned())))
                .collect())
        });
        settings.collect()
    }

    /// What ListOffsets finds for `timestamp` in the first `partitions` partitions of a topic, in their order.
    ///
    /// # Errors
    /// [`Error::Server`], [`Error::Refused`].
    pub(super) fn offsets(
        &mut self,
        topic: &str,
        partitions: i32,
        timestamp: i64,
    ) -> Result<Vec<Found>, Error> {
        let partition = |partition_index| list_offsets::Partition {
            partition_index,
            timestamp,
            ..list_offsets::Partition::default()
        };
        let wanted = list_offsets::Topic {
            name: topic,
            partitions: (0..partitions).map(partition).collect(),
        };
        let request = list_offsets::Request {
            replica_id: -1,
            topics: vec![wanted],
            ..list_offsets::Request::default()
        };
        let answer = self.0.ask(ApiKey::ListOffsets, 7, &request)?;
        let response: list_offsets::Response<'_> = answer.read()?;
        let found = only(response.topics, topic)?.partitions.into_iter();
        let found = found.map(|found| {
            check(topic, found.error_code, None)?;
            Ok(Found {
                offset: found.offset,
                timestamp: found.timestamp,
            })
        });
        found.collect()
    }

    /// What consumers have been given of the first `partitions` partitions of a topic, in their order; none where
    /// nobody was handed anything one by one.
    ///
    /// # Errors
    /// [`Error::Server`], [`Error::Refused`].
    pub(super) fn given(
        &mut self,
        group: &str,
        topic: &str,
        partitions: i32,
    ) -> Result<Vec<Option<Given>>, Error> {
        let wanted = describe_share_group_offsets::Group {
            group_id: group,
            topics: Some(vec![describe_share_group_offsets::Topic {
                topic_name: topic,
                partitions: (0..partitions).collect(),
            }]),
        };
        let request = describe_share_group_offsets::Request {
            groups: vec![wanted],
        };
        let answer = self.0.ask(ApiKey::DescribeShareGroupOffsets, 1, &request)?;
        let response: describe_share_group_offsets::Response<'_> = answer.read()?;
        let found = only(response.groups, topic)?;
        check(topic, found.error_code, found.error_message.as_deref())?;
        let given = only(found.topics, topic)?.partitions.into_iter();
        let given = given.map(|given| {
            check(topic, given.error_code, given.error_message.as_deref())?;
            Ok((given.start_offset >= 0).then_some(Given {
                left: given.lag,
                in_flight: given.in_flight,
                delayed: given.delayed,
                dead: given.dead,
            }))
        });
        given.collect()
    }

    /// Removes the messages before an offset of some partitions, which may be [`ALL`]; returns where each begins then.
    ///
    /// # Errors
    /// [`Error::Server`], [`Error::Refused`].
    pub(super) fn delete_records(
        &mut self,
        topic: &str,
        before: impl Iterator<Item = (i32, i64)>,
    ) -> Result<Vec<i64>, Error> {
        let partition = |(partition_index, offset)| delete_records::Partition {
            partition_index,
            offset,
        };
        let wanted = delete_records::Topic {
            name: topic,
            partitions: before.map(partition).collect(),
        };
        let request = delete_records::Request {
            topics: vec![wanted],
            timeout_ms: TIMEOUT_MS,
        };
        let answer = self.0.ask(ApiKey::DeleteRecords, 2, &request)?;
        let response: delete_records::Response<'_> = answer.read()?;
        let begins = only(response.topics, topic)?.partitions.into_iter();
        let begins = begins.map(|partition| {
            check(topic, partition.error_code, None)?;
            Ok(partition.low_watermark)
        });
        begins.collect()
    }

    /// The next batches of a partition, from that which holds `offset`; none at its end.
    ///
    /// # Errors
    /// [`Error::Server`], [`Error::Refused`].
    pub(super) fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Vec<Bytes>, Error> {
        let wanted = fetch::Topic {
            topic,
            partitions: vec![fetch::Partition {
                partition,
                fetch_offset: offset,
                partition_max_bytes: FETCH_BYTES,
                ..fetch::Partition::default()
            }],
            ..fetch::Topic::default()
        };
        let request = fetch::Request {
            max_bytes: FETCH_BYTES,
            topics: vec![wanted],
            ..fetch::Request::default()
        };
        let answer = self.0.ask(ApiKey::Fetch, 12, &request)?;
        let response: fetch::Response<'_> = answer.read()?;
        check(topic, response.error_code, None)?;
        let found = only(only(response.responses, topic)?.partitions, topic)?;
        check(topic, found.error_code, None)?;
        Ok(found.records.0)
    }

    /// Appends a batch to a partition and waits until it is durable.
    ///
    /// # Errors
    /// [`Error::Server`], [`Error::Refused`].
    pub(super) fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        batch: &[u8],
    ) -> Result<(), Error> {
        let data = produce::Topic {
            name: topic,
            partition_data: vec![produce::Partition {
                index: partition,
                records: Some(batch),
            }],
            ..produce::Topic::default()
        };
        let request = produce::Request {
            acks: -1,
            timeout_ms: TIMEOUT_MS,
            topic_data: vec![data],
            ..produce::Request::default()
        };
        let answer = self.0.ask(ApiKey::Produce, 9, &request)?;
        let response: produce::Response<'_> = answer.read()?;
        let result = only(only(response.responses, topic)?.partition_responses, topic)?;
        check(topic, result.error_code, result.error_message.as_deref())
    }
}

/// The answer to the only question.
fn only<T>(answers: Vec<T>, what: &str) -> Result<T, Error> {
    let missing = || Error::Refused {
        what: what.to_owned(),
        reason: "the server says nothing about it".to_owned(),
    };
    answers.into_iter().next().ok_or_else(missing)
}

fn check(what: &str, code: ErrorCode, message: Option<&str>) -> Result<(), Error> {
    match code {
        ErrorCode::NONE => Ok(()),
        code => Err(Error::Refused {
            what: what.to_owned(),
            reason: message.unwrap_or_else(|| code.name()).to_owned(),
        }),
    }
}
