//! What committing costs when many groups do it at once: 64 commits of one offset each, all in flight, durable;
//! and what it takes a broker to start and know them all again, after 20,000 more of them.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a benchmark has no users, and fails when its setup does"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use millstream_broker::config::{BrokerConfig, Settings};
use millstream_broker::{Broker, ConnectionContext, Endpoint, Environment};
use millstream_store::{Store, StoreOptions};
use millstream_wire::api::list_groups;
use millstream_wire::api::offset_commit::{Partition, Request, Topic};
use millstream_wire::{ApiKey, RequestHeader, Uuid, request_frame};
use tokio::runtime::Runtime;

const GROUPS: u64 = 64;

fn environment() -> Environment {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Environment {
        now_ms: || 1_700_000_000_000,
        random_uuid: || Uuid::from_u128(NEXT.fetch_add(1, Ordering::Relaxed).into()),
    }
}

fn commit(group: u64) -> BytesMut {
    let header = RequestHeader {
        api_key: ApiKey::OffsetCommit.key(),
        api_version: 8,
        correlation_id: 1,
        client_id: Some("bench"),
    };
    let request = Request {
        group_id: &format!("group-{group}"),
        generation_id_or_member_epoch: -1,
        topics: vec![Topic {
            name: "topic",
            partitions: vec![Partition::default()],
            ..Topic::default()
        }],
        ..Request::default()
    };
    BytesMut::from(&request_frame(&header, &request).to_bytes()[4..])
}

fn list() -> BytesMut {
    let header = RequestHeader {
        api_key: ApiKey::ListGroups.key(),
        api_version: 4,
        correlation_id: 1,
        client_id: Some("bench"),
    };
    BytesMut::from(&request_frame(&header, &list_groups::Request::default()).to_bytes()[4..])
}

async fn start(store: &Arc<Store>) -> Arc<Broker> {
    let config = BrokerConfig::resolve(Settings::default()).expect("defaults agree");
    let broker = Broker::start(config, Arc::clone(store), environment()).await;
    let broker = broker.expect("starts");
    let topic = broker.catalog().ensure_topic("topic").await;
    topic.expect("the name is free");
    broker
}

fn connection() -> Arc<ConnectionContext> {
    let advertised = Endpoint {
        listener: "PLAINTEXT".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 9092,
    };
    let peer = "127.0.0.1:50000".parse().expect("an address");
    Arc::new(ConnectionContext::new(peer, advertised))
}

/// Sends all at once, and returns when all are answered.
async fn send(broker: &Arc<Broker>, connection: &Arc<ConnectionContext>, frames: &[BytesMut]) {
    let answers = frames.iter().map(|frame| {
        let pending = broker.dispatch(connection, frame.clone());
        tokio::spawn(pending.response)
    });
    join_all(answers).await;
}

fn commits(c: &mut Criterion) {
    let runtime = Runtime::new().expect("threads are to be had");
    let dir = tempfile::tempdir().expect("a directory is to be had");
    let store = Store::open(dir.path(), StoreOptions::default(), 0);
    let store = Arc::new(store.expect("the directory is empty"));
    let broker = runtime.block_on(start(&store));
    let connection = connection();
    let frames: Vec<BytesMut> = (0..GROUPS).map(commit).collect();
    let mut group = c.benchmark_group("groups");
    group.throughput(Throughput::Elements(GROUPS));
    group.bench_function("64 commits at once, durable", |b| {
        b.iter(|| runtime.block_on(send(&broker, &connection, &frames)));
    });
    for _ in 0..20_000 / GROUPS {
        runtime.block_on(send(&broker, &connection, &frames));
    }
    runtime.block_on(broker.shutdown());
    group.throughput(Throughput::Elements(1));
    group.bench_function("start and know all groups again", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let broker = start(&store).await;
                send(&broker, &connection, &[list()]).await;
                broker.shutdown().await;
            });
        });
    });
    group.finish();
}

criterion_group!(benches, commits);
criterion_main!(benches);
