//! The map of the house, kept by reading every manifest: which crate may import which, and where
//! foreign clients, sockets and runtimes may appear. Nothing here looks at code, because what is not in a
//! manifest cannot be imported.

#![expect(
    clippy::unwrap_used,
    reason = "a manifest that cannot be read fails the test, as it should"
)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use toml::{Table, Value};

/// What each package may import of ours, tests and benches included. A package that is not named here
/// does not belong to the house.
const ARROWS: &[(&str, &[&str])] = &[
    ("millstream-batch", &[]),
    ("millstream-wire", &[]),
    ("millstream-groups", &[]),
    ("millstream-queue", &[]),
    ("millstream-transactions", &[]),
    ("millstream-store", &["millstream-batch"]),
    (
        "millstream-broker",
        &[
            "millstream-batch",
            "millstream-groups",
            "millstream-queue",
            "millstream-store",
            "millstream-transactions",
            "millstream-wire",
        ],
    ),
    // The binary opens the store and hands it to the broker; it frames what wire encodes. Its commands are
    // clients, which read and write batches.
    (
        "millstream-server",
        &[
            "millstream-batch",
            "millstream-broker",
            "millstream-store",
            "millstream-wire",
        ],
    ),
    (
        "millstream-protocol-tests",
        &["millstream-batch", "millstream-wire"],
    ),
];

/// Every package of the workspace: its name and its manifest.
fn manifests() -> BTreeMap<String, Table> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let crates = fs::read_dir(root.join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    crates
        .chain([root.join("protocol-tests")])
        .map(|folder| fs::read_to_string(folder.join("Cargo.toml")).unwrap())
        .map(|text| text.parse::<Table>().unwrap())
        .map(|manifest| {
            (
                manifest["package"]["name"].as_str().unwrap().to_owned(),
                manifest,
            )
        })
        .collect()
}

/// The dependencies of a manifest in all three tables, as (name, what is asked of it).
fn dependencies(manifest: &Table) -> Vec<(&str, &Value)> {
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(|kind| manifest.get(kind)?.as_table())
        .flat_map(|table| table.iter().map(|(name, ask)| (name.as_str(), ask)))
        .collect()
}

fn asks_feature(ask: &Value, feature: &str) -> bool {
    let features = ask.get("features").and_then(Value::as_array);
    features.is_some_and(|list| list.iter().any(|each| each.as_str() == Some(feature)))
}

/// The packages one of whose dependencies satisfies `wanted`.
fn packages_that(wanted: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    manifests()
        .into_iter()
        .filter(|(_, manifest)| {
            dependencies(manifest)
                .iter()
                .any(|(name, ask)| wanted(name, ask))
        })
        .map(|(package, _)| package)
        .collect()
}

#[test]
fn every_package_has_its_place_on_the_map() {
    let named: Vec<_> = manifests().into_keys().collect();
    let mut mapped: Vec<_> = ARROWS
        .iter()
        .map(|(package, _)| (*package).to_owned())
        .collect();
    mapped.sort();
    assert_eq!(named, mapped);
}

#[test]
fn only_the_arrows_of_the_map_exist() {
    let manifests = manifests();
    for (package, allowed) in ARROWS {
        let ours = dependencies(&manifests[*package])
            .into_iter()
            .map(|(name, _)| name)
            // A package may ask itself for a feature in its own tests.
            .filter(|name| name.starts_with("millstream-") && name != package);
        for name in ours {
            assert!(allowed.contains(&name), "{package} must not import {name}");
        }
    }
}

#[test]
fn coordinators_are_made_of_nothing_but_std() {
    let manifests = manifests();
    for package in ["millstream-groups", "millstream-queue"] {
        let imports = manifests[package]
            .get("dependencies")
            .and_then(Value::as_table);
        assert!(
            imports.is_none_or(Table::is_empty),
            "{package} imports {imports:?}"
        );
    }
}

#[test]
fn the_wire_format_does_no_io() {
    assert!(!packages_that(|name, _| name == "tokio").contains(&"millstream-wire".to_owned()));
}

#[test]
fn only_the_server_and_the_tests_of_it_touch_sockets() {
    let sockets = |name: &str, ask: &Value| {
        name == "socket2" || (name == "tokio" && asks_feature(ask, "net"))
    };
    assert_eq!(
        packages_that(sockets),
        ["millstream-protocol-tests", "millstream-server"]
    );
}

#[test]
fn foreign_clients_live_in_protocol_tests_only() {
    assert_eq!(
        packages_that(|name, _| name == "rdkafka"),
        ["millstream-protocol-tests"]
    );
}
