//! Requests built once and patched for each use, so that the generator costs little; and the answers to them.

use bytes::Bytes;
use millstream_batch::{Batches, Builder};
use millstream_protocol_tests::dice::Dice;
use millstream_wire::api::{fetch, produce};
use millstream_wire::{
    ApiKey, ErrorCode, RequestHeader, ResponseHeader, Version, decode_message, request_frame,
};

/// The topic of every scenario.
pub(crate) const TOPIC: &str = "bench";
/// The newest version that still names topics, so that no id has to be asked for first.
const PRODUCE_VERSION: i16 = 11;
/// The newest version in the classic encoding: the place of every field is known without decoding.
const FETCH_VERSION: i16 = 11;
/// Where the correlation id lies in a request, behind length, key and version.
const CORRELATION: usize = 8;

/// One batch of `records` records that take about `size` bytes each; their bytes do not compress.
pub(crate) fn batch(records: usize, size: usize) -> Bytes {
    // A record's own lengths, deltas and header count.
    const OVERHEAD: usize = 9;
    let mut dice = Dice::new(1);
    let filled = (0..records).fold(Builder::new(), |builder, _| {
        builder.record(1_700_000_000_000, None, Some(&dice.bytes(size - OVERHEAD)))
    });
    filled.build().expect("a batch can be built").stamp(0, -1)
}

/// A Produce request with `acks=all` that appends `batch` to one partition.
pub(crate) fn produce(partition: i32, batch: &[u8]) -> Vec<u8> {
    let partition = produce::Partition {
        index: partition,
        records: Some(batch),
    };
    let topic = produce::Topic {
        name: TOPIC,
        partition_data: vec![partition],
        ..Default::default()
    };
    let body = produce::Request {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![topic],
        ..Default::default()
    };
    frame(ApiKey::Produce, PRODUCE_VERSION, &body)
}

/// A Fetch request for up to a mebibyte of one partition that waits up to `max_wait_ms` for the first byte.
pub(crate) fn fetch(partition: i32, max_wait_ms: i32) -> Vec<u8> {
    let partition = fetch::Partition {
        partition,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = fetch::Topic {
        topic: TOPIC,
        partitions: vec![partition],
        ..Default::default()
    };
    let body = fetch::Request {
        max_wait_ms,
        min_bytes: 1,
        topics: vec![topic],
        ..Default::default()
    };
    frame(ApiKey::Fetch, FETCH_VERSION, &body)
}

fn frame(api: ApiKey, api_version: i16, body: &impl millstream_wire::Encode) -> Vec<u8> {
    let header = RequestHeader {
        api_key: api.key(),
        api_version,
        correlation_id: 0,
        client_id: Some("bench"),
    };
    request_frame(&header, body).to_bytes().to_vec()
}

/// Numbers a request.
pub(crate) fn set_correlation(frame: &mut [u8], id: i32) {
    frame[CORRELATION..CORRELATION + 4].copy_from_slice(&id.to_be_bytes());
}

/// Sets the position of a Fetch request for one partition: it is followed by the partition's log start offset and
/// limit, the list of forgotten topics and the rack, which are empty.
pub(crate) fn set_position(frame: &mut [u8], offset: i64) {
    let position = frame.len() - (8 + 4 + 4 + 2) - 8;
    frame[position..position + 8].copy_from_slice(&offset.to_be_bytes());
}

/// Proves that `answer`, without its length, says that the batch is as durable as its topic promises.
pub(crate) fn assert_produced(answer: &[u8], correlation_id: i32) {
    let version = Version::flexible(PRODUCE_VERSION);
    let (header, body) =
        ResponseHeader::decode(answer, ApiKey::Produce, version).expect("a response");
    assert_eq!(
        header.correlation_id, correlation_id,
        "answers come in order"
    );
    let response: produce::Response<'_> =
        decode_message(body, version).expect("a response to Produce");
    let result = &response.responses[0].partition_responses[0];
    assert_eq!(
        result.error_code,
        ErrorCode::NONE,
        "of partition {}",
        result.index
    );
}

/// What `answer`, without its length, to a Fetch of one partition holds: its batches, without copying them.
pub(crate) fn fetched(answer: &[u8]) -> &[u8] {
    // Correlation id, throttle time, error, session; one topic; one partition with its index.
    let error = 4 + 4 + 2 + 4 + (4 + 2 + TOPIC.len()) + 4 + 4;
    assert_eq!(
        answer[error..error + 2],
        [0, 0],
        "the error of the partition"
    );
    // High watermark, last stable offset, log start offset; no aborted transactions; preferred replica.
    let records = error + 2 + 8 + 8 + 8 + 4 + 4;
    &answer[records + 4..]
}

/// The offset behind the last whole batch of `batches`, or None when there is no batch.
pub(crate) fn next_offset(batches: &[u8]) -> Option<i64> {
    Batches::new(batches)
        .map_while(Result::ok)
        .last()
        .map(|batch| batch.header.next_offset())
}
