//! What an operator may choose: limits of the store and policies of one partition.
//!
//! Parsing and bounds belong to the caller; here every value is already valid.

use std::sync::Arc;

use uuid::Uuid;

/// Names one partition: the id of its topic, which is never reused, and its index in the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// Id of the topic.
    pub topic_id: Uuid,
    /// Zero-based index within the topic.
    pub index: i32,
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.topic_id, self.index)
    }
}

/// Limits of a whole store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The cluster id that a new data directory gets; an existing one keeps its own.
    pub cluster_id: Uuid,
    /// Bytes of recent batches kept in memory for readers at the end of the log.
    pub tail_bytes: usize,
    /// Bytes of batches that may wait for the writer; past it, appends are refused.
    pub pending_bytes: usize,
    /// How long a silent producer's sequence numbers are remembered, in milliseconds.
    pub producer_expiration_ms: i64,
    /// Bytes appended to a partition between two of its recovery points.
    /// It bounds what is scanned after a crash and what the kernel holds unwritten.
    pub recovery_point_bytes: u64,
    /// Bytes that the journal may take on the disk; 0 keeps it for appends to several partitions.
    pub journal_bytes: u64,
    /// Bytes for the keys that one pass of compaction looks at; a log with more takes several passes.
    pub compaction_bytes: usize,
    /// Bytes of the device that are kept back for what must work when it is full; 0 keeps none.
    pub reserve_bytes: u64,
    /// What a partition found on disk uses until [`Partition::set_config`](crate::Partition::set_config).
    pub default_config: Arc<LogConfig>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            cluster_id: Uuid::nil(),
            tail_bytes: 64 << 20,
            pending_bytes: 128 << 20,
            producer_expiration_ms: 86_400_000,
            recovery_point_bytes: 64 << 20,
            journal_bytes: 1 << 20,
            compaction_bytes: 32 << 20,
            reserve_bytes: 0,
            default_config: Arc::default(),
        }
    }
}

/// When a record counts as kept: the promise behind the high watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flush {
    /// After `fdatasync`: it survives a power cut.
    #[default]
    Sync,
    /// After the write: it survives a crash of the process, and a power cut may lose it.
    PageCache,
}

/// Policies of one partition, named after the topic configs they come from.
#[derive(Debug, Clone, PartialEq)]
pub struct LogConfig {
    /// `segment.bytes`: a segment is closed before it would grow past this. At most `i32::MAX`.
    pub segment_bytes: u32,
    /// `segment.ms`: a segment is closed when its records span more than this.
    pub segment_ms: i64,
    /// `index.interval.bytes`: log bytes between two index entries.
    pub index_interval_bytes: u32,
    /// `segment.index.bytes`: a segment is closed when its index would grow past this.
    pub segment_index_bytes: u32,
    /// `retention.ms`, or `None` to keep records of any age.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`, or `None` to keep any amount.
    pub retention_bytes: Option<u64>,
    /// What `flush.messages` and `flush.ms` come to.
    pub flush: Flush,
    /// How records are removed by key, where `cleanup.policy` asks for it.
    pub compaction: Option<CompactionConfig>,
}

/// How a log is compacted by key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompactionConfig {
    /// `min.cleanable.dirty.ratio`: a log is compacted once a larger share of it was not looked at yet.
    pub min_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: for how long records stay as they came.
    pub min_lag_ms: i64,
    /// `max.compaction.lag.ms`: after how long records are looked at, however little there is to do.
    pub max_lag_ms: i64,
    /// `delete.retention.ms`: for how long tombstones stay once they were looked at.
    pub delete_retention_ms: i64,
}

impl Default for CompactionConfig {
    fn default() -> Self {
        CompactionConfig {
            min_dirty_ratio: 0.5,
            min_lag_ms: 0,
            max_lag_ms: i64::MAX,
            delete_retention_ms: 86_400_000,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 604_800_000,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            retention_ms: Some(604_800_000),
            retention_bytes: None,
            flush: Flush::Sync,
            compaction: None,
        }
    }
}
