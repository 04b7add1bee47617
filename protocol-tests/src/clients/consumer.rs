//! A consumer that hands out owned records and remembers its rebalances.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::{PATIENCE, Record, config, is_outage};

/// A consumer, of a group or of partitions that it was told.
#[expect(
    missing_debug_implementations,
    reason = "librdkafka's handle has nothing to show"
)]
pub struct Consumer {
    inner: BaseConsumer<Rebalances>,
}

impl Consumer {
    /// A member of `group` for `topic` that reads from the beginning where nothing is committed and commits only
    /// when told, with `settings` above librdkafka's defaults.
    ///
    /// # Panics
    /// When librdkafka refuses the settings.
    pub fn member(bootstrap: &str, group: &str, topic: &str, settings: &[(&str, &str)]) -> Self {
        let consumer = Self::new(bootstrap, group, settings);
        consumer
            .inner
            .subscribe(&[topic])
            .expect("a topic can be subscribed to");
        consumer
    }

    /// A reader of `partitions` of `topic`, each from its offset, without a group.
    ///
    /// # Panics
    /// When librdkafka refuses an offset.
    pub fn reader(bootstrap: &str, topic: &str, partitions: &[(i32, Offset)]) -> Self {
        let consumer = Self::new(bootstrap, "reader", &[]);
        consumer
            .inner
            .assign(&list(topic, partitions))
            .expect("partitions can be assigned");
        consumer
    }

    fn new(bootstrap: &str, group: &str, settings: &[(&str, &str)]) -> Self {
        let mut config = config(bootstrap);
        config.set("group.id", group);
        config.set("auto.offset.reset", "earliest");
        config.set("enable.auto.commit", "false");
        config.set("fetch.wait.max.ms", "100");
        config.set("fetch.error.backoff.ms", "20");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let inner = BaseConsumer::from_config_and_context(&config, Rebalances::default());
        Self {
            inner: inner.expect("a consumer can be made"),
        }
    }

    /// librdkafka's own consumer, for what has no shape here.
    pub const fn raw(&self) -> &BaseConsumer<Rebalances> {
        &self.inner
    }

    /// The next record, or None when none comes within `patience`. That the server is away is waited out.
    ///
    /// # Panics
    /// At any other error.
    pub fn poll(&self, patience: Duration) -> Option<Record> {
        match self.try_poll(patience)? {
            Ok(record) => Some(record),
            Err(error) if is_outage(&error) => None,
            Err(error) => panic!("the consumer failed: {error}"),
        }
    }

    /// The next record or error, or None when none comes within `patience`.
    pub fn try_poll(&self, patience: Duration) -> Option<Result<Record, KafkaError>> {
        let message = self.inner.poll(patience)?;
        Some(message.map(|message| Record::from(&message)))
    }

    /// The next `count` records.
    ///
    /// # Panics
    /// When the next one does not come in time.
    pub fn take(&self, count: usize) -> Vec<Record> {
        let mut records = Vec::with_capacity(count);
        let mut deadline = Instant::now() + PATIENCE;
        while records.len() < count {
            if let Some(record) = self.poll(Duration::from_millis(100)) {
                records.push(record);
                deadline = Instant::now() + PATIENCE;
            }
            assert!(
                Instant::now() < deadline,
                "{} of {count} records, and no more",
                records.len()
            );
        }
        records
    }

    /// Commits everything below the position of each partition and returns when that is acknowledged.
    ///
    /// # Errors
    /// Why the commit was refused.
    pub fn commit(&self) -> Result<(), KafkaError> {
        self.inner.commit_consumer_state(CommitMode::Sync)
    }

    /// Commits `offset` of one partition and returns when that is acknowledged.
    ///
    /// # Errors
    /// Why the commit was refused.
    pub fn commit_offset(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<(), KafkaError> {
        self.inner.commit(
            &list(topic, &[(partition, Offset::Offset(offset))]),
            CommitMode::Sync,
        )
    }

    /// What the group has committed for `partitions` of `topic`, None where nothing.
    ///
    /// # Panics
    /// When the server refuses to tell.
    pub fn committed(&self, topic: &str, partitions: &[i32]) -> Vec<Option<i64>> {
        let wanted: Vec<_> = partitions
            .iter()
            .map(|partition| (*partition, Offset::Invalid))
            .collect();
        let answer = self
            .inner
            .committed_offsets(list(topic, &wanted), PATIENCE)
            .expect("commits can be read");
        let offset = |partition: &i32| match answer.find_partition(topic, *partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        partitions.iter().map(offset).collect()
    }

    /// The first offset at or after `timestamp` of each of `partitions`.
    ///
    /// # Panics
    /// When the server refuses to tell.
    pub fn offsets_at(&self, topic: &str, partitions: &[i32], timestamp: i64) -> Vec<Offset> {
        let wanted: Vec<_> = partitions
            .iter()
            .map(|partition| (*partition, Offset::Offset(timestamp)))
            .collect();
        let answer = self
            .inner
            .offsets_for_times(list(topic, &wanted), PATIENCE)
            .expect("times can be looked up");
        let offset = |partition: &i32| {
            answer
                .find_partition(topic, *partition)
                .map(|element| element.offset())
        };
        partitions.iter().filter_map(offset).collect()
    }

    /// The partitions that it holds.
    ///
    /// # Panics
    /// When librdkafka refuses to tell.
    pub fn assignment(&self) -> Vec<i32> {
        let assignment = self
            .inner
            .assignment()
            .expect("an assignment can be asked for");
        let mut partitions: Vec<i32> = assignment
            .elements()
            .iter()
            .map(TopicPartitionListElem::partition)
            .collect();
        partitions.sort_unstable();
        partitions
    }

    /// What the group's coordinator has given and taken so far, in order.
    pub fn rebalances(&self) -> Vec<Change> {
        self.inner
            .context()
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The first offset and the one after the last of a partition.
///
/// # Panics
/// When the server refuses to tell.
pub fn watermarks(bootstrap: &str, topic: &str, partition: i32) -> (i64, i64) {
    let consumer = Consumer::new(bootstrap, "watermarks", &[]);
    consumer
        .inner
        .fetch_watermarks(topic, partition, PATIENCE)
        .expect("watermarks can be asked for")
}

/// Everything that `topic` holds, by partition, in the order read.
///
/// # Panics
/// When it cannot be read to the end.
pub fn read_all(bootstrap: &str, topic: &str, partitions: i32) -> Vec<Vec<Record>> {
    (0..partitions)
        .map(|partition| read_partition(bootstrap, topic, partition))
        .collect()
}

fn read_partition(bootstrap: &str, topic: &str, partition: i32) -> Vec<Record> {
    let (_first, end) = watermarks(bootstrap, topic, partition);
    let reader = Consumer::new(bootstrap, "reader", &[("enable.partition.eof", "true")]);
    reader
        .inner
        .assign(&list(topic, &[(partition, Offset::Beginning)]))
        .expect("a partition can be assigned");
    let mut records = Vec::new();
    loop {
        match reader
            .try_poll(PATIENCE)
            .expect("records or the end come in time")
        {
            Ok(record) => records.push(record),
            Err(KafkaError::PartitionEOF(_)) => break,
            Err(error) => assert!(is_outage(&error), "partition {partition}: {error}"),
        }
    }
    let last = records
        .last()
        .and_then(|record: &Record| record.offset)
        .unwrap_or(end - 1);
    assert!(
        last >= end - 1,
        "partition {partition} ended at {last} though it reaches {end}"
    );
    records
}

fn list(topic: &str, partitions: &[(i32, Offset)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in partitions {
        list.add_partition_offset(topic, *partition, *offset)
            .expect("an offset is valid");
    }
    list
}

/// One step of a rebalance as a member sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These partitions are now the member's, beside those it had.
    Assigned(Vec<i32>),
    /// These partitions are no longer the member's.
    Revoked(Vec<i32>),
}

/// A consumer's memory of its rebalances.
#[derive(Debug, Clone, Default)]
pub struct Rebalances(Arc<Mutex<Vec<Change>>>);

impl ClientContext for Rebalances {
    /// A server that is killed on purpose is no news.
    fn error(&self, _error: KafkaError, _reason: &str) {}
}

impl ConsumerContext for Rebalances {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let partitions = |list: &TopicPartitionList| {
            list.elements()
                .iter()
                .map(TopicPartitionListElem::partition)
                .collect()
        };
        let change = match rebalance {
            Rebalance::Assign(list) => Change::Assigned(partitions(list)),
            Rebalance::Revoke(list) => Change::Revoked(partitions(list)),
            Rebalance::Error(_) => return,
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(change);
    }
}
