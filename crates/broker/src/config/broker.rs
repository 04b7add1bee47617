//! The table of broker settings.
//!
//! Only settings with a meaning here are listed: an unknown name is refused at start, so that
//! nobody relies on a setting that does nothing.

use std::path::PathBuf;

use millstream_groups::Assignor;

use super::def::{ConfigDef, InvalidConfig, Table, read_value, settings};
use super::describe::{Entry, Synonym, explicit, shown, trail};
use super::group::{GroupConfig, MigrationPolicy};
use super::layer::{Layer, Settings, Source};
use super::listener::Listeners;
use super::logging::{LoggingFormat, LoggingLevels};
use super::topic::{CleanupPolicy, CompressionType, TimestampType};
use super::value::Value;

settings! {
    /// What one broker was told at start or later.
    pub struct BrokerConfig;

    /// Addresses to listen on, as NAME://host:port; the names tell them apart. An empty host
    /// listens on every interface, port 0 picks a free one.
    listeners: Listeners = "listeners", "PLAINTEXT://127.0.0.1:9092";
    /// Addresses that clients are told to connect to, for each listener by its name. What is not
    /// given is the listener's own address or, where that is every interface, the one that the
    /// client came in on.
    advertised_listeners: Option<Listeners> = "advertised.listeners", "";
    /// The data directory.
    log_dirs: PathBuf = "log.dirs", "./data";
    /// Number of this broker among its clients' brokers.
    node_id: i32 = "node.id", "1", min: 0;
    /// Rack that clients are told.
    broker_rack: Option<String> = "broker.rack", "";
    /// Threads that serve connections; 0 starts one for each processor core.
    num_network_threads: i32 = "num.network.threads", "0", min: 0, max: 1024;

    /// Largest request accepted, in bytes.
    socket_request_max_bytes: i32 = "socket.request.max.bytes", "104857600", min: 1024;
    /// Bytes of requests held in memory at once, one half of them for requests of up to 128 KiB and
    /// one for larger ones, of which one at a time may go beyond. Connections wait while they are
    /// used up.
    queued_max_request_bytes: i64 = "queued.max.request.bytes", "134217728", min: 1024;
    /// Bytes of records in answers that clients have not taken yet, all connections together. What
    /// is left of them bounds an answer to Fetch, which holds one batch even when nothing is left.
    queued_max_response_bytes: i64 = "queued.max.response.bytes", "268435456", min: 1024;
    /// Requests of one connection that wait for their answers before no more are read from it.
    socket_max_inflight_requests: i32 = "socket.max.inflight.requests", "64", min: 1, max: 65536;
    /// Milliseconds for the rest of a request to arrive, and to find memory, once it has begun.
    socket_request_read_timeout_ms: i64 = "socket.request.read.timeout.ms", "30000", min: 1;
    /// Connections at once.
    max_connections: i32 = "max.connections", "2147483647", min: 1;
    /// Connections at once from one IP address.
    max_connections_per_ip: i32 = "max.connections.per.ip", "2147483647", min: 1;
    /// Milliseconds without a request after which a connection is closed; -1 never closes one.
    connections_max_idle_ms: i64 = "connections.max.idle.ms", "600000", min: -1;
    /// Milliseconds that a shutdown waits for requests in flight.
    shutdown_timeout_ms: i64 = "shutdown.timeout.ms", "5000", min: 0;
    /// Form of the log: human or json.
    logging_format: LoggingFormat = "logging.format", "human";
    /// What is logged, for all modules and for some.
    logging_level: LoggingLevels = "logging.level", "info";

    /// Whether asking for an unknown topic creates it.
    auto_create_topics_enable: bool = "auto.create.topics.enable", "true", dynamic: true;
    /// Whether topics can be deleted.
    delete_topic_enable: bool = "delete.topic.enable", "true", dynamic: true;
    /// Partitions of a topic whose creator names no number.
    num_partitions: i32 = "num.partitions", "1", min: 1, max: 10_000, dynamic: true;
    /// Copies of a topic whose creator names no number; one node keeps one.
    default_replication_factor: i32 = "default.replication.factor", "1", min: 1, max: 1;
    /// Most bytes in one answer to Fetch.
    fetch_max_bytes: i32 = "fetch.max.bytes", "57671680", min: 1024, dynamic: true;
    /// Fetch sessions remembered at once.
    max_incremental_fetch_session_cache_slots: i32 =
        "max.incremental.fetch.session.cache.slots", "1000", min: 0;
    /// Most partitions in one answer to DescribeTopicPartitions.
    max_request_partition_size_limit: i32 = "max.request.partition.size.limit", "2000", min: 1;
    /// Bytes of recent records kept in memory for readers, all partitions together.
    tail_cache_bytes: i64 = "tail.cache.bytes", "33554432", min: 0;
    /// Bytes that the journal may take on the disk: where appends to many partitions share one sync. With
    /// 0 each segment is synced by itself.
    journal_max_bytes: i64 = "journal.max.bytes", "268435456", min: 0;

    /// Default of cleanup.policy.
    log_cleanup_policy: CleanupPolicy = "log.cleanup.policy", "delete", dynamic: true;
    /// Default of retention.ms.
    log_retention_ms: Option<i64> = "log.retention.ms", "", min: -1, dynamic: true;
    /// Default of retention.ms in minutes, where log.retention.ms is not set.
    log_retention_minutes: Option<i32> = "log.retention.minutes", "", min: -1;
    /// Default of retention.ms in hours, where neither log.retention.ms nor
    /// log.retention.minutes is set.
    log_retention_hours: i32 = "log.retention.hours", "168", min: -1;
    /// Default of retention.bytes.
    log_retention_bytes: i64 = "log.retention.bytes", "-1", min: -1, dynamic: true;
    /// Milliseconds between two searches for records to remove.
    log_retention_check_interval_ms: i64 = "log.retention.check.interval.ms", "300000", min: 1;
    /// Default of segment.bytes.
    log_segment_bytes: i32 = "log.segment.bytes", "1073741824", min: 1_048_576, dynamic: true;
    /// Default of segment.ms.
    log_roll_ms: Option<i64> = "log.roll.ms", "", min: 1, dynamic: true;
    /// Default of segment.ms in hours, where log.roll.ms is not set.
    log_roll_hours: i32 = "log.roll.hours", "168", min: 1;
    /// Default of segment.jitter.ms.
    log_roll_jitter_ms: Option<i64> = "log.roll.jitter.ms", "", min: 0, dynamic: true;
    /// Default of segment.jitter.ms in hours, where log.roll.jitter.ms is not set.
    log_roll_jitter_hours: i32 = "log.roll.jitter.hours", "0", min: 0;
    /// Default of segment.index.bytes.
    log_index_size_max_bytes: i32 = "log.index.size.max.bytes", "10485760", min: 4, dynamic: true;
    /// Default of index.interval.bytes.
    log_index_interval_bytes: i32 = "log.index.interval.bytes", "4096", min: 0, dynamic: true;
    /// Default of preallocate.
    log_preallocate: bool = "log.preallocate", "false", dynamic: true;
    /// Default of max.message.bytes.
    message_max_bytes: i32 = "message.max.bytes", "1048588", min: 0, dynamic: true;
    /// Default of message.timestamp.type.
    log_message_timestamp_type: TimestampType = "log.message.timestamp.type", "CreateTime",
        dynamic: true;
    /// Default of message.timestamp.before.max.ms.
    log_message_timestamp_before_max_ms: i64 =
        "log.message.timestamp.before.max.ms", "9223372036854775807", min: 0, dynamic: true;
    /// Default of message.timestamp.after.max.ms.
    log_message_timestamp_after_max_ms: i64 =
        "log.message.timestamp.after.max.ms", "3600000", min: 0, dynamic: true;
    /// Default of the topic setting of the same name.
    compression_type: CompressionType = "compression.type", "producer", dynamic: true;
    /// Default of the topic setting of the same name.
    compression_gzip_level: i32 = "compression.gzip.level", "-1", min: -1, max: 9, dynamic: true;
    /// Default of the topic setting of the same name.
    compression_lz4_level: i32 = "compression.lz4.level", "9", min: 1, max: 17, dynamic: true;
    /// Default of the topic setting of the same name.
    compression_zstd_level: i32 = "compression.zstd.level", "3", min: -131_072, max: 22,
        dynamic: true;
    /// Whether partitions of topics with cleanup.policy=compact are compacted.
    log_cleaner_enable: bool = "log.cleaner.enable", "true";
    /// Milliseconds between two searches for partitions to compact.
    log_cleaner_backoff_ms: i64 = "log.cleaner.backoff.ms", "15000", min: 1;
    /// Bytes of memory for the keys that one pass of compaction looks at, 24 for each; a partition
    /// with more new keys takes several passes. Kafka's own default is 134217728.
    log_cleaner_dedupe_buffer_size: i64 = "log.cleaner.dedupe.buffer.size", "33554432",
        min: 1024;
    /// Default of min.cleanable.dirty.ratio.
    log_cleaner_min_cleanable_ratio: f64 = "log.cleaner.min.cleanable.ratio", "0.5",
        min: 0, max: 1, dynamic: true;
    /// Default of min.compaction.lag.ms.
    log_cleaner_min_compaction_lag_ms: i64 = "log.cleaner.min.compaction.lag.ms", "0", min: 0,
        dynamic: true;
    /// Default of max.compaction.lag.ms.
    log_cleaner_max_compaction_lag_ms: i64 =
        "log.cleaner.max.compaction.lag.ms", "9223372036854775807", min: 1, dynamic: true;
    /// Default of delete.retention.ms.
    log_cleaner_delete_retention_ms: i64 = "log.cleaner.delete.retention.ms", "86400000", min: 0,
        dynamic: true;
    /// Default of file.delete.delay.ms.
    log_segment_delete_delay_ms: i64 = "log.segment.delete.delay.ms", "60000", min: 0,
        dynamic: true;
    /// Default of flush.messages: 1 makes acks=all wait for the disk, more leaves it to the page
    /// cache. Kafka's own default is 9223372036854775807.
    log_flush_interval_messages: i64 = "log.flush.interval.messages", "1", min: 1, dynamic: true;
    /// Default of flush.ms.
    log_flush_interval_ms: Option<i64> = "log.flush.interval.ms", "", min: 0, dynamic: true;
    /// Default of the topic setting of the same name.
    min_insync_replicas: i32 = "min.insync.replicas", "1", min: 1, dynamic: true;
    /// Default of the topic setting of the same name.
    unclean_leader_election_enable: bool = "unclean.leader.election.enable", "false",
        dynamic: true;
    /// Milliseconds after which the state of a silent idempotent producer is forgotten.
    producer_id_expiration_ms: i32 = "producer.id.expiration.ms", "86400000", min: 1;

    /// Shortest session timeout in milliseconds that a group member may ask for.
    group_min_session_timeout_ms: i32 = "group.min.session.timeout.ms", "6000", min: 1;
    /// Longest session timeout in milliseconds that a group member may ask for.
    group_max_session_timeout_ms: i32 = "group.max.session.timeout.ms", "1800000", min: 1;
    /// Milliseconds that an empty group waits for more members before it assigns partitions.
    group_initial_rebalance_delay_ms: i32 = "group.initial.rebalance.delay.ms", "3000", min: 0;
    /// Most members of one group.
    group_max_size: i32 = "group.max.size", "2147483647", min: 1;
    /// Default of consumer.session.timeout.ms.
    group_consumer_session_timeout_ms: i32 = "group.consumer.session.timeout.ms", "45000", min: 1;
    /// Least value of consumer.session.timeout.ms.
    group_consumer_min_session_timeout_ms: i32 =
        "group.consumer.min.session.timeout.ms", "45000", min: 1;
    /// Largest value of consumer.session.timeout.ms.
    group_consumer_max_session_timeout_ms: i32 =
        "group.consumer.max.session.timeout.ms", "60000", min: 1;
    /// Default of consumer.heartbeat.interval.ms.
    group_consumer_heartbeat_interval_ms: i32 =
        "group.consumer.heartbeat.interval.ms", "5000", min: 1;
    /// Least value of consumer.heartbeat.interval.ms.
    group_consumer_min_heartbeat_interval_ms: i32 =
        "group.consumer.min.heartbeat.interval.ms", "5000", min: 1;
    /// Largest value of consumer.heartbeat.interval.ms.
    group_consumer_max_heartbeat_interval_ms: i32 =
        "group.consumer.max.heartbeat.interval.ms", "15000", min: 1;
    /// Default of consumer.assignment.interval.ms.
    group_consumer_assignment_interval_ms: i32 =
        "group.consumer.assignment.interval.ms", "1000", min: 0;
    /// Least value of consumer.assignment.interval.ms.
    group_consumer_min_assignment_interval_ms: i32 =
        "group.consumer.min.assignment.interval.ms", "0", min: 0;
    /// Largest value of consumer.assignment.interval.ms.
    group_consumer_max_assignment_interval_ms: i32 =
        "group.consumer.max.assignment.interval.ms", "15000", min: 0;
    /// Most members of one consumer group.
    group_consumer_max_size: i32 = "group.consumer.max.size", "2147483647", min: 1;
    /// Assignors that members of consumer groups may wish for; the first is used where nobody wishes.
    /// Kafka's group.consumer.regex.refresh.interval.ms is no setting here: expressions are matched
    /// anew whenever topics change.
    group_consumer_assignors: Vec<Assignor> = "group.consumer.assignors", "uniform,range";
    /// Which ways a group may go while it has members: from the classic protocol to that of
    /// consumer groups (upgrade), back (downgrade), both (bidirectional) or none (disabled).
    group_consumer_migration_policy: MigrationPolicy =
        "group.consumer.migration.policy", "bidirectional";
    /// Default of share.session.timeout.ms.
    group_share_session_timeout_ms: i32 = "group.share.session.timeout.ms", "45000", min: 1;
    /// Least value of share.session.timeout.ms.
    group_share_min_session_timeout_ms: i32 =
        "group.share.min.session.timeout.ms", "45000", min: 1;
    /// Largest value of share.session.timeout.ms.
    group_share_max_session_timeout_ms: i32 =
        "group.share.max.session.timeout.ms", "60000", min: 1;
    /// Default of share.heartbeat.interval.ms.
    group_share_heartbeat_interval_ms: i32 =
        "group.share.heartbeat.interval.ms", "5000", min: 1;
    /// Least value of share.heartbeat.interval.ms.
    group_share_min_heartbeat_interval_ms: i32 =
        "group.share.min.heartbeat.interval.ms", "5000", min: 1;
    /// Largest value of share.heartbeat.interval.ms.
    group_share_max_heartbeat_interval_ms: i32 =
        "group.share.max.heartbeat.interval.ms", "15000", min: 1;
    /// Most members of one share group.
    group_share_max_size: i32 = "group.share.max.size", "200", min: 1, max: 1_000;
    /// Default of share.record.lock.duration.ms.
    group_share_record_lock_duration_ms: i32 =
        "group.share.record.lock.duration.ms", "30000", min: 1_000, max: 3_600_000;
    /// Least value of share.record.lock.duration.ms.
    group_share_min_record_lock_duration_ms: i32 =
        "group.share.min.record.lock.duration.ms", "15000", min: 1_000, max: 30_000;
    /// Largest value of share.record.lock.duration.ms.
    group_share_max_record_lock_duration_ms: i32 =
        "group.share.max.record.lock.duration.ms", "60000", min: 30_000, max: 3_600_000;
    /// Default of share.delivery.count.limit.
    group_share_delivery_count_limit: i32 =
        "group.share.delivery.count.limit", "5", min: 2, max: 10;
    /// Least value of share.delivery.count.limit.
    group_share_min_delivery_count_limit: i32 =
        "group.share.min.delivery.count.limit", "2", min: 2, max: 5;
    /// Largest value of share.delivery.count.limit.
    group_share_max_delivery_count_limit: i32 =
        "group.share.max.delivery.count.limit", "10", min: 5, max: 25;
    /// Default of share.partition.max.record.locks.
    group_share_partition_max_record_locks: i32 =
        "group.share.partition.max.record.locks", "2000", min: 100, max: 10_000;
    /// Least value of share.partition.max.record.locks.
    group_share_min_partition_max_record_locks: i32 =
        "group.share.min.partition.max.record.locks", "100", min: 100, max: 2_000;
    /// Largest value of share.partition.max.record.locks.
    group_share_max_partition_max_record_locks: i32 =
        "group.share.max.partition.max.record.locks", "4000", min: 2_000, max: 10_000;
    /// Share sessions remembered at once.
    group_share_max_share_sessions: i32 = "group.share.max.share.sessions", "2000", min: 1;
    /// Minutes after which the commits of an abandoned group are forgotten.
    offsets_retention_minutes: i32 = "offsets.retention.minutes", "10080", min: 1;
    /// Milliseconds between two searches for forgotten commits.
    offsets_retention_check_interval_ms: i64 =
        "offsets.retention.check.interval.ms", "600000", min: 1;
    /// Most bytes of metadata with one committed offset.
    offset_metadata_max_bytes: i32 = "offset.metadata.max.bytes", "4096", min: 0;
    /// Partitions of __consumer_offsets; fixed once that topic exists.
    offsets_topic_num_partitions: i32 = "offsets.topic.num.partitions", "50", min: 1, max: 10_000;
    /// Copies of __consumer_offsets; one node keeps one.
    offsets_topic_replication_factor: i32 = "offsets.topic.replication.factor", "1", min: 1,
        max: 1;
    /// Value of segment.bytes for __consumer_offsets.
    offsets_topic_segment_bytes: i32 = "offsets.topic.segment.bytes", "104857600", min: 1_048_576;
    /// Longest time in milliseconds that a producer may ask for as the timeout of its transactions.
    transaction_max_timeout_ms: i32 = "transaction.max.timeout.ms", "900000", min: 1;
    /// Milliseconds after which a transactional id that nobody uses is forgotten.
    transactional_id_expiration_ms: i32 = "transactional.id.expiration.ms", "604800000", min: 1;
    /// Milliseconds between two searches for transactions that have taken too long.
    transaction_abort_timed_out_transaction_cleanup_interval_ms: i32 =
        "transaction.abort.timed.out.transaction.cleanup.interval.ms", "10000", min: 1;
    /// Milliseconds between two searches for transactional ids that nobody uses.
    transaction_remove_expired_transaction_cleanup_interval_ms: i32 =
        "transaction.remove.expired.transaction.cleanup.interval.ms", "3600000", min: 1;
    /// Whether records are refused that a transaction was not told of before.
    transaction_partition_verification_enable: bool =
        "transaction.partition.verification.enable", "true", dynamic: true;
    /// Partitions of __transaction_state; fixed once that topic exists.
    transaction_state_log_num_partitions: i32 =
        "transaction.state.log.num.partitions", "50", min: 1, max: 10_000;
    /// Copies of __transaction_state; one node keeps one.
    transaction_state_log_replication_factor: i32 =
        "transaction.state.log.replication.factor", "1", min: 1, max: 1;
    /// Value of segment.bytes for __transaction_state.
    transaction_state_log_segment_bytes: i32 =
        "transaction.state.log.segment.bytes", "104857600", min: 1_048_576;
    /// Partitions of __share_group_state; fixed once that topic exists.
    share_coordinator_state_topic_num_partitions: i32 =
        "share.coordinator.state.topic.num.partitions", "50", min: 1, max: 10_000;
    /// Copies of __share_group_state; one node keeps one.
    share_coordinator_state_topic_replication_factor: i32 =
        "share.coordinator.state.topic.replication.factor", "1", min: 1, max: 1;
    /// Value of segment.bytes for __share_group_state.
    share_coordinator_state_topic_segment_bytes: i32 =
        "share.coordinator.state.topic.segment.bytes", "104857600", min: 1_048_576;
}

impl BrokerConfig {
    /// The configuration of a broker that was started with these settings.
    ///
    /// # Errors
    /// When two values contradict each other.
    pub fn resolve(started_with: Settings) -> Result<Self, InvalidConfig> {
        Self::layered(vec![Layer {
            source: Source::StaticBroker,
            settings: started_with,
        }])
    }

    /// The same broker with other values altered while it runs: for every broker, and over that
    /// for this one.
    ///
    /// # Errors
    /// When two values contradict each other.
    pub fn alter(&self, everywhere: Settings, here: Settings) -> Result<Self, InvalidConfig> {
        Self::layered(vec![
            Layer {
                source: Source::DynamicBroker,
                settings: here,
            },
            Layer {
                source: Source::DynamicDefaultBroker,
                settings: everywhere,
            },
            Layer {
                source: Source::StaticBroker,
                settings: self.layer(Source::StaticBroker),
            },
        ])
    }

    fn layered(layers: Vec<Layer>) -> Result<Self, InvalidConfig> {
        let own = layers.clone();
        let config = Self::read(layers, |def| {
            explicit(def.name, &own)
                .map_or(def.default, |(text, _)| text)
                .to_owned()
        })?;
        config.check_listeners()?;
        config.check_session_timeouts()?;
        // What a group inherits has to be what it may have.
        GroupConfig::resolve(Settings::default(), &config)?;
        Ok(config)
    }

    /// What that source sets.
    #[must_use]
    pub fn layer(&self, source: Source) -> Settings {
        let found = self.layers.iter().find(|layer| layer.source == source);
        found
            .map(|layer| layer.settings.clone())
            .unwrap_or_default()
    }

    /// Every setting with its value and where that comes from, in the order of the table.
    #[must_use]
    pub fn describe(&self) -> Vec<Entry> {
        Self::TABLE.iter().map(|def| self.entry(def)).collect()
    }

    fn entry(&self, def: &'static ConfigDef) -> Entry {
        let (text, source) =
            explicit(def.name, &self.layers).unwrap_or((def.default, Source::Default));
        Entry {
            def,
            value: shown(def, text),
            source,
            synonyms: trail(def, &self.layers),
        }
    }

    /// The value that somebody set for that name.
    pub(super) fn explicit(&self, name: &str) -> Option<(&str, Source)> {
        explicit(name, &self.layers)
    }

    /// The text in force for that name; empty if there is no such setting.
    pub(super) fn text(&self, name: &str) -> &str {
        let default = || Self::TABLE.find(name).map_or("", |def| def.default);
        self.explicit(name).map_or_else(default, |(text, _)| text)
    }

    /// Everything said about the setting of that name.
    pub(super) fn trail(&self, name: &str) -> Vec<Synonym> {
        Self::TABLE
            .find(name)
            .map(|def| trail(def, &self.layers))
            .unwrap_or_default()
    }

    fn check_listeners(&self) -> Result<(), InvalidConfig> {
        let Some(advertised) = &self.advertised_listeners else {
            return Ok(());
        };
        for listener in advertised.iter() {
            if self.listeners.named(&listener.name).is_none() || listener.is_wildcard() {
                return Err(InvalidConfig::Value {
                    name: "advertised.listeners",
                    value: listener.to_string(),
                    allowed: format!(
                        "an address that clients can reach, under a name from listeners ({})",
                        self.listeners
                    ),
                });
            }
        }
        Ok(())
    }

    fn check_session_timeouts(&self) -> Result<(), InvalidConfig> {
        if self.group_min_session_timeout_ms <= self.group_max_session_timeout_ms {
            return Ok(());
        }
        Err(InvalidConfig::Value {
            name: "group.min.session.timeout.ms",
            value: self.group_min_session_timeout_ms.to_string(),
            allowed: format!(
                "at most group.max.session.timeout.ms ({})",
                self.group_max_session_timeout_ms
            ),
        })
    }
}
