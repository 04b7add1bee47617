//! A queue with a delay keeps its messages back until they are due.

use millstream_batch::Builder;
use millstream_wire::ErrorCode;

use super::QUEUE;
use crate::testing::{NOW_MS, TestBroker};
use crate::tests::traffic::{batches, from};

/// A message that was sent so many milliseconds ago.
fn sent_before(ms: i64) -> Builder {
    Builder::new().record(NOW_MS - ms, None, Some(b"job"))
}

#[tokio::test]
async fn messages_are_handed_out_in_order_when_they_are_due() {
    let broker = TestBroker::start().await;
    let delay = ("queue.delay.ms", "100");
    let topic = broker.topic("jobs", 1, &[QUEUE, delay]).await;
    // The last is due by its own time, and stands behind one that is not.
    for ms in [150, 100, 99, 200] {
        broker.append("jobs", sent_before(ms)).await;
    }
    let found = broker.fetch_one(12, &from(&topic, 0, 0)).await;
    assert_eq!((batches(&found).len(), found.high_watermark), (2, 4));
    let found = broker.fetch_one(12, &from(&topic, 0, 2)).await;
    assert_eq!(found.error_code, ErrorCode::NONE);
    assert_eq!(batches(&found).len(), 0);
}

#[tokio::test]
async fn a_long_poll_does_not_answer_with_what_is_not_due() {
    let broker = TestBroker::start().await;
    let delay = ("queue.delay.ms", "100");
    let topic = broker.topic("jobs", 1, &[QUEUE, delay]).await;
    broker.append("jobs", sent_before(50)).await;
    let mut request = from(&topic, 0, 0);
    (request.max_wait_ms, request.min_bytes) = (60, 1);
    // The clock of the test stands still: however often the poll looks, it is not time yet.
    let found = broker.fetch_one(12, &request).await;
    assert_eq!(batches(&found).len(), 0);
}

#[tokio::test]
async fn without_a_delay_no_clock_of_a_sender_holds_anything_back() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("jobs", 1, &[QUEUE]).await;
    broker.append("jobs", sent_before(-60_000)).await;
    let found = broker.fetch_one(12, &from(&topic, 0, 0)).await;
    assert_eq!(batches(&found).len(), 1);
}

#[tokio::test]
async fn a_topic_that_is_no_queue_has_no_delay() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[("queue.delay.ms", "100")]).await;
    broker.append("t", sent_before(0)).await;
    let found = broker.fetch_one(12, &from(&topic, 0, 0)).await;
    assert_eq!(batches(&found).len(), 1);
}
