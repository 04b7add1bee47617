//! Settings of groups are described, altered, refused and kept, whether the groups exist or not.

use millstream_wire::api::list_config_resources;
use millstream_wire::{ApiKey, ErrorCode};

use super::configs::{DELETE, SET, alter, altered, described, setting};
use crate::config::{GroupConfig, OffsetReset};
use crate::resource_type::GROUP;
use crate::testing::TestBroker;

const G: (i8, &str) = (GROUP, "workers");
const LOCK: &str = "share.record.lock.duration.ms";

fn value(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The groups that ListConfigResources shows.
async fn listed(broker: &TestBroker) -> Vec<String> {
    let resource_types = vec![GROUP];
    let request = list_config_resources::Request { resource_types };
    let response: list_config_resources::Response<'_> =
        broker.call(ApiKey::ListConfigResources, 1, &request).await;
    let names = response.config_resources.into_iter();
    names.map(|named| named.resource_name.into()).collect()
}

#[tokio::test]
async fn a_group_keeps_its_settings_over_a_restart() {
    let broker = TestBroker::start().await;
    let before = broker.broker.catalog().group_config("workers");
    assert_eq!(before.share_record_lock_duration_ms, 30_000);
    let set = [
        (SET, LOCK, Some("20000")),
        (SET, "share.auto.offset.reset", Some("by_duration:PT1H")),
    ];
    assert_eq!(alter(&broker, G, &set).await, ErrorCode::NONE);

    let broker = broker.restart().await;
    let config = broker.broker.catalog().group_config("workers");
    let reset = config.share_auto_offset_reset;
    assert_eq!(config.share_record_lock_duration_ms, 20_000);
    assert_eq!(reset, OffsetReset::ByDuration(3_600_000));
    assert_eq!(setting(&broker, G, LOCK).await, (value("20000"), 8));
    assert_eq!(listed(&broker).await, ["workers"]);
    let others = broker.broker.catalog().group_config("others");
    assert_eq!(others.share_record_lock_duration_ms, 30_000);

    let unset = [
        (DELETE, LOCK, None),
        (DELETE, "share.auto.offset.reset", None),
    ];
    assert_eq!(alter(&broker, G, &unset).await, ErrorCode::NONE);
    assert_eq!(setting(&broker, G, LOCK).await, (value("30000"), 5));
    assert!(listed(&broker).await.is_empty());
}

#[tokio::test]
async fn every_setting_of_a_group_is_described_with_its_source() {
    let inherited = ("group.share.record.lock.duration.ms", "25000");
    let broker = TestBroker::start_with(&[inherited]).await;
    let all = described(&broker, GROUP, "workers", None).await.configs;
    assert_eq!(all.len(), GroupConfig::TABLE.iter().count());
    let untold = |config: &&millstream_wire::api::describe_configs::Config<'_>| {
        config.documentation.is_none() || config.read_only
    };
    assert_eq!(all.iter().find(untold), None);
    assert_eq!(setting(&broker, G, LOCK).await, (value("25000"), 4));
}

#[tokio::test]
async fn a_wrong_setting_of_a_group_is_refused_by_name_value_and_what_is_allowed() {
    let broker = TestBroker::start().await;
    let check = async |of, name, value, expected| {
        let refused = altered(&broker, of, &[(SET, name, Some(value))]).await;
        assert_eq!(refused, expected);
    };
    let invalid = |message: &str| (ErrorCode::INVALID_CONFIG, message.to_owned());
    check(
        G,
        LOCK,
        "5000",
        invalid(
            "invalid value \"5000\" for share.record.lock.duration.ms: must be from 15000 \
             (group.share.min.record.lock.duration.ms) to 60000 (group.share.max.record.lock.duration.ms)",
        ),
    )
    .await;
    check(
        G,
        "share.isolation.level",
        "dirty",
        invalid(
            "invalid value \"dirty\" for share.isolation.level: must be read_uncommitted or read_committed",
        ),
    )
    .await;
    let unknown = "unknown setting num.partitions";
    check(G, "num.partitions", "2", invalid(unknown)).await;
    let nameless = (
        ErrorCode::INVALID_REQUEST,
        "the group has no name".to_owned(),
    );
    check((GROUP, ""), LOCK, "20000", nameless).await;
    assert!(listed(&broker).await.is_empty());
}

#[tokio::test]
async fn a_broker_with_narrower_bounds_starts_and_ignores_what_is_out_of_them() {
    let broker = TestBroker::start().await;
    let set = [(SET, LOCK, Some("16000"))];
    assert_eq!(alter(&broker, G, &set).await, ErrorCode::NONE);
    let narrower = ("group.share.min.record.lock.duration.ms", "20000");
    let broker = broker.restart_with(&[narrower]).await;
    let config = broker.broker.catalog().group_config("workers");
    assert_eq!(config.share_record_lock_duration_ms, 30_000);
}
