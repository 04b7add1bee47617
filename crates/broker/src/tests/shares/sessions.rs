//! Share sessions: opened, continued and closed by their epochs.

use std::sync::Arc;

use millstream_wire::api::share_acknowledge;
use millstream_wire::{ApiKey, ErrorCode};

use super::{Consumer, given, ten_messages};
use crate::testing::TestBroker;

async fn acknowledge(
    broker: &TestBroker,
    member: &str,
    epoch: i32,
) -> share_acknowledge::Response<'static> {
    let request = share_acknowledge::Request {
        group_id: Some("g"),
        member_id: Some(member),
        share_session_epoch: epoch,
        ..Default::default()
    };
    broker.call(ApiKey::ShareAcknowledge, 2, &request).await
}

/// AK SharePartitionManager.java, KafkaApis.scala.
#[tokio::test]
async fn requests_out_of_their_session_are_told_so() {
    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    let code = async |consumer: &Consumer<'_>,
                      epoch,
                      request: &mut millstream_wire::api::share_fetch::Request<'_>| {
        request.share_session_epoch = epoch;
        consumer.send(request).await.error_code
    };
    let mut request = a.request(1, &[]);
    assert_eq!(
        code(&a, 1, &mut request).await,
        ErrorCode::SHARE_SESSION_NOT_FOUND
    );
    assert_eq!(
        code(&a, -1, &mut request).await,
        ErrorCode::SHARE_SESSION_NOT_FOUND
    );
    assert_eq!(code(&a, 0, &mut request).await, ErrorCode::NONE);
    assert_eq!(
        code(&a, 2, &mut request).await,
        ErrorCode::INVALID_SHARE_SESSION_EPOCH
    );
    assert_eq!(code(&a, 1, &mut request).await, ErrorCode::NONE);
    let mut request = a.request(1, &[(0, 0, &[1])]);
    assert_eq!(code(&a, 0, &mut request).await, ErrorCode::INVALID_REQUEST);
    let mut request = a.request(1, &[]);
    request.is_renew_ack = true;
    assert_eq!(code(&a, 2, &mut request).await, ErrorCode::INVALID_REQUEST);
    request.member_id = None;
    assert_eq!(code(&a, 2, &mut request).await, ErrorCode::INVALID_REQUEST);

    let stale = acknowledge(&broker, "a", 7).await;
    assert_eq!(stale.error_code, ErrorCode::INVALID_SHARE_SESSION_EPOCH);
    let opening = acknowledge(&broker, "a", 0).await;
    assert_eq!(opening.error_code, ErrorCode::INVALID_SHARE_SESSION_EPOCH);
    let stranger = acknowledge(&broker, "b", 1).await;
    assert_eq!(stranger.error_code, ErrorCode::SHARE_SESSION_NOT_FOUND);
    assert_eq!(
        acknowledge(&broker, "a", 2).await.error_code,
        ErrorCode::NONE
    );
}

// AK core/…/KafkaApis.scala
#[tokio::test]
async fn a_session_that_is_closed_gives_back_what_its_member_has() {
    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    let mut b = Consumer::new(&broker, &topic, "b");
    a.fetch(10).await;
    assert_eq!(b.fetch(10).await, []);
    assert_eq!(
        acknowledge(&broker, "a", -1).await.error_code,
        ErrorCode::NONE
    );
    assert_eq!(b.fetch(10).await, [(0, 9, 2)]);
}

#[tokio::test]
async fn a_session_ends_with_its_connection() {
    let (mut broker, topic) = ten_messages(&[]).await;
    assert_eq!(
        Consumer::new(&broker, &topic, "a").fetch(10).await,
        [(0, 9, 1)]
    );
    let other =
        crate::ConnectionContext::new(broker.connection.peer, broker.connection.advertised.clone());
    broker.connection = Arc::new(other);
    let mut b = Consumer::new(&broker, &topic, "b");
    assert_eq!(b.fetch(1).await, []);
    let mut waiting = b.request(10, &[]);
    waiting.max_wait_ms = 20_000;
    let answer = b.send(&waiting).await;
    assert_eq!(given(&answer.responses[0].partitions[0]), [(0, 9, 2)]);
}

#[tokio::test]
async fn a_fetch_waits_until_messages_come() {
    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(10).await;
    let mut waiting = a.request(10, &[]);
    waiting.max_wait_ms = 60_000;
    let more = async {
        broker.append("t", super::values(&["k"])).await;
    };
    let (answer, ()) = tokio::join!(a.send(&waiting), more);
    assert_eq!(given(&answer.responses[0].partitions[0]), [(10, 10, 1)]);
}

#[tokio::test]
async fn there_are_no_more_sessions_than_configured() {
    let broker = TestBroker::start_with(&[("group.share.max.share.sessions", "1")]).await;
    let topic = broker.topic("t", 1, &[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(1).await;
    let mut b = Consumer::new(&broker, &topic, "b");
    let request = b.request(1, &[]);
    let refused = b.send(&request).await.error_code;
    assert_eq!(refused, ErrorCode::SHARE_SESSION_LIMIT_REACHED);
    a.close().await;
    assert_eq!(b.send(&request).await.error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn members_of_one_partition_get_equal_parts_of_what_may_be_in_flight() {
    let (broker, topic) =
        ten_messages(&[("queue.enable", "true"), ("queue.max.in.flight", "8")]).await;
    let mut members: Vec<_> = ["a", "b", "c", "d"]
        .map(|id| Consumer::new(&broker, &topic, id))
        .into();
    for member in &mut members {
        member.fetch(0).await;
    }
    for member in &mut members {
        let count: i64 = member
            .fetch(100)
            .await
            .iter()
            .map(|(first, last, _)| last - first + 1)
            .sum();
        assert_eq!(count, 2);
    }
    // Who has its part gets no more before it has worked some of it off.
    assert_eq!(members[0].fetch(100).await, []);
    assert_eq!(
        members[0].acknowledge(&[(0, 0, &[1])]).await,
        ErrorCode::NONE
    );
    assert_eq!(members[0].fetch(100).await, [(8, 8, 1)]);
}
