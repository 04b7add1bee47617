//! What reading and writing the busiest messages costs, beside the crate that the tests take for an
//! oracle.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a benchmark has no users, and fails when its setup does"
)]

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kafka_protocol::messages::{
    FetchRequest, FetchResponse, MetadataRequest, MetadataResponse, ProduceRequest,
};
use kafka_protocol::protocol::{Decodable, Encodable};
use millstream_wire::api::{fetch, metadata, produce};
use millstream_wire::{ApiKey, Encode, Encoder, Records, Version, decode_message, response_frame};

fn version(api: ApiKey, n: i16) -> Version {
    api.version(n).expect("the version is served")
}

fn bytes(message: &impl Encode, version: Version) -> Bytes {
    let mut out = Encoder::new();
    message.encode(&mut out, version);
    out.into_bytes()
}

/// Measures reading `input` here and in the oracle. `$ours` names a type that borrows.
macro_rules! read {
    ($c:ident, $name:literal, $input:expr, $version:expr, $ours:ty, $theirs:ty) => {
        let (input, version): (Bytes, Version) = ($input, $version);
        let mut group = $c.benchmark_group($name);
        group.throughput(Throughput::Bytes(input.len() as u64));
        group.bench_function("millstream", |b| {
            b.iter(|| decode_message::<$ours>(black_box(&input), version));
        });
        group.bench_function("kafka-protocol", |b| {
            b.iter(|| <$theirs>::decode(&mut black_box(&input).clone(), version.n));
        });
        group.finish();
    };
}

fn read_produce(c: &mut Criterion) {
    let records = vec![7; 16 * 1024];
    let partition = |index| produce::Partition {
        index,
        records: Some(&records),
    };
    let request = |partitions| {
        let partition_data = (0..partitions).map(partition).collect();
        let topic = produce::Topic {
            name: "orders",
            partition_data,
            ..Default::default()
        };
        produce::Request {
            topic_data: vec![topic],
            ..Default::default()
        }
    };
    let of = version(ApiKey::Produce, 9);
    let one = bytes(&request(1), of);
    read!(
        c,
        "read Produce 9, 1 batch",
        one,
        of,
        produce::Request<'_>,
        ProduceRequest
    );
    let many = bytes(&request(20), of);
    read!(
        c,
        "read Produce 9, 20 batches",
        many,
        of,
        produce::Request<'_>,
        ProduceRequest
    );
}

fn read_fetch(c: &mut Criterion) {
    let partition = |partition| fetch::Partition {
        partition,
        ..Default::default()
    };
    let topic = fetch::Topic {
        topic: "orders",
        partitions: (0..50).map(partition).collect(),
        ..Default::default()
    };
    let request = fetch::Request {
        topics: vec![topic],
        ..Default::default()
    };
    let of = version(ApiKey::Fetch, 12);
    let input = bytes(&request, of);
    read!(
        c,
        "read Fetch 12, 50 partitions",
        input,
        of,
        fetch::Request<'_>,
        FetchRequest
    );
}

fn read_metadata(c: &mut Criterion) {
    let names: Vec<_> = (0..100).map(|topic| format!("topic-{topic}")).collect();
    let topic = |name| metadata::Topic {
        name: Some(name),
        ..Default::default()
    };
    let topics = names.iter().map(|name| topic(name.as_str())).collect();
    let request = metadata::Request {
        topics: Some(topics),
        ..Default::default()
    };
    let of = version(ApiKey::Metadata, 12);
    let input = bytes(&request, of);
    read!(
        c,
        "read Metadata 12, 100 topics",
        input,
        of,
        metadata::Request<'_>,
        MetadataRequest
    );
}

/// Measures writing `$ours` here and the same message in the oracle.
macro_rules! write {
    ($c:ident, $name:literal, $ours:expr, $version:expr, $theirs:ty) => {
        let (ours, version): (_, Version) = ($ours, $version);
        let input = bytes(&ours, version);
        let theirs = <$theirs>::decode(&mut input.clone(), version.n).expect("the bytes are right");
        let mut group = $c.benchmark_group($name);
        group.throughput(Throughput::Bytes(input.len() as u64));
        group.bench_function("millstream", |b| {
            b.iter(|| response_frame(ApiKey::Fetch, version, 1, black_box(&ours)));
        });
        group.bench_function("kafka-protocol", |b| {
            b.iter(|| {
                let mut out = BytesMut::new();
                black_box(&theirs).encode(&mut out, version.n).map(|()| out)
            });
        });
        group.finish();
    };
}

fn write_fetch(c: &mut Criterion) {
    let records = Bytes::from(vec![7; 1024]);
    let partition = |partition_index| fetch::PartitionResult {
        partition_index,
        records: Records(vec![records.clone()]),
        ..Default::default()
    };
    let partitions = (0..50).map(partition).collect();
    let topic = fetch::TopicResult {
        topic: "orders".into(),
        partitions,
        ..Default::default()
    };
    let response = fetch::Response {
        responses: vec![topic],
        ..Default::default()
    };
    let of = version(ApiKey::Fetch, 12);
    write!(
        c,
        "write Fetch 12, 50 partitions of 1 KiB",
        response, of, FetchResponse
    );
}

fn write_metadata(c: &mut Criterion) {
    let partition = |partition_index| metadata::PartitionResult {
        partition_index,
        replica_nodes: vec![1],
        isr_nodes: vec![1],
        ..Default::default()
    };
    let topic = |name: usize| metadata::TopicResult {
        name: Some(format!("topic-{name}").into()),
        partitions: (0..4).map(partition).collect(),
        ..Default::default()
    };
    let response = metadata::Response {
        topics: (0..100).map(topic).collect(),
        ..Default::default()
    };
    let of = version(ApiKey::Metadata, 12);
    write!(
        c,
        "write Metadata 12, 100 topics of 4",
        response, of, MetadataResponse
    );
}

criterion_group!(
    benches,
    read_produce,
    read_fetch,
    read_metadata,
    write_fetch,
    write_metadata
);
criterion_main!(benches);
