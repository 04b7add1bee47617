//! What administrators see and change of share groups.

use millstream_wire::api::{
    alter_share_group_offsets as alter, delete_share_group_offsets as delete,
    describe_share_group_offsets as describe,
};
use millstream_wire::{ApiKey, ErrorCode};

use super::{Consumer, QUEUE, ten_messages};
use crate::testing::TestBroker;
use crate::tests::offsets::commit;

async fn described(broker: &TestBroker) -> Vec<describe::PartitionResult<'static>> {
    let request = describe::Request {
        groups: vec![describe::Group {
            group_id: "g",
            topics: None,
        }],
    };
    let response: describe::Response<'static> = broker
        .call(ApiKey::DescribeShareGroupOffsets, 1, &request)
        .await;
    let groups = response.groups.into_iter();
    let topics = groups.flat_map(|group| group.topics);
    topics.flat_map(|topic| topic.partitions).collect()
}

async fn begin_at(broker: &TestBroker, offset: i64) -> ErrorCode {
    let request = alter::Request {
        group_id: "g",
        topics: vec![alter::Topic {
            topic_name: "t",
            partitions: vec![alter::Partition {
                partition_index: 0,
                start_offset: offset,
            }],
        }],
    };
    let response: alter::Response<'static> = broker
        .call(ApiKey::AlterShareGroupOffsets, 0, &request)
        .await;
    match response.responses.first() {
        Some(topic) => topic.partitions[0].error_code,
        None => response.error_code,
    }
}

async fn forget(broker: &TestBroker) -> ErrorCode {
    let request = delete::Request {
        group_id: "g",
        topics: vec![delete::Topic { topic_name: "t" }],
    };
    let response: delete::Response<'static> = broker
        .call(ApiKey::DeleteShareGroupOffsets, 0, &request)
        .await;
    match response.responses.first() {
        Some(topic) => topic.error_code,
        None => response.error_code,
    }
}

#[tokio::test]
async fn the_numbers_of_a_group_are_those_of_its_messages() {
    for settings in [&[][..], &[QUEUE]] {
        let (broker, topic) = ten_messages(settings).await;
        assert!(described(&broker).await.is_empty());
        let mut a = Consumer::new(&broker, &topic, "a");
        a.fetch(8).await;
        let said = a
            .acknowledge(&[(0, 1, &[1]), (4, 4, &[3]), (5, 5, &[1])])
            .await;
        assert_eq!(said, ErrorCode::NONE);
        let found = described(&broker).await;
        let [one] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!((one.start_offset, one.lag), (2, 6));
        assert_eq!((one.in_flight, one.dead, one.acknowledged), (4, 1, 2));
    }
}

#[tokio::test]
async fn a_group_without_members_begins_where_it_is_told_to() {
    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(8).await;
    assert_eq!(a.acknowledge(&[(0, 7, &[1])]).await, ErrorCode::NONE);
    assert_eq!(begin_at(&broker, 4).await, ErrorCode::NON_EMPTY_GROUP);
    assert_eq!(forget(&broker).await, ErrorCode::NON_EMPTY_GROUP);
    a.close().await;
    assert_eq!(begin_at(&broker, 4).await, ErrorCode::NONE);
    let broker = broker.crash().await;
    let mut a = Consumer::new(&broker, &topic, "a");
    assert_eq!(a.fetch(2).await, [(4, 5, 1)]);
    a.close().await;
    assert_eq!(forget(&broker).await, ErrorCode::NONE);
    assert!(described(&broker).await.is_empty());
}

#[tokio::test]
async fn a_queue_only_goes_forward() {
    let (broker, topic) = ten_messages(&[QUEUE]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(8).await;
    assert_eq!(
        a.acknowledge(&[(0, 3, &[1]), (6, 7, &[1])]).await,
        ErrorCode::NONE
    );
    a.close().await;
    assert_eq!(begin_at(&broker, 0).await, ErrorCode::NONE);
    assert_eq!(forget(&broker).await, ErrorCode::INVALID_REQUEST);
    let mut a = Consumer::new(&broker, &topic, "a");
    assert_eq!(a.fetch(10).await, [(4, 5, 2), (8, 9, 1)]);
    a.close().await;
    assert_eq!(begin_at(&broker, 9).await, ErrorCode::NONE);
    let broker = broker.crash().await;
    let mut a = Consumer::new(&broker, &topic, "a");
    assert_eq!(a.fetch(10).await, [(9, 9, 2)]);
}

// AK GroupMetadataManager.java
#[tokio::test]
async fn where_a_share_group_stands_is_changed_for_share_groups_only() {
    let (broker, _) = ten_messages(&[]).await;
    assert_eq!(forget(&broker).await, ErrorCode::GROUP_ID_NOT_FOUND);
    commit(&broker, 2, "g", ("", -1), "t", 0, 5).await;
    assert_eq!(begin_at(&broker, 4).await, ErrorCode::GROUP_ID_NOT_FOUND);
    assert!(described(&broker).await.is_empty());

    let (broker, topic) = ten_messages(&[]).await;
    assert_eq!(begin_at(&broker, 4).await, ErrorCode::NONE);
    let late = commit(&broker, 2, "g", ("", -1), "t", 0, 5).await;
    assert_eq!(late, ErrorCode::GROUP_ID_NOT_FOUND);
    let mut a = Consumer::new(&broker, &topic, "a");
    assert_eq!(a.fetch(2).await, [(4, 5, 1)]);
}
