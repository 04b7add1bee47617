//! What one produce of 64 KiB costs before anything touches the disk, and what one fetch from memory costs.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark has no users, and fails when its setup does"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use millstream_batch::Builder;
use millstream_broker::catalog::NewTopic;
use millstream_broker::config::{BrokerConfig, Settings};
use millstream_broker::{Broker, ConnectionContext, Endpoint, Environment};
use millstream_store::{Store, StoreOptions};
use millstream_wire::api::{fetch, produce};
use millstream_wire::{ApiKey, Encode, RequestHeader, Uuid, request_frame};
use tokio::runtime::Runtime;

const NOW_MS: i64 = 1_700_000_000_000;

struct Bench {
    runtime: Runtime,
    broker: Arc<Broker>,
    connection: Arc<ConnectionContext>,
    _dir: tempfile::TempDir,
}

fn start() -> Bench {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default(), NOW_MS).unwrap();
    let mut settings = Settings::default();
    let page_cache = ("log.flush.interval.messages", "1000000");
    settings
        .set(BrokerConfig::TABLE, page_cache.0, page_cache.1)
        .unwrap();
    let environment = Environment {
        now_ms: || NOW_MS,
        random_uuid: || Uuid::from_u128(0x1234),
    };
    let config = BrokerConfig::resolve(settings).unwrap();
    let broker = runtime
        .block_on(Broker::start(config, Arc::new(store), environment))
        .unwrap();
    let created = broker.catalog().create_topic(NewTopic {
        name: "t".to_owned(),
        partitions: 1,
        overrides: Settings::default(),
    });
    runtime.block_on(created).unwrap();
    let advertised = Endpoint {
        listener: "PLAINTEXT".to_owned(),
        host: "192.0.2.1".to_owned(),
        port: 9092,
    };
    let peer = "192.0.2.9:50000".parse().unwrap();
    let connection = Arc::new(ConnectionContext::new(peer, advertised));
    Bench {
        runtime,
        broker,
        connection,
        _dir: dir,
    }
}

fn frame(api: ApiKey, body: &impl Encode) -> BytesMut {
    let header = RequestHeader {
        api_key: api.key(),
        api_version: 12,
        correlation_id: 7,
        client_id: Some("bench"),
    };
    BytesMut::from(&request_frame(&header, body).to_bytes()[4..])
}

fn batch_of_64_kib() -> Vec<u8> {
    let mut builder = Builder::new();
    while builder.size() < 63 * 1024 {
        builder.push(NOW_MS, None, Some(&[7; 1024]), &[]);
    }
    builder.build().unwrap().bytes().to_vec()
}

fn produce_frame(batch: &[u8]) -> BytesMut {
    let partition = produce::Partition {
        index: 0,
        records: Some(batch),
    };
    let topic = produce::Topic {
        name: "t",
        partition_data: vec![partition],
        ..produce::Topic::default()
    };
    let request = produce::Request {
        acks: -1,
        topic_data: vec![topic],
        ..produce::Request::default()
    };
    frame(ApiKey::Produce, &request)
}

fn fetch_frame(offset: i64) -> BytesMut {
    let partition = fetch::Partition {
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..fetch::Partition::default()
    };
    let topic = fetch::Topic {
        topic: "t",
        partitions: vec![partition],
        ..fetch::Topic::default()
    };
    let request = fetch::Request {
        topics: vec![topic],
        ..fetch::Request::default()
    };
    frame(ApiKey::Fetch, &request)
}

impl Bench {
    /// Time spent before a produce returns from its first stage; the rest is waited for, but not counted.
    fn produce(&self, frame: &BytesMut) -> Duration {
        let frame = frame.clone();
        let begun = Instant::now();
        let pending = self.broker.dispatch(&self.connection, frame);
        let spent = begun.elapsed();
        assert!(self.runtime.block_on(pending.response).is_ok());
        spent
    }

    fn fetch(&self, frame: &BytesMut) -> usize {
        let pending = self.broker.dispatch(&self.connection, frame.clone());
        let answer = self.runtime.block_on(pending.response);
        answer.ok().flatten().map_or(0, |frame| frame.len())
    }
}

fn data_path(c: &mut Criterion) {
    let bench = start();
    let batch = batch_of_64_kib();
    let mut group = c.benchmark_group("data path");
    group.throughput(Throughput::Bytes(batch.len() as u64));
    let frame = produce_frame(&batch);
    group.bench_function("first stage of a 64 KiB produce", |b| {
        b.iter_custom(|times| (0..times).map(|_| bench.produce(&frame)).sum());
    });
    let end = bench
        .broker
        .catalog()
        .topic("t")
        .unwrap()
        .partition(0)
        .unwrap()
        .offsets()
        .log_end;
    let frame = fetch_frame(end - 16 * 63);
    group.throughput(Throughput::Bytes(bench.fetch(&frame) as u64));
    group.bench_function("fetch of 1 MiB from memory", |b| {
        b.iter(|| bench.fetch(&frame));
    });
    group.finish();
}

criterion_group!(benches, data_path);
criterion_main!(benches);
