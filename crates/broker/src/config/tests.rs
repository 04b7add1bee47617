//! What the tables promise to those who set, read and describe configurations.

use super::*;

fn topic(settings: &[(&str, &str)]) -> Settings {
    collect(TopicConfig::TABLE, settings)
}

fn broker(settings: &[(&str, &str)]) -> BrokerConfig {
    BrokerConfig::resolve(collect(BrokerConfig::TABLE, settings)).unwrap()
}

fn collect(table: Table, settings: &[(&str, &str)]) -> Settings {
    let mut all = Settings::default();
    for (name, value) in settings {
        all.set(table, name, value).unwrap();
    }
    all
}

fn entry<'a>(entries: &'a [Entry], name: &str) -> &'a Entry {
    entries.iter().find(|entry| entry.def.name == name).unwrap()
}

#[test]
fn every_default_is_allowed_and_every_name_unique() {
    for table in [BrokerConfig::TABLE, TopicConfig::TABLE, GroupConfig::TABLE] {
        for def in table.iter() {
            def.check(def.default).unwrap();
            assert!(
                def.doc.ends_with('.') && !def.allowed().is_empty(),
                "{}",
                def.name
            );
            assert_eq!(
                table.iter().filter(|other| other.name == def.name).count(),
                1
            );
        }
    }
}

#[test]
fn broker_defaults_give_the_defaults_of_topics_and_groups() {
    let plain = broker(&[]);
    for def in TopicConfig::TABLE.iter().chain(GroupConfig::TABLE.iter()) {
        let inherited = def.from.iter().find_map(|(name, factor)| {
            let from = BrokerConfig::TABLE.find(name).unwrap();
            (!from.default.is_empty()).then(|| match from.default.parse::<i64>() {
                Ok(number) if *factor != 1 => (number * factor).to_string(),
                _ => from.default.to_owned(),
            })
        });
        assert!(
            inherited.is_none_or(|value| value == def.default),
            "{}",
            def.name
        );
    }
    assert_eq!(
        TopicConfig::resolve(topic(&[]), &plain)
            .unwrap()
            .retention_ms,
        604_800_000
    );
}

#[test]
fn wrong_values_are_refused_by_name_value_and_what_is_allowed() {
    let check = |table: Table, name: &str, value: &str, expected: &str| {
        let error = Settings::default().set(table, name, value).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let (broker, topic) = (BrokerConfig::TABLE, TopicConfig::TABLE);
    check(topic, "retention.sm", "1", "unknown setting retention.sm");
    check(
        topic,
        "retention.ms",
        "-2",
        "invalid value \"-2\" for retention.ms: must be a whole number of at least -1",
    );
    check(
        topic,
        "cleanup.policy",
        "shred",
        "invalid value \"shred\" for cleanup.policy: must be a list of delete and compact, or empty",
    );
    check(
        topic,
        "compression.zstd.level",
        "23",
        "invalid value \"23\" for compression.zstd.level: must be a 32-bit whole number from -131072 to 22",
    );
    check(
        broker,
        "auto.create.topics.enable",
        "yes",
        "invalid value \"yes\" for auto.create.topics.enable: must be true or false",
    );
    check(
        topic,
        "remote.storage.enable",
        "true",
        "invalid value \"true\" for remote.storage.enable: must be false",
    );
    check(
        topic,
        "min.cleanable.dirty.ratio",
        "NaN",
        "invalid value \"NaN\" for min.cleanable.dirty.ratio: must be a number from 0 to 1",
    );
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    let lags = topic(&[
        ("min.compaction.lag.ms", "10"),
        ("max.compaction.lag.ms", "5"),
    ]);
    assert_eq!(
        TopicConfig::resolve(lags, &broker(&[]))
            .unwrap_err()
            .to_string(),
        "invalid value \"10\" for min.compaction.lag.ms: must be at most max.compaction.lag.ms (5)"
    );
    for advertised in ["OTHER://host:1", "PLAINTEXT://0.0.0.0:1"] {
        let settings = collect(BrokerConfig::TABLE, &[("advertised.listeners", advertised)]);
        assert!(BrokerConfig::resolve(settings).is_err(), "{advertised}");
    }
}

#[test]
fn a_topic_inherits_the_most_specific_broker_setting() {
    let check = |settings: &[(&str, &str)], expected: i64| {
        let config = TopicConfig::resolve(topic(&[]), &broker(settings)).unwrap();
        assert_eq!(config.retention_ms, expected, "{settings:?}");
    };
    check(&[("log.retention.hours", "1")], 3_600_000);
    check(&[("log.retention.hours", "-1")], -1);
    check(
        &[("log.retention.hours", "1"), ("log.retention.minutes", "1")],
        60_000,
    );
    check(
        &[("log.retention.minutes", "1"), ("log.retention.ms", "7")],
        7,
    );
}

#[test]
fn a_topic_answers_from_the_disk_unless_told_otherwise() {
    let check = |topic_sets: &[(&str, &str)], broker_sets: &[(&str, &str)], expected: bool| {
        let config = TopicConfig::resolve(topic(topic_sets), &broker(broker_sets)).unwrap();
        assert_eq!(
            config.is_durable(),
            expected,
            "{topic_sets:?} {broker_sets:?}"
        );
    };
    let page_cache = ("flush.messages", "9223372036854775807");
    check(&[], &[], true);
    check(&[page_cache], &[], false);
    check(&[page_cache, ("flush.ms", "0")], &[], true);
    check(&[], &[("log.flush.interval.messages", "1000")], false);
    check(
        &[("flush.messages", "1")],
        &[("log.flush.interval.messages", "1000")],
        true,
    );
}

#[test]
fn describing_tells_where_each_value_comes_from() {
    let broker = broker(&[("log.retention.hours", "2")]);
    let altered = collect(BrokerConfig::TABLE, &[("log.retention.bytes", "99")]);
    let broker = broker.alter(Settings::default(), altered).unwrap();
    let config = TopicConfig::resolve(topic(&[("segment.ms", "5")]), &broker).unwrap();
    let entries = config.describe(&broker);
    assert_eq!(entries.len(), TopicConfig::TABLE.iter().count());

    let check = |name: &str, value: &str, source: Source, synonyms: &[(&str, &str, Source)]| {
        let entry = entry(&entries, name);
        assert_eq!(
            (entry.value.as_deref(), entry.source),
            (Some(value), source),
            "{name}"
        );
        let seen: Vec<_> = entry
            .synonyms
            .iter()
            .map(|s| (s.name, s.value.as_deref().unwrap(), s.source))
            .collect();
        assert_eq!(seen, synonyms, "{name}");
    };
    let hours = ("log.retention.hours", "168", Source::Default);
    let set_hours = ("log.retention.hours", "2", Source::StaticBroker);
    check(
        "retention.ms",
        "7200000",
        Source::StaticBroker,
        &[set_hours, hours],
    );
    let altered = ("log.retention.bytes", "99", Source::DynamicBroker);
    let default = ("log.retention.bytes", "-1", Source::Default);
    check(
        "retention.bytes",
        "99",
        Source::DynamicBroker,
        &[altered, default],
    );
    let own = ("segment.ms", "5", Source::Topic);
    check(
        "segment.ms",
        "5",
        Source::Topic,
        &[own, ("log.roll.hours", "168", Source::Default)],
    );
    let leader = "leader.replication.throttled.replicas";
    check(
        leader,
        "",
        Source::Default,
        &[(leader, "", Source::Default)],
    );
}

#[test]
fn a_queue_keeps_what_nobody_has_acknowledged_unless_told_otherwise() {
    let broker = broker(&[
        ("log.retention.hours", "1"),
        ("log.retention.bytes", "5"),
        ("log.cleanup.policy", "compact"),
    ]);
    let queue = TopicConfig::resolve(topic(&[("queue.enable", "true")]), &broker).unwrap();
    assert_eq!((queue.retention_ms, queue.retention_bytes), (-1, -1));
    assert!(queue.cleanup_policy.delete && !queue.cleanup_policy.compact);
    let described = entry(&queue.describe(&broker), "retention.ms").clone();
    let (value, trail) = (described.value.as_deref(), &described.synonyms);
    assert_eq!((value, described.source), (Some("-1"), Source::Default));
    assert_eq!((trail.len(), trail[0].value.as_deref()), (1, Some("-1")));

    let own = topic(&[("queue.enable", "true"), ("retention.ms", "7")]);
    let queue = TopicConfig::resolve(own, &broker).unwrap();
    assert_eq!((queue.retention_ms, queue.retention_bytes), (7, -1));
}

#[test]
fn a_queue_refuses_what_contradicts_it_by_name_and_value() {
    let check = |settings: &[(&str, &str)], expected: &str| {
        let error = TopicConfig::resolve(topic(settings), &broker(&[])).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(
        &[
            ("queue.enable", "true"),
            ("cleanup.policy", "delete,compact"),
        ],
        "invalid value \"delete,compact\" for cleanup.policy: must be without compact on a queue",
    );
    check(
        &[
            ("queue.enable", "true"),
            ("queue.group", "b"),
            ("queue.owner", "a"),
        ],
        "invalid value \"b\" for queue.group: must be \"a\", which owns the queue until it is deleted",
    );
    let unused = [("cleanup.policy", "compact"), ("queue.group", "b")];
    assert!(TopicConfig::resolve(topic(&unused), &broker(&[])).is_ok());
}

#[test]
fn describing_a_broker_shows_null_where_nothing_is_set() {
    let entries = broker(&[("broker.rack", "a")]).describe();
    assert_eq!(entry(&entries, "broker.rack").value.as_deref(), Some("a"));
    let unset = entry(&entries, "log.retention.ms");
    assert_eq!(
        (unset.value.as_deref(), unset.source, unset.synonyms.len()),
        (None, Source::Default, 0)
    );
}

#[test]
fn lists_can_be_appended_to_and_numbers_cannot() {
    let mut settings = topic(&[]);
    settings
        .append(TopicConfig::TABLE, "cleanup.policy", "delete", "compact")
        .unwrap();
    assert_eq!(settings.get("cleanup.policy"), Some("delete,compact"));
    settings
        .subtract(
            TopicConfig::TABLE,
            "cleanup.policy",
            "delete,compact",
            "delete",
        )
        .unwrap();
    assert_eq!(settings.get("cleanup.policy"), Some("compact"));
    let error = settings
        .append(TopicConfig::TABLE, "retention.ms", "1", "2")
        .unwrap_err();
    assert_eq!(
        error,
        InvalidConfig::NotAList {
            name: "retention.ms"
        }
    );
    settings
        .remove(TopicConfig::TABLE, "cleanup.policy")
        .unwrap();
    settings
        .remove(TopicConfig::TABLE, "cleanup.policy")
        .unwrap();
    assert!(settings.is_empty());
}
