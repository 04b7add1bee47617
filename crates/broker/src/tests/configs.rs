//! Settings are described, altered, refused and kept.

use millstream_wire::api::incremental_alter_configs::{self as incremental, Config};
use millstream_wire::api::{alter_configs, describe_configs, list_config_resources};
use millstream_wire::{ApiKey, ErrorCode};

use super::topics::create;
use crate::config::{BrokerConfig, TopicConfig};
use crate::resource_type::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::testing::TestBroker;

pub(super) const SET: i8 = 0;
pub(super) const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// Everything that DescribeConfigs says of a resource.
pub(super) async fn described(
    broker: &TestBroker,
    resource_type: i8,
    resource_name: &str,
    keys: Option<Vec<&str>>,
) -> describe_configs::ResourceResult<'static> {
    let resource = describe_configs::Resource {
        resource_type,
        resource_name,
        configuration_keys: keys,
    };
    let request = describe_configs::Request {
        resources: vec![resource],
        include_synonyms: true,
        include_documentation: true,
    };
    let response: describe_configs::Response<'_> =
        broker.call(ApiKey::DescribeConfigs, 4, &request).await;
    response.results.into_iter().next().unwrap()
}

/// Value and source of one setting.
pub(super) async fn setting(
    broker: &TestBroker,
    of: (i8, &str),
    name: &str,
) -> (Option<String>, i8) {
    let mut found = described(broker, of.0, of.1, Some(vec![name]))
        .await
        .configs;
    assert_eq!(found.len(), 1, "{name}");
    let found = found.remove(0);
    (found.value.map(Into::into), found.config_source)
}

/// Alters settings of one resource: operation, name, value.
pub(super) async fn alter(
    broker: &TestBroker,
    of: (i8, &str),
    operations: &[(i8, &str, Option<&str>)],
) -> ErrorCode {
    altered(broker, of, operations).await.0
}

/// The same with what is said about it.
pub(super) async fn altered(
    broker: &TestBroker,
    of: (i8, &str),
    operations: &[(i8, &str, Option<&str>)],
) -> (ErrorCode, String) {
    let configs = operations.iter().map(|(operation, name, value)| Config {
        name,
        config_operation: *operation,
        value: *value,
    });
    let resource = incremental::Resource {
        resource_type: of.0,
        resource_name: of.1,
        configs: configs.collect(),
    };
    let request = incremental::Request {
        resources: vec![resource],
        validate_only: false,
    };
    let response: incremental::Response<'_> = broker
        .call(ApiKey::IncrementalAlterConfigs, 1, &request)
        .await;
    let result = &response.responses[0];
    let said = result.error_message.as_deref().unwrap_or_default();
    (result.error_code, said.to_owned())
}

async fn with_topic() -> TestBroker {
    let broker = TestBroker::start().await;
    create(&broker, "a", 1).await;
    broker
}

const A: (i8, &str) = (TOPIC, "a");

// KAFKA-20506 and AK core/…/ConfigHelper.scala
#[tokio::test]
async fn every_setting_of_a_topic_is_described_with_its_source() {
    let broker = with_topic().await;
    let all = described(&broker, TOPIC, "a", None).await.configs;
    assert_eq!(all.len(), TopicConfig::TABLE.iter().count());
    for config in &all {
        assert_eq!(config.config_source, 5, "{}", config.name);
        assert!(
            config.config_type > 0 && config.documentation.is_some(),
            "{}",
            config.name
        );
    }
    let value = |text: &str| Some(text.to_owned());
    assert_eq!(
        alter(&broker, A, &[(SET, "retention.ms", Some("9"))]).await,
        ErrorCode::NONE
    );
    assert_eq!(setting(&broker, A, "retention.ms").await, (value("9"), 1));
    assert_eq!(
        alter(&broker, A, &[(DELETE, "retention.ms", None)]).await,
        ErrorCode::NONE
    );
    assert_eq!(
        setting(&broker, A, "retention.ms").await,
        (value("604800000"), 5)
    );
    assert_eq!(
        alter(&broker, A, &[(DELETE, "segment.ms", None)]).await,
        ErrorCode::NONE
    );
}

// AK core/…/ConfigAdminManager.scala
#[tokio::test]
async fn lists_grow_and_shrink_and_nothing_else_does() {
    let broker = with_topic().await;
    let policy = async || setting(&broker, A, "cleanup.policy").await.0.unwrap();
    let append = (APPEND, "cleanup.policy", Some("compact"));
    assert_eq!(alter(&broker, A, &[append]).await, ErrorCode::NONE);
    assert_eq!(policy().await, "delete,compact");
    let subtract = (SUBTRACT, "cleanup.policy", Some("delete"));
    assert_eq!(alter(&broker, A, &[subtract]).await, ErrorCode::NONE);
    assert_eq!(policy().await, "compact");
    let number = (APPEND, "retention.ms", Some("1"));
    assert_eq!(
        alter(&broker, A, &[number]).await,
        ErrorCode::INVALID_CONFIG
    );
}

// AK core/…/ConfigAdminManager.scala
#[tokio::test]
async fn one_wrong_setting_refuses_them_all() {
    let broker = with_topic().await;
    let good = (SET, "retention.ms", Some("1"));
    let cases = [
        ((SET, "no.such", Some("1")), ErrorCode::INVALID_CONFIG),
        ((SET, "segment.bytes", Some("1")), ErrorCode::INVALID_CONFIG),
        ((SET, "segment.ms", None), ErrorCode::INVALID_REQUEST),
        ((9, "segment.ms", Some("1")), ErrorCode::INVALID_REQUEST),
        ((DELETE, "retention.ms", None), ErrorCode::INVALID_REQUEST),
    ];
    for (wrong, expected) in cases {
        assert_eq!(
            alter(&broker, A, &[good, wrong]).await,
            expected,
            "{wrong:?}"
        );
        assert_eq!(setting(&broker, A, "retention.ms").await.1, 5, "{wrong:?}");
    }
    let missing = alter(&broker, (TOPIC, "missing"), &[good]).await;
    assert_eq!(missing, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[tokio::test]
async fn an_altered_topic_takes_its_settings_to_its_log_and_over_a_restart() {
    let broker = with_topic().await;
    let limit = |broker: &TestBroker| {
        let topic = broker.broker.catalog().topic("a").unwrap();
        topic.partitions()[0].config().retention_bytes
    };
    assert_eq!(limit(&broker), None);
    alter(&broker, A, &[(SET, "retention.bytes", Some("77"))]).await;
    assert_eq!(limit(&broker), Some(77));
    let broker = broker.restart().await;
    assert_eq!(limit(&broker), Some(77));
}

#[tokio::test]
async fn alter_configs_replaces_the_whole_set() {
    let broker = with_topic().await;
    alter(
        &broker,
        A,
        &[
            (SET, "retention.ms", Some("1")),
            (SET, "segment.ms", Some("2")),
        ],
    )
    .await;
    let configs = vec![alter_configs::Config {
        name: "segment.ms",
        value: Some("3"),
    }];
    let resource = alter_configs::Resource {
        resource_type: TOPIC,
        resource_name: "a",
        configs,
    };
    let mut request = alter_configs::Request {
        resources: vec![resource],
        validate_only: true,
    };
    let check = async |request: &alter_configs::Request<'_>, expected: (&str, &str)| {
        let response: alter_configs::Response<'_> =
            broker.call(ApiKey::AlterConfigs, 2, request).await;
        assert_eq!(response.responses[0].error_code, ErrorCode::NONE);
        let value = async |name| setting(&broker, A, name).await.0.unwrap();
        assert_eq!(value("retention.ms").await, expected.0);
        assert_eq!(value("segment.ms").await, expected.1);
    };
    check(&request, ("1", "2")).await;
    request.validate_only = false;
    check(&request, ("604800000", "3")).await;
}

// AK core/…/ConfigHelper.scala
#[tokio::test]
async fn a_running_broker_takes_dynamic_settings_and_keeps_them() {
    let broker = with_topic().await;
    let (here, everywhere) = ((BROKER, "1"), (BROKER, ""));
    assert_eq!(described(&broker, BROKER, "", None).await.configs, []);
    let count = described(&broker, BROKER, "1", None).await.configs.len();
    assert_eq!(count, BrokerConfig::TABLE.iter().count());

    let set = |value| [(SET, "log.retention.ms", Some(value))];
    assert_eq!(
        alter(&broker, everywhere, &set("10")).await,
        ErrorCode::NONE
    );
    assert_eq!(
        setting(&broker, A, "retention.ms").await,
        (Some("10".to_owned()), 3)
    );
    assert_eq!(alter(&broker, here, &set("20")).await, ErrorCode::NONE);
    assert_eq!(
        setting(&broker, here, "log.retention.ms").await,
        (Some("20".to_owned()), 2)
    );

    let broker = broker.restart().await;
    assert_eq!(
        setting(&broker, A, "retention.ms").await,
        (Some("20".to_owned()), 2)
    );
    assert_eq!(
        setting(&broker, everywhere, "log.retention.ms").await,
        (Some("10".to_owned()), 3)
    );
    assert_eq!(
        broker
            .broker
            .catalog()
            .topic("a")
            .unwrap()
            .config()
            .retention_ms,
        20
    );
}

#[tokio::test]
async fn what_only_a_start_can_change_is_refused_while_running() {
    let broker = TestBroker::start().await;
    let here = (BROKER, "1");
    let fixed = [(SET, "node.id", Some("2"))];
    assert_eq!(
        alter(&broker, here, &fixed).await,
        ErrorCode::INVALID_REQUEST
    );
    let unknown = [(SET, "no.such", Some("2"))];
    assert_eq!(
        alter(&broker, here, &unknown).await,
        ErrorCode::INVALID_CONFIG
    );
    let stranger = [(SET, "num.partitions", Some("2"))];
    assert_eq!(
        alter(&broker, (BROKER, "2"), &stranger).await,
        ErrorCode::INVALID_REQUEST
    );
}

#[tokio::test]
async fn other_resources_are_described_as_far_as_they_exist() {
    let broker = TestBroker::start().await;
    let codes = [
        ((TOPIC, "missing"), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        ((TOPIC, "a/b"), ErrorCode::INVALID_TOPIC_EXCEPTION),
        ((BROKER, "2"), ErrorCode::INVALID_REQUEST),
        ((BROKER_LOGGER, "1"), ErrorCode::NONE),
        ((GROUP, "g"), ErrorCode::NONE),
        ((GROUP, ""), ErrorCode::INVALID_REQUEST),
        ((1, "x"), ErrorCode::INVALID_REQUEST),
    ];
    for ((resource_type, name), expected) in codes {
        let result = described(&broker, resource_type, name, None).await;
        assert_eq!(result.error_code, expected, "{resource_type} {name}");
    }
}

// KIP-1142
#[tokio::test]
async fn resources_with_settings_are_listed_by_type() {
    let broker = with_topic().await;
    let list = async |version, resource_types| {
        let request = list_config_resources::Request { resource_types };
        let response: list_config_resources::Response<'_> = broker
            .call(ApiKey::ListConfigResources, version, &request)
            .await;
        let resources = response.config_resources.into_iter();
        let named = resources.map(|r| (r.resource_type, r.resource_name.to_string()));
        (response.error_code, named.collect::<Vec<_>>())
    };
    let named = |resource_type, name: &str| (resource_type, name.to_owned());
    let all = vec![
        named(TOPIC, "a"),
        named(BROKER, "1"),
        named(BROKER_LOGGER, "1"),
    ];
    assert_eq!(list(1, vec![]).await, (ErrorCode::NONE, all));
    assert_eq!(
        list(1, vec![TOPIC]).await,
        (ErrorCode::NONE, vec![named(TOPIC, "a")])
    );
    assert_eq!(list(0, vec![]).await, (ErrorCode::NONE, vec![]));
    assert_eq!(list(1, vec![99]).await.0, ErrorCode::UNSUPPORTED_VERSION);
}

// AK core/…/ConfigHelper.scala and server/…/metrics/ClientMetricsConfigs.java
#[tokio::test]
async fn subscriptions_to_metrics_are_kept_though_nobody_receives_any() {
    let broker = TestBroker::start().await;
    let subscription = (CLIENT_METRICS, "all");
    let operations = [
        (SET, "metrics", Some("org.apache.kafka.producer.")),
        (SET, "match", Some("client_id=orders.*")),
    ];
    let default = Some("300000".to_owned());
    assert_eq!(
        setting(&broker, subscription, "interval.ms").await,
        (default.clone(), 5)
    );
    assert_eq!(
        alter(&broker, subscription, &operations).await,
        ErrorCode::NONE
    );
    for wrong in [
        (SET, "interval.ms", Some("99")),
        (SET, "interval.ms", Some("3600001")),
        (SET, "match", Some("orders.*")),
        (SET, "no.such", Some("1")),
    ] {
        let refused = alter(&broker, subscription, &[wrong]).await;
        assert_eq!(refused, ErrorCode::INVALID_CONFIG, "{wrong:?}");
    }
    let nameless = alter(&broker, (CLIENT_METRICS, ""), &operations).await;
    assert_eq!(nameless, ErrorCode::INVALID_REQUEST);

    let broker = broker.restart().await;
    assert_eq!(
        setting(&broker, subscription, "match").await,
        (Some("client_id=orders.*".to_owned()), 7)
    );
    assert_eq!(
        setting(&broker, subscription, "interval.ms").await,
        (default, 5)
    );
    let request = list_config_resources::Request {
        resource_types: vec![CLIENT_METRICS],
    };
    let listed: list_config_resources::Response<'_> =
        broker.call(ApiKey::ListConfigResources, 1, &request).await;
    assert_eq!(listed.config_resources[0].resource_name, "all");
}
