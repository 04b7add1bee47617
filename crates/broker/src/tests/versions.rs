//! Which APIs and versions are served, and what happens to the others.

use bytes::BytesMut;
use millstream_wire::api::api_versions::{ApiVersion, Request, Response};
use millstream_wire::{ApiKey, ErrorCode};

use crate::CloseReason;
use crate::testing::{TestBroker, body, frame};

const ASK: Request<'_> = Request {
    client_software_name: "test",
    client_software_version: "1.0",
};

async fn versions(broker: &TestBroker, version: i16) -> Response<'static> {
    broker.call(ApiKey::ApiVersions, version, &ASK).await
}

/// An empty body behind a classic header.
fn bare(api: i16, version: i16) -> BytesMut {
    let mut frame = BytesMut::new();
    frame.extend_from_slice(&api.to_be_bytes());
    frame.extend_from_slice(&version.to_be_bytes());
    frame.extend_from_slice(&7_i32.to_be_bytes());
    frame.extend_from_slice(&(-1_i16).to_be_bytes());
    frame
}

// AK clients/…/common/requests/ApiVersionsRequest.java
#[tokio::test]
async fn an_unknown_version_of_api_versions_is_answered_in_version_0() {
    let broker = TestBroker::start().await;
    let answer = broker.send(frame(18, 99, &ASK)).await.unwrap().unwrap();
    let response: Response<'_> = body(ApiKey::ApiVersions, 0, &answer);
    assert_eq!(response.error_code, ErrorCode::UNSUPPORTED_VERSION);
    let row = ApiVersion {
        api_key: 18,
        min_version: 0,
        max_version: 4,
    };
    assert_eq!(response.api_keys, [row]);
}

// AK generator/…/ApiMessageTypeGenerator.java
#[tokio::test]
async fn answers_to_api_versions_have_the_old_header_and_a_flexible_body() {
    let broker = TestBroker::start().await;
    for version in [3, 4] {
        let answer = broker
            .send(frame(18, version, &ASK))
            .await
            .unwrap()
            .unwrap();
        let bytes = answer.to_bytes();
        // Length, correlation id, error code, and then at once the compact array's length.
        let rows = versions(&broker, version).await.api_keys.len();
        assert_eq!(bytes[4..10], [0, 0, 0, 7, 0, 0]);
        assert_eq!(usize::from(bytes[10]), rows + 1);
    }
}

// AK clients/…/common/message/RequestHeader.json
#[tokio::test]
async fn the_client_id_of_a_flexible_header_has_a_classic_length() {
    let broker = TestBroker::start().await;
    let mut request = bare(18, 3);
    request.truncate(8);
    // Client id "me", no tags, then the compact body: name "a", version "1", no tags.
    request.extend_from_slice(b"\0\x02me\0\x02a\x021\0");
    let answer = broker.send(request).await.unwrap().unwrap();
    let response: Response<'_> = body(ApiKey::ApiVersions, 3, &answer);
    assert!(response.error_code.is_none());
    assert_eq!(broker.connection.software().unwrap().name, "a");
}

// KAFKA-18659: without version 0 in the list, old librdkafka turns compression off.
#[tokio::test]
async fn produce_is_advertised_from_0_and_refused_before_3() {
    assert_eq!(ApiKey::Produce.advertised(), 0..=13);
    let broker = TestBroker::start().await;
    for version in 0..3 {
        let closed = broker.send(bare(0, version)).await.unwrap_err();
        assert!(
            matches!(closed, CloseReason::UnsupportedVersion { .. }),
            "{closed}"
        );
    }
}

// AK `listeners` of the message schemas
#[tokio::test]
async fn what_controllers_say_to_each_other_closes_the_connection() {
    let broker = TestBroker::start().await;
    let listed = versions(&broker, 0).await.api_keys;
    for key in [
        4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82, 93, 999, -1,
    ] {
        assert!(listed.iter().all(|row| row.api_key != key), "{key}");
        let closed = broker.send(bare(key, 0)).await.unwrap_err();
        assert!(matches!(closed, CloseReason::Header(_)), "{key}: {closed}");
    }
}

// kafka-python kafka/protocol/broker_version_data.py guesses the release from the ranges.
#[tokio::test]
async fn rows_are_ascending_unique_and_of_one_release() {
    /// Ranges by which clients tell releases apart: key, lowest, highest.
    const RELEASE_4_3: [(i16, i16, i16); 14] = [
        (0, 0, 13),
        (1, 4, 18),
        (2, 1, 11),
        (3, 0, 13),
        (8, 2, 10),
        (9, 1, 10),
        (15, 0, 6),
        (18, 0, 4),
        (19, 2, 7),
        (20, 1, 6),
        (32, 1, 4),
        (35, 1, 5),
        (60, 0, 2),
        (74, 0, 1),
    ];
    let rows = versions(&TestBroker::start().await, 4).await.api_keys;
    assert!(rows.is_sorted_by(|a, b| a.api_key < b.api_key));
    for row in rows {
        let range = (row.api_key, row.min_version, row.max_version);
        let known = RELEASE_4_3.iter().find(|known| known.0 == row.api_key);
        assert!(known.is_none_or(|known| *known == range), "{range:?}");
    }
}

// KAFKA-17011
#[tokio::test]
async fn features_from_level_0_are_shown_from_version_4_on() {
    let broker = TestBroker::start().await;
    let lowest = |response: Response<'_>| {
        let features = response.supported_features.iter();
        features.map(|feature| feature.min_version).min().unwrap()
    };
    assert!(lowest(versions(&broker, 3).await) > 0);
    assert_eq!(lowest(versions(&broker, 4).await), 0);
    let finalized = versions(&broker, 4).await;
    assert_eq!(finalized.finalized_features_epoch, 0);
    let names: Vec<_> = finalized
        .finalized_features
        .iter()
        .map(|f| f.name.as_ref())
        .collect();
    assert_eq!(
        names,
        [
            "eligible.leader.replicas.version",
            "group.version",
            "metadata.version",
            "share.version",
            "transaction.version"
        ]
    );
}

// librdkafka src/rdkafka_telemetry.c: clients ask for telemetry as soon as it is listed.
#[tokio::test]
async fn telemetry_is_not_listed_without_a_receiver() {
    let rows = versions(&TestBroker::start().await, 4).await.api_keys;
    assert!(
        rows.iter()
            .all(|row| row.api_key != 71 && row.api_key != 72)
    );
}

// kafkajs src/protocol/requests/index.js never looks at the minimum: {key: highest version it sends}.
#[tokio::test]
async fn no_minimum_is_above_what_kafkajs_sends() {
    const KAFKAJS: [(i16, i16); 20] = [
        (0, 7),
        (1, 11),
        (2, 3),
        (3, 6),
        (8, 5),
        (9, 4),
        (10, 2),
        (11, 5),
        (12, 3),
        (13, 3),
        (14, 3),
        (15, 2),
        (16, 2),
        (18, 2),
        (19, 3),
        (20, 1),
        (22, 1),
        (32, 2),
        (33, 1),
        (37, 1),
    ];
    for row in versions(&TestBroker::start().await, 4).await.api_keys {
        let sent = KAFKAJS.iter().find(|(key, _)| *key == row.api_key);
        assert!(
            sent.is_none_or(|(_, highest)| row.min_version <= *highest),
            "{row:?}"
        );
    }
}

// AK clients/…/common/requests/ApiVersionsRequest.java
#[tokio::test]
async fn software_names_with_other_characters_are_refused() {
    let broker = TestBroker::start().await;
    let request = Request {
        client_software_name: "a b",
        ..ASK
    };
    let response: Response<'_> = broker.call(ApiKey::ApiVersions, 3, &request).await;
    assert_eq!(response.error_code, ErrorCode::INVALID_REQUEST);
    assert_eq!(broker.connection.software(), None);
}

#[tokio::test]
async fn bytes_that_are_no_request_close_the_connection() {
    let broker = TestBroker::start().await;
    for garbage in [
        &b""[..],
        b"\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ] {
        let closed = broker.send(BytesMut::from(garbage)).await.unwrap_err();
        assert!(matches!(closed, CloseReason::Header(_)), "{closed}");
    }
    let mut cut = frame(18, 3, &ASK);
    cut.truncate(cut.len() - 1);
    let closed = broker.send(cut).await.unwrap_err();
    assert!(matches!(closed, CloseReason::Malformed { .. }), "{closed}");
}
