//! A commit acknowledges what lies before it: that is gone, and what waits is not.

use std::sync::Arc;

use millstream_groups::{Committer, NewOffset};
use millstream_wire::api::{offset_delete, offset_fetch};
use millstream_wire::{ApiKey, ErrorCode};

use super::QUEUE;
use crate::Topic;
use crate::resource_type::TOPIC;
use crate::testing::TestBroker;
use crate::tests::configs::{SET, altered};
use crate::tests::groups::delete;
use crate::tests::offsets::{commit, committed};
use crate::tests::shares::Consumer;
use crate::tests::traffic::{batches, from, values};

/// A broker with the queue `jobs`, in which `count` messages wait, each in its own batch.
async fn with_jobs(count: usize) -> (TestBroker, Arc<Topic>) {
    let broker = TestBroker::start().await;
    let topic = broker.topic("jobs", 1, &[QUEUE]).await;
    for _ in 0..count {
        broker.append("jobs", values(&["job"])).await;
    }
    (broker, topic)
}

/// Where the queue begins.
fn start(broker: &TestBroker) -> i64 {
    let topic = broker.broker.catalog().topic("jobs").unwrap();
    topic.partitions()[0].offsets().log_start
}

/// Commits as the group `g`, without members.
async fn acknowledge(broker: &TestBroker, offset: i64) -> ErrorCode {
    commit(broker, 8, "g", ("", -1), "jobs", 0, offset).await
}

/// Commits as [`acknowledge`] does, up to the moment at which the commit is durable and nothing else has happened.
async fn commit_only(broker: &TestBroker, topic: &Topic, offset: i64) {
    broker.broker.attach(topic, "g").await.unwrap();
    let who = Committer {
        knows_epochs: true,
        member_id: "",
        instance_id: None,
        generation: -1,
        retention_ms: None,
    };
    let offset = NewOffset {
        topic: "jobs".into(),
        topic_id: topic.id.as_u128(),
        partition: 0,
        offset,
        leader_epoch: -1,
        metadata: "".into(),
    };
    let outcome = broker.broker.groups().run("g", |groups, now, effects| {
        groups.commit("g", &who, vec![offset], now, effects)
    });
    outcome.await.unwrap().unwrap().remove(0).unwrap();
}

#[tokio::test]
async fn what_is_acknowledged_is_gone_and_stays_gone() {
    let (broker, topic) = with_jobs(5).await;
    assert_eq!(acknowledge(&broker, 3).await, ErrorCode::NONE);
    let found = broker.fetch_one(12, &from(&topic, 0, 3)).await;
    assert_eq!(found.log_start_offset, 3);
    assert_eq!(batches(&found).len(), 2);

    let broker = broker.crash().await;
    assert_eq!(start(&broker), 3);
    acknowledge(&broker, 4).await;
    let broker = broker.restart().await;
    assert_eq!(start(&broker), 4);
}

#[tokio::test]
async fn a_crash_between_the_commit_and_the_removal_brings_nothing_back() {
    let (broker, topic) = with_jobs(5).await;
    commit_only(&broker, &topic, 3).await;
    assert_eq!(start(&broker), 0);
    let broker = broker.crash().await;
    assert_eq!(start(&broker), 3);
}

#[tokio::test]
async fn a_commit_beyond_the_end_acknowledges_what_is_there() {
    let (broker, _) = with_jobs(5).await;
    assert_eq!(acknowledge(&broker, 99).await, ErrorCode::NONE);
    assert_eq!(start(&broker), 5);
    assert_eq!(committed(&broker, "g", "jobs", 0).await.committed_offset, 5);
    broker.append("jobs", values(&["late"])).await;
    assert_eq!(committed(&broker, "g", "jobs", 0).await.committed_offset, 5);
}

#[tokio::test]
async fn a_commit_that_goes_back_succeeds_and_changes_nothing() {
    let (broker, topic) = with_jobs(5).await;
    acknowledge(&broker, 3).await;
    for offset in [2, 0, -1] {
        assert_eq!(acknowledge(&broker, offset).await, ErrorCode::NONE);
        assert_eq!(committed(&broker, "g", "jobs", 0).await.committed_offset, 3);
    }
    // Nor does it where the removal is still to come.
    commit_only(&broker, &topic, 5).await;
    acknowledge(&broker, 4).await;
    assert_eq!(committed(&broker, "g", "jobs", 0).await.committed_offset, 5);
    assert_eq!(start(&broker), 5);
}

#[tokio::test]
async fn of_commits_that_meet_the_furthest_counts() {
    let (broker, _) = with_jobs(16).await;
    let order = [5, 16, 2, 11, 7, 14, 1, 9];
    let outcomes = order.map(|offset| acknowledge(&broker, offset));
    for outcome in futures_util::future::join_all(outcomes).await {
        assert_eq!(outcome, ErrorCode::NONE);
    }
    let broker = broker.crash().await;
    assert_eq!(start(&broker), 16);
    assert_eq!(
        committed(&broker, "g", "jobs", 0).await.committed_offset,
        16
    );
}

#[tokio::test]
async fn a_consumer_begins_with_the_first_message_that_waits() {
    let (broker, topic) = with_jobs(5).await;
    let position = async |group| committed(&broker, group, "jobs", 0).await.committed_offset;
    topic.partitions()[0].delete_records(2).await.unwrap();
    assert_eq!((position("g").await, position("h").await), (2, 2));
    acknowledge(&broker, 3).await;
    assert_eq!((position("g").await, position("h").await), (3, -1));
    topic.partitions()[0].delete_records(4).await.unwrap();
    assert_eq!(position("g").await, 4);

    let everything = offset_fetch::Request {
        group_id: "g",
        ..Default::default()
    };
    let response: offset_fetch::Response<'_> =
        broker.call(ApiKey::OffsetFetch, 7, &everything).await;
    assert_eq!(response.topics[0].partitions[0].committed_offset, 4);
}

#[tokio::test]
async fn a_fetch_below_the_head_of_a_queue_begins_there() {
    let (broker, topic) = with_jobs(5).await;
    acknowledge(&broker, 3).await;
    let found = broker.fetch_one(12, &from(&topic, 0, 1)).await;
    assert_eq!(found.error_code, ErrorCode::NONE);
    assert_eq!(batches(&found)[0].header().base_offset, 3);
    for offset in [-1, 6] {
        let found = broker.fetch_one(12, &from(&topic, 0, offset)).await;
        assert_eq!(found.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
    }
}

#[tokio::test]
async fn what_share_consumers_have_acknowledged_is_gone_for_all_others() {
    let (broker, topic) = with_jobs(2).await;
    broker.append("jobs", values(&["a", "b", "c", "d"])).await;
    let mut worker = Consumer::new(&broker, &topic, "worker");
    worker.fetch(6).await;
    let said = worker.acknowledge(&[(1, 3, &[1]), (5, 5, &[1])]).await;
    assert_eq!(said, ErrorCode::NONE);
    let broker = broker.crash().await;
    let left = async |broker: &TestBroker, offset| {
        let found = broker.fetch_one(12, &from(&topic, 0, offset)).await;
        let batches = batches(&found);
        let next = batches.last().unwrap().header().next_offset();
        let records = batches.iter().map(|batch| batch.records(1 << 20).unwrap());
        let offsets = records.flat_map(|records| {
            let offsets = records.iter().map(|record| record.unwrap().offset);
            offsets.collect::<Vec<_>>()
        });
        (offsets.collect::<Vec<_>>(), next)
    };
    assert_eq!(left(&broker, 0).await, (vec![0, 4], 6));
    // Who has come as far still learns how far the log goes.
    assert_eq!(left(&broker, 5).await, (vec![4], 6));

    let mut worker = Consumer::new(&broker, &topic, "worker");
    worker.fetch(6).await;
    let said = worker.acknowledge(&[(0, 0, &[1])]).await;
    assert_eq!(said, ErrorCode::NONE);
    let broker = broker.crash().await;
    assert_eq!(left(&broker, 0).await, (vec![4], 6));
}

#[tokio::test]
async fn reading_without_a_group_changes_nothing() {
    let (broker, topic) = with_jobs(5).await;
    let found = broker.fetch_one(12, &from(&topic, 0, 0)).await;
    assert_eq!(batches(&found).len(), 5);
    assert_eq!(start(&broker), 0);
    let topic = broker.broker.catalog().topic("jobs").unwrap();
    assert_eq!(topic.config().queue_owner, None);
}

#[tokio::test]
async fn forgetting_a_commit_brings_nothing_back() {
    let (broker, _) = with_jobs(5).await;
    acknowledge(&broker, 2).await;
    let topic = offset_delete::Topic {
        name: "jobs",
        partitions: vec![offset_delete::Partition { partition_index: 0 }],
    };
    let request = offset_delete::Request {
        group_id: "g",
        topics: vec![topic],
    };
    let response: offset_delete::Response<'_> =
        broker.call(ApiKey::OffsetDelete, 0, &request).await;
    assert_eq!(response.topics[0].partitions[0].error_code, ErrorCode::NONE);
    assert_eq!(committed(&broker, "g", "jobs", 0).await.committed_offset, 2);
    let broker = broker.crash().await;
    assert_eq!(start(&broker), 2);

    acknowledge(&broker, 4).await;
    assert_eq!(delete(&broker, "g").await, ErrorCode::NONE);
    let broker = broker.crash().await;
    assert_eq!(committed(&broker, "h", "jobs", 0).await.committed_offset, 4);
}

#[tokio::test]
async fn what_is_no_queue_any_more_keeps_what_was_acknowledged_gone() {
    let (broker, _) = with_jobs(5).await;
    acknowledge(&broker, 5).await;
    let disable = [(SET, QUEUE.0, Some("false"))];
    let (code, said) = altered(&broker, (TOPIC, "jobs"), &disable).await;
    assert_eq!(code, ErrorCode::NONE, "{said}");
    let broker = broker.crash().await;
    assert_eq!(start(&broker), 5);
}

#[tokio::test]
async fn a_commit_of_messages_that_a_power_cut_took_acknowledges_no_later_ones() {
    let (broker, topic) = with_jobs(3).await;
    commit_only(&broker, &topic, 9).await;
    let broker = broker.crash().await;
    assert_eq!(start(&broker), 3);
    for _ in 0..9 {
        broker.append("jobs", values(&["job"])).await;
    }
    assert_eq!(committed(&broker, "g", "jobs", 0).await.committed_offset, 3);
    acknowledge(&broker, 4).await;
    assert_eq!(start(&broker), 4);
}

#[tokio::test]
async fn a_topic_that_is_no_queue_keeps_what_is_committed() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("jobs", 1, &[]).await;
    broker.append("jobs", values(&["a"])).await;
    acknowledge(&broker, 9).await;
    assert_eq!(
        (
            start(&broker),
            committed(&broker, "g", "jobs", 0).await.committed_offset
        ),
        (0, 9)
    );
    topic.partitions()[0].delete_records(1).await.unwrap();
    let found = broker.fetch_one(12, &from(&topic, 0, 0)).await;
    assert_eq!(found.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
}
