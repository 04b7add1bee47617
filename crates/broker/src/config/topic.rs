//! The table of topic settings.
//!
//! Every setting that a Kafka topic may carry is known here, so that tools which copy a topic's
//! whole set find each name accepted. The documentation says where one node only stores a value.

use super::broker::BrokerConfig;
use super::def::{ConfigDef, InvalidConfig, Table, read_value, settings};
use super::describe::Entry;
use super::inherit::{entry, in_force};
use super::layer::{Layer, Settings, Source};
use super::value::{Type, Value, list, words};

settings! {
    /// What one topic promises, resolved against its broker's defaults.
    pub struct TopicConfig;

    /// What removes old records: `delete` by age and size, `compact` all but the last of each key,
    /// both, or nothing when empty.
    cleanup_policy: CleanupPolicy = "cleanup.policy", "delete",
        from: &[("log.cleanup.policy", 1)], of_queue: Some("delete");
    /// Age in milliseconds after which records are removed; -1 keeps them for ever.
    retention_ms: i64 = "retention.ms", "604800000", min: -1,
        from: &[("log.retention.ms", 1), ("log.retention.minutes", 60_000),
            ("log.retention.hours", 3_600_000)],
        of_queue: Some("-1");
    /// Bytes kept per partition before the oldest segments are removed; -1 sets no limit.
    retention_bytes: i64 = "retention.bytes", "-1", min: -1,
        from: &[("log.retention.bytes", 1)], of_queue: Some("-1");
    /// Bytes after which a partition begins a new segment file.
    segment_bytes: i32 = "segment.bytes", "1073741824", min: 1_048_576,
        from: &[("log.segment.bytes", 1)];
    /// Age in milliseconds after which a partition begins a new segment file.
    segment_ms: i64 = "segment.ms", "604800000", min: 1,
        from: &[("log.roll.ms", 1), ("log.roll.hours", 3_600_000)];
    /// Stored only: segments end by size and age alone.
    segment_jitter_ms: i64 = "segment.jitter.ms", "0", min: 0,
        from: &[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", 3_600_000)];
    /// Size in bytes of a segment's index after which the partition begins a new segment file.
    segment_index_bytes: i32 = "segment.index.bytes", "10485760", min: 4,
        from: &[("log.index.size.max.bytes", 1)];
    /// Bytes of records between two entries of a segment's index.
    index_interval_bytes: i32 = "index.interval.bytes", "4096", min: 0,
        from: &[("log.index.interval.bytes", 1)];
    /// Stored only: whether segment files are allocated ahead of use.
    preallocate: bool = "preallocate", "false", from: &[("log.preallocate", 1)];
    /// Largest record batch accepted, in bytes as the client sent it.
    max_message_bytes: i32 = "max.message.bytes", "1048588", min: 0,
        from: &[("message.max.bytes", 1)];
    /// Whether a record carries the client's time (CreateTime) or that of its arrival
    /// (LogAppendTime).
    message_timestamp_type: TimestampType = "message.timestamp.type", "CreateTime",
        from: &[("log.message.timestamp.type", 1)];
    /// How many milliseconds a record's time may lie before its arrival.
    message_timestamp_before_max_ms: i64 =
        "message.timestamp.before.max.ms", "9223372036854775807", min: 0,
        from: &[("log.message.timestamp.before.max.ms", 1)];
    /// How many milliseconds a record's time may lie after its arrival.
    message_timestamp_after_max_ms: i64 = "message.timestamp.after.max.ms", "3600000", min: 0,
        from: &[("log.message.timestamp.after.max.ms", 1)];
    /// How batches are kept: as the producer compressed them, or compressed anew.
    compression_type: CompressionType = "compression.type", "producer",
        from: &[("compression.type", 1)];
    /// Level of gzip where compression.type is gzip; -1 leaves it to the codec.
    compression_gzip_level: i32 = "compression.gzip.level", "-1", min: -1, max: 9,
        from: &[("compression.gzip.level", 1)];
    /// Stored only: lz4 compresses at one level.
    compression_lz4_level: i32 = "compression.lz4.level", "9", min: 1, max: 17,
        from: &[("compression.lz4.level", 1)];
    /// Level of zstd where compression.type is zstd.
    compression_zstd_level: i32 = "compression.zstd.level", "3", min: -131_072, max: 22,
        from: &[("compression.zstd.level", 1)];
    /// Share of a partition's bytes that must be new since the last compaction before the next one.
    min_cleanable_dirty_ratio: f64 = "min.cleanable.dirty.ratio", "0.5", min: 0, max: 1,
        from: &[("log.cleaner.min.cleanable.ratio", 1)];
    /// How many milliseconds every record stays before it may be compacted away.
    min_compaction_lag_ms: i64 = "min.compaction.lag.ms", "0", min: 0,
        from: &[("log.cleaner.min.compaction.lag.ms", 1)];
    /// Milliseconds after which a partition is compacted even if little of it is new.
    max_compaction_lag_ms: i64 = "max.compaction.lag.ms", "9223372036854775807", min: 1,
        from: &[("log.cleaner.max.compaction.lag.ms", 1)];
    /// Milliseconds that a record without a value, which deletes its key, stays once it was compacted.
    delete_retention_ms: i64 = "delete.retention.ms", "86400000", min: 0,
        from: &[("log.cleaner.delete.retention.ms", 1)];
    /// Stored only: files are removed at once.
    file_delete_delay_ms: i64 = "file.delete.delay.ms", "60000", min: 0,
        from: &[("log.segment.delete.delay.ms", 1)];
    /// With 1, the default here, acks=all answers after fdatasync. With any other number it answers
    /// once the page cache has the record, and a power cut may lose what the system had not yet
    /// written.
    flush_messages: i64 = "flush.messages", "1", min: 1,
        from: &[("log.flush.interval.messages", 1)];
    /// With 0, acks=all answers after fdatasync, whatever flush.messages says. Other numbers change
    /// nothing.
    flush_ms: i64 = "flush.ms", "9223372036854775807", min: 0,
        from: &[("log.flush.interval.ms", 1)];
    /// Copies that must hold a record before acks=all answers; there is one, so that more than 1
    /// refuses such writes.
    min_insync_replicas: i32 = "min.insync.replicas", "1", min: 1,
        from: &[("min.insync.replicas", 1)];
    /// Stored only: one node elects nobody.
    unclean_leader_election_enable: bool = "unclean.leader.election.enable", "false",
        from: &[("unclean.leader.election.enable", 1)];
    /// Stored only: one node replicates to nobody.
    leader_replication_throttled_replicas: Vec<String> =
        "leader.replication.throttled.replicas", "";
    /// Stored only: one node replicates from nobody.
    follower_replication_throttled_replicas: Vec<String> =
        "follower.replication.throttled.replicas", "";
    /// There is no tiered storage to turn on.
    remote_storage_enable: Off = "remote.storage.enable", "false";
    /// Stored only: there is no tiered storage.
    remote_log_copy_disable: bool = "remote.log.copy.disable", "false";
    /// Stored only: there is no tiered storage.
    remote_log_delete_on_disable: bool = "remote.log.delete.on.disable", "false";
    /// Stored only: there is no tiered storage.
    remote_copy_lag_ms: i64 = "remote.copy.lag.ms", "0", min: 0;
    /// Stored only: there is no tiered storage.
    remote_copy_lag_bytes: i64 = "remote.copy.lag.bytes", "-1", min: -1;
    /// Stored only: there is no tiered storage. -2 follows retention.ms.
    local_retention_ms: i64 = "local.retention.ms", "-2", min: -2;
    /// Stored only: there is no tiered storage. -2 follows retention.bytes.
    local_retention_bytes: i64 = "local.retention.bytes", "-2", min: -2;
    /// Stored only: whether groups may use the topic for their dead letters.
    errors_deadletterqueue_group_enable: bool = "errors.deadletterqueue.group.enable", "false";
    /// Largest size in bytes to which one batch may decompress where its records are looked at.
    /// Kafka's own default, 2147483639, would let one small request take that much memory.
    max_decompressed_message_bytes: i32 = "max.decompressed.message.bytes", "104857600", min: 1;
    /// Whether the topic is a queue: one group consumes it, and what that has acknowledged is removed. Can be
    /// altered while the topic is empty. The other queue settings have no effect without it.
    queue_enable: bool = "queue.enable", "false";
    /// The only group that may consume the queue; otherwise it is the first that comes.
    queue_group: Option<String> = "queue.group", "";
    /// The group that consumes the queue, until that group is deleted or has expired.
    queue_owner: Option<String> = "queue.owner", "", read_only: true;
    /// How many milliseconds a share consumer has for a message before it goes to another.
    queue_visibility_timeout_ms: i64 = "queue.visibility.timeout.ms", "30000",
        min: 1_000, max: 43_200_000;
    /// How often a message is delivered to share consumers before it counts as dead.
    queue_delivery_count_limit: i32 = "queue.delivery.count.limit", "5", min: 1, max: 1_000;
    /// The topic that dead messages go to; without one they are removed.
    queue_dead_letter_topic: Option<String> = "queue.dead.letter.topic", "";
    /// How many milliseconds after its timestamp a message is handed out.
    queue_delay_ms: i64 = "queue.delay.ms", "0", min: 0, max: 604_800_000;
    /// Most messages of a partition that share consumers have at the same time.
    queue_max_in_flight: i32 = "queue.max.in.flight", "2000", min: 1, max: 100_000;
    /// What share consumers are given in order: with `key` messages of the same key, one batch at a time.
    queue_ordering: QueueOrdering = "queue.ordering", "none";
}

impl TopicConfig {
    /// The configuration of a topic that sets `overrides`, on that broker.
    ///
    /// # Errors
    /// When two values contradict each other.
    pub fn resolve(overrides: Settings, broker: &BrokerConfig) -> Result<Self, InvalidConfig> {
        let layers = vec![Layer {
            source: Source::Topic,
            settings: overrides,
        }];
        let own = layers.clone();
        let config = Self::read(layers, |def| in_force(def, &own, broker).0)?;
        config.check_lags()?;
        config.check_queue()?;
        Ok(config)
    }

    /// What was set on the topic itself.
    #[must_use]
    pub fn overrides(&self) -> Settings {
        self.layers
            .first()
            .map(|layer| layer.settings.clone())
            .unwrap_or_default()
    }

    /// Whether acks=all waits for the disk, not only for the page cache.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.flush_messages == 1 || self.flush_ms == 0
    }

    /// Every setting with its value and where that comes from, in the order of the table.
    #[must_use]
    pub fn describe(&self, broker: &BrokerConfig) -> Vec<Entry> {
        Self::TABLE
            .iter()
            .map(|def| entry(def, &self.layers, broker))
            .collect()
    }

    /// What a queue's own settings allow each other. What depends on other topics is the catalog's to check.
    fn check_queue(&self) -> Result<(), InvalidConfig> {
        if self.queue_enable && self.cleanup_policy.compact {
            return Err(InvalidConfig::Value {
                name: "cleanup.policy",
                value: self
                    .overrides()
                    .get("cleanup.policy")
                    .unwrap_or_default()
                    .to_owned(),
                allowed: "without compact on a queue".to_owned(),
            });
        }
        match (&self.queue_group, &self.queue_owner) {
            (Some(group), Some(owner)) if self.queue_enable && group != owner => {
                Err(InvalidConfig::Value {
                    name: "queue.group",
                    value: group.clone(),
                    allowed: format!("{owner:?}, which owns the queue until it is deleted"),
                })
            }
            _ => Ok(()),
        }
    }

    fn check_lags(&self) -> Result<(), InvalidConfig> {
        if self.min_compaction_lag_ms <= self.max_compaction_lag_ms {
            return Ok(());
        }
        Err(InvalidConfig::Value {
            name: "min.compaction.lag.ms",
            value: self.min_compaction_lag_ms.to_string(),
            allowed: format!(
                "at most max.compaction.lag.ms ({})",
                self.max_compaction_lag_ms
            ),
        })
    }
}

/// What removes old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// By age and size.
    pub delete: bool,
    /// By key.
    pub compact: bool,
}

impl Value for CleanupPolicy {
    const TYPE: Type = Type::List;
    const SHAPE: &'static str = "a list of delete and compact, or empty";

    fn parse(text: &str) -> Option<Self> {
        let known = list::items(text).all(|item| item == "delete" || item == "compact");
        let holds = |word| list::items(text).any(|item| item == word);
        known.then(|| Self {
            delete: holds("delete"),
            compact: holds("compact"),
        })
    }
}

/// A switch for what does not exist here: it can only be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Off;

impl Value for Off {
    const TYPE: Type = Type::Boolean;
    const SHAPE: &'static str = "false";

    fn parse(text: &str) -> Option<Self> {
        (bool::parse(text) == Some(false)).then_some(Self)
    }
}

words! {
    /// Whose time a record carries.
    pub enum TimestampType ("CreateTime or LogAppendTime") {
        /// The client's.
        CreateTime = "CreateTime",
        /// That of the record's arrival.
        LogAppendTime = "LogAppendTime",
    }
}

words! {
    /// What of a queue is given to share consumers in order.
    pub enum QueueOrdering ("none or key") {
        /// Nothing.
        None = "none",
        /// Messages of the same key.
        Key = "key",
    }
}

words! {
    /// How batches are kept.
    pub enum CompressionType ("producer, uncompressed, gzip, snappy, lz4 or zstd") {
        /// As they came.
        Producer = "producer",
        /// Never compressed.
        Uncompressed = "uncompressed",
        /// With gzip.
        Gzip = "gzip",
        /// With snappy.
        Snappy = "snappy",
        /// With lz4.
        Lz4 = "lz4",
        /// With zstd.
        Zstd = "zstd",
    }
}
