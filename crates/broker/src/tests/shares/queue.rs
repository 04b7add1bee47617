//! Share consumers of queues: acknowledged means gone, and what is given up has an end.

use millstream_batch::{Builder, RecordHeader};
use millstream_wire::ErrorCode;

use super::{Consumer, QUEUE, ten_messages};
use crate::testing::{NOW_MS, TestBroker};
use crate::tests::traffic::{batches, from};

fn log_start(broker: &TestBroker, topic: &str) -> i64 {
    let topic = broker.broker.catalog().topic(topic).unwrap();
    topic.partitions()[0].offsets().log_start
}

#[tokio::test]
async fn what_is_acknowledged_leaves_the_queue_and_only_the_queue() {
    let (broker, topic) = ten_messages(&[QUEUE]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(10).await;
    assert_eq!(
        a.acknowledge(&[(0, 3, &[1]), (5, 6, &[1])]).await,
        ErrorCode::NONE
    );
    assert_eq!(log_start(&broker, "t"), 4);
    assert_eq!(a.acknowledge(&[(4, 4, &[1])]).await, ErrorCode::NONE);
    assert_eq!(log_start(&broker, "t"), 7);
    let broker = broker.crash().await;
    let mut again = Consumer::new(&broker, &topic, "b");
    assert_eq!(again.fetch(10).await, [(7, 9, 1)]);

    let (broker, topic) = ten_messages(&[]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(10).await;
    assert_eq!(a.acknowledge(&[(0, 9, &[1])]).await, ErrorCode::NONE);
    assert_eq!(log_start(&broker, "t"), 0);
}

#[tokio::test]
async fn a_queue_is_worked_off_from_its_beginning_whatever_a_group_says() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[QUEUE]).await;
    broker.append("t", super::values(&["a"])).await;
    let mut a = Consumer::of("late", &broker, &topic, "a");
    assert_eq!(a.fetch(10).await, [(0, 0, 1)]);
}

#[tokio::test]
async fn another_group_is_refused_and_what_the_first_has_acknowledged_never_returns() {
    let (broker, topic) = ten_messages(&[QUEUE]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(10).await;
    assert_eq!(a.acknowledge(&[(2, 7, &[1])]).await, ErrorCode::NONE);
    let mut other = Consumer::of("other", &broker, &topic, "b");
    let refused = other.poll(10, &[]).await;
    assert_eq!(refused.error_code, ErrorCode::GROUP_AUTHORIZATION_FAILED);
    let words = refused.error_message.unwrap();
    assert_eq!(words, "queue t is consumed by group g; group other may not");
    a.close().await;

    broker.broker.release("g").await;
    broker.broker.shares().forget_group("g").await;
    let mut next = Consumer::of("next", &broker, &topic, "c");
    assert_eq!(next.fetch(10).await, [(0, 1, 2), (8, 9, 2)]);
}

#[tokio::test]
async fn what_is_given_up_goes_to_the_dead_letters_with_its_story() {
    let dead = ("queue.dead.letter.topic", "dead");
    let (broker, topic) = ten_messages(&[QUEUE, dead, ("queue.delivery.count.limit", "2")]).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    a.fetch(2).await;
    assert_eq!(a.acknowledge(&[(0, 1, &[3, 2])]).await, ErrorCode::NONE);
    assert_eq!(a.fetch(1).await, [(1, 1, 2)]);
    assert_eq!(a.acknowledge(&[(1, 1, &[2])]).await, ErrorCode::NONE);
    assert_eq!(log_start(&broker, "t"), 2);

    let broker = broker.crash().await;
    let letters = broker.broker.catalog().topic("dead").unwrap();
    let found = broker.fetch_one(12, &from(&letters, 0, 0)).await;
    let mut told = Vec::new();
    for batch in batches(&found) {
        for record in &batch.records(1 << 20).unwrap() {
            let record = record.unwrap();
            let header = |name: &str| {
                let mut headers = record.headers.iter();
                let header = headers.find(|header| header.key == name.as_bytes());
                String::from_utf8(header.unwrap().value.unwrap().to_vec()).unwrap()
            };
            let story = ["topic", "partition", "offset", "delivery.count", "reason"]
                .map(|name| header(&format!("queue.dead.{name}")));
            assert_eq!(header("queue.dead.first.delivery.ms").len(), 13);
            told.push((record.value.unwrap().to_vec(), story.join(" ")));
        }
    }
    let expected = [
        (b"a".to_vec(), "t 0 0 1 rejected".to_owned()),
        (
            b"b".to_vec(),
            "t 0 1 2 delivery count limit reached".to_owned(),
        ),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn delayed_messages_wait_and_others_go_on() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[QUEUE]).await;
    let mut batch = Builder::new();
    let delay = RecordHeader {
        key: b"queue.delay.ms",
        value: Some(b"5000"),
    };
    batch.push(NOW_MS, None, Some(b"later"), &[delay]);
    batch.push(NOW_MS, None, Some(b"now"), &[]);
    broker.append("t", batch).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    assert_eq!(a.fetch(10).await, [(1, 1, 1)]);
    assert_eq!(a.fetch(10).await, []);
    let mut waiting = a.request(10, &[]);
    waiting.max_wait_ms = 6_000;
    tokio::time::pause();
    let answer = a.send(&waiting).await;
    tokio::time::resume();
    assert_eq!(
        super::given(&answer.responses[0].partitions[0]),
        [(0, 0, 1)]
    );
}

#[tokio::test]
async fn messages_of_one_key_are_worked_off_one_batch_at_a_time() {
    let broker = TestBroker::start().await;
    let topic = broker
        .topic("t", 1, &[QUEUE, ("queue.ordering", "key")])
        .await;
    let keys = ["x", "y", "x", "z", "x"];
    let batch = keys.iter().fold(Builder::new(), |batch, key| {
        batch.record(NOW_MS, Some(key.as_bytes()), Some(b"v"))
    });
    broker.append("t", batch).await;
    let mut a = Consumer::new(&broker, &topic, "a");
    let mut b = Consumer::new(&broker, &topic, "b");
    assert_eq!(a.fetch(1).await, [(0, 0, 1)]);
    assert_eq!(b.fetch(10).await, [(1, 1, 1), (3, 3, 1)]);
    assert_eq!(a.acknowledge(&[(0, 0, &[1])]).await, ErrorCode::NONE);
    assert_eq!(b.fetch(10).await, [(2, 2, 1), (4, 4, 1)]);
}

/// Acknowledges everything but the first message of a log, in pieces.
async fn acknowledge_all_but_the_first(consumer: &mut Consumer<'_>) {
    assert_eq!(consumer.fetch(1).await, [(0, 0, 1)]);
    loop {
        let given = consumer.fetch(1_000).await;
        if given.is_empty() {
            return;
        }
        let accept = |(first, last, _): &(i64, i64, i16)| (*first, *last, &[1][..]);
        let said: Vec<_> = given.iter().map(accept).collect();
        assert_eq!(consumer.acknowledge(&said).await, ErrorCode::NONE);
    }
}

#[tokio::test]
async fn one_message_that_nobody_works_off_keeps_no_others_on_the_disk() {
    let broker = TestBroker::start().await;
    let topic = broker
        .topic("t", 1, &[QUEUE, ("segment.bytes", "1048576")])
        .await;
    let value = "x".repeat(1_000);
    for _ in 0..50 {
        broker
            .append("t", super::values(&[value.as_str(); 100]))
            .await;
    }
    let partition = &topic.partitions()[0];
    assert!(partition.size() > 4 << 20);
    let mut a = Consumer::new(&broker, &topic, "a");
    acknowledge_all_but_the_first(&mut a).await;
    // The first message, and a segment of which it is not known yet that it may go.
    while partition.size() > 1 << 20 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let found = broker.fetch_one(12, &from(&topic, 0, 0)).await;
    assert_eq!(batches(&found)[0].header().base_offset, 0);
}

#[tokio::test]
async fn more_delayed_messages_than_may_be_held_back_keep_nobody_busy() {
    let broker = TestBroker::start().await;
    let delay = ("queue.delay.ms", "600000");
    let topic = broker.topic("t", 1, &[QUEUE, delay]).await;
    for _ in 0..11 {
        broker.append("t", super::values(&["x"; 10_000])).await;
    }
    let mut a = Consumer::new(&broker, &topic, "a");
    assert_eq!(a.fetch(10).await, []);
    assert_eq!(a.fetch(10).await, []);
}

#[tokio::test]
async fn many_dead_letters_go_in_pieces_that_their_topic_takes() {
    let small = ("segment.bytes", "1048576");
    let broker = TestBroker::start().await;
    broker.topic("dead", 1, &[small]).await;
    let dead = ("queue.dead.letter.topic", "dead");
    let topic = broker.topic("t", 1, &[QUEUE, dead]).await;
    let value = "x".repeat(10_000);
    for _ in 0..20 {
        let batch = super::values(&[value.as_str(); 50]).compression(millstream_batch::Codec::Gzip);
        broker.append("t", batch).await;
    }
    let mut a = Consumer::new(&broker, &topic, "a");
    loop {
        let given = a.fetch(1_000).await;
        if given.is_empty() {
            break;
        }
        let reject = |(first, last, _): &(i64, i64, i16)| (*first, *last, &[3][..]);
        let said: Vec<_> = given.iter().map(reject).collect();
        assert_eq!(a.acknowledge(&said).await, ErrorCode::NONE);
    }
    let letters = broker.broker.catalog().topic("dead").unwrap();
    assert_eq!(letters.partitions()[0].offsets().high_watermark, 1_000);
    assert_eq!(log_start(&broker, "t"), 1_000);
}
