//! What a connection promises, over real sockets, with answers made up here.

use std::sync::Mutex;

use bytes::{Bytes, BytesMut};
use millstream_wire::api::api_versions;
use millstream_wire::{ApiKey, Frame, Version, response_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// A client's end of a connection that is being served.
struct Client {
    stream: TcpStream,
    served: tokio::task::JoinHandle<Result<(), Closed>>,
    stopping: CancellationToken,
}

fn limits() -> Limits {
    Limits {
        request_bytes: 1 << 20,
        memory: Memory::new(1 << 20),
        in_flight: 4,
        read_timeout: PATIENCE,
        idle_timeout: PATIENCE,
    }
}

async fn connect<D>(limits: Limits, dispatch: D) -> Client
where
    D: FnMut(BytesMut) -> Pending + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let stopping = CancellationToken::new();
    let served = tokio::spawn(serve(server, Arc::new(limits), stopping.clone(), dispatch));
    Client {
        stream,
        served,
        stopping,
    }
}

impl Client {
    async fn send(&mut self, body: &[u8]) {
        let length = (body.len() as i32).to_be_bytes();
        self.stream
            .write_all(&[&length, body].concat())
            .await
            .unwrap();
    }

    /// The correlation id of the next answer.
    async fn receive(&mut self) -> i32 {
        let length = self.stream.read_i32().await.unwrap();
        let mut body = vec![0; length as usize];
        self.stream.read_exact(&mut body).await.unwrap();
        i32::from_be_bytes(body[..4].try_into().unwrap())
    }

    async fn closed(self) -> Result<(), String> {
        let outcome = timeout(PATIENCE, self.served).await.unwrap().unwrap();
        outcome.map_err(|reason| reason.to_string())
    }
}

/// An answer that is known by its correlation id.
fn answer(correlation_id: i32) -> Frame {
    let response = api_versions::Response::default();
    response_frame(
        ApiKey::ApiVersions,
        Version::classic(0),
        correlation_id,
        &response,
    )
}

fn ready(pipeline: bool, outcome: Result<Option<Frame>, CloseReason>) -> Pending {
    Pending {
        pipeline,
        response: Box::pin(std::future::ready(outcome)),
    }
}

/// Requests of one byte that stay unanswered until a test says so.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Vec<Option<oneshot::Sender<()>>>>>);

impl Held {
    fn hold(&self, pipeline: bool) -> Pending {
        let (release, released) = oneshot::channel();
        let mut held = self.0.lock().unwrap();
        held.push(Some(release));
        let id = held.len() as i32;
        let response = Box::pin(async move {
            released.await.unwrap();
            Ok(Some(answer(id)))
        });
        Pending { pipeline, response }
    }

    fn dispatched(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn release(&self, index: usize) {
        self.0.lock().unwrap()[index]
            .take()
            .unwrap()
            .send(())
            .unwrap();
    }

    async fn until(&self, dispatched: usize) {
        let enough = async {
            while self.dispatched() < dispatched {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, enough).await.unwrap();
    }
}

#[tokio::test]
async fn answers_come_in_the_order_of_their_requests() {
    let held = Held::default();
    let dispatch = held.clone();
    let mut client = connect(limits(), move |_| dispatch.hold(true)).await;
    for _ in 0..3 {
        client.send(b"p").await;
    }
    held.until(3).await;
    for index in [2, 1, 0] {
        held.release(index);
    }
    for expected in 1..=3 {
        assert_eq!(client.receive().await, expected);
    }
}

#[tokio::test]
async fn a_request_behind_one_that_is_not_pipelined_waits_for_its_answer() {
    let held = Held::default();
    let dispatch = held.clone();
    let mut client = connect(limits(), move |_| dispatch.hold(false)).await;
    client.send(b"a").await;
    client.send(b"b").await;
    held.until(1).await;
    held.release(0);
    assert_eq!(client.receive().await, 1);
    held.until(2).await;
    held.release(1);
    assert_eq!(client.receive().await, 2);
}

#[tokio::test]
async fn requests_in_flight_are_bounded() {
    let held = Held::default();
    let dispatch = held.clone();
    let mut client = connect(limits(), move |_| dispatch.hold(true)).await;
    for _ in 0..6 {
        client.send(b"p").await;
    }
    held.until(4).await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(held.dispatched(), 4);
    held.release(0);
    assert_eq!(client.receive().await, 1);
    held.until(5).await;
}

#[tokio::test]
async fn a_request_without_an_answer_gets_none() {
    let mut count = 0;
    let dispatch = move |_| {
        count += 1;
        ready(true, Ok((count == 2).then(|| answer(count))))
    };
    let mut client = connect(limits(), dispatch).await;
    client.send(b"silent").await;
    client.send(b"loud").await;
    assert_eq!(client.receive().await, 2);
}

#[tokio::test]
async fn a_request_that_cannot_be_served_closes_the_connection_with_the_reason() {
    let reason = || CloseReason::Header(millstream_wire::Error::UnknownApiKey(999));
    let mut client = connect(limits(), move |_| ready(false, Err(reason()))).await;
    client.send(b"?").await;
    assert!(client.stream.read_i32().await.is_err());
    assert_eq!(client.closed().await.unwrap_err(), reason().to_string());
}

#[tokio::test]
async fn what_was_answered_is_sent_before_the_connection_is_closed() {
    let held = Held::default();
    let dispatch = held.clone();
    let bad = || {
        Err(CloseReason::Header(millstream_wire::Error::UnknownApiKey(
            999,
        )))
    };
    let mut client = connect(limits(), move |frame| match &frame[..] {
        b"good" => dispatch.hold(true),
        _ => {
            dispatch.release(0);
            ready(false, bad())
        }
    })
    .await;
    client.send(b"good").await;
    client.send(b"bad").await;
    assert_eq!(client.receive().await, 1);
    assert!(client.stream.read_i32().await.is_err());
}

#[tokio::test]
async fn half_a_request_and_silence_is_cut() {
    let limits = Limits {
        read_timeout: Duration::from_millis(20),
        ..limits()
    };
    let mut client = connect(limits, |_| ready(false, Ok(None))).await;
    client.stream.write_all(&[0, 0, 0, 9, 1]).await.unwrap();
    let expected =
        "the rest of a request did not arrive within socket.request.read.timeout.ms (20)";
    assert_eq!(client.closed().await.unwrap_err(), expected);
}

#[tokio::test]
async fn a_silent_connection_is_cut_but_not_one_that_waits_for_its_answer() {
    let limits = Limits {
        idle_timeout: Duration::from_millis(20),
        ..limits()
    };
    let held = Held::default();
    let dispatch = held.clone();
    let mut waiting = connect(limits.clone(), move |_| dispatch.hold(false)).await;
    waiting.send(b"poll").await;
    held.until(1).await;
    let silent = connect(limits, |_| ready(false, Ok(None))).await;
    let expected = "no request for connections.max.idle.ms (20)";
    assert_eq!(silent.closed().await.unwrap_err(), expected);
    held.release(0);
    assert_eq!(waiting.receive().await, 1);
}

#[tokio::test]
async fn a_client_that_takes_no_answers_is_cut() {
    let limits = Limits {
        idle_timeout: Duration::from_millis(20),
        ..limits()
    };
    let large = move |_: BytesMut| {
        let api_keys = vec![api_versions::ApiVersion::default(); 1_000_000];
        let response = api_versions::Response {
            api_keys,
            ..Default::default()
        };
        ready(
            false,
            Ok(Some(response_frame(
                ApiKey::ApiVersions,
                Version::classic(0),
                1,
                &response,
            ))),
        )
    };
    let mut client = connect(limits, large).await;
    client.send(b"a").await;
    client.send(b"b").await;
    let reason = timeout(PATIENCE, &mut client.served)
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    let expected = "the client read none of its answer for connections.max.idle.ms (20)";
    assert_eq!(reason.to_string(), expected);
}

#[tokio::test]
async fn stopping_answers_what_is_in_flight_and_reads_no_more() {
    let held = Held::default();
    let dispatch = held.clone();
    let mut client = connect(limits(), move |_| dispatch.hold(true)).await;
    client.send(b"p").await;
    held.until(1).await;
    client.stopping.cancel();
    client.send(b"too late").await;
    held.release(0);
    assert_eq!(client.receive().await, 1);
    assert!(client.stream.read_i32().await.is_err());
    client.served.await.unwrap().unwrap();
    assert_eq!(held.dispatched(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_requests_along() {
    let dropped = Arc::new(());
    let witness = Arc::downgrade(&dropped);
    let mut held = Some(dropped);
    let dispatch = move |_| {
        let held = held.take();
        let response = Box::pin(async move {
            std::future::pending::<()>().await;
            drop(held);
            Ok(None)
        });
        Pending {
            pipeline: false,
            response,
        }
    };
    let mut client = connect(limits(), dispatch).await;
    client.send(b"long poll").await;
    client.stream.shutdown().await.unwrap();
    client.served.await.unwrap().unwrap();
    assert!(witness.upgrade().is_none());
}

#[tokio::test]
async fn chunks_of_an_answer_arrive_in_order() {
    let mut outbox = Outbox::default();
    let frame = answer(7);
    let expected: Vec<u8> = frame.to_bytes().repeat(200);
    for _ in 0..200 {
        outbox.extend(Some(frame.clone()));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sender = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (mut receiver, _) = listener.accept().await.unwrap();
    sender.writable().await.unwrap();
    outbox.write(&sender).unwrap();
    let mut seen = vec![0; expected.len()];
    receiver.read_exact(&mut seen).await.unwrap();
    assert_eq!(Bytes::from(seen), Bytes::from(expected));
}
