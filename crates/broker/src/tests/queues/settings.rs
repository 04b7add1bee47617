//! What may be set on a queue, at its creation and later, and what a refusal says.

use millstream_wire::ApiKey;
use millstream_wire::ErrorCode;
use millstream_wire::api::alter_configs;
use millstream_wire::api::create_topics::{Config, Topic};

use super::QUEUE;
use crate::resource_type::TOPIC;
use crate::testing::TestBroker;
use crate::tests::configs::{DELETE, SET, altered, described};
use crate::tests::topics::{created, topic};
use crate::tests::traffic::values;

/// What is said about making the topic `name` with these settings.
async fn refused(broker: &TestBroker, name: &str, set: &[(&str, &str)]) -> String {
    let config = |&(name, value)| Config {
        name,
        value: Some(value),
    };
    let wanted = Topic {
        configs: set.iter().map(config).collect(),
        ..topic(name, 1, 1)
    };
    let result = created(broker, wanted).await;
    assert_eq!(result.error_code, ErrorCode::INVALID_CONFIG, "{set:?}");
    result.error_message.unwrap().into_owned()
}

/// What is said about setting one thing on a topic.
async fn set(broker: &TestBroker, name: &str, setting: (&str, &str)) -> (ErrorCode, String) {
    altered(broker, (TOPIC, name), &[(SET, setting.0, Some(setting.1))]).await
}

#[tokio::test]
async fn a_queue_is_made_by_its_settings_and_describes_them() {
    let broker = TestBroker::start().await;
    let own = [QUEUE, ("queue.delay.ms", "5"), ("queue.ordering", "key")];
    let topic = broker.topic("jobs", 1, &own).await;
    assert!(topic.config().queue_enable);
    let configs = described(&broker, TOPIC, "jobs", None).await.configs;
    let value = |name: &str| {
        let found = configs.iter().find(|config| config.name == name).unwrap();
        (found.value.as_deref(), found.read_only)
    };
    assert_eq!(value("queue.ordering"), (Some("key"), false));
    assert_eq!(value("queue.group"), (None, false));
    assert_eq!(value("queue.owner"), (None, true));
    assert_eq!(value("retention.ms"), (Some("-1"), false));
}

#[tokio::test]
async fn only_the_broker_says_who_owns_a_queue() {
    let broker = TestBroker::start().await;
    let expected = "queue.owner is set by the broker alone";
    let owner = ("queue.owner", "me");
    assert_eq!(refused(&broker, "jobs", &[QUEUE, owner]).await, expected);
    let topic = broker.topic("jobs", 1, &[QUEUE]).await;
    let refusal = (ErrorCode::INVALID_CONFIG, expected.to_owned());
    assert_eq!(set(&broker, "jobs", owner).await, refusal);

    broker.broker.attach(&topic, "g").await.unwrap();
    assert_eq!(set(&broker, "jobs", owner).await, refusal);
    let delete = [(DELETE, "queue.owner", None)];
    assert_eq!(altered(&broker, (TOPIC, "jobs"), &delete).await, refusal);
}

#[tokio::test]
async fn replacing_the_whole_set_leaves_the_owner_alone() {
    let broker = TestBroker::start().await;
    let topic = broker
        .topic("jobs", 1, &[QUEUE, ("queue.delay.ms", "5")])
        .await;
    broker.broker.attach(&topic, "g").await.unwrap();
    let enable = alter_configs::Config {
        name: QUEUE.0,
        value: Some(QUEUE.1),
    };
    let resource = alter_configs::Resource {
        resource_type: TOPIC,
        resource_name: "jobs",
        configs: vec![enable],
    };
    let request = alter_configs::Request {
        resources: vec![resource],
        validate_only: false,
    };
    let response: alter_configs::Response<'_> =
        broker.call(ApiKey::AlterConfigs, 2, &request).await;
    assert_eq!(response.responses[0].error_code, ErrorCode::NONE);
    let topic = broker.broker.catalog().topic("jobs").unwrap();
    assert_eq!(topic.config().queue_delay_ms, 0);
    assert_eq!(topic.config().queue_owner.as_deref(), Some("g"));
}

#[tokio::test]
async fn a_topic_with_records_neither_becomes_a_queue_nor_stops_being_one() {
    let broker = TestBroker::start().await;
    broker.topic("t", 2, &[]).await;
    for (enable, other) in [("true", "false"), ("false", "true")] {
        let base = broker.append("t", values(&["a"])).await;
        let (code, said) = set(&broker, "t", ("queue.enable", enable)).await;
        assert_eq!(code, ErrorCode::INVALID_CONFIG);
        let expected = format!(
            "invalid value {enable:?} for queue.enable: must be {other} as long as the topic has records"
        );
        assert_eq!(said, expected);
        let topic = broker.broker.catalog().topic("t").unwrap();
        topic.partitions()[0]
            .delete_records(base + 1)
            .await
            .unwrap();
        let emptied = set(&broker, "t", ("queue.enable", enable)).await;
        assert_eq!(emptied.0, ErrorCode::NONE, "{}", emptied.1);
    }
}

#[tokio::test]
async fn the_group_of_a_queue_is_not_changed_under_its_owner() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("jobs", 1, &[QUEUE]).await;
    broker.broker.attach(&topic, "a").await.unwrap();
    let (code, said) = set(&broker, "jobs", ("queue.group", "b")).await;
    assert_eq!(code, ErrorCode::INVALID_CONFIG);
    assert!(
        said.contains("\"b\" for queue.group: must be \"a\""),
        "{said}"
    );
    let same = set(&broker, "jobs", ("queue.group", "a")).await;
    assert_eq!(same.0, ErrorCode::NONE);
}

#[tokio::test]
async fn dead_letters_never_come_back() {
    let broker = TestBroker::start().await;
    let to = |topic| [QUEUE, ("queue.dead.letter.topic", topic)];
    for (name, expected) in [
        ("a", "never come back to \"a\", or nothing"),
        ("x/y", "must be the name of a topic"),
        ("__consumer_offsets", "not the broker's own"),
        ("__cluster_metadata", "not the broker's own"),
    ] {
        let said = refused(&broker, "a", &to(name)).await;
        assert!(said.starts_with(&format!(
            "invalid value {name:?} for queue.dead.letter.topic"
        )));
        assert!(said.contains(expected), "{said}");
    }
    // a → b → c → a, whichever of them is the last to be made.
    broker.topic("a", 1, &to("b")).await;
    broker.topic("c", 1, &to("a")).await;
    assert!(refused(&broker, "b", &to("c")).await.contains("\"c\""));
    broker.topic("b", 1, &[QUEUE]).await;
    let (code, said) = set(&broker, "b", ("queue.dead.letter.topic", "c")).await;
    assert_eq!(code, ErrorCode::INVALID_CONFIG);
    assert!(said.contains("never come back to \"b\""), "{said}");
    let elsewhere = set(&broker, "b", ("queue.dead.letter.topic", "graveyard")).await;
    assert_eq!(elsewhere.0, ErrorCode::NONE);
}

#[tokio::test]
async fn what_is_no_queue_becomes_one_only_without_a_ring() {
    let broker = TestBroker::start().await;
    broker
        .topic("a", 1, &[QUEUE, ("queue.dead.letter.topic", "b")])
        .await;
    // Of no effect, and so no ring, until b is a queue.
    broker
        .topic("b", 1, &[("queue.dead.letter.topic", "a")])
        .await;
    let (code, said) = set(&broker, "b", QUEUE).await;
    assert_eq!(code, ErrorCode::INVALID_CONFIG);
    assert!(said.contains("queue.dead.letter.topic"), "{said}");
}

#[tokio::test]
async fn a_queue_is_not_compacted_and_the_brokers_own_topics_are_no_queues() {
    let broker = TestBroker::start().await;
    let compact = ("cleanup.policy", "compact");
    let said = refused(&broker, "jobs", &[QUEUE, compact]).await;
    assert!(
        said.contains("must be without compact on a queue"),
        "{said}"
    );
    broker.topic("jobs", 1, &[QUEUE]).await;
    assert_eq!(
        set(&broker, "jobs", compact).await.0,
        ErrorCode::INVALID_CONFIG
    );

    broker.broker.groups().prepare().await.unwrap();
    let policy = [
        (SET, "cleanup.policy", Some("delete")),
        (SET, QUEUE.0, Some(QUEUE.1)),
    ];
    let (code, said) = altered(&broker, (TOPIC, "__consumer_offsets"), &policy).await;
    assert_eq!(code, ErrorCode::INVALID_CONFIG);
    assert!(
        said.contains("false on a topic of the broker's own"),
        "{said}"
    );
}
