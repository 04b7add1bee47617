//! What becomes of messages that somebody has.

use std::time::Duration;

use millstream_wire::ErrorCode;

use super::{Consumer, configure, given, ten_messages};

#[tokio::test]
async fn each_message_goes_to_one_member_and_not_again_once_it_is_acknowledged() {
    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    let mut b = Consumer::new(&broker, &topic, "b");
    assert_eq!(a.fetch(3).await, [(0, 2, 1)]);
    assert_eq!(b.fetch(20).await, [(3, 9, 1)]);
    assert_eq!(a.acknowledge(&[(0, 2, &[1])]).await, ErrorCode::NONE);
    assert_eq!(b.acknowledge(&[(3, 9, &[1])]).await, ErrorCode::NONE);
    assert_eq!(a.fetch(20).await, []);
}

#[tokio::test]
async fn what_is_released_comes_again_with_its_count_and_what_is_rejected_does_not() {
    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(10).await;
    let said = a.acknowledge(&[(0, 3, &[1, 2, 3, 1]), (4, 9, &[1])]).await;
    assert_eq!(said, ErrorCode::NONE);
    assert_eq!(a.fetch(10).await, [(1, 1, 2)]);
}

// AK core/…/share/SharePartition.java
#[tokio::test]
async fn a_message_that_is_released_too_often_is_given_up() {
    let (broker, topic) = ten_messages(&[]).await;
    configure(
        &broker,
        "g",
        &[super::FROM_START, ("share.delivery.count.limit", "2")],
    )
    .await;
    let mut a = Consumer::new(&broker, &topic, "a");
    assert_eq!(a.fetch(1).await, [(0, 0, 1)]);
    assert_eq!(a.acknowledge(&[(0, 0, &[2])]).await, ErrorCode::NONE);
    assert_eq!(a.fetch(10).await, [(0, 0, 2)]);
    assert_eq!(a.acknowledge(&[(0, 0, &[2])]).await, ErrorCode::NONE);
    assert_eq!(a.fetch(10).await, [(1, 9, 1)]);
}

// AK core/…/share/SharePartition.java
#[tokio::test]
async fn a_lock_that_times_out_gives_the_message_to_others() {
    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    let mut b = Consumer::new(&broker, &topic, "b");
    assert_eq!(a.fetch(10).await, [(0, 9, 1)]);
    assert_eq!(b.fetch(10).await, []);
    let mut waiting = b.request(4, &[]);
    waiting.max_wait_ms = 60_000;
    // Nobody has anything to do but to wait, so that time passes by itself.
    tokio::time::pause();
    let answer = b.send(&waiting).await;
    tokio::time::resume();
    assert_eq!(given(&answer.responses[0].partitions[0]), [(0, 3, 2)]);
    let late = a.acknowledge(&[(0, 0, &[1])]).await;
    assert_eq!(late, ErrorCode::INVALID_RECORD_STATE);
}

#[tokio::test]
async fn a_lock_that_is_renewed_in_time_does_not_time_out() {
    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    let mut b = Consumer::new(&broker, &topic, "b");
    a.fetch(10).await;
    assert_eq!(b.fetch(1).await, []);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(20)).await;
    tokio::time::resume();
    let mut renewal = a.request(0, &[(0, 0, &[4])]);
    (renewal.is_renew_ack, renewal.max_bytes) = (true, 0);
    let answer = a.send(&renewal).await;
    let renewed = &answer.responses[0].partitions[0];
    assert_eq!(renewed.acknowledge_error_code, ErrorCode::NONE);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(20)).await;
    tokio::time::resume();
    let mut waiting = b.request(10, &[]);
    waiting.max_wait_ms = 1_000;
    let answer = b.send(&waiting).await;
    assert_eq!(given(&answer.responses[0].partitions[0]), [(1, 9, 2)]);
    assert_eq!(a.acknowledge(&[(0, 0, &[1])]).await, ErrorCode::NONE);
}

/// AK SharePartition.java.
#[tokio::test]
async fn nobody_acknowledges_what_is_not_his_or_no_more() {
    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    let mut b = Consumer::new(&broker, &topic, "b");
    a.fetch(5).await;
    b.fetch(1).await;
    for acks in [
        &[(0, 0, &[1][..])][..],
        &[(9, 9, &[1])],
        &[(5, 5, &[1]), (6, 6, &[1])],
        &[(100, 200, &[1])],
    ] {
        assert_eq!(
            b.acknowledge(acks).await,
            ErrorCode::INVALID_RECORD_STATE,
            "{acks:?}"
        );
    }
    assert_eq!(b.acknowledge(&[(5, 5, &[1])]).await, ErrorCode::NONE);
    let twice = b.acknowledge(&[(5, 5, &[1])]).await;
    assert_eq!(twice, ErrorCode::INVALID_RECORD_STATE);
    let nonsense = b.acknowledge(&[(5, 4, &[1])]).await;
    assert_eq!(nonsense, ErrorCode::INVALID_REQUEST);
    assert_eq!(a.acknowledge(&[(0, 4, &[1])]).await, ErrorCode::NONE);
}

#[tokio::test]
async fn what_was_acknowledged_is_known_after_a_restart_and_a_crash() {
    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(10).await;
    let said: &[(i64, i64, &[i8])] = &[(0, 1, &[1]), (2, 2, &[2]), (4, 6, &[1]), (8, 8, &[3])];
    assert_eq!(a.acknowledge(said).await, ErrorCode::NONE);
    let left = [(2, 2, 2), (3, 3, 1), (7, 7, 1), (9, 9, 1)];
    let broker = broker.crash().await;
    let mut again = Consumer::new(&broker, &topic, "b");
    assert_eq!(again.fetch(10).await, left);
    again.close().await;
    let broker = broker.restart().await;
    let mut again = Consumer::new(&broker, &topic, "c");
    let left = [(2, 2, 3), (3, 3, 2), (7, 7, 2), (9, 9, 2)];
    assert_eq!(again.fetch(10).await, left);
}

#[tokio::test]
async fn a_long_history_is_cut_off_and_still_known() {
    let (broker, topic) = ten_messages(&[]).await;
    configure(
        &broker,
        "g",
        &[super::FROM_START, ("share.delivery.count.limit", "10")],
    )
    .await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(1).await;
    assert_eq!(a.acknowledge(&[(0, 0, &[1])]).await, ErrorCode::NONE);
    for _ in 0..600 {
        let [(first, last, _)] = a.fetch(1).await[..] else {
            break;
        };
        a.acknowledge(&[(first, last, &[1])]).await;
        broker.append("t", super::values(&["more"])).await;
    }
    let log = broker
        .broker
        .catalog()
        .topic("__share_group_state")
        .unwrap();
    let cut =
        |partition: &std::sync::Arc<millstream_store::Partition>| partition.offsets().log_start;
    assert!(log.partitions().iter().map(cut).sum::<i64>() > 400);
    let broker = broker.crash().await;
    let mut again = Consumer::new(&broker, &topic, "b");
    let left = again.fetch(100).await;
    assert_eq!(left[0].0, 601);
}
