//! The few requests that these tests send.

use std::io::{Read, Write};
use std::net::TcpStream;

use millstream_batch::Builder;
use millstream_wire::api::{fetch, metadata, produce, share_fetch};
use millstream_wire::{
    ApiKey, Decode, Encode, ErrorCode, RequestHeader, ResponseHeader, decode_message, request_frame,
};

/// Has the server make a topic: the first request for one does.
pub(crate) fn make_topic(stream: &mut TcpStream, name: &str) {
    let topic = metadata::Topic {
        name: Some(name),
        ..Default::default()
    };
    let topics = metadata::Request {
        topics: Some(vec![topic]),
        ..Default::default()
    };
    loop {
        let answer = ask(stream, ApiKey::Metadata, 4, &topics);
        let answer: metadata::Response<'_> = body(&answer, ApiKey::Metadata, 4);
        if answer.topics[0].error_code == ErrorCode::NONE {
            break;
        }
    }
}

/// Appends a batch to a partition, durably.
pub(crate) fn produce(stream: &mut TcpStream, topic: &str, partition: i32, batch: Builder) {
    let batch = batch.build().unwrap();
    let data = produce::Topic {
        name: topic,
        partition_data: vec![produce::Partition {
            index: partition,
            records: Some(batch.bytes()),
        }],
        ..Default::default()
    };
    let request = produce::Request {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![data],
        ..Default::default()
    };
    let answer = ask(stream, ApiKey::Produce, 3, &request);
    let answer: produce::Response<'_> = body(&answer, ApiKey::Produce, 3);
    let code = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(code, ErrorCode::NONE);
}

/// The batches of a partition, from the first to the last.
pub(crate) fn fetch(stream: &mut TcpStream, topic: &str, partition: i32) -> Vec<u8> {
    let wanted = fetch::Topic {
        topic,
        partitions: vec![fetch::Partition {
            partition,
            partition_max_bytes: 1 << 20,
            ..Default::default()
        }],
        ..Default::default()
    };
    let request = fetch::Request {
        topics: vec![wanted],
        ..Default::default()
    };
    let answer = ask(stream, ApiKey::Fetch, 4, &request);
    let mut answer: fetch::Response<'_> = body(&answer, ApiKey::Fetch, 4);
    let found = answer.responses.remove(0).partitions.remove(0);
    assert_eq!(found.error_code, ErrorCode::NONE);
    found.records.0.concat()
}

/// Has a member of a share group take at most `count` messages of partition 0.
pub(crate) fn take(stream: &mut TcpStream, group: &str, topic: &str, count: i32) {
    let named = metadata::Topic {
        name: Some(topic),
        ..Default::default()
    };
    let request = metadata::Request {
        topics: Some(vec![named]),
        ..Default::default()
    };
    let answer = ask(stream, ApiKey::Metadata, 12, &request);
    let answer: metadata::Response<'_> = body(&answer, ApiKey::Metadata, 12);
    let partition = share_fetch::Partition {
        partition_index: 0,
        acknowledgement_batches: Vec::new(),
    };
    let wanted = share_fetch::Topic {
        topic_id: answer.topics[0].topic_id,
        partitions: vec![partition],
    };
    let request = share_fetch::Request {
        group_id: Some(group),
        member_id: Some("member"),
        max_records: count,
        batch_size: count,
        share_acquire_mode: 1,
        topics: vec![wanted],
        ..Default::default()
    };
    let answer = ask(stream, ApiKey::ShareFetch, 2, &request);
    let answer: share_fetch::Response<'_> = body(&answer, ApiKey::ShareFetch, 2);
    let taken = &answer.responses[0].partitions[0];
    assert_eq!(taken.error_code, ErrorCode::NONE);
}

/// The frame of a request.
pub(crate) fn request(api: ApiKey, version: i16, body: &impl Encode) -> Vec<u8> {
    let header = RequestHeader {
        api_key: api as i16,
        api_version: version,
        correlation_id: 1,
        client_id: Some("test"),
    };
    request_frame(&header, body).to_bytes().to_vec()
}

fn ask(stream: &mut TcpStream, api: ApiKey, version: i16, body: &impl Encode) -> Vec<u8> {
    stream.write_all(&request(api, version, body)).unwrap();
    receive(stream)
}

/// The next answer, without its length.
pub(crate) fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    answer
}

fn body<'a, T: Decode<'a>>(answer: &'a [u8], api: ApiKey, version: i16) -> T {
    let version = api.encoding(version);
    let (_, body) = ResponseHeader::decode(answer, api, version).unwrap();
    decode_message(body, version).unwrap()
}
