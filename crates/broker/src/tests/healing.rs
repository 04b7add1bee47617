//! The catalog is the truth: what a crash left half done is finished at the next start.

use millstream_batch::Builder;
use millstream_store::{AppendMode, LogConfig, Store, TopicPartition};
use uuid::Uuid;

use super::topics::create;
use crate::config::{BrokerConfig, Settings};
use crate::testing::{ENVIRONMENT, NOW_MS, TestBroker, open};
use crate::{Broker, Error};

fn partition(topic_id: Uuid, index: i32) -> TopicPartition {
    TopicPartition { topic_id, index }
}

fn holds(store: &Store, topic_id: Uuid, index: i32) -> bool {
    store.partition(&partition(topic_id, index)).is_some()
}

#[tokio::test]
async fn partitions_that_a_crash_kept_from_being_made_are_made_at_start() {
    let broker = TestBroker::start().await;
    let id = create(&broker, "a", 3).await;
    let lose = |store: &Store| store.delete_partition(&partition(id, 1)).unwrap();
    let broker = broker.restart_after(lose).await;
    assert_eq!(broker.partition_count("a"), 3);
    assert!(holds(broker.broker.store(), id, 1));
}

#[tokio::test]
async fn partitions_that_a_crash_kept_from_being_removed_are_removed_at_start() {
    let broker = TestBroker::start().await;
    let id = create(&broker, "a", 1).await;
    let ghost = Uuid::from_u128(77);
    let add = |store: &Store| {
        store
            .create_partition(partition(ghost, 0), LogConfig::default())
            .unwrap();
        store
            .create_partition(partition(id, 1), LogConfig::default())
            .unwrap();
    };
    let broker = broker.restart_after(add).await;
    let store = broker.broker.store();
    assert!(holds(store, id, 0) && !holds(store, id, 1) && !holds(store, ghost, 0));
}

#[tokio::test]
async fn nothing_is_removed_on_the_word_of_an_empty_catalog() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store
        .create_partition(partition(Uuid::from_u128(77), 0), LogConfig::default())
        .unwrap();
    let config = BrokerConfig::resolve(Settings::default()).unwrap();
    let refused = Broker::start(config, store.clone(), ENVIRONMENT)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::CatalogLost(1)), "{refused}");
    assert!(holds(&store, Uuid::from_u128(77), 0));
}

#[tokio::test]
async fn producer_ids_are_given_once_even_over_a_restart() {
    let broker = TestBroker::start().await;
    let reserve = async |broker: &TestBroker| {
        broker
            .broker
            .catalog()
            .reserve_producer_ids(1000)
            .await
            .unwrap()
    };
    assert_eq!(reserve(&broker).await, 0);
    assert_eq!(reserve(&broker).await, 1000);
    let broker = broker.restart().await;
    assert_eq!(reserve(&broker).await, 2000);
}

#[tokio::test]
async fn an_operation_that_is_no_longer_waited_for_still_takes_effect() {
    let broker = TestBroker::start().await;
    let catalog = broker.broker.catalog();
    tokio::select! {
        biased;
        _ = catalog.ensure_topic("a") => panic!("the log answered at once"),
        () = std::future::ready(()) => {}
    }
    // Operations happen one at a time: this one comes after it.
    catalog.ensure_topic("b").await.unwrap();
    assert!(catalog.topic("a").is_some());
}

#[tokio::test]
async fn racing_creators_get_the_same_topic() {
    let broker = TestBroker::start().await;
    let catalog = broker.broker.catalog();
    let create = || catalog.ensure_topic("a");
    let (one, two) = tokio::join!(create(), create());
    assert_eq!(one.unwrap().id, two.unwrap().id);
}

#[tokio::test]
async fn the_topic_of_committed_offsets_is_compacted() {
    let broker = TestBroker::start_with(&[("offsets.topic.num.partitions", "3")]).await;
    let topic = broker
        .broker
        .catalog()
        .ensure_topic("__consumer_offsets")
        .await
        .unwrap();
    assert!(topic.internal && topic.config().cleanup_policy.compact);
    assert_eq!(topic.partitions().len(), 3);
}

// Retention is looked after without anyone asking.
#[tokio::test(start_paused = true)]
async fn records_too_old_are_removed_without_anyone_asking() {
    let broker = TestBroker::start().await;
    create(&broker, "a", 1).await;
    let topic = broker.broker.catalog().topic("a").unwrap();
    let partition = &topic.partitions()[0];
    let moved = std::sync::Arc::new(tokio::sync::Notify::new());
    let _subscription = partition.subscribe(&moved);

    // Its record is of 1970.
    let batch = Builder::new()
        .record(0, None, Some(b"old"))
        .build()
        .unwrap();
    partition.append(batch, AppendMode::Client, NOW_MS).unwrap();
    while partition.offsets().log_start == 0 {
        moved.notified().await;
    }
    assert_eq!(partition.offsets().log_start, 1);
}
