//! What Metadata and its relatives say of topics.

use millstream_batch::Batches;
use millstream_wire::api::metadata::{Request, Response, Topic as Asked};
use millstream_wire::api::{describe_cluster, describe_quorum, describe_topic_partitions as pages};
use millstream_wire::{ApiKey, ErrorCode, Uuid, base64_id};

use super::topics::{create, delete};
use crate::testing::TestBroker;

/// The highest version.
const LAST: i16 = 13;

fn by_name(name: &str) -> Asked<'_> {
    Asked {
        topic_id: Uuid::nil(),
        name: Some(name),
    }
}

fn by_id(topic_id: Uuid) -> Asked<'static> {
    Asked {
        topic_id,
        name: None,
    }
}

fn asking(topics: Option<Vec<Asked<'_>>>) -> Request<'_> {
    Request {
        topics,
        ..Request::default()
    }
}

async fn metadata(broker: &TestBroker, version: i16, request: &Request<'_>) -> Response<'static> {
    broker.call(ApiKey::Metadata, version, request).await
}

/// Names and errors of the topics in the answer.
async fn told(
    broker: &TestBroker,
    version: i16,
    request: &Request<'_>,
) -> Vec<(Option<String>, ErrorCode)> {
    let topics = metadata(broker, version, request).await.topics;
    topics
        .into_iter()
        .map(|topic| (topic.name.map(Into::into), topic.error_code))
        .collect()
}

// AK core/…/KafkaApis.scala
#[tokio::test]
async fn an_id_is_honoured_from_version_12_on() {
    let broker = TestBroker::start().await;
    let id = create(&broker, "known", 1).await;
    let (known, unknown) = (by_id(id), by_id(Uuid::from_u128(42)));

    let found = metadata(&broker, 12, &asking(Some(vec![known.clone()])))
        .await
        .topics;
    assert_eq!(found[0].name.as_deref(), Some("known"));
    let missing = told(&broker, 12, &asking(Some(vec![unknown]))).await;
    assert_eq!(missing, [(None, ErrorCode::UNKNOWN_TOPIC_ID)]);
    let early = told(&broker, 10, &asking(Some(vec![known]))).await;
    assert_eq!(early[0].1, ErrorCode::INVALID_REQUEST);
}

// AK core/…/KafkaApis.scala
#[tokio::test]
async fn null_asks_for_all_topics_and_nothing_for_none() {
    let broker = TestBroker::start().await;
    create(&broker, "a", 1).await;
    let all = vec![(Some("a".to_owned()), ErrorCode::NONE)];
    assert_eq!(told(&broker, 1, &asking(None)).await, all);
    assert_eq!(told(&broker, LAST, &asking(None)).await, all);
    assert_eq!(told(&broker, 1, &asking(Some(vec![]))).await, []);
    assert_eq!(told(&broker, LAST, &asking(Some(vec![]))).await, []);
    // Before null could be said, nothing meant all.
    assert_eq!(told(&broker, 0, &asking(Some(vec![]))).await, all);
}

// AK core/…/KafkaApis.scala
#[tokio::test]
async fn topics_are_made_only_where_client_and_broker_agree() {
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let check = async |enabled: &str, allowed: bool, expected: ErrorCode| {
        let broker = TestBroker::start_with(&[("auto.create.topics.enable", enabled)]).await;
        let request = Request {
            allow_auto_topic_creation: allowed,
            ..asking(Some(vec![by_name("new")]))
        };
        assert_eq!(told(&broker, LAST, &request).await[0].1, expected);
        let left = usize::from(expected.is_none());
        assert_eq!(broker.broker.catalog().topics().len(), left);
    };
    check("true", true, ErrorCode::NONE).await;
    check("true", false, unknown).await;
    check("false", true, unknown).await;
}

#[tokio::test]
async fn a_name_that_cannot_be_is_refused_and_not_made() {
    let broker = TestBroker::start().await;
    let request = asking(Some(vec![by_name("a b"), by_name("")]));
    for topic in told(&broker, LAST, &request).await {
        assert_eq!(topic.1, ErrorCode::INVALID_TOPIC_EXCEPTION);
    }
}

#[tokio::test]
async fn topics_that_are_asked_for_together_are_made_in_one_step() {
    let broker = TestBroker::start().await;
    let request = asking(Some(
        ["a.b", "c", "no name", "a_b", "d"].map(by_name).to_vec(),
    ));
    let none = ErrorCode::NONE;
    let invalid = ErrorCode::INVALID_TOPIC_EXCEPTION;
    let codes = told(&broker, LAST, &request).await.into_iter();
    assert_eq!(
        codes.map(|topic| topic.1).collect::<Vec<_>>(),
        [none, none, invalid, invalid, none]
    );
    let log = broker.broker.catalog().log();
    let read = log.read(0, usize::MAX, log.offsets().log_end, true).await;
    let batches = read.unwrap();
    let batches: usize = batches
        .iter()
        .map(|bytes| Batches::new(bytes).count())
        .sum();
    assert_eq!(batches, 1);
}

#[tokio::test]
async fn a_topic_is_told_once_however_often_it_is_asked_for() {
    let broker = TestBroker::start().await;
    let request = asking(Some(vec![by_name("a"); 1000]));
    assert_eq!(told(&broker, LAST, &request).await.len(), 1);
}

// AK clients/…/common/Uuid.java
#[tokio::test]
async fn every_topic_has_an_id_that_does_not_begin_with_a_dash() {
    let broker = TestBroker::start().await;
    for n in 0..64 {
        let id = create(&broker, &format!("t{n}"), 1).await;
        assert!(!id.is_nil() && !base64_id(id).starts_with('-'), "{id}");
    }
}

// KIP-516
#[tokio::test]
async fn a_topic_made_again_has_another_id() {
    let broker = TestBroker::start().await;
    let first = create(&broker, "again", 1).await;
    delete(&broker, "again").await;
    let second = create(&broker, "again", 1).await;
    assert_ne!(first, second);
    let old = told(&broker, 12, &asking(Some(vec![by_id(first)]))).await;
    assert_eq!(old, [(None, ErrorCode::UNKNOWN_TOPIC_ID)]);
}

#[tokio::test]
async fn the_only_broker_leads_everything_at_its_advertised_address() {
    let broker = TestBroker::start_with(&[("node.id", "3")]).await;
    create(&broker, "a", 2).await;
    let response = metadata(&broker, LAST, &asking(None)).await;
    let node = &response.brokers[0];
    assert_eq!(
        (node.node_id, node.host.as_ref(), node.port),
        (3, "192.0.2.1", 9092)
    );
    assert_eq!(response.controller_id, 3);
    for partition in &response.topics[0].partitions {
        assert_eq!(
            (partition.leader_id, &partition.isr_nodes[..]),
            (3, &[3][..])
        );
    }
    let request = describe_cluster::Request {
        endpoint_type: 1,
        ..Default::default()
    };
    let cluster: describe_cluster::Response<'_> =
        broker.call(ApiKey::DescribeCluster, 2, &request).await;
    assert_eq!((cluster.controller_id, cluster.brokers.len()), (3, 1));
    assert_eq!(Some(cluster.cluster_id), response.cluster_id);
}

#[tokio::test]
async fn operations_are_told_only_when_asked_for() {
    let broker = TestBroker::start().await;
    create(&broker, "a", 1).await;
    let silent = metadata(&broker, 8, &asking(None)).await;
    assert_eq!(silent.cluster_authorized_operations, i32::MIN);
    assert_eq!(silent.topics[0].topic_authorized_operations, i32::MIN);
    let request = Request {
        include_cluster_authorized_operations: true,
        include_topic_authorized_operations: true,
        ..asking(None)
    };
    let told = metadata(&broker, 8, &request).await;
    assert_eq!(told.cluster_authorized_operations, 8096);
    assert_eq!(told.topics[0].topic_authorized_operations, 3576);
}

// KIP-966
#[tokio::test]
async fn partitions_are_told_page_by_page() {
    let broker = TestBroker::start().await;
    create(&broker, "a", 3).await;
    create(&broker, "b", 2).await;
    let (mut seen, mut cursor) = (Vec::new(), Some((String::new(), 0)));
    while let Some((name, index)) = cursor {
        let request = pages::Request {
            response_partition_limit: 2,
            cursor: Some(pages::Cursor {
                topic_name: &name,
                partition_index: index,
            }),
            ..pages::Request::default()
        };
        let page: pages::Response<'_> = broker
            .call(ApiKey::DescribeTopicPartitions, 0, &request)
            .await;
        let parts = page.topics.iter().flat_map(|topic| {
            let name = topic.name.clone().unwrap();
            topic
                .partitions
                .iter()
                .map(move |part| (name.to_string(), part.partition_index))
        });
        let parts: Vec<_> = parts.collect();
        assert!(parts.len() <= 2);
        seen.extend(parts);
        cursor = page
            .next_cursor
            .map(|next| (next.topic_name.to_string(), next.partition_index));
    }
    let expected = [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1)];
    assert_eq!(seen, expected.map(|(name, index)| (name.to_owned(), index)));
}

#[tokio::test]
async fn one_broker_is_a_quorum_of_one() {
    let broker = TestBroker::start().await;
    create(&broker, "a", 1).await;
    let partitions = vec![describe_quorum::Partition { partition_index: 0 }];
    let topic = describe_quorum::Topic {
        topic_name: "__cluster_metadata",
        partitions,
    };
    let request = describe_quorum::Request {
        topics: vec![topic],
    };
    let response: describe_quorum::Response<'_> =
        broker.call(ApiKey::DescribeQuorum, 2, &request).await;
    let quorum = &response.topics[0].partitions[0];
    assert_eq!((quorum.leader_id, quorum.current_voters.len()), (1, 1));
    // The topic and its partition.
    assert_eq!(quorum.high_watermark, 2);
    assert_eq!(response.nodes[0].listeners[0].port, 9092);
}
