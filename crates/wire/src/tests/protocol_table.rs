//! `docs/protocol.md` says what is served, because it is written from the list that says what is
//! served.

use std::fmt::Write;

use crate::ApiKey;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md");

/// Set to any value, this variable lets the test write the page instead of comparing it.
const REGENERATE: &str = "WRITE_PROTOCOL_PAGE";

/// What Apache Kafka 4.3.1 serves to clients and Millstream does not, by the reason why.
const NOT_SERVED: &[(&str, &[(i16, &str)])] = &[
    (
        "connections are not authenticated, so that there is nobody to give a token to",
        &[
            (38, "CreateDelegationToken"),
            (39, "RenewDelegationToken"),
            (40, "ExpireDelegationToken"),
            (41, "DescribeDelegationToken"),
        ],
    ),
    (
        "clients would send metrics that nobody receives",
        &[(71, "GetTelemetrySubscriptions"), (72, "PushTelemetry")],
    ),
    (
        "one broker keeps the state of share groups by itself",
        &[
            (83, "InitializeShareGroupState"),
            (84, "ReadShareGroupState"),
            (85, "WriteShareGroupState"),
            (86, "DeleteShareGroupState"),
            (87, "ReadShareGroupStateSummary"),
        ],
    ),
    (
        "there are no streams groups",
        &[(88, "StreamsGroupHeartbeat"), (89, "StreamsGroupDescribe")],
    ),
];

/// Keys that Apache Kafka serves to controllers only, or no longer.
const NOT_FOR_CLIENTS: &[i16] = &[4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82];

fn range(versions: &std::ops::RangeInclusive<i16>) -> String {
    match (versions.start(), versions.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}–{last}"),
    }
}

fn row(api: ApiKey) -> String {
    let served = range(&api.versions());
    let versions = match range(&api.advertised()) {
        advertised if advertised == served => served,
        advertised => format!("{served} (advertised: {advertised})"),
    };
    let flexible = api
        .api()
        .flexible_since
        .map_or("never".to_owned(), |version| version.to_string());
    format!(
        "| {} | {} | {versions} | {flexible} |",
        api.key(),
        api.name()
    )
}

fn page() -> String {
    let mut page = format!("{HEAD}\n");
    for &api in ApiKey::ALL {
        writeln!(page, "{}", row(api)).unwrap();
    }
    page.push_str(MIDDLE);
    for (reason, apis) in NOT_SERVED {
        let apis: Vec<_> = apis
            .iter()
            .map(|(key, name)| format!("{key} {name}"))
            .collect();
        writeln!(page, "| {} | {reason} |", apis.join(", ")).unwrap();
    }
    page
}

const HEAD: &str = "\
# The protocol

Millstream speaks the Kafka wire protocol as Apache Kafka 4.3.1 does. A client learns the versions
below from the answer to ApiVersions. A request with another key or version closes its connection,
except ApiVersions, which is answered in any version. Each API is declared in `crates/wire/src/api/`
and handled in `crates/broker/src/api/`.

An array in a request has 100,000 elements at most; a request with more closes its connection.

This page is written from those declarations:
`WRITE_PROTOCOL_PAGE=1 cargo test -p millstream-wire --lib protocol_table`.

## Served

Produce is advertised from version 0 on although versions 0 to 2 are refused: librdkafka before
2.11.1 takes a higher minimum as a sign that compression is not supported.

| Key | API | Versions | Flexible since |
|--|--|--|--|";

const MIDDLE: &str = "
Some of these are answered with a refusal only, as a single Apache Kafka without security answers them:

| APIs | Answer | Why |
|--|--|--|
| 17 SaslHandshake, 36 SaslAuthenticate | ILLEGAL_SASL_STATE | connections are not authenticated |
| 29 DescribeAcls, 30 CreateAcls, 31 DeleteAcls | SECURITY_DISABLED | there is no authorizer |
| 64 UnregisterBroker | BROKER_ID_NOT_REGISTERED, or INVALID_REQUEST for the broker itself | there is one broker |
| 80 AddRaftVoter, 81 RemoveRaftVoter | UNSUPPORTED_VERSION | the one broker is the quorum |

48 and 49 (quotas of clients), 50 and 51 (passwords, salted) keep and tell what is set, and nobody is held to it.
34 AlterReplicaLogDirs and 45 AlterPartitionReassignments succeed where everything is already, in the one data directory and
on the one broker.

## Not served

Keys that Apache Kafka serves to clients and that are absent here:

| APIs | Why |
|--|--|
";

#[test]
fn the_page_lists_what_is_served() {
    let page = page();
    if std::env::var_os(REGENERATE).is_some() {
        std::fs::write(PATH, &page).unwrap();
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert_eq!(
        written, page,
        "docs/protocol.md is stale: run with {REGENERATE}=1 to write it again"
    );
}

#[test]
fn keys_are_unique_and_ascending() {
    assert!(ApiKey::ALL.is_sorted_by(|earlier, later| earlier.key() < later.key()));
    for &api in ApiKey::ALL {
        assert_eq!(ApiKey::from_i16(api.key()), Some(api));
        assert!(
            api.advertised().contains(api.versions().start())
                && api.advertised().end() == api.versions().end()
        );
    }
}

#[test]
fn every_key_of_kafka_is_served_or_has_a_reason() {
    let absent = NOT_SERVED
        .iter()
        .flat_map(|(_, apis)| *apis)
        .map(|(key, _)| *key);
    let served = ApiKey::ALL.iter().map(|api| api.key());
    let mut keys: Vec<i16> = absent
        .chain(served)
        .chain(NOT_FOR_CLIENTS.iter().copied())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, (0..=92).collect::<Vec<_>>());
}
