//! What a request costs from frame to frame, without a socket: Metadata about 100 topics, and ApiVersions for
//! the price of dispatch itself.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a benchmark has no users, and fails when its setup does"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use criterion::{Criterion, criterion_group, criterion_main};
use millstream_broker::config::{BrokerConfig, Settings};
use millstream_broker::{Broker, ConnectionContext, Endpoint, Environment};
use millstream_store::{Store, StoreOptions};
use millstream_wire::api::{api_versions, metadata};
use millstream_wire::{ApiKey, Encode, RequestHeader, Uuid, request_frame};
use tokio::runtime::Runtime;

const TOPICS: usize = 100;

fn environment() -> Environment {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Environment {
        now_ms: || 1_700_000_000_000,
        random_uuid: || Uuid::from_u128(NEXT.fetch_add(1, Ordering::Relaxed).into()),
    }
}

fn frame(api: ApiKey, body: &impl Encode) -> BytesMut {
    let header = RequestHeader {
        api_key: api.key(),
        api_version: *api.versions().end(),
        correlation_id: 1,
        client_id: Some("bench"),
    };
    BytesMut::from(&request_frame(&header, body).to_bytes()[4..])
}

async fn broker_with_topics(dir: &std::path::Path) -> Arc<Broker> {
    let store = Store::open(dir, StoreOptions::default(), 0).expect("the directory is empty");
    let config = BrokerConfig::resolve(Settings::default()).expect("defaults agree");
    let broker = Broker::start(config, Arc::new(store), environment())
        .await
        .expect("starts");
    for n in 0..TOPICS {
        broker
            .catalog()
            .ensure_topic(&format!("topic-{n}"))
            .await
            .expect("the name is free");
    }
    broker
}

fn dispatch(c: &mut Criterion) {
    let runtime = Runtime::new().expect("threads are to be had");
    let dir = tempfile::tempdir().expect("a directory is to be had");
    let broker = runtime.block_on(broker_with_topics(dir.path()));
    let advertised = Endpoint {
        listener: "PLAINTEXT".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 9092,
    };
    let peer = "127.0.0.1:50000".parse().expect("an address");
    let connection = Arc::new(ConnectionContext::new(peer, advertised));
    let versions = api_versions::Request {
        client_software_name: "bench",
        client_software_version: "1",
    };
    let all = metadata::Request {
        topics: None,
        ..metadata::Request::default()
    };
    let requests = [
        ("api versions", frame(ApiKey::ApiVersions, &versions)),
        ("metadata of 100 topics", frame(ApiKey::Metadata, &all)),
    ];
    for (name, request) in requests {
        c.bench_function(name, |b| {
            b.iter(|| runtime.block_on(broker.dispatch(&connection, request.clone()).response));
        });
    }
    runtime.block_on(broker.shutdown());
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
