//! Quotas are set, kept, described and refused.

use millstream_wire::api::alter_client_quotas::{self as alter, Entity, Entry, Op};
use millstream_wire::api::describe_client_quotas::{self as describe, Component};
use millstream_wire::{ApiKey, ErrorCode};

use crate::testing::TestBroker;

type Side = (&'static str, Option<&'static str>);

fn entry(sides: &[Side], ops: &[(&'static str, Option<f64>)]) -> Entry<'static> {
    let side = |(entity_type, entity_name): &Side| Entity {
        entity_type,
        entity_name: *entity_name,
    };
    let op = |(key, value): &(&'static str, Option<f64>)| Op {
        key,
        value: value.unwrap_or_default(),
        remove: value.is_none(),
    };
    Entry {
        entity: sides.iter().map(side).collect(),
        ops: ops.iter().map(op).collect(),
    }
}

async fn altered(
    broker: &TestBroker,
    entries: Vec<Entry<'_>>,
    validate_only: bool,
) -> Vec<ErrorCode> {
    let request = alter::Request {
        entries,
        validate_only,
    };
    let response: alter::Response<'_> = broker.call(ApiKey::AlterClientQuotas, 1, &request).await;
    let results = response.entries.iter();
    results.map(|entry| entry.error_code).collect()
}

/// Each quota that is asked for, as `side=name side=name: key=value`.
async fn described(
    broker: &TestBroker,
    components: Vec<Component<'_>>,
    strict: bool,
) -> Result<Vec<String>, ErrorCode> {
    let request = describe::Request { components, strict };
    let response: describe::Response<'_> =
        broker.call(ApiKey::DescribeClientQuotas, 1, &request).await;
    let Some(entries) = response.entries else {
        return Err(response.error_code);
    };
    let side = |side: &describe::Entity<'_>| {
        let name = side.entity_name.as_deref().unwrap_or("<default>");
        format!("{}={name}", side.entity_type)
    };
    let line = |entry: &describe::Entry<'_>| {
        let sides: Vec<_> = entry.entity.iter().map(side).collect();
        let values = entry
            .values
            .iter()
            .map(|v| format!("{}={}", v.key, v.value));
        format!(
            "{}: {}",
            sides.join(" "),
            values.collect::<Vec<_>>().join(" ")
        )
    };
    Ok(entries.iter().map(line).collect())
}

fn component(entity_type: &str, match_type: i8) -> Component<'_> {
    Component {
        entity_type,
        match_type,
        match_: None,
    }
}

const ALICE: Side = ("user", Some("alice"));

// AK metadata/…/controller/ClientQuotaControlManager.java and …/image/ClientQuotasImage.java
#[tokio::test]
async fn quotas_are_what_was_set_last_also_after_a_restart() {
    let broker = TestBroker::start().await;
    let entries = vec![
        entry(&[ALICE], &[("producer_byte_rate", Some(1024.0))]),
        entry(
            &[ALICE, ("client-id", None)],
            &[
                ("request_percentage", Some(50.5)),
                ("consumer_byte_rate", Some(9.0)),
            ],
        ),
        entry(
            &[("ip", Some("127.0.0.1"))],
            &[("connection_creation_rate", Some(5.0))],
        ),
    ];
    assert_eq!(altered(&broker, entries, false).await, [ErrorCode::NONE; 3]);
    let broker = broker.restart().await;
    let any = || vec![component("user", 2)];
    let both = "client-id=<default> user=alice: consumer_byte_rate=9 request_percentage=50.5";
    assert_eq!(
        described(&broker, any(), false).await.unwrap(),
        [both, "user=alice: producer_byte_rate=1024"]
    );
    assert_eq!(
        described(&broker, any(), true).await.unwrap(),
        ["user=alice: producer_byte_rate=1024"]
    );
    assert_eq!(described(&broker, vec![], false).await.unwrap().len(), 3);

    let gone = entry(&[ALICE], &[("producer_byte_rate", None), ("no.such", None)]);
    assert_eq!(altered(&broker, vec![gone], false).await, [ErrorCode::NONE]);
    assert_eq!(described(&broker, any(), false).await.unwrap(), [both]);
}

// AK metadata/…/controller/ClientQuotaControlManager.java
#[tokio::test]
async fn a_quota_that_cannot_be_changes_nothing_and_keeps_no_other_from_its_own() {
    let broker = TestBroker::start().await;
    let rate = ("producer_byte_rate", Some(1.0));
    let wrong = [
        entry(&[], &[rate]),
        entry(&[("user", Some(""))], &[rate]),
        entry(&[("host", Some("a"))], &[rate]),
        entry(&[("ip", Some("127.0.0.1"))], &[rate]),
        entry(&[ALICE], &[rate, ("no.such", Some(1.0))]),
        entry(&[ALICE], &[rate, ("request_percentage", Some(-1.0))]),
        entry(&[ALICE], &[rate, rate]),
    ];
    for wrong in wrong {
        let good = entry(&[("user", Some("bob"))], &[rate]);
        let codes = altered(&broker, vec![wrong.clone(), good], false).await;
        assert_eq!(
            codes,
            [ErrorCode::INVALID_REQUEST, ErrorCode::NONE],
            "{wrong:?}"
        );
    }
    let twice = vec![entry(&[ALICE], &[rate]), entry(&[ALICE], &[])];
    assert_eq!(
        altered(&broker, twice, false).await,
        [ErrorCode::INVALID_REQUEST]
    );
    let dry = altered(&broker, vec![entry(&[ALICE], &[rate])], true).await;
    assert_eq!(dry, [ErrorCode::NONE]);
    assert_eq!(
        described(&broker, vec![], false).await.unwrap(),
        ["user=bob: producer_byte_rate=1"]
    );
}

// AK metadata/…/image/ClientQuotasImage.java
#[tokio::test]
async fn a_question_that_no_entity_can_match_is_refused() {
    let broker = TestBroker::start().await;
    let named = |match_type, match_| Component {
        match_type,
        match_,
        ..component("user", 0)
    };
    let invalid = [
        vec![component("", 2)],
        vec![named(0, None)],
        vec![named(1, Some("a"))],
        vec![named(2, Some("a"))],
        vec![named(3, None)],
        vec![component("user", 2), component("user", 1)],
        vec![component("user", 2), component("ip", 2)],
    ];
    for components in invalid {
        let refused = described(&broker, components.clone(), false).await;
        assert_eq!(refused, Err(ErrorCode::INVALID_REQUEST), "{components:?}");
    }
    let unknown = described(&broker, vec![component("host", 2)], false).await;
    assert_eq!(unknown, Err(ErrorCode::UNSUPPORTED_VERSION));
}
