//! Consumer groups form, move partitions, are shown and deleted, and take the place of classic groups and back.
//! AK: GroupMetadataManager.java, GroupCoordinatorService.java; KIP-848.

use millstream_wire::api::consumer_group_heartbeat::{Assignment, Owned, Request, Response};
use millstream_wire::api::{consumer_group_describe, describe_groups, list_groups, offset_fetch};
use millstream_wire::{ApiKey, ErrorCode, Uuid};

use super::configs::{SET, alter, altered};
use super::groups::{AT_ONCE, delete, join, leave, member};
use super::offsets::{commit, committed};
use super::topics::create;
use crate::resource_type::{GROUP, TOPIC};
use crate::testing::TestBroker;

/// Targets are made as soon as they are needed.
const AIM_AT_ONCE: &[(&str, &str)] = &[
    ("group.consumer.assignment.interval.ms", "0"),
    ("group.initial.rebalance.delay.ms", "0"),
];

/// A member of the group `g` that joins for the topic `t`.
fn joining(member_id: &str) -> Request<'_> {
    Request {
        group_id: "g",
        member_id,
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec!["t"]),
        topic_partitions: Some(Vec::new()),
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

/// The same, that has these partitions of a topic.
fn owning<'a>(id: &'a str, epoch: i32, topic_id: Uuid, partitions: &[i32]) -> Request<'a> {
    let owned = Owned {
        topic_id,
        partitions: partitions.to_vec(),
    };
    Request {
        topic_partitions: Some(vec![owned]),
        ..going_on(id, epoch)
    }
}

async fn beat(broker: &TestBroker, request: &Request<'_>) -> Response<'static> {
    broker
        .call(ApiKey::ConsumerGroupHeartbeat, 1, request)
        .await
}

async fn refusal(broker: &TestBroker, request: &Request<'_>) -> ErrorCode {
    beat(broker, request).await.error_code
}

/// Epoch and partitions that an answer gives, if there are any.
fn told(response: &Response<'_>) -> (i32, Option<Vec<i32>>) {
    assert_eq!(
        response.error_code,
        ErrorCode::NONE,
        "{:?}",
        response.error_message
    );
    let all = |given: &Assignment| {
        let topics = given.topic_partitions.iter();
        let mut all: Vec<i32> = topics.flat_map(|topic| topic.partitions.clone()).collect();
        all.sort_unstable();
        all
    };
    (response.member_epoch, response.assignment.as_ref().map(all))
}

fn id(broker: &TestBroker, topic: &str) -> Uuid {
    broker.broker.catalog().topic(topic).unwrap().id
}

async fn describe(
    broker: &TestBroker,
    group: &str,
) -> consumer_group_describe::DescribedGroup<'static> {
    let request = consumer_group_describe::Request {
        group_ids: vec![group],
        include_authorized_operations: false,
    };
    let described: consumer_group_describe::Response<'_> = broker
        .call(ApiKey::ConsumerGroupDescribe, 1, &request)
        .await;
    described.groups.into_iter().next().unwrap()
}

/// Trap 42: a join in epoch 0 with the client's own id, a share, its revocation, leaving by -1, and a stale epoch.
#[tokio::test]
async fn a_member_joins_is_given_partitions_gives_them_up_and_leaves() {
    let broker = TestBroker::start_with(AIM_AT_ONCE).await;
    create(&broker, "t", 2).await;
    let t = id(&broker, "t");
    let joined = beat(&broker, &joining("a")).await;
    assert_eq!(joined.member_id.as_deref(), Some("a"));
    assert_eq!(told(&joined), (1, Some(vec![0, 1])));
    assert_eq!(told(&beat(&broker, &joining("b")).await), (2, Some(vec![])));

    assert_eq!(
        told(&beat(&broker, &owning("a", 1, t, &[0, 1])).await),
        (1, Some(vec![0]))
    );
    assert_eq!(told(&beat(&broker, &going_on("b", 2)).await), (2, None));
    assert_eq!(
        told(&beat(&broker, &owning("a", 1, t, &[0])).await),
        (2, None)
    );
    assert_eq!(
        told(&beat(&broker, &going_on("b", 2)).await),
        (2, Some(vec![1]))
    );

    let stale = refusal(&broker, &going_on("a", 1)).await;
    assert_eq!(stale, ErrorCode::FENCED_MEMBER_EPOCH);
    assert_eq!(
        refusal(&broker, &going_on("a", 3)).await,
        ErrorCode::FENCED_MEMBER_EPOCH
    );
    assert_eq!(told(&beat(&broker, &going_on("a", -1)).await), (-1, None));
    assert_eq!(
        refusal(&broker, &going_on("a", 2)).await,
        ErrorCode::UNKNOWN_MEMBER_ID
    );
    assert_eq!(
        told(&beat(&broker, &going_on("b", 2)).await),
        (3, Some(vec![0, 1]))
    );
}

/// Version 0: the broker makes the id.
#[tokio::test]
async fn a_member_without_an_id_is_given_one_in_version_0() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    let joined: Response<'_> = broker
        .call(ApiKey::ConsumerGroupHeartbeat, 0, &joining(""))
        .await;
    assert_eq!(told(&joined), (1, Some(vec![0])));
    let id = joined.member_id.unwrap().into_owned();
    assert_eq!(told(&beat(&broker, &going_on(&id, 1)).await), (1, None));
    assert_eq!(
        refusal(&broker, &joining("")).await,
        ErrorCode::INVALID_REQUEST
    );
}

#[tokio::test]
async fn what_no_member_of_a_consumer_group_says_is_refused_in_words() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    let a = || joining("a");
    let (rebalance_timeout_ms, topic_partitions) = (-1, None);
    let (group_id, instance_id, rack_id) = ("", Some(""), Some(""));
    let subscribed_topic_names = None;
    let owned = owning("a", 0, id(&broker, "t"), &[0]).topic_partitions;
    let requests = [
        Request { group_id, ..a() },
        Request { instance_id, ..a() },
        Request { rack_id, ..a() },
        Request {
            rebalance_timeout_ms,
            ..a()
        },
        Request {
            subscribed_topic_names,
            ..a()
        },
        Request {
            topic_partitions,
            ..a()
        },
        Request {
            topic_partitions: owned,
            ..a()
        },
        going_on("a", -3),
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
    for request in [going_on("a", 1), going_on("a", -1), going_on("a", -2)] {
        assert_eq!(
            refusal(&broker, &request).await,
            ErrorCode::GROUP_ID_NOT_FOUND
        );
    }
    let missing = describe(&broker, "g").await.error_code;
    assert_eq!(missing, ErrorCode::GROUP_ID_NOT_FOUND);
}

#[tokio::test]
async fn a_wish_that_cannot_be_met_is_refused_and_changes_nothing() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    beat(&broker, &joining("a")).await;
    let away = refusal(&broker, &going_on("a", -2)).await;
    assert_eq!(away, ErrorCode::INVALID_REQUEST);
    let sticky = Request {
        server_assignor: Some("sticky"),
        ..going_on("a", 1)
    };
    assert_eq!(
        refusal(&broker, &sticky).await,
        ErrorCode::UNSUPPORTED_ASSIGNOR
    );
    let deep = "(".repeat(5_000);
    for expression in ["(", "((a{999}){999}){999}", &deep] {
        let request = Request {
            subscribed_topic_regex: Some(expression),
            ..going_on("a", 1)
        };
        let refused = beat(&broker, &request).await;
        assert_eq!(refused.error_code, ErrorCode::INVALID_REGULAR_EXPRESSION);
        assert!(refused.error_message.is_some());
    }
    assert_eq!(told(&beat(&broker, &going_on("a", 1)).await), (1, None));
}

#[tokio::test]
async fn only_assignors_that_are_configured_are_used_and_the_first_without_a_wish() {
    let only_range = ("group.consumer.assignors", "range");
    let broker = TestBroker::start_with(&[AT_ONCE, &[only_range]].concat()).await;
    create(&broker, "t", 1).await;
    let uniform = Request {
        server_assignor: Some("uniform"),
        ..joining("a")
    };
    let refused = refusal(&broker, &uniform).await;
    assert_eq!(refused, ErrorCode::UNSUPPORTED_ASSIGNOR);
    beat(&broker, &joining("a")).await;
    assert_eq!(&*describe(&broker, "g").await.assignor_name, "range");

    // A wish of before is one no longer where it cannot be met.
    let range = Request {
        server_assignor: Some("range"),
        ..going_on("a", 1)
    };
    beat(&broker, &range).await;
    let only_uniform = [("group.consumer.assignors", "uniform")];
    let broker = broker.restart_with(&only_uniform).await;
    assert_eq!(&*describe(&broker, "g").await.assignor_name, "uniform");
}

/// Trap 43: on a classic group, and on one that is not there, GROUP_ID_NOT_FOUND makes clients ask DescribeGroups.
#[tokio::test]
async fn a_group_is_described_by_the_request_of_its_kind() {
    let broker = TestBroker::start_with(AT_ONCE).await;
    create(&broker, "t", 1).await;
    let missing = ErrorCode::GROUP_ID_NOT_FOUND;
    assert_eq!(describe(&broker, "g").await.error_code, missing);
    commit(&broker, 2, "classic", ("", -1), "t", 0, 5).await;
    assert_eq!(describe(&broker, "classic").await.error_code, missing);

    beat(
        &broker,
        &Request {
            server_assignor: Some("range"),
            ..joining("a")
        },
    )
    .await;
    let group = describe(&broker, "g").await;
    assert_eq!(
        (&*group.group_state, &*group.assignor_name),
        ("Stable", "range")
    );
    assert_eq!((group.group_epoch, group.assignment_epoch), (1, 1));
    let member = &group.members[0];
    assert_eq!((&*member.member_id, member.member_type), ("a", 1));
    assert_eq!(member.assignment, member.target_assignment);
    assert_eq!(&*member.assignment.topic_partitions[0].topic_name, "t");

    let request = describe_groups::Request {
        groups: vec!["g"],
        ..Default::default()
    };
    for (version, code) in [(5, ErrorCode::NONE), (6, missing)] {
        let described: describe_groups::Response<'_> =
            broker.call(ApiKey::DescribeGroups, version, &request).await;
        assert_eq!(described.groups[0].error_code, code);
        assert_eq!(&*described.groups[0].group_state, "Dead");
    }
    let request = list_groups::Request {
        types_filter: vec!["Consumer"],
        ..Default::default()
    };
    let listed: list_groups::Response<'_> = broker.call(ApiKey::ListGroups, 5, &request).await;
    let row = &listed.groups[0];
    let words = [
        &*row.group_id,
        &row.protocol_type,
        &row.group_type,
        &row.group_state,
    ];
    assert_eq!(
        (listed.groups.len(), words),
        (1, ["g", "consumer", "consumer", "Stable"])
    );

    assert_eq!(delete(&broker, "g").await, ErrorCode::NON_EMPTY_GROUP);
    beat(&broker, &going_on("a", -1)).await;
    assert_eq!(&*describe(&broker, "g").await.group_state, "Empty");
    assert_eq!(delete(&broker, "g").await, ErrorCode::NONE);
    assert_eq!(describe(&broker, "g").await.error_code, missing);
}

/// Trap 44, and the way back.
#[tokio::test]
async fn committed_offsets_stay_when_a_group_changes_its_protocol() {
    let broker = TestBroker::start_with(AIM_AT_ONCE).await;
    create(&broker, "t", 2).await;
    let outcome = commit(&broker, 2, "g", ("", -1), "t", 0, 7).await;
    assert_eq!(outcome, ErrorCode::NONE);
    let old = join(&broker, 3, &member("", None)).await;
    assert_eq!(old.error_code, ErrorCode::NONE);
    let (epoch, given) = told(&beat(&broker, &joining("new")).await);
    assert_eq!((epoch, given.map(|given| given.len())), (2, Some(1)));
    assert_eq!(committed(&broker, "g", "t", 0).await.committed_offset, 7);

    let again = join(&broker, 3, &member(&old.member_id, None)).await;
    assert_eq!(
        (again.error_code, again.generation_id),
        (ErrorCode::NONE, 2)
    );
    let who = (&*again.member_id, 2);
    assert_eq!(
        commit(&broker, 2, "g", who, "t", 0, 8).await,
        ErrorCode::NONE
    );
    let described = describe(&broker, "g").await;
    let kinds: Vec<i8> = described
        .members
        .iter()
        .map(|member| member.member_type)
        .collect();
    assert_eq!((&*described.group_state, kinds.len()), ("Stable", 2));
    assert!(kinds.contains(&0) && kinds.contains(&1));

    let broker = broker.restart().await;
    assert_eq!(committed(&broker, "g", "t", 0).await.committed_offset, 8);
    beat(&broker, &going_on("new", -1)).await;
    assert_eq!(
        describe(&broker, "g").await.error_code,
        ErrorCode::GROUP_ID_NOT_FOUND
    );
    let back = join(&broker, 3, &member(&again.member_id, None)).await;
    assert_eq!(
        (back.error_code, &*back.leader),
        (ErrorCode::NONE, &*again.member_id)
    );
    assert_eq!(leave(&broker, &back.member_id).await, ErrorCode::NONE);
    assert_eq!(committed(&broker, "g", "t", 0).await.committed_offset, 8);
    assert_eq!(
        told(&beat(&broker, &joining("new")).await),
        (1, Some(vec![0, 1]))
    );
    assert_eq!(committed(&broker, "g", "t", 0).await.committed_offset, 8);
}

/// KIP-848, KIP-1251.
#[tokio::test]
async fn a_member_commits_and_fetches_in_its_epoch() {
    let broker = TestBroker::start_with(AIM_AT_ONCE).await;
    create(&broker, "t", 1).await;
    beat(&broker, &joining("a")).await;
    broker
        .broker
        .catalog()
        .add_partitions("t", 2)
        .await
        .unwrap();
    assert_eq!(
        told(&beat(&broker, &going_on("a", 1)).await),
        (2, Some(vec![0, 1]))
    );
    let table = [
        ((9, "a", 2, 0), ErrorCode::NONE),
        ((9, "a", 1, 0), ErrorCode::NONE),
        ((9, "a", 1, 1), ErrorCode::STALE_MEMBER_EPOCH),
        ((9, "a", 3, 0), ErrorCode::STALE_MEMBER_EPOCH),
        ((9, "x", 2, 0), ErrorCode::UNKNOWN_MEMBER_ID),
        ((9, "", -1, 0), ErrorCode::UNKNOWN_MEMBER_ID),
        ((8, "a", 2, 0), ErrorCode::UNSUPPORTED_VERSION),
    ];
    for ((version, who, epoch, partition), expected) in table {
        let code = commit(&broker, version, "g", (who, epoch), "t", partition, 5).await;
        assert_eq!(code, expected, "{version} {who} {epoch} {partition}");
    }
    let fetches = [
        (None, -1, ErrorCode::NONE),
        (Some("a"), 2, ErrorCode::NONE),
        (Some("a"), 1, ErrorCode::STALE_MEMBER_EPOCH),
        (Some("x"), 2, ErrorCode::UNKNOWN_MEMBER_ID),
    ];
    for (member_id, member_epoch, expected) in fetches {
        let group = offset_fetch::Group {
            group_id: "g",
            member_id,
            member_epoch,
            ..Default::default()
        };
        let request = offset_fetch::Request {
            groups: vec![group],
            ..Default::default()
        };
        let fetched: offset_fetch::Response<'_> =
            broker.call(ApiKey::OffsetFetch, 9, &request).await;
        assert_eq!(
            fetched.groups[0].error_code, expected,
            "{member_id:?} {member_epoch}"
        );
    }
}

#[tokio::test]
async fn members_go_on_after_a_restart_as_if_nothing_had_been() {
    let broker = TestBroker::start_with(AIM_AT_ONCE).await;
    create(&broker, "t", 2).await;
    let t = id(&broker, "t");
    beat(&broker, &joining("a")).await;
    beat(&broker, &joining("b")).await;
    beat(&broker, &owning("a", 1, t, &[0, 1])).await;
    let broker = broker.restart().await;
    assert_eq!(told(&beat(&broker, &going_on("b", 2)).await), (2, None));
    assert_eq!(
        told(&beat(&broker, &owning("a", 1, t, &[0])).await),
        (2, None)
    );
    assert_eq!(
        told(&beat(&broker, &going_on("b", 2)).await),
        (2, Some(vec![1]))
    );
}

#[tokio::test]
async fn an_expression_finds_topics_as_they_come_but_none_of_the_brokers_own() {
    let broker = TestBroker::start_with(AIM_AT_ONCE).await;
    create(&broker, "orders-eu", 1).await;
    create(&broker, "other", 1).await;
    let request = Request {
        subscribed_topic_names: None,
        subscribed_topic_regex: Some("orders-.*|__.*"),
        ..joining("a")
    };
    assert_eq!(told(&beat(&broker, &request).await), (1, Some(vec![0])));
    create(&broker, "orders-us", 2).await;
    assert_eq!(
        told(&beat(&broker, &going_on("a", 1)).await),
        (2, Some(vec![0, 0, 1]))
    );
    let expression = describe(&broker, "g").await.members[0]
        .subscribed_topic_regex
        .clone();
    assert_eq!(expression.as_deref(), Some("orders-.*|__.*"));
}

#[tokio::test]
async fn a_queue_takes_one_consumer_group_and_refuses_the_next_by_name() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    let queue = [(SET, "queue.enable", Some("true"))];
    assert_eq!(alter(&broker, (TOPIC, "t"), &queue).await, ErrorCode::NONE);
    assert_eq!(
        told(&beat(&broker, &joining("a")).await),
        (1, Some(vec![0]))
    );
    for (names, expression) in [(Some(vec!["t"]), None), (None, Some("t"))] {
        let other = Request {
            group_id: "other",
            subscribed_topic_names: names,
            subscribed_topic_regex: expression,
            ..joining("b")
        };
        let refused = beat(&broker, &other).await;
        assert_eq!(refused.error_code, ErrorCode::GROUP_AUTHORIZATION_FAILED);
        let reason = "queue t is consumed by group g; group other may not";
        assert_eq!(refused.error_message.as_deref(), Some(reason));
    }
    assert_eq!(
        describe(&broker, "other").await.error_code,
        ErrorCode::GROUP_ID_NOT_FOUND
    );
}

#[tokio::test]
async fn heartbeats_come_soon_while_partitions_move_and_then_as_the_settings_say() {
    let broker = TestBroker::start().await;
    create(&broker, "t", 1).await;
    let set = [
        (SET, "consumer.heartbeat.interval.ms", Some("7000")),
        (SET, "consumer.session.timeout.ms", Some("50000")),
        (SET, "consumer.assignment.interval.ms", Some("0")),
    ];
    let outcome = altered(&broker, (GROUP, "g"), &set).await;
    assert_eq!(outcome.0, ErrorCode::NONE, "{}", outcome.1);
    let joined = beat(&broker, &joining("a")).await;
    assert_eq!(joined.heartbeat_interval_ms, 500);
    let broker = broker.restart().await;
    let told = beat(&broker, &going_on("a", 1)).await;
    assert_eq!(told.heartbeat_interval_ms, 7_000);
    let far = [(SET, "consumer.session.timeout.ms", Some("60001"))];
    let outcome = altered(&broker, (GROUP, "g"), &far).await;
    assert_eq!(outcome.0, ErrorCode::INVALID_CONFIG);
}
