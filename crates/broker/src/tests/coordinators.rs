//! Coordinators are found, and those that are not served are told apart from those that are not there yet.

use millstream_wire::api::find_coordinator;
use millstream_wire::{ApiKey, ErrorCode};

use crate::testing::TestBroker;

/// AK KafkaApis.scala.
#[tokio::test]
async fn coordinators_are_found_for_every_key_of_a_request() {
    let broker = TestBroker::start().await;
    let request = find_coordinator::Request {
        coordinator_keys: vec!["a", "b", "c"],
        ..Default::default()
    };
    let found: find_coordinator::Response<'_> =
        broker.call(ApiKey::FindCoordinator, 4, &request).await;
    let keys: Vec<&str> = found.coordinators.iter().map(|found| &*found.key).collect();
    assert_eq!(keys, ["a", "b", "c"]);
    for found in &found.coordinators {
        assert_eq!(
            (found.error_code, &*found.host),
            (ErrorCode::NONE, "192.0.2.1")
        );
    }

    let request = find_coordinator::Request {
        key: "a",
        ..Default::default()
    };
    let found: find_coordinator::Response<'_> =
        broker.call(ApiKey::FindCoordinator, 3, &request).await;
    assert_eq!((&*found.host, found.port), ("192.0.2.1", 9092));
    assert!(found.coordinators.is_empty());
}
