//! A topic as handlers see it: its partitions in the store and its configuration, as of one moment.

use std::sync::Arc;

use millstream_store::{CompactionConfig, Flush, LogConfig, Partition};
use uuid::Uuid;

use super::name::is_internal;
use crate::Error;
use crate::config::TopicConfig;

/// One topic. It never changes: an altered topic is a new value, and the old one lives as long as a request
/// holds it.
#[derive(Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id, never given to another topic.
    pub id: Uuid,
    /// Whether the broker itself owns it.
    pub internal: bool,
    config: Arc<TopicConfig>,
    partitions: Vec<Arc<Partition>>,
}

impl Topic {
    pub(super) fn new(
        name: String,
        id: Uuid,
        config: Arc<TopicConfig>,
        partitions: Vec<Arc<Partition>>,
    ) -> Self {
        let internal = is_internal(&name);
        Self {
            name,
            id,
            internal,
            config,
            partitions,
        }
    }

    /// What is set on the topic, over the broker's defaults.
    #[must_use]
    pub fn config(&self) -> &Arc<TopicConfig> {
        &self.config
    }

    /// Its partitions in the order of their numbers, which begin at 0.
    #[must_use]
    pub fn partitions(&self) -> &[Arc<Partition>] {
        &self.partitions
    }

    /// Whether none of its partitions has a record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let mut offsets = self.partitions.iter().map(|partition| partition.offsets());
        offsets.all(|offsets| offsets.log_start == offsets.log_end)
    }

    /// The partition of that number.
    ///
    /// # Errors
    /// [`Error::UnknownPartition`].
    pub fn partition(&self, index: i32) -> Result<&Arc<Partition>, Error> {
        let found = usize::try_from(index)
            .ok()
            .and_then(|index| self.partitions.get(index));
        found.ok_or_else(|| Error::UnknownPartition {
            topic: self.name.clone(),
            index,
        })
    }
}

/// What a topic's configuration means for the log of a partition.
pub(super) fn log_config(config: &TopicConfig) -> LogConfig {
    let limit = |value: i64| {
        config
            .cleanup_policy
            .delete
            .then_some(value)
            .filter(|value| *value >= 0)
    };
    LogConfig {
        segment_bytes: config.segment_bytes.unsigned_abs(),
        segment_ms: config.segment_ms,
        index_interval_bytes: config.index_interval_bytes.unsigned_abs(),
        segment_index_bytes: config.segment_index_bytes.unsigned_abs(),
        retention_ms: limit(config.retention_ms),
        retention_bytes: limit(config.retention_bytes).map(i64::unsigned_abs),
        flush: if config.is_durable() {
            Flush::Sync
        } else {
            Flush::PageCache
        },
        compaction: config.cleanup_policy.compact.then_some(CompactionConfig {
            min_dirty_ratio: config.min_cleanable_dirty_ratio,
            min_lag_ms: config.min_compaction_lag_ms,
            max_lag_ms: config.max_compaction_lag_ms,
            delete_retention_ms: config.delete_retention_ms,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BrokerConfig, Settings};

    fn config(pairs: &[(&str, &str)]) -> LogConfig {
        let mut overrides = Settings::default();
        for (name, value) in pairs {
            overrides.set(TopicConfig::TABLE, name, value).unwrap();
        }
        let broker = BrokerConfig::resolve(Settings::default()).unwrap();
        log_config(&TopicConfig::resolve(overrides, &broker).unwrap())
    }

    #[test]
    fn a_topic_keeps_a_week_of_records_on_disk_by_default() {
        let config = config(&[]);
        assert_eq!(
            (config.retention_ms, config.retention_bytes),
            (Some(604_800_000), None)
        );
        assert_eq!(config.flush, Flush::Sync);
    }

    #[test]
    fn only_the_delete_policy_limits_age_and_size() {
        let kept = config(&[("cleanup.policy", "compact"), ("retention.bytes", "5")]);
        assert_eq!((kept.retention_ms, kept.retention_bytes), (None, None));
        let both = config(&[
            ("cleanup.policy", "compact,delete"),
            ("retention.bytes", "5"),
        ]);
        assert_eq!(
            (both.retention_ms, both.retention_bytes),
            (Some(604_800_000), Some(5))
        );
        assert_eq!(config(&[("retention.ms", "-1")]).retention_ms, None);
    }

    #[test]
    fn only_the_compact_policy_removes_by_key() {
        assert_eq!(config(&[]).compaction, None);
        let lags = [
            ("cleanup.policy", "delete,compact"),
            ("min.cleanable.dirty.ratio", "0.25"),
            ("min.compaction.lag.ms", "5"),
            ("max.compaction.lag.ms", "7"),
            ("delete.retention.ms", "9"),
        ];
        let expected = CompactionConfig {
            min_dirty_ratio: 0.25,
            min_lag_ms: 5,
            max_lag_ms: 7,
            delete_retention_ms: 9,
        };
        assert_eq!(config(&lags).compaction, Some(expected));
    }

    #[test]
    fn a_topic_may_leave_syncing_to_the_page_cache() {
        assert_eq!(
            config(&[("flush.messages", "1000")]).flush,
            Flush::PageCache
        );
        assert_eq!(
            config(&[("flush.messages", "9"), ("flush.ms", "0")]).flush,
            Flush::Sync
        );
    }
}
