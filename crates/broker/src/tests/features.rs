//! Features go to the levels asked for, all or none, and what is off is refused.

use millstream_wire::api::update_features::{FeatureUpdate, Request, Response};
use millstream_wire::api::{
    api_versions, consumer_group_heartbeat, share_acknowledge, share_fetch, share_group_heartbeat,
};
use millstream_wire::{ApiKey, ErrorCode};

use crate::testing::TestBroker;

const UP: i8 = 1;
const DOWN: i8 = 2;

fn update(feature: &str, max_version_level: i16, upgrade_type: i8) -> FeatureUpdate<'_> {
    FeatureUpdate {
        feature,
        max_version_level,
        upgrade_type,
        ..FeatureUpdate::default()
    }
}

async fn ask(
    broker: &TestBroker,
    version: i16,
    feature_updates: Vec<FeatureUpdate<'_>>,
    validate_only: bool,
) -> Response<'static> {
    let request = Request {
        feature_updates,
        validate_only,
        ..Request::default()
    };
    broker.call(ApiKey::UpdateFeatures, version, &request).await
}

/// The level of a feature as clients see it, 0 if they do not, and how often levels have changed.
async fn level(broker: &TestBroker, feature: &str) -> (i16, i64) {
    let request = api_versions::Request {
        client_software_name: "test",
        client_software_version: "1",
    };
    let response: api_versions::Response<'_> = broker.call(ApiKey::ApiVersions, 4, &request).await;
    let mut finalized = response.finalized_features.iter();
    let found = finalized.find(|finalized| finalized.name == feature);
    (
        found.map_or(0, |found| found.max_version_level),
        response.finalized_features_epoch,
    )
}

// AK metadata/…/controller/FeatureControlManager.java
#[tokio::test]
async fn a_feature_goes_to_the_level_asked_for_and_stays_there() {
    let broker = TestBroker::start().await;
    assert_eq!(level(&broker, "share.version").await, (1, 0));

    let dry = ask(&broker, 2, vec![update("share.version", 0, DOWN)], true).await;
    assert_eq!(dry.error_code, ErrorCode::NONE);
    assert_eq!(level(&broker, "share.version").await, (1, 0));

    let done = ask(&broker, 1, vec![update("share.version", 0, DOWN)], false).await;
    assert_eq!(done.error_code, ErrorCode::NONE);
    assert_eq!(done.results[0].feature, "share.version");
    assert_eq!(level(&broker, "share.version").await, (0, 1));

    let broker = broker.restart().await;
    assert_eq!(level(&broker, "share.version").await, (0, 1));
    // Version 0 knows one direction only, and that is up.
    let done = ask(&broker, 0, vec![update("share.version", 1, UP)], false).await;
    assert_eq!(done.error_code, ErrorCode::NONE);
    assert_eq!(level(&broker, "share.version").await, (1, 2));
}

// AK metadata/…/controller/FeatureControlManager.java
#[tokio::test]
async fn one_level_that_cannot_be_keeps_all_features_where_they_are() {
    let broker = TestBroker::start().await;
    for wrong in [
        update("no.such", 1, UP),
        update("kraft.version", 2, UP),
        update("kraft.version", -1, DOWN),
        update("metadata.version", 29, UP),
        update("metadata.version", 29, DOWN),
        update("kraft.version", 1, 0),
        update("kraft.version", 1, 7),
    ] {
        let updates = vec![update("share.version", 0, DOWN), wrong.clone()];
        let refused = ask(&broker, 2, updates, false).await;
        assert_eq!(
            refused.error_code,
            ErrorCode::INVALID_UPDATE_VERSION,
            "{wrong:?}"
        );
        let said = refused.error_message.unwrap();
        assert!(said.contains(wrong.feature), "{said}");
        assert_eq!(level(&broker, "share.version").await, (1, 0));
    }
}

// AK core/…/KafkaApis.scala
#[tokio::test]
async fn without_the_feature_share_groups_are_refused() {
    let broker = TestBroker::start().await;
    ask(&broker, 2, vec![update("share.version", 0, DOWN)], false).await;

    let join = share_group_heartbeat::Request {
        group_id: "g",
        member_id: "m",
        subscribed_topic_names: Some(vec!["a"]),
        ..share_group_heartbeat::Request::default()
    };
    let beat: share_group_heartbeat::Response<'_> =
        broker.call(ApiKey::ShareGroupHeartbeat, 1, &join).await;
    let fetch = share_fetch::Request {
        group_id: Some("g"),
        member_id: Some("m"),
        ..share_fetch::Request::default()
    };
    let fetched: share_fetch::Response<'_> = broker.call(ApiKey::ShareFetch, 1, &fetch).await;
    let acknowledge = share_acknowledge::Request {
        group_id: Some("g"),
        member_id: Some("m"),
        ..share_acknowledge::Request::default()
    };
    let acknowledged: share_acknowledge::Response<'_> =
        broker.call(ApiKey::ShareAcknowledge, 1, &acknowledge).await;
    assert_eq!(
        [beat.error_code, fetched.error_code, acknowledged.error_code],
        [ErrorCode::UNSUPPORTED_VERSION; 3]
    );
}

// AK core/…/KafkaApis.scala
#[tokio::test]
async fn without_the_feature_consumer_groups_are_refused() {
    let broker = TestBroker::start().await;
    ask(&broker, 2, vec![update("group.version", 0, DOWN)], false).await;
    let join = consumer_group_heartbeat::Request {
        group_id: "g",
        member_id: "m",
        rebalance_timeout_ms: 1,
        subscribed_topic_names: Some(vec!["a"]),
        topic_partitions: Some(Vec::new()),
        ..consumer_group_heartbeat::Request::default()
    };
    let beat: consumer_group_heartbeat::Response<'_> =
        broker.call(ApiKey::ConsumerGroupHeartbeat, 1, &join).await;
    assert_eq!(beat.error_code, ErrorCode::UNSUPPORTED_VERSION);
}
