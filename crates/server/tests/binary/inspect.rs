//! Looking at a data directory: what is wrong is found, named and left as it is.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use millstream_batch::{Builder, Marker, NO_SEQUENCE, Outcome};
use millstream_store::{AppendMode, LogConfig, Store, StoreOptions, TopicPartition};

use crate::client::make_topic;
use crate::support::{Server, log_dirs, millstream, objects, run, serving};

/// What is below a directory.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

/// A data directory below `dir` with a topic `orders`, and the segment that tells of it.
fn served(dir: &Path, signal: &str) -> (PathBuf, PathBuf) {
    let setting = log_dirs(dir);
    let server = Server::start(&serving(&setting, &[]));
    let mut stream = TcpStream::connect(server.address()).unwrap();
    make_topic(&mut stream, "orders");
    server.signal(signal);
    server.wait();
    let data = dir.join("data");
    let catalog = "topics/00000000-0000-0000-0000-000000000001/0/00000000000000000000.log";
    (data.clone(), data.join(catalog))
}

/// Checks, and makes sure that nothing was changed.
fn check(data: &Path, more: &[&str]) -> (Option<i32>, String) {
    let before = contents(data);
    let (code, stdout, stderr) = run(&[&["check", data.to_str().unwrap()], more].concat());
    assert_eq!(stderr, "");
    assert_eq!(contents(data), before);
    (code, stdout)
}

#[test]
fn a_directory_that_was_closed_cleanly_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    let (data, _) = served(dir.path(), "-TERM");
    let (code, said) = check(&data, &["--records"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(", closed cleanly\n"), "{said}");
    assert!(said.ends_with("\nsound\n"), "{said}");
}

#[test]
fn a_torn_tail_after_a_crash_is_told_and_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (data, log) = served(dir.path(), "-KILL");
    let mut bytes = fs::read(&log).unwrap();
    let end = bytes.len();
    bytes.extend([7; 100]);
    fs::write(&log, &bytes).unwrap();
    let (code, said) = check(&data, &[]);
    assert_eq!(code, Some(0), "{said}");
    let told = format!("byte {end}: torn tail: the next start cuts off 100 bytes");
    assert!(
        said.starts_with("crash: ") && said.contains(&told),
        "{said}"
    );
    assert!(said.contains(", not closed cleanly\n"), "{said}");
}

#[test]
fn damage_is_told_by_file_and_byte_and_ends_with_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    let (data, log) = served(dir.path(), "-TERM");
    let mut bytes = fs::read(&log).unwrap();
    bytes[70] ^= 1;
    fs::write(&log, &bytes).unwrap();
    let (code, said) = check(&data, &[]);
    assert_eq!(code, Some(1), "{said}");
    let name = log.strip_prefix(&data).unwrap().display().to_string();
    let told = format!("damage: {name} byte 0: batch checksum is ");
    assert!(said.starts_with(&told), "{said}");
    assert!(said.contains("DAMAGED in "), "{said}");
}

#[test]
fn findings_are_json_on_request_with_the_names_of_topics() {
    let dir = tempfile::tempdir().unwrap();
    let (data, catalog) = served(dir.path(), "-TERM");
    let topics = fs::read_dir(data.join("topics")).unwrap();
    let mut topics = topics.map(|entry| entry.unwrap().path().join("0"));
    let orders = topics.find(|topic| !catalog.starts_with(topic)).unwrap();
    fs::write(orders.join("notes.txt"), "mine").unwrap();
    let (code, said) = check(&data, &["--json"]);
    assert_eq!(code, Some(0), "{said}");
    let lines = objects(&said);
    assert_eq!(lines[0]["severity"], "note");
    assert_eq!(lines[0]["topic"], "orders");
    assert_eq!(lines[0]["partition"], 0);
    assert_eq!(lines[1]["summary"]["notes"], 1);
    assert_eq!(lines[1]["summary"]["clean"], true);
    let (_, said) = check(&data, &[]);
    assert!(said.starts_with("note: orders-0: topics/"), "{said}");
}

#[test]
fn what_cannot_be_checked_is_told_apart_from_damage() {
    let dir = tempfile::tempdir().unwrap();
    let setting = log_dirs(dir.path());
    let server = Server::start(&serving(&setting, &[]));
    let data = dir.path().join("data");
    let (code, _, stderr) = run(&["check", data.to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("is in use by process"), "{stderr}");
    drop(server);
    let (code, _, stderr) = run(&["check", dir.path().to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("cannot read"), "{stderr}");
}

#[test]
fn a_dump_shows_batches_and_records_as_text_and_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let (_, log) = served(dir.path(), "-TERM");
    let log = log.to_str().unwrap();
    let (code, batches, _) = run(&["dump", log]);
    assert_eq!(code, Some(0), "{batches}");
    let size = fs::metadata(log).unwrap().len();
    let begins = "batch base_offset=0 last_offset=";
    assert!(batches.starts_with(begins), "{batches}");

    let (code, said, _) = run(&["dump", log, "--json", "--records"]);
    assert_eq!(code, Some(0), "{said}");
    let lines = objects(&said);
    let of = |kind: &str| {
        let of_kind = lines.iter().filter(|line| line["type"] == kind);
        of_kind.collect::<Vec<_>>()
    };
    let sizes = of("batch")
        .into_iter()
        .map(|batch| batch["size"].as_u64().unwrap());
    let sizes: u64 = sizes.sum();
    assert_eq!((of("batch").len(), sizes), (batches.lines().count(), size));
    let records = of("record");
    let offsets: Vec<_> = records
        .iter()
        .map(|line| line["offset"].as_u64().unwrap())
        .collect();
    assert!(offsets.len() > 1 && offsets.iter().copied().eq(0..offsets.len() as u64));
    // The catalog's records are binary, and the name of the topic stands in the first.
    let value = records[0]["value"]["hex"].as_str().unwrap_or_default();
    assert!(value.contains("6f7264657273"), "{said}");

    let last = offsets.last().unwrap().to_string();
    let (_, said, _) = run(&["dump", log, "--json", "--records", "--from", &last]);
    let lines = objects(&said);
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!(lines[1]["offset"].to_string(), last);
}

#[test]
fn a_dump_goes_on_behind_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (_, log) = served(dir.path(), "-TERM");
    let good = fs::read(&log).unwrap();
    let mut bytes = [&good[..], &good[..]].concat();
    bytes[70] ^= 1;
    fs::write(&log, &bytes).unwrap();
    let (code, said, _) = run(&["dump", log.to_str().unwrap(), "--json"]);
    assert_eq!(code, Some(1), "{said}");
    let lines = objects(&said);
    assert_eq!(lines[0]["type"], "damage");
    assert_eq!(lines[0]["position"], 0);
    assert_eq!(lines[1]["type"], "batch");
    assert_eq!(lines[1]["position"], lines[0]["size"]);
}

#[test]
fn a_dump_shows_the_small_files_too() {
    let dir = tempfile::tempdir().unwrap();
    let (data, log) = served(dir.path(), "-TERM");
    let partition = log.parent().unwrap();
    let dump = |path: PathBuf| {
        let (code, said, stderr) = run(&["dump", path.to_str().unwrap()]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{said}");
        said
    };
    assert_eq!(dump(data.join("clean")), "clean\n");
    let end = fs::metadata(&log).unwrap().len();
    let index = dump(partition.join("00000000000000000000.index"));
    assert!(index.starts_with("index_entry offset="), "{index}");
    assert!(index.contains(&format!(" position={end} ")), "{index}");
    let is_point = |path: &PathBuf| path.extension().is_some_and(|end| end == "snapshot");
    let point = contents(partition).into_keys().find(is_point).unwrap();
    // Nobody but the broker writes there.
    assert_eq!(dump(point), "");
    let (code, _, stderr) = run(&["dump", data.join("nothing.index").to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("nothing.index: "), "{stderr}");
}

#[test]
fn a_dump_shows_how_transactions_ended() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default(), 0).unwrap();
    let id = TopicPartition {
        topic_id: uuid::Uuid::from_u128(7),
        index: 0,
    };
    let partition = store.create_partition(id, LogConfig::default()).unwrap();
    let sent = Builder::new().producer(5, 0, NO_SEQUENCE).transactional();
    let sent = sent.record(0, None, Some(b"x")).build().unwrap();
    let marker = Marker {
        producer_id: 5,
        producer_epoch: 1,
        coordinator_epoch: 2,
        outcome: Outcome::Abort,
    };
    for batch in [sent, marker.batch(0).unwrap()] {
        partition.append(batch, AppendMode::Internal, 0).unwrap();
    }
    store.close().unwrap();
    drop((store, partition));
    let dump = |extension: &str| {
        let is_wanted = |path: &PathBuf| path.extension().is_some_and(|end| end == extension);
        let file = contents(dir.path()).into_keys().find(is_wanted).unwrap();
        let (code, said, stderr) = run(&["dump", file.to_str().unwrap()]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{said}");
        said
    };
    let log = dump("log");
    let told =
        "marker offset=1 outcome=\"abort\" producer_id=5 producer_epoch=1 coordinator_epoch=2";
    assert!(log.lines().any(|line| line == told), "{log}");
    let list = dump("aborted");
    assert_eq!(list, "aborted producer_id=5 first_offset=0 last_offset=1\n");
    let producer = dump("snapshot");
    assert!(producer.contains(" coordinator_epoch=2"), "{producer}");
    assert_eq!(check(dir.path(), &[]).0, Some(0));
}

#[test]
fn a_dump_whose_reader_leaves_ends_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let (_, log) = served(dir.path(), "-TERM");
    let good = fs::read(&log).unwrap();
    fs::write(&log, good.repeat(2_000)).unwrap();
    let mut command = millstream(&["dump", log.to_str().unwrap(), "--records"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
