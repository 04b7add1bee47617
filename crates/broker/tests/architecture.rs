//! `docs/architecture.md` and `docs/traps.md` name tests for what they promise; here is proof that each of them exists.

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

/// The top of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of all test functions that there are.
fn all_tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    tests_below(&root().join("crates"), &mut tests);
    tests_below(&root().join("protocol-tests"), &mut tests);
    tests
}

#[test]
fn every_trap_has_its_number_and_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/traps.md")).unwrap();
    let cells = |line: &str| -> Vec<String> { line.split(" | ").map(str::to_owned).collect() };
    let rows: Vec<_> = page
        .lines()
        .map(cells)
        .filter(|row| row.len() == 4)
        .collect();
    let numbers: Vec<u32> = rows
        .iter()
        .filter_map(|row| row[0].strip_prefix("| ")?.parse().ok())
        .collect();
    assert_eq!(numbers, (1..=51).collect::<Vec<_>>());
    let tests = all_tests();
    for row in &rows[1..] {
        let kept_by = row[3].trim_end_matches(" |");
        let is_there = |name: &str| tests.contains(name.trim_matches('`'));
        assert!(
            kept_by.starts_with("needs ") || kept_by.split(", ").all(is_there),
            "{row:?}"
        );
    }
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let tests = all_tests();
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, invariants) = page.split_once("## What always holds").unwrap();
    let rows: Vec<&str> = invariants
        .lines()
        .filter_map(|line| line.strip_suffix("` |")?.rsplit('`').next())
        .collect();
    assert!(rows.len() > 10, "the table of invariants has moved");
    let missing: Vec<_> = rows.iter().filter(|name| !tests.contains(**name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}
