//! The table of group settings.
//!
//! Most of them may only be set within bounds that the broker's settings give.

use millstream_groups::Assignor;

use super::broker::BrokerConfig;
use super::def::{ConfigDef, InvalidConfig, Table, read_value, settings};
use super::describe::Entry;
use super::inherit::{entry, in_force};
use super::layer::{Layer, Settings, Source};
use super::offset_reset::OffsetReset;
use super::value::{Type, Value, list, words};

settings! {
    /// What one group is given, resolved against its broker's defaults.
    pub struct GroupConfig;

    /// Where a share group begins in a partition: at its end (latest), at its beginning (earliest), or at
    /// what came within some time, as in by_duration:P1DT12H.
    share_auto_offset_reset: OffsetReset = "share.auto.offset.reset", "latest";
    /// Which records of transactions a share group is given: all of them, or those that were committed.
    share_isolation_level: IsolationLevel = "share.isolation.level", "read_uncommitted";
    /// How many milliseconds a share consumer has for a record before it goes to another.
    share_record_lock_duration_ms: i32 = "share.record.lock.duration.ms", "30000", min: 1_000,
        from: &[("group.share.record.lock.duration.ms", 1)],
        within: Some(("group.share.min.record.lock.duration.ms",
            "group.share.max.record.lock.duration.ms"));
    /// How often a record is delivered to share consumers before it is given up.
    share_delivery_count_limit: i32 = "share.delivery.count.limit", "5", min: 2,
        from: &[("group.share.delivery.count.limit", 1)],
        within: Some(("group.share.min.delivery.count.limit",
            "group.share.max.delivery.count.limit"));
    /// Most records of a partition that share consumers have at the same time.
    share_partition_max_record_locks: i32 = "share.partition.max.record.locks", "2000", min: 100,
        from: &[("group.share.partition.max.record.locks", 1)],
        within: Some(("group.share.min.partition.max.record.locks",
            "group.share.max.partition.max.record.locks"));
    /// Whether share consumers may ask for more time for a record.
    share_renew_acknowledge_enable: bool = "share.renew.acknowledge.enable", "true";
    /// Milliseconds without a heartbeat after which a share consumer is taken for gone.
    share_session_timeout_ms: i32 = "share.session.timeout.ms", "45000", min: 1,
        from: &[("group.share.session.timeout.ms", 1)],
        within: Some(("group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms"));
    /// Milliseconds between two heartbeats of a share consumer.
    share_heartbeat_interval_ms: i32 = "share.heartbeat.interval.ms", "5000", min: 1,
        from: &[("group.share.heartbeat.interval.ms", 1)],
        within: Some(("group.share.min.heartbeat.interval.ms",
            "group.share.max.heartbeat.interval.ms"));
    /// Milliseconds without a heartbeat after which a member of a consumer group is taken for gone.
    /// Members of the classic protocol bring a timeout of their own.
    consumer_session_timeout_ms: i32 = "consumer.session.timeout.ms", "45000", min: 1,
        from: &[("group.consumer.session.timeout.ms", 1)],
        within: Some(("group.consumer.min.session.timeout.ms",
            "group.consumer.max.session.timeout.ms"));
    /// Milliseconds between two heartbeats of a member of a consumer group. While partitions move
    /// members are asked to come sooner.
    consumer_heartbeat_interval_ms: i32 = "consumer.heartbeat.interval.ms", "5000", min: 1,
        from: &[("group.consumer.heartbeat.interval.ms", 1)],
        within: Some(("group.consumer.min.heartbeat.interval.ms",
            "group.consumer.max.heartbeat.interval.ms"));
    /// Milliseconds that an assignment of a consumer group stands before another is made.
    consumer_assignment_interval_ms: i32 = "consumer.assignment.interval.ms", "1000", min: 0,
        from: &[("group.consumer.assignment.interval.ms", 1)],
        within: Some(("group.consumer.min.assignment.interval.ms",
            "group.consumer.max.assignment.interval.ms"));
}

impl GroupConfig {
    /// The configuration of a group that sets `overrides`, on that broker.
    ///
    /// # Errors
    /// When a value is out of the broker's bounds, or two values contradict each other.
    pub fn resolve(overrides: Settings, broker: &BrokerConfig) -> Result<Self, InvalidConfig> {
        let layers = vec![Layer {
            source: Source::Group,
            settings: overrides,
        }];
        let own = layers.clone();
        let config = Self::read(layers, |def| in_force(def, &own, broker).0)?;
        for def in Self::TABLE.iter() {
            config.check_bounds(def, broker)?;
        }
        config.check_heartbeats()?;
        Ok(config)
    }

    /// Every setting with its value and where that comes from, in the order of the table.
    #[must_use]
    pub fn describe(&self, broker: &BrokerConfig) -> Vec<Entry> {
        Self::TABLE
            .iter()
            .map(|def| entry(def, &self.layers, broker))
            .collect()
    }

    /// Refuses a value that is not within the broker's bounds, under the name that it was set by.
    fn check_bounds(&self, def: &ConfigDef, broker: &BrokerConfig) -> Result<(), InvalidConfig> {
        let Some((least, most)) = def.within else {
            return Ok(());
        };
        let own = self.layers.iter().find_map(|l| l.settings.get(def.name));
        let (name, value) = match (own, def.from) {
            (None, [(name, _), ..]) => (*name, broker.text(name)),
            (own, _) => (def.name, own.unwrap_or(def.default)),
        };
        let (min, max) = (broker.text(least), broker.text(most));
        let number = |text| i64::parse(text).unwrap_or_default();
        if (number(min)..=number(max)).contains(&number(value)) {
            return Ok(());
        }
        Err(InvalidConfig::Value {
            name,
            value: value.to_owned(),
            allowed: format!("from {min} ({least}) to {max} ({most})"),
        })
    }

    fn check_heartbeats(&self) -> Result<(), InvalidConfig> {
        check_heartbeat(
            (
                "share.heartbeat.interval.ms",
                self.share_heartbeat_interval_ms,
            ),
            ("share.session.timeout.ms", self.share_session_timeout_ms),
        )?;
        check_heartbeat(
            (
                "consumer.heartbeat.interval.ms",
                self.consumer_heartbeat_interval_ms,
            ),
            (
                "consumer.session.timeout.ms",
                self.consumer_session_timeout_ms,
            ),
        )
    }
}

/// Refuses an interval that a session does not last for.
fn check_heartbeat(
    (name, heartbeat): (&'static str, i32),
    (of_session, session): (&str, i32),
) -> Result<(), InvalidConfig> {
    if heartbeat < session {
        return Ok(());
    }
    Err(InvalidConfig::Value {
        name,
        value: heartbeat.to_string(),
        allowed: format!("less than {of_session} ({session})"),
    })
}

impl Value for Vec<Assignor> {
    const TYPE: Type = Type::List;
    const SHAPE: &'static str = "uniform, range or both";

    fn parse(text: &str) -> Option<Self> {
        let named: Option<Self> = list::items(text).map(Assignor::named).collect();
        named.filter(|named| !named.is_empty())
    }
}

words! {
    /// Which ways groups may go from one protocol to the other.
    pub enum MigrationPolicy ("bidirectional, upgrade, downgrade or disabled") {
        /// Up and down.
        Bidirectional = "bidirectional",
        /// To the protocol of consumer groups.
        Upgrade = "upgrade",
        /// Back to the classic one.
        Downgrade = "downgrade",
        /// Neither.
        Disabled = "disabled",
    }
}

words! {
    /// Which records of transactions are read.
    pub enum IsolationLevel ("read_uncommitted or read_committed") {
        /// All of them.
        ReadUncommitted = "read_uncommitted",
        /// Those of transactions that were committed.
        ReadCommitted = "read_committed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(settings: &[(&str, &str)]) -> Settings {
        collect(GroupConfig::TABLE, settings)
    }

    fn broker(settings: &[(&str, &str)]) -> Result<BrokerConfig, InvalidConfig> {
        BrokerConfig::resolve(collect(BrokerConfig::TABLE, settings))
    }

    fn collect(table: Table, settings: &[(&str, &str)]) -> Settings {
        let mut all = Settings::default();
        for (name, value) in settings {
            all.set(table, name, value).unwrap();
        }
        all
    }

    #[test]
    fn a_group_has_what_it_sets_and_else_what_its_broker_does() {
        let broker = broker(&[("group.share.record.lock.duration.ms", "20000")]).unwrap();
        let config = GroupConfig::resolve(group(&[]), &broker).unwrap();
        assert_eq!(config.share_record_lock_duration_ms, 20_000);
        assert_eq!(config.share_auto_offset_reset, OffsetReset::Latest);
        assert!(config.share_renew_acknowledge_enable);

        let own = group(&[("share.record.lock.duration.ms", "16000")]);
        let config = GroupConfig::resolve(own, &broker).unwrap();
        assert_eq!(config.share_record_lock_duration_ms, 16_000);
        let described = config.describe(&broker);
        let entry = described
            .iter()
            .find(|entry| entry.def.name == "share.record.lock.duration.ms");
        let trail: Vec<_> = entry
            .unwrap()
            .synonyms
            .iter()
            .map(|synonym| (synonym.name, synonym.value.as_deref().unwrap()))
            .collect();
        let of_broker = "group.share.record.lock.duration.ms";
        let expected = [
            ("share.record.lock.duration.ms", "16000"),
            (of_broker, "20000"),
            (of_broker, "30000"),
        ];
        assert_eq!(trail, expected);
    }

    #[test]
    fn a_value_out_of_the_brokers_bounds_is_refused_by_the_name_it_was_set_by() {
        let plain = broker(&[]).unwrap();
        let check = |settings: &[(&str, &str)], expected: &str| {
            let error = GroupConfig::resolve(group(settings), &plain).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(
            &[("share.record.lock.duration.ms", "60001")],
            "invalid value \"60001\" for share.record.lock.duration.ms: must be from 15000 \
             (group.share.min.record.lock.duration.ms) to 60000 \
             (group.share.max.record.lock.duration.ms)",
        );
        check(
            &[("share.delivery.count.limit", "11")],
            "invalid value \"11\" for share.delivery.count.limit: must be from 2 \
             (group.share.min.delivery.count.limit) to 10 (group.share.max.delivery.count.limit)",
        );
        let error = broker(&[("group.share.session.timeout.ms", "44999")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid value \"44999\" for group.share.session.timeout.ms: must be from 45000 \
             (group.share.min.session.timeout.ms) to 60000 (group.share.max.session.timeout.ms)",
        );
    }

    #[test]
    fn a_heartbeat_comes_within_its_session() {
        let wide = broker(&[("group.share.max.heartbeat.interval.ms", "100000")]).unwrap();
        let slow = group(&[("share.heartbeat.interval.ms", "45000")]);
        assert_eq!(
            GroupConfig::resolve(slow, &wide).unwrap_err().to_string(),
            "invalid value \"45000\" for share.heartbeat.interval.ms: must be less than \
             share.session.timeout.ms (45000)",
        );
    }
}
