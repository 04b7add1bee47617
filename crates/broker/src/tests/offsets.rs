//! Positions are committed, fetched and forgotten.

use millstream_wire::api::offset_fetch::{self, PartitionResult};
use millstream_wire::api::{describe_groups, offset_commit, offset_delete};
use millstream_wire::{ApiKey, ErrorCode, Uuid};

use super::groups::{AT_ONCE, join, member};
use super::topics::{create, delete};
use crate::testing::TestBroker;

/// Commits one offset as (member, generation).
pub(super) async fn commit(
    broker: &TestBroker,
    version: i16,
    group_id: &str,
    who: (&str, i32),
    name: &str,
    partition_index: i32,
    committed_offset: i64,
) -> ErrorCode {
    let partition = offset_commit::Partition {
        partition_index,
        committed_offset,
        committed_leader_epoch: 3,
        committed_metadata: Some("note"),
    };
    let topic = offset_commit::Topic {
        name,
        partitions: vec![partition],
        ..Default::default()
    };
    let request = offset_commit::Request {
        group_id,
        generation_id_or_member_epoch: who.1,
        member_id: who.0,
        topics: vec![topic],
        ..Default::default()
    };
    let response: offset_commit::Response<'_> =
        broker.call(ApiKey::OffsetCommit, version, &request).await;
    response.topics[0].partitions[0].error_code
}

/// What OffsetFetch 7 says of one partition.
pub(super) async fn committed(
    broker: &TestBroker,
    group_id: &str,
    name: &str,
    index: i32,
) -> PartitionResult<'static> {
    let topic = offset_fetch::Topic {
        name,
        partition_indexes: vec![index],
        ..Default::default()
    };
    let request = offset_fetch::Request {
        group_id,
        topics: Some(vec![topic]),
        require_stable: true,
        ..Default::default()
    };
    let response: offset_fetch::Response<'_> = broker.call(ApiKey::OffsetFetch, 7, &request).await;
    let found = response.topics.into_iter().next();
    found.map_or_else(
        || PartitionResult {
            error_code: response.error_code,
            ..PartitionResult::default()
        },
        |mut topic| topic.partitions.remove(0),
    )
}

/// tansu-io/tansu, compat FINDINGS.
#[tokio::test]
async fn metadata_and_leader_epoch_of_a_commit_come_back() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 2).await;
    assert_eq!(
        commit(&broker, 6, "g", ("", -1), "t", 0, 42).await,
        ErrorCode::NONE
    );
    let found = committed(&broker, "g", "t", 0).await;
    assert_eq!(
        (found.committed_offset, found.committed_leader_epoch),
        (42, 3)
    );
    assert_eq!(
        (found.metadata.as_deref(), found.error_code),
        (Some("note"), ErrorCode::NONE)
    );

    let none = committed(&broker, "g", "t", 1).await;
    assert_eq!(
        (none.committed_offset, none.committed_leader_epoch),
        (-1, -1)
    );
    assert_eq!(
        (none.metadata.as_deref(), none.error_code),
        (Some(""), ErrorCode::NONE)
    );
}

#[tokio::test]
async fn commits_survive_a_restart() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    for offset in 1..=50 {
        let group = format!("group-{}", offset % 7);
        commit(&broker, 8, &group, ("", -1), "t", 0, offset).await;
    }
    let broker = broker.restart().await;
    for (group, offset) in (0..7).zip([49, 50, 44, 45, 46, 47, 48]) {
        let found = committed(&broker, &format!("group-{group}"), "t", 0).await;
        assert_eq!(found.committed_offset, offset);
    }
}

#[tokio::test]
async fn offsets_of_partitions_that_do_not_exist_are_refused_one_by_one() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(commit(&broker, 2, "g", ("", -1), "t", 1, 1).await, unknown);
    assert_eq!(commit(&broker, 2, "g", ("", -1), "t", -1, 1).await, unknown);
    assert_eq!(commit(&broker, 2, "g", ("", -1), "u", 0, 1).await, unknown);
    assert_eq!(
        commit(&broker, 2, "g", ("", -1), "t", 0, 1).await,
        ErrorCode::NONE
    );
}

/// AK OffsetMetadataManager.java.
#[tokio::test]
async fn a_generation_of_an_unknown_group_is_illegal_until_version_8_and_not_found_from_9_on() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    let old = commit(&broker, 8, "g", ("m", 1), "t", 0, 1).await;
    assert_eq!(old, ErrorCode::ILLEGAL_GENERATION);
    let new = commit(&broker, 9, "g", ("m", 1), "t", 0, 1).await;
    assert_eq!(new, ErrorCode::GROUP_ID_NOT_FOUND);
}

/// KIP-709 and KIP-516.
#[tokio::test]
async fn several_groups_are_fetched_at_once_and_topics_by_id() {
    let broker = TestBroker::start().await;
    let id = create(&broker, "t", 2).await;
    commit(&broker, 8, "a", ("", -1), "t", 0, 1).await;
    commit(&broker, 8, "b", ("", -1), "t", 1, 2).await;
    let topic = |topic_id| offset_fetch::Topic {
        topic_id,
        partition_indexes: vec![0],
        ..Default::default()
    };
    let group = |group_id, topics| offset_fetch::Group {
        group_id,
        topics,
        ..Default::default()
    };
    let unknown = Uuid::from_u128(5);
    let request = offset_fetch::Request {
        groups: vec![
            group("a", Some(vec![topic(id), topic(unknown)])),
            group("b", None),
            group("c", None),
        ],
        ..Default::default()
    };
    let response: offset_fetch::Response<'_> = broker.call(ApiKey::OffsetFetch, 10, &request).await;
    let [a, b, c] = &response.groups[..] else {
        panic!("{response:?}")
    };
    assert_eq!(
        (
            a.topics[0].topic_id,
            a.topics[0].partitions[0].committed_offset
        ),
        (id, 1)
    );
    let missing = &a.topics[1].partitions[0];
    assert_eq!(
        (missing.error_code, missing.committed_offset),
        (ErrorCode::UNKNOWN_TOPIC_ID, -1)
    );
    assert_eq!(
        (
            b.topics[0].topic_id,
            b.topics[0].partitions[0].committed_offset
        ),
        (id, 2)
    );
    assert!(c.topics.is_empty() && c.error_code == ErrorCode::NONE);
}

#[tokio::test]
async fn offsets_do_not_outlive_their_topic() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    commit(&broker, 2, "g", ("", -1), "t", 0, 9).await;
    delete(&broker, "t").await;
    create(&broker, "t", 1).await;
    assert_eq!(committed(&broker, "g", "t", 0).await.committed_offset, -1);
}

#[tokio::test]
async fn only_offsets_of_topics_that_no_member_reads_are_deleted() {
    let broker = TestBroker::start_with(AT_ONCE).await;
    create(&broker, "t", 1).await;
    create(&broker, "u", 1).await;
    let joined = join(&broker, 3, &member("", None)).await;
    let topic = |name| offset_delete::Topic {
        name,
        partitions: vec![offset_delete::Partition { partition_index: 0 }],
    };
    let request = offset_delete::Request {
        group_id: "g",
        topics: vec![topic("t"), topic("u")],
    };
    let response: offset_delete::Response<'_> =
        broker.call(ApiKey::OffsetDelete, 0, &request).await;
    assert_eq!(
        (joined.error_code, response.error_code),
        (ErrorCode::NONE, ErrorCode::NONE)
    );
    let code = |index: usize| response.topics[index].partitions[0].error_code;
    assert_eq!(
        (code(0), code(1)),
        (ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC, ErrorCode::NONE)
    );
}

/// KIP-211; until version 4 a commit may bring its own retention.
#[tokio::test]
async fn offsets_and_groups_that_have_none_left_are_forgotten_when_their_time_is_over() {
    let settings = [("offsets.retention.check.interval.ms", "1")];
    let broker = TestBroker::start_with(&settings).await;
    create(&broker, "t", 1).await;
    let topic = offset_commit::Topic {
        name: "t",
        partitions: vec![offset_commit::Partition::default()],
        ..Default::default()
    };
    let request = offset_commit::Request {
        group_id: "g",
        generation_id_or_member_epoch: -1,
        retention_time_ms: 0,
        topics: vec![topic],
        ..Default::default()
    };
    let response: offset_commit::Response<'_> =
        broker.call(ApiKey::OffsetCommit, 2, &request).await;
    assert_eq!(response.topics[0].partitions[0].error_code, ErrorCode::NONE);
    let forgotten = async {
        while committed(&broker, "g", "t", 0).await.committed_offset != -1 {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, forgotten).await.unwrap();
    let request = describe_groups::Request {
        groups: vec!["g"],
        ..Default::default()
    };
    let response: describe_groups::Response<'_> =
        broker.call(ApiKey::DescribeGroups, 5, &request).await;
    assert_eq!(response.groups[0].group_state, "Dead");
}

#[tokio::test]
async fn a_group_that_commits_for_ever_leaves_a_few_kilobytes() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    for offset in 1..=2_000 {
        commit(&broker, 8, "g", ("", -1), "t", 0, offset).await;
    }
    let size = |broker: &TestBroker| -> u64 {
        let topic = broker.broker.catalog().topic("__consumer_offsets").unwrap();
        topic.partitions().iter().map(|one| one.size()).sum()
    };
    assert!(size(&broker) > 200_000, "{} bytes", size(&broker));
    // The first look finds appends since the one before, the second finds none.
    for _ in 0..2 {
        broker.broker.store().compact(broker.broker.now_ms()).await;
    }
    assert!(size(&broker) < 4_096, "{} bytes", size(&broker));

    let broker = broker.crash().await;
    assert_eq!(
        committed(&broker, "g", "t", 0).await.committed_offset,
        2_000
    );
    commit(&broker, 8, "g", ("", -1), "t", 0, 2_001).await;
    assert_eq!(
        committed(&broker, "g", "t", 0).await.committed_offset,
        2_001
    );
}
