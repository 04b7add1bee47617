//! A queue has one consumer: who that is, who is refused, and when the queue is free again.

use millstream_wire::ErrorCode;

use super::QUEUE;
use crate::testing::TestBroker;
use crate::tests::groups::{AT_ONCE, delete, join, leave, member};
use crate::tests::offsets::commit;
use crate::tests::topics;

const FOREIGN: ErrorCode = ErrorCode::GROUP_AUTHORIZATION_FAILED;

fn owner(broker: &TestBroker, topic: &str) -> Option<String> {
    let topic = broker.broker.catalog().topic(topic).unwrap();
    topic.config().queue_owner.clone()
}

/// Commits in partition 0 of a topic, as a consumer without a group of members does.
async fn commit_alone(broker: &TestBroker, group: &str, topic: &str) -> ErrorCode {
    commit(broker, 8, group, ("", -1), topic, 0, 0).await
}

#[tokio::test]
async fn the_first_group_to_commit_owns_a_queue_and_others_are_refused() {
    let broker = TestBroker::start().await;
    broker.topic("jobs", 1, &[QUEUE]).await;
    broker.topic("stream", 1, &[]).await;
    assert_eq!(owner(&broker, "jobs"), None);
    assert_eq!(commit_alone(&broker, "a", "jobs").await, ErrorCode::NONE);
    assert_eq!(owner(&broker, "jobs").as_deref(), Some("a"));
    assert_eq!(commit_alone(&broker, "b", "jobs").await, FOREIGN);
    assert_eq!(commit_alone(&broker, "a", "jobs").await, ErrorCode::NONE);
    for group in ["a", "b"] {
        assert_eq!(
            commit_alone(&broker, group, "stream").await,
            ErrorCode::NONE
        );
    }
    assert_eq!(owner(&broker, "stream"), None);
    let nameless = commit_alone(&broker, "", "jobs").await;
    assert_eq!(nameless, ErrorCode::INVALID_GROUP_ID);
}

#[tokio::test]
async fn the_first_group_to_join_owns_a_queue_and_others_are_refused() {
    let broker = TestBroker::start_with(AT_ONCE).await;
    broker.topic("t", 1, &[QUEUE]).await;
    let joined = join(&broker, 3, &member("", None)).await;
    assert_eq!(joined.error_code, ErrorCode::NONE);
    assert_eq!(owner(&broker, "t").as_deref(), Some("g"));
    let mut other = member("", None);
    other.group_id = "other";
    assert_eq!(join(&broker, 3, &other).await.error_code, FOREIGN);
    assert_eq!(commit_alone(&broker, "other", "t").await, FOREIGN);
    // Workers of another kind happen to have bytes that look like a subscription.
    other.protocol_type = "connect";
    assert_eq!(join(&broker, 3, &other).await.error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn the_refusal_names_queue_owner_and_stranger() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("jobs", 1, &[QUEUE]).await;
    broker.broker.attach(&topic, "a").await.unwrap();
    let error = broker.broker.attach(&topic, "b").await.unwrap_err();
    let expected = "queue jobs is consumed by group a; group b may not";
    assert_eq!(
        (error.to_string().as_str(), error.code()),
        (expected, FOREIGN)
    );
}

#[tokio::test]
async fn a_queue_that_names_its_group_takes_no_other() {
    let broker = TestBroker::start().await;
    broker
        .topic("jobs", 1, &[QUEUE, ("queue.group", "a")])
        .await;
    assert_eq!(commit_alone(&broker, "b", "jobs").await, FOREIGN);
    assert_eq!(owner(&broker, "jobs"), None);
    assert_eq!(commit_alone(&broker, "a", "jobs").await, ErrorCode::NONE);
    assert_eq!(owner(&broker, "jobs").as_deref(), Some("a"));
}

#[tokio::test]
async fn of_many_groups_that_come_at_once_one_owns_the_queue() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("jobs", 1, &[QUEUE]).await;
    let attach = |group: usize| {
        let (broker, topic) = (&broker, &topic);
        async move { broker.broker.attach(topic, &group.to_string()).await }
    };
    let outcomes = futures_util::future::join_all((0..16).map(attach)).await;
    let won: Vec<_> = (0..16).filter(|group| outcomes[*group].is_ok()).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(owner(&broker, "jobs"), Some(won[0].to_string()));
}

#[tokio::test]
async fn an_owner_survives_a_restart_and_a_crash() {
    let broker = TestBroker::start().await;
    broker.topic("jobs", 1, &[QUEUE]).await;
    commit_alone(&broker, "a", "jobs").await;
    let broker = broker.restart().await;
    assert_eq!(commit_alone(&broker, "b", "jobs").await, FOREIGN);
    let broker = broker.crash().await;
    assert_eq!(commit_alone(&broker, "b", "jobs").await, FOREIGN);
    assert_eq!(commit_alone(&broker, "a", "jobs").await, ErrorCode::NONE);
}

#[tokio::test]
async fn a_deleted_group_leaves_its_queues_to_others() {
    let broker = TestBroker::start_with(AT_ONCE).await;
    for name in ["t", "u"] {
        broker.topic(name, 1, &[QUEUE]).await;
    }
    let joined = join(&broker, 3, &member("", None)).await;
    commit(&broker, 8, "h", ("", -1), "u", 0, 0).await;
    assert_eq!(delete(&broker, "g").await, ErrorCode::NON_EMPTY_GROUP);
    assert_eq!(owner(&broker, "t").as_deref(), Some("g"));

    leave(&broker, &joined.member_id).await;
    assert_eq!(owner(&broker, "t").as_deref(), Some("g"));
    assert_eq!(delete(&broker, "g").await, ErrorCode::NONE);
    assert_eq!(owner(&broker, "t"), None);
    assert_eq!(owner(&broker, "u").as_deref(), Some("h"));
    assert_eq!(commit_alone(&broker, "b", "t").await, ErrorCode::NONE);
}

#[tokio::test]
async fn an_owner_that_never_became_a_group_is_let_go() {
    let broker = TestBroker::start().await;
    let attached = broker.topic("attached", 1, &[QUEUE]).await;
    broker.topic("committed", 1, &[QUEUE]).await;
    broker.broker.attach(&attached, "a").await.unwrap();
    commit_alone(&broker, "b", "committed").await;
    broker.broker.release_orphans().await;
    assert_eq!(owner(&broker, "attached"), None);
    assert_eq!(owner(&broker, "committed").as_deref(), Some("b"));
    // It can also be let go by name.
    broker.broker.attach(&attached, "a").await.unwrap();
    assert_eq!(delete(&broker, "a").await, ErrorCode::GROUP_ID_NOT_FOUND);
    assert_eq!(owner(&broker, "attached"), None);
}

#[tokio::test]
async fn an_owner_that_has_expired_is_let_go() {
    let settings = [("offsets.retention.check.interval.ms", "1")];
    let broker = TestBroker::start_with(&settings).await;
    let topic = broker.topic("jobs", 1, &[QUEUE]).await;
    broker.broker.attach(&topic, "a").await.unwrap();
    let let_go = async {
        while owner(&broker, "jobs").is_some() {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, let_go).await.unwrap();
}

#[tokio::test]
async fn a_topic_made_anew_has_no_owner() {
    let broker = TestBroker::start().await;
    broker.topic("jobs", 1, &[QUEUE]).await;
    commit_alone(&broker, "a", "jobs").await;
    topics::delete(&broker, "jobs").await;
    broker.topic("jobs", 1, &[QUEUE]).await;
    assert_eq!(commit_alone(&broker, "b", "jobs").await, ErrorCode::NONE);
}
