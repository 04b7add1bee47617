//! `docs/architecture.md` names a test for every invariant; here is proof that each of them exists.

#![expect(
    clippy::unwrap_used,
    reason = "a source that cannot be read fails the test, as it should"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The names of all test functions below a folder.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(test_names(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The names of the functions that follow a test attribute.
fn test_names(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut expecting = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            expecting = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| expecting) {
            names.push(rest.split('(').next().unwrap().to_owned());
            expecting = false;
        }
    }
    names
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut tests = BTreeSet::new();
    tests_below(&root.join("crates"), &mut tests);
    tests_below(&root.join("protocol-tests"), &mut tests);

    let page = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let (_, invariants) = page.split_once("## What always holds").unwrap();
    let rows: Vec<&str> = invariants
        .lines()
        .filter_map(|line| line.strip_suffix("` |")?.rsplit('`').next())
        .collect();
    assert!(rows.len() > 10, "the table of invariants has moved");
    let missing: Vec<_> = rows.iter().filter(|name| !tests.contains(**name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}
