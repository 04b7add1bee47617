//! Requests built once and patched for each use, so that the generator costs little; and the answers to them.

use std::ops::Range;

use bytes::Bytes;
use millstream_batch::{Batches, Builder};
use millstream_protocol_tests::dice::Dice;
use millstream_wire::api::{fetch, offset_commit, produce};
use millstream_wire::{
    ApiKey, ErrorCode, RequestHeader, ResponseHeader, Version, decode_message, request_frame,
};

/// The topic of every scenario.
pub(crate) const TOPIC: &str = "bench";
/// Who asks.
const CLIENT: &str = "bench";
/// The newest version that still names topics, so that no id has to be asked for first.
const PRODUCE_VERSION: i16 = 11;
/// The newest version in the classic encoding: the place of every field is known without decoding.
const FETCH_VERSION: i16 = 11;
/// The newest version in the classic encoding, for the same reason.
const COMMIT_VERSION: i16 = 7;
/// Where an answer to a Fetch tells the error of its only partition, behind correlation id, throttle time, error, session;
/// one topic; one partition with its index.
const FETCH_ERROR: usize = 4 + 4 + 2 + 4 + (4 + 2 + TOPIC.len()) + 4 + 4;
/// Where it tells the number of aborted transactions, behind high watermark, last stable offset, log start offset.
const FETCH_ABORTED: usize = FETCH_ERROR + 2 + 8 + 8 + 8;
/// Digits of the number that a group's name ends with.
const DIGITS: usize = 4;
/// Timestamp of every record, in ms.
pub(crate) const WHEN: i64 = 1_700_000_000_000;
/// Where the correlation id lies in a request, behind length, key and version.
const CORRELATION: usize = 8;

/// What a reader wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// All that is written.
    Uncommitted = 0,
    /// What no open transaction may still take back, and which transactions did not count.
    Committed = 1,
}

/// One batch of `records` records that take about `size` bytes each; their bytes do not compress.
pub(crate) fn batch(records: usize, size: usize) -> Bytes {
    // A record's own lengths, deltas and header count.
    const OVERHEAD: usize = 9;
    let mut dice = Dice::new(1);
    let filled = (0..records).fold(Builder::new(), |builder, _| {
        builder.record(WHEN, None, Some(&dice.bytes(size - OVERHEAD)))
    });
    filled.build().expect("a batch can be built").stamp(0, -1)
}

/// The same with a key for each record, of which there are `keys`; [`batch`]'s sizes plus those of the keys.
pub(crate) fn keyed_batch(records: usize, size: usize, keys: u64, dice: &mut Dice) -> Bytes {
    let filled = (0..records).fold(Builder::new(), |builder, _| {
        let key = dice.between(0, keys).to_be_bytes();
        builder.record(WHEN, Some(&key), Some(&dice.bytes(size)))
    });
    filled.build().expect("a batch can be built").stamp(0, -1)
}

/// A Produce request with `acks=all` that appends `batch` to the first partition of [`TOPIC`].
pub(crate) fn produce(batch: &[u8]) -> Vec<u8> {
    produce_to(TOPIC, 0..1, batch)
}

/// The same to several partitions of any topic at once.
pub(crate) fn produce_to(topic: &str, partitions: Range<i32>, batch: &[u8]) -> Vec<u8> {
    let partition = |index| produce::Partition {
        index,
        records: Some(batch),
    };
    let topic = produce::Topic {
        name: topic,
        partition_data: partitions.map(partition).collect(),
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

/// A Fetch request for up to `max_bytes` of the first partition that waits up to `max_wait_ms` for the first byte.
pub(crate) fn fetch(max_bytes: i32, max_wait_ms: i32) -> Vec<u8> {
    fetch_as(Isolation::Uncommitted, max_bytes, max_wait_ms)
}

/// The same at a level of isolation.
pub(crate) fn fetch_as(isolation: Isolation, max_bytes: i32, max_wait_ms: i32) -> Vec<u8> {
    let partition = fetch::Partition {
        partition_max_bytes: max_bytes,
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
        isolation_level: isolation as i8,
        topics: vec![topic],
        ..Default::default()
    };
    frame(ApiKey::Fetch, FETCH_VERSION, &body)
}

/// An OffsetCommit request by which the group that [`set_group`] names, and that has no members, commits a position in the
/// first partition of [`TOPIC`].
pub(crate) fn commit() -> Vec<u8> {
    let topic = offset_commit::Topic {
        name: TOPIC,
        partitions: vec![offset_commit::Partition::default()],
        ..Default::default()
    };
    let body = offset_commit::Request {
        group_id: &"0".repeat(DIGITS),
        topics: vec![topic],
        ..Default::default()
    };
    frame(ApiKey::OffsetCommit, COMMIT_VERSION, &body)
}

fn frame(api: ApiKey, api_version: i16, body: &impl millstream_wire::Encode) -> Vec<u8> {
    let header = RequestHeader {
        api_key: api.key(),
        api_version,
        correlation_id: 0,
        client_id: Some(CLIENT),
    };
    request_frame(&header, body).to_bytes().to_vec()
}

/// Numbers a request.
pub(crate) fn set_correlation(frame: &mut [u8], id: i32) {
    frame[CORRELATION..CORRELATION + 4].copy_from_slice(&id.to_be_bytes());
}

/// Sets the partition of a Produce request for one partition of [`TOPIC`].
pub(crate) fn set_partition(frame: &mut [u8], partition: i32) {
    // Length, key, version, correlation id, client id, tags; no transaction, acks, timeout; one topic with its name;
    // one partition.
    const PARTITION: usize =
        (4 + 2 + 2 + 4 + (2 + CLIENT.len()) + 1) + (1 + 2 + 4) + (1 + 1 + TOPIC.len()) + 1;
    frame[PARTITION..PARTITION + 4].copy_from_slice(&partition.to_be_bytes());
}

/// Sets the position of a Fetch request for one partition: it is followed by the partition's log start offset and
/// limit, the list of forgotten topics and the rack, which are empty.
pub(crate) fn set_position(frame: &mut [u8], offset: i64) {
    let position = frame.len() - (8 + 4 + 4 + 2) - 8;
    frame[position..position + 8].copy_from_slice(&offset.to_be_bytes());
}

/// Makes an OffsetCommit request one of the group of this number, which is its name.
pub(crate) fn set_group(frame: &mut [u8], group: u32) {
    // Length, key, version, correlation id, client id; the name's length.
    const GROUP: usize = (4 + 2 + 2 + 4 + (2 + CLIENT.len())) + 2;
    let name = format!("{group:0DIGITS$}");
    frame[GROUP..GROUP + DIGITS].copy_from_slice(name.as_bytes());
}

/// Sets the position that an OffsetCommit request commits: it is followed by an epoch and no metadata.
pub(crate) fn set_committed(frame: &mut [u8], offset: i64) {
    let position = frame.len() - (4 + 2) - 8;
    frame[position..position + 8].copy_from_slice(&offset.to_be_bytes());
}

/// Proves that `answer`, without its length, says that a commit of one partition is durable. Its error comes last.
pub(crate) fn assert_committed(answer: &[u8]) {
    assert_eq!(
        answer[answer.len() - 2..],
        [0, 0],
        "the error of the commit"
    );
}

/// Proves that `answer`, without its length, says that every batch is as durable as its topic promises.
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
    for result in &response.responses[0].partition_responses {
        assert_eq!(
            result.error_code,
            ErrorCode::NONE,
            "of partition {}",
            result.index
        );
    }
}

/// What `answer`, without its length, to a Fetch of one partition holds: its batches, without copying them.
pub(crate) fn fetched(answer: &[u8]) -> &[u8] {
    assert_eq!(
        answer[FETCH_ERROR..FETCH_ERROR + 2],
        [0, 0],
        "the error of the partition"
    );
    // The transactions, with a producer and an offset each; preferred replica; the batches' size.
    let records = FETCH_ABORTED + 4 + (8 + 8) * aborted(answer) + 4;
    &answer[records + 4..]
}

/// How many aborted transactions `answer`, without its length, to a Fetch of one partition tells of.
pub(crate) fn aborted(answer: &[u8]) -> usize {
    let count = answer[FETCH_ABORTED..].first_chunk().expect("a number");
    // Whoever asks for all is told that there is no list.
    usize::try_from(i32::from_be_bytes(*count)).unwrap_or(0)
}

/// The offset behind the last whole batch of `batches`, or None when there is no batch.
pub(crate) fn next_offset(batches: &[u8]) -> Option<i64> {
    Batches::new(batches)
        .map_while(Result::ok)
        .last()
        .map(|batch| batch.header.next_offset())
}
