//! What committing costs when many groups do it at once: 64 commits of one offset each, all in flight, durable.

#![allow(missing_docs, clippy::expect_used)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use millstream_broker::config::{BrokerConfig, Settings};
use millstream_broker::{Broker, ConnectionContext, Endpoint, Environment};
use millstream_store::{Store, StoreOptions};
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

async fn start(dir: &Path) -> Arc<Broker> {
    let store = Store::open(dir, StoreOptions::default(), 0).expect("the directory is empty");
    let config = BrokerConfig::resolve(Settings::default()).expect("defaults agree");
    let broker = Broker::start(config, Arc::new(store), environment()).await;
    let broker = broker.expect("starts");
    let topic = broker.catalog().ensure_topic("topic").await;
    topic.expect("the name is free");
    broker
}

fn commits(c: &mut Criterion) {
    let runtime = Runtime::new().expect("threads are to be had");
    let dir = tempfile::tempdir().expect("a directory is to be had");
    let broker = runtime.block_on(start(dir.path()));
    let advertised = Endpoint {
        listener: "PLAINTEXT".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 9092,
    };
    let peer = "127.0.0.1:50000".parse().expect("an address");
    let connection = Arc::new(ConnectionContext::new(peer, advertised));
    let frames: Vec<BytesMut> = (0..GROUPS).map(commit).collect();
    let mut group = c.benchmark_group("commit");
    group.throughput(Throughput::Elements(GROUPS));
    group.bench_function("64 groups at once, durable", |b| {
        b.iter(|| {
            let answers = frames.iter().map(|frame| {
                let pending = broker.dispatch(&connection, frame.clone());
                runtime.spawn(pending.response)
            });
            runtime.block_on(join_all(answers))
        });
    });
    group.finish();
    runtime.block_on(broker.shutdown());
}

criterion_group!(benches, commits);
criterion_main!(benches);
