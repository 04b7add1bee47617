//! Topics are made, grow and go.

use millstream_wire::api::create_topics::{self, Assignment, Config, Request, Response, Topic};
use millstream_wire::api::{create_partitions as grow, delete_topics, elect_leaders};
use millstream_wire::{ApiKey, ErrorCode, Uuid};

use crate::testing::TestBroker;

pub(super) fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> Topic<'_> {
    Topic {
        name,
        num_partitions,
        replication_factor,
        ..Topic::default()
    }
}

async fn request(
    broker: &TestBroker,
    topics: Vec<Topic<'_>>,
    validate_only: bool,
) -> Response<'static> {
    let request = Request {
        topics,
        validate_only,
        ..Request::default()
    };
    broker.call(ApiKey::CreateTopics, 7, &request).await
}

/// What CreateTopics says of one topic.
pub(super) async fn created(
    broker: &TestBroker,
    wanted: Topic<'_>,
) -> create_topics::TopicResult<'static> {
    request(broker, vec![wanted], false).await.topics.remove(0)
}

/// Makes a topic and returns its id.
pub(super) async fn create(broker: &TestBroker, name: &str, partitions: i32) -> Uuid {
    let topic = created(broker, topic(name, partitions, 1)).await;
    assert_eq!(
        topic.error_code,
        ErrorCode::NONE,
        "{:?}",
        topic.error_message
    );
    topic.topic_id
}

async fn deleted(broker: &TestBroker, wanted: delete_topics::Topic<'_>) -> ErrorCode {
    let request = delete_topics::Request {
        topics: vec![wanted],
        ..Default::default()
    };
    let response: delete_topics::Response<'_> =
        broker.call(ApiKey::DeleteTopics, 6, &request).await;
    response.responses[0].error_code
}

/// Deletes a topic that is there.
pub(super) async fn delete(broker: &TestBroker, name: &str) {
    let named = delete_topics::Topic {
        name: Some(name),
        topic_id: Uuid::nil(),
    };
    assert_eq!(deleted(broker, named).await, ErrorCode::NONE);
}

fn names(broker: &TestBroker) -> Vec<String> {
    broker
        .broker
        .catalog()
        .topics()
        .iter()
        .map(|topic| topic.name.clone())
        .collect()
}

// AK metadata/…/controller/ReplicationControlManager.java
#[tokio::test]
async fn minus_one_means_the_brokers_defaults() {
    let broker = TestBroker::start_with(&[("num.partitions", "4")]).await;
    let topic = created(&broker, topic("a", -1, -1)).await;
    assert_eq!((topic.num_partitions, topic.replication_factor), (4, 1));
    assert_eq!(broker.partition_count("a"), 4);
    let retention = topic
        .configs
        .unwrap()
        .into_iter()
        .find(|config| config.name == "retention.ms");
    assert_eq!(retention.unwrap().value.as_deref(), Some("604800000"));
}

// AK metadata/…/controller/ReplicationControlManager.java
#[tokio::test]
async fn what_one_broker_cannot_do_is_refused() {
    let broker = TestBroker::start().await;
    let by_hand = |broker_ids: Vec<i32>, partition_index| Topic {
        assignments: vec![Assignment {
            partition_index,
            broker_ids,
        }],
        ..topic("a", -1, -1)
    };
    let config = |name, value| Topic {
        configs: vec![Config { name, value }],
        ..topic("a", 1, 1)
    };
    let cases = [
        (topic("a", 1, 3), ErrorCode::INVALID_REPLICATION_FACTOR),
        (topic("a", 1, 0), ErrorCode::INVALID_REPLICATION_FACTOR),
        (topic("a", 0, 1), ErrorCode::INVALID_PARTITIONS),
        (topic("a", -2, 1), ErrorCode::INVALID_PARTITIONS),
        (topic("a", 10_001, 1), ErrorCode::POLICY_VIOLATION),
        (topic("a/b", 1, 1), ErrorCode::INVALID_TOPIC_EXCEPTION),
        (
            topic("__cluster_metadata", 1, 1),
            ErrorCode::INVALID_REQUEST,
        ),
        (by_hand(vec![2], 0), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (by_hand(vec![1], 1), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (config("no.such", Some("1")), ErrorCode::INVALID_CONFIG),
        (
            config("retention.ms", Some("soon")),
            ErrorCode::INVALID_CONFIG,
        ),
        (config("retention.ms", None), ErrorCode::INVALID_CONFIG),
    ];
    for (wanted, expected) in cases {
        let refused = created(&broker, wanted.clone()).await;
        assert_eq!(refused.error_code, expected, "{wanted:?}");
    }
    assert_eq!(names(&broker), Vec::<String>::new());
    let placed = created(&broker, by_hand(vec![1], 0)).await;
    assert_eq!(
        (placed.error_code, placed.num_partitions),
        (ErrorCode::NONE, 1)
    );
}

// AK metadata/…/controller/ReplicationControlManager.java
#[tokio::test]
async fn validate_only_makes_nothing() {
    let broker = TestBroker::start().await;
    create(&broker, "there", 1).await;
    let wanted = vec![topic("new", 2, 1), topic("there", 1, 1)];
    let response = request(&broker, wanted, true).await;
    let codes: Vec<_> = response
        .topics
        .iter()
        .map(|topic| topic.error_code)
        .collect();
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::TOPIC_ALREADY_EXISTS]);
    assert_eq!(names(&broker), ["there"]);
}

// AK core/…/ControllerApis.scala
#[tokio::test]
async fn a_topic_named_twice_is_refused_once_and_not_made() {
    let broker = TestBroker::start().await;
    let response = request(&broker, vec![topic("a", 1, 1), topic("a", 2, 1)], false).await;
    assert_eq!(response.topics.len(), 1);
    assert_eq!(response.topics[0].error_code, ErrorCode::INVALID_REQUEST);
    assert_eq!(names(&broker), Vec::<String>::new());
}

// AK clients/…/common/internals/Topic.java
#[tokio::test]
async fn names_that_metrics_cannot_tell_apart_collide() {
    let broker = TestBroker::start().await;
    create(&broker, "a.b", 1).await;
    let refused = created(&broker, topic("a_b", 1, 1)).await;
    assert_eq!(refused.error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
}

#[tokio::test]
async fn topics_are_deleted_by_name_or_by_id() {
    let broker = TestBroker::start().await;
    let id = create(&broker, "a", 1).await;
    let named = |name, topic_id| delete_topics::Topic { name, topic_id };
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(
        deleted(&broker, named(Some("b"), Uuid::nil())).await,
        unknown
    );
    let stranger = named(None, Uuid::from_u128(5));
    assert_eq!(
        deleted(&broker, stranger).await,
        ErrorCode::UNKNOWN_TOPIC_ID
    );
    assert_eq!(
        deleted(&broker, named(Some("a"), id)).await,
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(
        deleted(&broker, named(None, Uuid::nil())).await,
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(deleted(&broker, named(None, id)).await, ErrorCode::NONE);
    assert_eq!(names(&broker), Vec::<String>::new());
}

#[tokio::test]
async fn topics_stay_where_deletion_is_disabled() {
    let broker = TestBroker::start_with(&[("delete.topic.enable", "false")]).await;
    create(&broker, "a", 1).await;
    let named = delete_topics::Topic {
        name: Some("a"),
        topic_id: Uuid::nil(),
    };
    assert_eq!(
        deleted(&broker, named).await,
        ErrorCode::TOPIC_DELETION_DISABLED
    );
    assert_eq!(names(&broker), ["a"]);
}

#[tokio::test]
async fn a_topic_grows_and_never_shrinks() {
    let broker = TestBroker::start().await;
    create(&broker, "a", 2).await;
    let check = async |count, assignments, expected| {
        let topics = vec![grow::Topic {
            name: "a",
            count,
            assignments,
        }];
        let request = grow::Request {
            topics,
            ..Default::default()
        };
        let response: grow::Response<'_> = broker.call(ApiKey::CreatePartitions, 3, &request).await;
        assert_eq!(response.results[0].error_code, expected, "{count}");
    };
    let on = |broker_ids: Vec<i32>| Some(vec![grow::Assignment { broker_ids }]);
    check(2, None, ErrorCode::INVALID_PARTITIONS).await;
    check(1, None, ErrorCode::INVALID_PARTITIONS).await;
    check(3, on(vec![9]), ErrorCode::INVALID_REPLICA_ASSIGNMENT).await;
    check(4, on(vec![1]), ErrorCode::INVALID_REPLICA_ASSIGNMENT).await;
    check(3, on(vec![1]), ErrorCode::NONE).await;
    check(5, None, ErrorCode::NONE).await;
    assert_eq!(broker.partition_count("a"), 5);
}

/// A broker with one topic that was made and altered, after another was deleted; and the id of the first.
async fn with_history() -> (TestBroker, Uuid) {
    let broker = TestBroker::start().await;
    let configs = vec![Config {
        name: "retention.ms",
        value: Some("5000"),
    }];
    let wanted = Topic {
        configs,
        ..topic("kept", 3, 1)
    };
    let kept = created(&broker, wanted).await.topic_id;
    create(&broker, "gone", 2).await;
    delete(&broker, "gone").await;
    (broker, kept)
}

fn check_history(broker: &TestBroker, kept: Uuid) {
    assert_eq!(names(broker), ["kept"]);
    let topic = broker.broker.catalog().topic("kept").unwrap();
    assert_eq!((topic.id, topic.partitions().len()), (kept, 3));
    assert_eq!(topic.config().retention_ms, 5000);
    // Those of the topic and that of the catalog itself.
    assert_eq!(broker.broker.store().partitions().len(), 4);
}

#[tokio::test]
async fn topics_partitions_and_settings_survive_a_restart() {
    let (broker, kept) = with_history().await;
    check_history(&broker.restart().await, kept);
}

#[tokio::test]
async fn topics_partitions_and_settings_survive_a_crash() {
    let (broker, kept) = with_history().await;
    check_history(&broker.crash().await, kept);
}

#[tokio::test]
async fn the_only_leader_needs_no_election() {
    let broker = TestBroker::start().await;
    create(&broker, "a", 1).await;
    let asked = elect_leaders::Topic {
        topic: "a",
        partitions: vec![0, 1],
    };
    let request = elect_leaders::Request {
        topic_partitions: Some(vec![asked]),
        ..Default::default()
    };
    let response: elect_leaders::Response<'_> =
        broker.call(ApiKey::ElectLeaders, 2, &request).await;
    let results = &response.replica_election_results[0].partition_result;
    assert_eq!(results[0].error_code, ErrorCode::ELECTION_NOT_NEEDED);
    assert_eq!(results[1].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

// AK core/…/ControllerApis.scala
#[tokio::test]
async fn a_topic_named_twice_is_not_deleted() {
    let broker = TestBroker::start().await;
    create(&broker, "a", 1).await;
    let request = delete_topics::Request {
        topic_names: vec!["a", "a"],
        ..Default::default()
    };
    let response: delete_topics::Response<'_> =
        broker.call(ApiKey::DeleteTopics, 5, &request).await;
    assert_eq!(response.responses.len(), 1);
    assert_eq!(response.responses[0].error_code, ErrorCode::INVALID_REQUEST);
    assert_eq!(names(&broker), ["a"]);
}
