//! Groups form, go on after restarts, and are shown and deleted.

use millstream_wire::api::{
    delete_groups, describe_groups, find_coordinator, heartbeat, join_group, leave_group,
    list_groups, sync_group,
};
use millstream_wire::{ApiKey, ErrorCode};

use super::offsets::{commit, committed};
use super::topics::create;
use crate::testing::TestBroker;

/// Groups form as soon as the first member is there.
pub(super) const AT_ONCE: &[(&str, &str)] = &[("group.initial.rebalance.delay.ms", "0")];

/// Groups wait a little for more members.
const SOON: &[(&str, &str)] = &[("group.initial.rebalance.delay.ms", "200")];

/// A member of the group `g`, as it joins.
pub(super) fn member<'a>(id: &'a str, instance: Option<&'a str>) -> join_group::Request<'a> {
    join_group::Request {
        group_id: "g",
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 30_000,
        member_id: id,
        group_instance_id: instance,
        protocol_type: "consumer",
        protocols: vec![join_group::Protocol {
            name: "range",
            metadata: b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff",
        }],
        reason: None,
    }
}

pub(super) async fn join(
    broker: &TestBroker,
    version: i16,
    request: &join_group::Request<'_>,
) -> join_group::Response<'static> {
    broker.call(ApiKey::JoinGroup, version, request).await
}

/// Syncs as a member that may lead, in which case everybody gets the assignment `work`.
async fn sync(
    broker: &TestBroker,
    joined: &join_group::Response<'_>,
) -> sync_group::Response<'static> {
    let assignments = joined.members.iter().map(|member| sync_group::Assignment {
        member_id: &member.member_id,
        assignment: b"work",
    });
    let request = sync_group::Request {
        group_id: "g",
        generation_id: joined.generation_id,
        member_id: &joined.member_id,
        assignments: assignments.collect(),
        ..Default::default()
    };
    broker.call(ApiKey::SyncGroup, 0, &request).await
}

async fn heartbeat(
    broker: &TestBroker,
    version: i16,
    member_id: &str,
    generation_id: i32,
) -> ErrorCode {
    let request = heartbeat::Request {
        group_id: "g",
        generation_id,
        member_id,
        ..Default::default()
    };
    let response: heartbeat::Response = broker.call(ApiKey::Heartbeat, version, &request).await;
    response.error_code
}

pub(super) async fn leave(broker: &TestBroker, member_id: &str) -> ErrorCode {
    let request = leave_group::Request {
        group_id: "g",
        member_id,
        ..Default::default()
    };
    let response: leave_group::Response<'_> = broker.call(ApiKey::LeaveGroup, 0, &request).await;
    response.error_code
}

async fn describe(
    broker: &TestBroker,
    version: i16,
    group: &str,
) -> describe_groups::Group<'static> {
    let request = describe_groups::Request {
        groups: vec![group],
        ..Default::default()
    };
    let response: describe_groups::Response<'_> =
        broker.call(ApiKey::DescribeGroups, version, &request).await;
    response.groups.into_iter().next().unwrap()
}

async fn list(broker: &TestBroker, states: &[&str], types: &[&str]) -> Vec<(String, String)> {
    let request = list_groups::Request {
        states_filter: states.to_vec(),
        types_filter: types.to_vec(),
    };
    let response: list_groups::Response<'_> = broker.call(ApiKey::ListGroups, 5, &request).await;
    assert_eq!(response.error_code, ErrorCode::NONE);
    let shown = |group: list_groups::Group<'_>| (group.group_id.into(), group.group_state.into());
    response.groups.into_iter().map(shown).collect()
}

pub(super) async fn delete(broker: &TestBroker, group: &str) -> ErrorCode {
    let request = delete_groups::Request {
        groups_names: vec![group],
    };
    let response: delete_groups::Response<'_> =
        broker.call(ApiKey::DeleteGroups, 2, &request).await;
    response.results[0].error_code
}

/// KIP-394.
#[tokio::test]
async fn a_join_of_version_4_is_given_an_id_to_come_back_with_and_one_of_version_3_joins() {
    let broker = TestBroker::start_with(AT_ONCE).await;
    let asked = join(&broker, 4, &member("", None)).await;
    assert_eq!(asked.error_code, ErrorCode::MEMBER_ID_REQUIRED);
    assert!(asked.member_id.starts_with("test-"), "{}", asked.member_id);
    let joined = join(&broker, 4, &member(&asked.member_id, None)).await;
    assert_eq!(joined.error_code, ErrorCode::NONE);
    assert_eq!(joined.member_id, asked.member_id);

    let broker = TestBroker::start_with(AT_ONCE).await;
    let joined = join(&broker, 3, &member("", None)).await;
    assert_eq!(
        (joined.error_code, joined.generation_id),
        (ErrorCode::NONE, 1)
    );
}

/// KIP-345; AK GroupMetadataManager.java.
#[tokio::test]
async fn a_static_member_that_restarts_within_its_session_changes_no_generation() {
    let broker = TestBroker::start_with(AT_ONCE).await;
    let first = join(&broker, 5, &member("", Some("i"))).await;
    let work = sync(&broker, &first).await;
    let again = join(&broker, 9, &member("", Some("i"))).await;
    assert_eq!(
        (again.error_code, again.generation_id),
        (ErrorCode::NONE, first.generation_id)
    );
    assert!(again.skip_assignment);
    assert_ne!(again.member_id, first.member_id);
    let kept = sync(
        &broker,
        &join_group::Response {
            members: vec![],
            ..again
        },
    )
    .await;
    assert_eq!(
        (&*kept.assignment, &*work.assignment),
        (&b"work"[..], &b"work"[..])
    );

    let request = heartbeat::Request {
        group_id: "g",
        generation_id: 1,
        member_id: &first.member_id,
        group_instance_id: Some("i"),
    };
    let fenced: heartbeat::Response = broker.call(ApiKey::Heartbeat, 3, &request).await;
    assert_eq!(fenced.error_code, ErrorCode::FENCED_INSTANCE_ID);
}

/// The failure of another broker: tansu-io/tansu, compat FINDINGS.
#[tokio::test]
async fn three_members_that_join_at_once_form_exactly_one_generation() {
    let broker = TestBroker::start_with(SOON).await;
    let one = member("", None);
    let joined = tokio::join!(
        join(&broker, 3, &one),
        join(&broker, 3, &one),
        join(&broker, 3, &one)
    );
    let joined = [joined.0, joined.1, joined.2];
    let mut leaders = 0;
    for member in &joined {
        assert_eq!(
            (member.error_code, member.generation_id),
            (ErrorCode::NONE, 1)
        );
        assert_eq!(member.leader, joined[0].leader);
        let leads = member.leader == member.member_id;
        assert_eq!(member.members.len(), if leads { 3 } else { 0 });
        leaders += i32::from(leads);
    }
    assert_eq!(leaders, 1);
    let [a, b, c] = &joined;
    let synced = tokio::join!(sync(&broker, a), sync(&broker, b), sync(&broker, c));
    for synced in [synced.0, synced.1, synced.2] {
        assert_eq!(
            (synced.error_code, &*synced.assignment),
            (ErrorCode::NONE, &b"work"[..])
        );
    }
    for member in &joined {
        assert_eq!(
            heartbeat(&broker, 0, &member.member_id, 1).await,
            ErrorCode::NONE
        );
    }
}

/// librdkafka before 2.11.1 tests for these very versions (`rdkafka_feature.c`).
#[tokio::test]
async fn the_first_version_of_every_group_request_is_served() {
    let broker = TestBroker::start_with(AT_ONCE).await;
    let found: find_coordinator::Response<'_> = {
        let request = find_coordinator::Request {
            key: "g",
            ..Default::default()
        };
        broker.call(ApiKey::FindCoordinator, 0, &request).await
    };
    assert_eq!(
        (found.error_code, &*found.host, found.port),
        (ErrorCode::NONE, "192.0.2.1", 9092)
    );
    let joined = join(&broker, 0, &member("", None)).await;
    assert_eq!(joined.error_code, ErrorCode::NONE);
    assert_eq!(&*sync(&broker, &joined).await.assignment, b"work");
    assert_eq!(
        heartbeat(&broker, 0, &joined.member_id, 1).await,
        ErrorCode::NONE
    );
    assert_eq!(
        heartbeat(&broker, 0, &joined.member_id, 2).await,
        ErrorCode::ILLEGAL_GENERATION
    );
    assert_eq!(leave(&broker, &joined.member_id).await, ErrorCode::NONE);
    assert_eq!(
        leave(&broker, &joined.member_id).await,
        ErrorCode::UNKNOWN_MEMBER_ID
    );
}

#[tokio::test]
async fn a_member_that_falls_silent_is_rebalanced_away() {
    let settings = [AT_ONCE[0], ("group.min.session.timeout.ms", "1")];
    let broker = TestBroker::start_with(&settings).await;
    let mut silent = member("", None);
    silent.session_timeout_ms = 300;
    let first = join(&broker, 3, &silent).await;
    sync(&broker, &first).await;
    // The join of the second waits for the first, and so for the end of its session.
    let second = join(&broker, 3, &member("", None)).await;
    assert_eq!(
        (second.error_code, second.generation_id),
        (ErrorCode::NONE, 2)
    );
    assert_eq!(second.members.len(), 1);
    let lost = heartbeat(&broker, 0, &first.member_id, 1).await;
    assert_eq!(lost, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[tokio::test]
async fn a_settled_group_goes_on_after_a_restart() {
    let broker = TestBroker::start_with(AT_ONCE).await;
    create(&broker, "t", 1).await;
    let joined = join(&broker, 5, &member("", Some("i"))).await;
    sync(&broker, &joined).await;
    assert_eq!(
        commit(&broker, 2, "g", (&joined.member_id, 1), "t", 0, 7).await,
        ErrorCode::NONE
    );
    let broker = broker.restart().await;
    let group = describe(&broker, 5, "g").await;
    assert_eq!(
        (&*group.group_state, &*group.protocol_data),
        ("Stable", "range")
    );
    let [shown] = &group.members[..] else {
        panic!("{:?}", group.members)
    };
    assert_eq!(shown.member_id, joined.member_id);
    assert_eq!(shown.group_instance_id.as_deref(), Some("i"));
    assert_eq!(
        (&*shown.client_id, &*shown.client_host),
        ("test", "/192.0.2.9")
    );
    assert_eq!(&*shown.member_assignment, b"work");
    assert_eq!(
        heartbeat(&broker, 0, &joined.member_id, 1).await,
        ErrorCode::NONE
    );
    assert_eq!(committed(&broker, "g", "t", 0).await.committed_offset, 7);
}

#[tokio::test]
async fn groups_are_listed_by_state_and_type_and_deleted_when_empty() {
    let broker = TestBroker::start_with(AT_ONCE).await;
    assert_eq!(list(&broker, &[], &[]).await, []);
    create(&broker, "t", 1).await;
    let joined = join(&broker, 3, &member("", None)).await;
    sync(&broker, &joined).await;
    commit(&broker, 2, "simple", ("", -1), "t", 0, 1).await;
    let pair = |id: &str, state: &str| (id.to_owned(), state.to_owned());
    let mut all = list(&broker, &[], &["Classic"]).await;
    all.sort_unstable();
    assert_eq!(all, [pair("g", "Stable"), pair("simple", "Empty")]);
    assert_eq!(list(&broker, &["stable"], &[]).await, [pair("g", "Stable")]);
    assert_eq!(list(&broker, &[], &["consumer"]).await, []);

    assert_eq!(delete(&broker, "g").await, ErrorCode::NON_EMPTY_GROUP);
    assert_eq!(
        delete(&broker, "nobody").await,
        ErrorCode::GROUP_ID_NOT_FOUND
    );
    assert_eq!(delete(&broker, "simple").await, ErrorCode::NONE);
    let broker = broker.restart().await;
    assert_eq!(list(&broker, &[], &[]).await, [pair("g", "Stable")]);
    assert_eq!(
        committed(&broker, "simple", "t", 0).await.committed_offset,
        -1
    );
}

/// KIP-1043.
#[tokio::test]
async fn a_missing_group_is_dead_until_version_5_and_an_error_from_6_on() {
    let broker = TestBroker::start().await;
    let old = describe(&broker, 5, "x").await;
    assert_eq!(
        (old.error_code, &*old.group_state),
        (ErrorCode::NONE, "Dead")
    );
    let new = describe(&broker, 6, "x").await;
    assert_eq!(
        (new.error_code, &*new.group_state),
        (ErrorCode::GROUP_ID_NOT_FOUND, "Dead")
    );
}

#[tokio::test]
async fn whoever_waits_is_sent_away_when_the_log_of_groups_fails() {
    let settings = [SOON[0], ("offsets.topic.num.partitions", "1")];
    let broker = TestBroker::start_with(&settings).await;
    create(&broker, "t", 1).await;
    commit(&broker, 2, "other", ("", -1), "t", 0, 1).await;
    let joining = member("", None);
    let parked = join(&broker, 3, &joining);
    let failing = async {
        let topic = broker.broker.catalog().topic("__consumer_offsets").unwrap();
        let partition = topic.partitions()[0].id();
        broker.broker.store().delete_partition(&partition).unwrap();
        commit(&broker, 2, "other", ("", -1), "t", 0, 2).await
    };
    let (joined, code) = tokio::join!(parked, failing);
    assert_eq!(joined.error_code, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    assert_eq!(code, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    let refused = committed(&broker, "other", "t", 0).await;
    assert_eq!(refused.error_code, ErrorCode::COORDINATOR_NOT_AVAILABLE);
}

#[tokio::test]
async fn nobody_is_kept_waiting_by_a_broker_that_stops() {
    let broker = TestBroker::start().await;
    let joining = member("", None);
    let stop = async { broker.broker.drain() };
    let (joined, ()) = tokio::join!(join(&broker, 3, &joining), stop);
    assert_eq!(joined.error_code, ErrorCode::COORDINATOR_NOT_AVAILABLE);
}
