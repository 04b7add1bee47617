//! Share groups form, are told what they get, and are shown and deleted. AK: GroupMetadataManager.java, KIP-932.

use millstream_wire::api::share_group_heartbeat::{Request, Response};
use millstream_wire::api::{describe_groups, find_coordinator, list_groups, share_group_describe};
use millstream_wire::{ApiKey, ErrorCode, base64_id};

use super::configs::{SET, alter, altered};
use super::groups::{AT_ONCE, delete, join, member};
use super::offsets::commit;
use super::topics::create;
use crate::resource_type::{GROUP, TOPIC};
use crate::testing::TestBroker;

/// A member of the group `g` that joins for the topic `t`.
fn joining(member_id: &str) -> Request<'_> {
    Request {
        group_id: "g",
        member_id,
        subscribed_topic_names: Some(vec!["t"]),
        ..Default::default()
    }
}

/// A member of the group `g` that goes on in that epoch.
fn going_on(member_id: &str, member_epoch: i32) -> Request<'_> {
    Request {
        group_id: "g",
        member_id,
        member_epoch,
        ..Default::default()
    }
}

async fn beat(broker: &TestBroker, request: &Request<'_>) -> Response<'static> {
    broker.call(ApiKey::ShareGroupHeartbeat, 1, request).await
}

/// How many partitions an answer gives the member, topic by topic.
fn given(response: &Response<'_>) -> Option<Vec<usize>> {
    let assignment = response.assignment.as_ref()?;
    let topics = assignment.topic_partitions.iter();
    Some(topics.map(|topic| topic.partitions.len()).collect())
}

async fn describe(broker: &TestBroker) -> share_group_describe::DescribedGroup<'static> {
    let request = share_group_describe::Request {
        group_ids: vec!["g"],
        include_authorized_operations: false,
    };
    let described: share_group_describe::Response<'_> =
        broker.call(ApiKey::ShareGroupDescribe, 1, &request).await;
    described.groups.into_iter().next().unwrap()
}

/// Group, type and state of everything that ListGroups shows of these types.
async fn listed(broker: &TestBroker, types: Vec<&str>) -> Vec<[String; 3]> {
    let request = list_groups::Request {
        types_filter: types,
        ..Default::default()
    };
    let listed: list_groups::Response<'_> = broker.call(ApiKey::ListGroups, 5, &request).await;
    let words = |group: list_groups::Group<'_>| {
        [group.group_id, group.group_type, group.group_state].map(Into::into)
    };
    listed.groups.into_iter().map(words).collect()
}

#[tokio::test]
async fn every_member_of_a_share_group_gets_every_partition_at_once() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 3).await;
    for (member, epoch) in [("a", 1), ("b", 2)] {
        let joined = beat(&broker, &joining(member)).await;
        assert_eq!(
            (joined.error_code, joined.member_epoch),
            (ErrorCode::NONE, epoch)
        );
        assert_eq!(given(&joined), Some(vec![3]));
        let id = joined.assignment.unwrap().topic_partitions[0].topic_id;
        assert_eq!(id, broker.broker.catalog().topic("t").unwrap().id);
    }
    let told = beat(&broker, &going_on("a", 1)).await;
    assert_eq!((told.member_epoch, given(&told)), (2, None));

    broker
        .broker
        .catalog()
        .add_partitions("t", 4)
        .await
        .unwrap();
    let told = beat(&broker, &going_on("b", 2)).await;
    assert_eq!((told.member_epoch, given(&told)), (3, Some(vec![4])));
}

#[tokio::test]
async fn a_share_group_is_listed_described_and_deleted_when_it_is_empty() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 2).await;
    beat(&broker, &joining("a")).await;
    let row = |state: &str| vec![["g", "share", state].map(str::to_owned)];
    assert_eq!(listed(&broker, vec!["share"]).await, row("Stable"));
    assert!(listed(&broker, vec!["classic"]).await.is_empty());

    let group = describe(&broker).await;
    assert_eq!(
        (&*group.group_state, &*group.assignor_name),
        ("Stable", "simple")
    );
    assert_eq!((group.group_epoch, group.members.len()), (1, 1));
    let member = &group.members[0];
    assert_eq!(
        (&*member.member_id, &*member.client_host),
        ("a", "/192.0.2.9")
    );
    let topic = &member.assignment.topic_partitions[0];
    assert_eq!((&*topic.topic_name, &*topic.partitions), ("t", &[0, 1][..]));

    assert_eq!(delete(&broker, "g").await, ErrorCode::NON_EMPTY_GROUP);
    let left = beat(&broker, &going_on("a", -1)).await;
    assert_eq!((left.error_code, left.member_epoch), (ErrorCode::NONE, -1));
    assert_eq!(listed(&broker, vec![]).await, row("Empty"));
    assert_eq!(delete(&broker, "g").await, ErrorCode::NONE);
    assert_eq!(
        describe(&broker).await.error_code,
        ErrorCode::GROUP_ID_NOT_FOUND
    );
}

#[tokio::test]
async fn members_of_a_share_group_join_again_after_a_restart() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    beat(&broker, &joining("a")).await;
    let broker = broker.restart().await;
    assert_eq!(&*describe(&broker).await.group_state, "Empty");
    let told = beat(&broker, &going_on("a", 1)).await;
    assert_eq!(told.error_code, ErrorCode::UNKNOWN_MEMBER_ID);
    let told = beat(&broker, &joining("a")).await;
    assert_eq!((told.member_epoch, given(&told)), (2, Some(vec![1])));
    let stale = beat(&broker, &going_on("a", 7)).await;
    assert_eq!(stale.error_code, ErrorCode::FENCED_MEMBER_EPOCH);
}

#[tokio::test]
async fn what_no_member_of_a_share_group_says_is_refused_in_words() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    let long = "x".repeat(37);
    let requests = [
        Request {
            group_id: "",
            ..joining("a")
        },
        joining(""),
        joining(&long),
        Request {
            rack_id: Some(""),
            ..joining("a")
        },
        Request {
            subscribed_topic_names: None,
            ..joining("a")
        },
        Request {
            subscribed_topic_names: Some(Vec::new()),
            ..joining("a")
        },
        going_on("a", -2),
    ];
    for request in &requests {
        let refused = beat(&broker, request).await;
        assert_eq!(
            refused.error_code,
            ErrorCode::INVALID_REQUEST,
            "{request:?}"
        );
        assert!(refused.error_message.is_some());
    }
    let unknown = beat(&broker, &going_on("a", 1)).await;
    assert_eq!(unknown.error_code, ErrorCode::GROUP_ID_NOT_FOUND);
}

#[tokio::test]
async fn an_id_belongs_to_one_kind_of_group() {
    let broker = TestBroker::start_with(AT_ONCE).await;
    create(&broker, "t", 1).await;
    beat(&broker, &joining("a")).await;
    let refused = join(&broker, 3, &member("", None)).await;
    assert_eq!(refused.error_code, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    let groups = vec!["g"];
    let request = describe_groups::Request {
        groups,
        ..Default::default()
    };
    let described: describe_groups::Response<'_> =
        broker.call(ApiKey::DescribeGroups, 6, &request).await;
    let group = &described.groups[0];
    assert_eq!(group.error_code, ErrorCode::GROUP_ID_NOT_FOUND);
    let reason = group.error_message.as_deref();
    assert_eq!(reason, Some("Group g is not a classic group."));

    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    commit(&broker, 2, "g", ("", -1), "t", 0, 5).await;
    let refused = beat(&broker, &joining("a")).await;
    assert_eq!(refused.error_code, ErrorCode::GROUP_ID_NOT_FOUND);
    assert_eq!(
        refused.error_message.as_deref(),
        Some("group g is of another kind")
    );
}

#[tokio::test]
async fn a_queue_takes_one_share_group_and_refuses_the_next_by_name() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    let queue = [(SET, "queue.enable", Some("true"))];
    assert_eq!(alter(&broker, (TOPIC, "t"), &queue).await, ErrorCode::NONE);
    let joined = beat(&broker, &joining("a")).await;
    assert_eq!(joined.error_code, ErrorCode::NONE);
    let other = Request {
        group_id: "other",
        ..joining("b")
    };
    let refused = beat(&broker, &other).await;
    assert_eq!(refused.error_code, ErrorCode::GROUP_AUTHORIZATION_FAILED);
    let reason = "queue t is consumed by group g; group other may not";
    assert_eq!(refused.error_message.as_deref(), Some(reason));

    beat(&broker, &going_on("a", -1)).await;
    assert_eq!(delete(&broker, "g").await, ErrorCode::NONE);
    assert_eq!(beat(&broker, &other).await.error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn a_share_group_of_the_largest_size_refuses_one_more() {
    let broker = TestBroker::start_with(&[("group.share.max.size", "1")]).await;
    create(&broker, "t", 1).await;
    beat(&broker, &joining("a")).await;
    let refused = beat(&broker, &joining("b")).await;
    assert_eq!(refused.error_code, ErrorCode::GROUP_MAX_SIZE_REACHED);
}

#[tokio::test]
async fn heartbeats_of_a_share_group_come_as_its_settings_say() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    let joined = beat(&broker, &joining("a")).await;
    assert_eq!(joined.heartbeat_interval_ms, 5_000);
    let set = [(SET, "share.heartbeat.interval.ms", Some("7000"))];
    let outcome = altered(&broker, (GROUP, "g"), &set).await;
    assert_eq!(outcome.0, ErrorCode::NONE, "{}", outcome.1);
    let told = beat(&broker, &going_on("a", 1)).await;
    assert_eq!(told.heartbeat_interval_ms, 7_000);
}

#[tokio::test]
async fn a_partition_of_a_share_group_has_a_coordinator() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    let id = base64_id(broker.broker.catalog().topic("t").unwrap().id);
    let (right, wrong) = (format!("a:b:{id}:0"), format!("{id}:0"));
    let request = find_coordinator::Request {
        key_type: 2,
        coordinator_keys: vec![&right, &wrong],
        ..Default::default()
    };
    let found: find_coordinator::Response<'_> =
        broker.call(ApiKey::FindCoordinator, 6, &request).await;
    let codes: Vec<_> = found.coordinators.iter().map(|c| c.error_code).collect();
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::INVALID_REQUEST]);
    assert_eq!(found.coordinators[0].node_id, 1);
    let found: find_coordinator::Response<'_> =
        broker.call(ApiKey::FindCoordinator, 5, &request).await;
    assert_eq!(found.coordinators[0].error_code, ErrorCode::INVALID_REQUEST);
}
