//! Headers and frames.

use bytes::Bytes;

use super::hex;
use crate::api::{api_versions, fetch, heartbeat};
use crate::{
    ApiKey, Error, Records, RequestHeader, ResponseHeader, Version, request_frame, response_frame,
};

fn read(frame: &str, expected: Result<(RequestHeader<'_>, &str), Error>) {
    let (frame, body) = (
        hex(frame),
        expected
            .as_ref()
            .map(|(_, body)| hex(body))
            .unwrap_or_default(),
    );
    assert_eq!(
        RequestHeader::decode(&frame),
        expected.map(|(header, _)| (header, &body[..]))
    );
}

#[test]
fn a_request_header_keeps_its_classic_client_id_and_gains_tags() {
    let header = |api_key, api_version, client_id| RequestHeader {
        api_key,
        api_version,
        correlation_id: 7,
        client_id,
    };
    read(
        "0000 0008 00000007 0002 6162 aabb",
        Ok((header(0, 8, Some("ab")), "aabb")),
    );
    read(
        "0000 0008 00000007 ffff aabb",
        Ok((header(0, 8, None), "aabb")),
    );
    read(
        "0000 0009 00000007 0002 6162 00 aabb",
        Ok((header(0, 9, Some("ab")), "aabb")),
    );
    read(
        "0000 0009 00000007 ffff 01 05 02 ffff aabb",
        Ok((header(0, 9, None), "aabb")),
    );
    // OffsetDelete never became flexible.
    read(
        "002f 0000 00000007 ffff 00",
        Ok((header(47, 0, None), "00")),
    );
}

#[test]
fn an_api_versions_request_of_any_version_has_a_header() {
    let header = RequestHeader {
        api_key: 18,
        api_version: 99,
        correlation_id: 7,
        client_id: None,
    };
    read("0012 0063 00000007 ffff 00 cc", Ok((header, "cc")));
    assert_eq!(ApiKey::ApiVersions.version(99), None);
}

#[test]
fn a_header_that_is_none_is_refused() {
    read(
        "0000 0008 00000007 0009 6162",
        Err(Error::Truncated { left: 2 }),
    );
    read("0000 0009 00000007 ffff", Err(Error::Truncated { left: 0 }));
    read("0000", Err(Error::Truncated { left: 0 }));
    read("", Err(Error::Truncated { left: 0 }));
    // The first bytes of an HTTP request.
    read("4745 5420 2f204854 5450", Err(Error::UnknownApiKey(0x4745)));
    read("0034 0000 00000007 ffff", Err(Error::UnknownApiKey(52)));
}

#[test]
fn a_response_header_has_tags_unless_it_answers_api_versions() {
    let body = heartbeat::Response::default();
    let heartbeat = |version| response_frame(ApiKey::Heartbeat, version, 7, &body).to_bytes();
    assert_eq!(
        heartbeat(Version::classic(0)),
        hex("00000006 00000007 0000")[..]
    );
    assert_eq!(
        heartbeat(Version::flexible(4)),
        hex("0000000c 00000007 00 00000000 0000 00")[..]
    );
    let body = api_versions::Response::default();
    let answer = response_frame(ApiKey::ApiVersions, Version::flexible(3), 7, &body).to_bytes();
    assert_eq!(answer, hex("0000000c 00000007 0000 01 00000000 00")[..]);
}

#[test]
fn what_a_client_writes_is_read_and_back() {
    for version in [Version::classic(3), Version::flexible(4)] {
        let header = RequestHeader {
            api_key: 12,
            api_version: version.n,
            correlation_id: -5,
            client_id: Some("me"),
        };
        let request = heartbeat::Request {
            group_id: "g",
            ..Default::default()
        };
        let frame = request_frame(&header, &request).to_bytes();
        let (read, body) = RequestHeader::decode(&frame[4..]).unwrap();
        assert_eq!(read, header);
        assert_eq!(crate::decode_message(body, version), Ok(request));

        let frame = response_frame(
            ApiKey::Heartbeat,
            version,
            -5,
            &heartbeat::Response::default(),
        )
        .to_bytes();
        let (read, body) = ResponseHeader::decode(&frame[4..], ApiKey::Heartbeat, version).unwrap();
        assert_eq!(read.correlation_id, -5);
        assert_eq!(
            crate::decode_message(body, version),
            Ok(heartbeat::Response::default())
        );
    }
}

#[test]
fn large_records_are_written_by_reference_and_small_ones_are_not() {
    let (large, small) = (Bytes::from(vec![1; 4096]), Bytes::from(vec![2; 100]));
    let partition = |records: &Bytes| fetch::PartitionResult {
        records: Records(vec![records.clone(), records.clone()]),
        ..Default::default()
    };
    let partitions = vec![partition(&large), partition(&small)];
    let topic = fetch::TopicResult {
        topic: "t".into(),
        partitions,
        ..Default::default()
    };
    let response = fetch::Response {
        responses: vec![topic],
        ..Default::default()
    };
    let frame = response_frame(ApiKey::Fetch, Version::flexible(12), 1, &response);

    let [_, first, second, _] = frame.chunks() else {
        panic!("{} chunks", frame.chunks().len())
    };
    assert_eq!(
        (first.as_ptr(), second.as_ptr()),
        (large.as_ptr(), large.as_ptr())
    );
    let bytes = frame.to_bytes();
    assert_eq!(frame.len(), bytes.len());
    assert_eq!(bytes[..4], (frame.len() as u32 - 4).to_be_bytes());
    let (_, body) =
        ResponseHeader::decode(&bytes[4..], ApiKey::Fetch, Version::flexible(12)).unwrap();
    let read: fetch::Response = crate::decode_message(body, Version::flexible(12)).unwrap();
    assert_eq!(
        read.responses[0].partitions[0].records.0,
        [[&large[..], &large].concat()]
    );
}
