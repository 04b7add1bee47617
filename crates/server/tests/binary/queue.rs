//! Queues are made, shown, emptied and refilled from the command line.

use std::net::TcpStream;

use millstream_batch::{Batches, Builder, RecordHeader};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{fetch, make_topic, produce, take};
use crate::support::{Server, log_dirs, objects, run, serving};

/// A server, a connection to it, and its data.
struct Running {
    server: Server,
    stream: TcpStream,
    _data: TempDir,
}

impl Running {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(&serving(&log_dirs(data.path()), &[]));
        let stream = TcpStream::connect(server.address()).unwrap();
        Self {
            server,
            stream,
            _data: data,
        }
    }

    /// Runs a command about queues: its exit code, and what it wrote on standard output and error.
    fn queue(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let server = ["--bootstrap-server", self.server.address()];
        run(&[&["queue"][..], args, &server].concat())
    }

    /// What a command that succeeds prints as JSON.
    fn objects(&self, args: &[&str]) -> Vec<Value> {
        let (code, said, error) = self.queue(&[args, &["--output", "json"]].concat());
        assert_eq!((code, error.as_str()), (Some(0), ""));
        objects(&said)
    }

    /// What a command that fails has to say.
    fn refusal(&self, args: &[&str]) -> String {
        let (code, said, error) = self.queue(args);
        assert_eq!((code, said.as_str()), (Some(1), ""));
        error
    }

    /// Partition and value of each message in the first partitions of a topic.
    fn messages(&mut self, topic: &str, partitions: i32) -> Vec<(i32, String)> {
        let mut found = Vec::new();
        for partition in 0..partitions {
            let bytes = fetch(&mut self.stream, topic, partition);
            for batch in Batches::new(&bytes) {
                for record in &batch.unwrap().records(1 << 20).unwrap() {
                    let record = record.unwrap();
                    assert_eq!(record.headers.len(), 1, "its own header, and no other");
                    let value = String::from_utf8(record.value.unwrap().to_vec());
                    found.push((partition, value.unwrap()));
                }
            }
        }
        found
    }
}

/// Messages without keys, as old as can be.
fn jobs(count: usize) -> Builder {
    (0..count).fold(Builder::new(), |batch, _| {
        batch.record(1, None, Some(b"job"))
    })
}

#[test]
fn a_queue_is_made_shown_emptied_and_removed() {
    let mut running = Running::start();
    let options = [
        "--partitions",
        "2",
        "--group",
        "workers",
        "--set",
        "segment.ms=5000",
    ];
    let made = running.objects(&[&["create", "jobs"][..], &options].concat());
    assert_eq!(made, [json!({"queue": "jobs", "partitions": 2})]);
    make_topic(&mut running.stream, "stream");
    produce(&mut running.stream, "jobs", 1, jobs(3));

    let shown = running.objects(&["describe", "jobs"]);
    assert_eq!(
        (&shown[0]["queue"], &shown[0]["waiting"]),
        (&json!("jobs"), &json!(3))
    );
    let waiting: Vec<_> = shown[1..].iter().map(|shown| &shown["waiting"]).collect();
    assert_eq!(waiting, [&json!(0), &json!(3)]);
    assert!(shown[0]["oldest_ms"].as_i64() > Some(0) && shown[1]["oldest_ms"].is_null());
    let (code, table, _) = running.queue(&["list"]);
    assert_eq!(code, Some(0));
    assert!(table.starts_with("QUEUE  PARTITIONS  WAITING  "), "{table}");
    assert!(table.contains("\njobs   2           3        "), "{table}");
    assert!(!table.contains("stream"), "{table}");

    let purged = running.objects(&["purge", "jobs"]);
    assert_eq!(purged, [json!({"queue": "jobs", "removed": 3})]);
    assert_eq!(
        running.objects(&["describe", "jobs"])[0]["waiting"],
        json!(0)
    );
    assert_eq!(
        running.objects(&["delete", "jobs"]),
        [json!({"deleted": "jobs"})]
    );
    assert_eq!(running.objects(&["list"]), Vec::<Value>::new());
}

#[test]
fn what_a_delay_holds_back_is_told_apart() {
    let mut running = Running::start();
    running.objects(&[
        "create",
        "jobs",
        "--delay-ms",
        "600000",
        "--set",
        "message.timestamp.type=LogAppendTime",
    ]);
    produce(&mut running.stream, "jobs", 0, jobs(2));
    let shown = &running.objects(&["list"])[0];
    assert_eq!(
        (&shown["waiting"], &shown["delayed"]),
        (&json!(0), &json!(2))
    );
}

#[test]
fn what_consumers_have_is_told_apart() {
    let mut running = Running::start();
    running.objects(&["create", "jobs", "--partitions", "2"]);
    produce(&mut running.stream, "jobs", 0, jobs(5));
    let shown = &running.objects(&["list"])[0];
    assert!(shown["in_flight"].is_null() && shown["owner"].is_null());
    take(&mut running.stream, "workers", "jobs", 2);
    let shown = &running.objects(&["list"])[0];
    let number = |name: &str| shown[name].as_i64().unwrap();
    assert_eq!(
        (number("waiting"), number("in_flight"), number("dead")),
        (3, 2, 0)
    );
    assert_eq!(shown["owner"], json!("workers"));

    running.objects(&["purge", "jobs"]);
    produce(&mut running.stream, "jobs", 0, jobs(4));
    let shown = &running.objects(&["list"])[0];
    let number = |name: &str| shown[name].as_i64().unwrap();
    assert_eq!((number("waiting"), number("in_flight")), (4, 0));
}

#[test]
fn what_cannot_be_done_is_told_in_a_line() {
    let mut running = Running::start();
    make_topic(&mut running.stream, "stream");
    for command in ["describe", "purge", "delete"] {
        let said = running.refusal(&[command, "stream"]);
        assert_eq!(
            said,
            "millstream: topic stream is no queue: its queue.enable is false\n"
        );
        let said = running.refusal(&[command, "missing"]);
        assert_eq!(
            said,
            "millstream: missing: topic \"missing\" does not exist\n"
        );
    }
    let said = running.refusal(&["create", "jobs", "--dead-letter-topic", "jobs"]);
    assert!(
        said.contains("invalid value \"jobs\" for queue.dead.letter.topic"),
        "{said}"
    );
    let said = running.refusal(&["redrive", "missing"]);
    assert_eq!(said, "millstream: missing: there is no such topic\n");
}

/// A letter from a partition of a queue.
fn letter(topic: &str, partition: &str, value: &str) -> Builder {
    let headers = [
        ("own", "x"),
        ("queue.dead.topic", topic),
        ("queue.dead.partition", partition),
        ("queue.dead.offset", "5"),
    ];
    let headers = headers.map(|(key, value)| RecordHeader {
        key: key.as_bytes(),
        value: Some(value.as_bytes()),
    });
    let mut batch = Builder::new();
    batch.push(1, Some(b"k"), Some(value.as_bytes()), &headers);
    batch
}

#[test]
fn dead_letters_go_back_to_where_they_came_from() {
    let mut running = Running::start();
    running.objects(&["create", "jobs", "--partitions", "2"]);
    running.objects(&["create", "mails"]);
    running.objects(&["create", "graveyard", "--partitions", "2"]);
    for (at, topic, from, value) in [
        (0, "jobs", "0", "a"),
        (0, "mails", "0", "b"),
        (1, "jobs", "1", "c"),
        (0, "jobs", "1", "d"),
    ] {
        produce(
            &mut running.stream,
            "graveyard",
            at,
            letter(topic, from, value),
        );
    }
    let moved = running.objects(&["redrive", "graveyard", "--rate", "1000"]);
    let row = |to: &str, count: i64| json!({"dead_letters": "graveyard", "to": to, "moved": count});
    assert_eq!(moved, [row("jobs", 3), row("mails", 1)]);
    let at = |partition, value: &str| (partition, value.to_owned());
    assert_eq!(
        running.messages("jobs", 2),
        [at(0, "a"), at(1, "d"), at(1, "c")]
    );
    assert_eq!(running.messages("mails", 1), [at(0, "b")]);
    assert_eq!(
        running.objects(&["describe", "graveyard"])[0]["waiting"],
        json!(0)
    );
    assert_eq!(
        running.objects(&["redrive", "graveyard"]),
        Vec::<Value>::new()
    );
}

#[test]
fn a_letter_that_cannot_go_back_stays_with_those_behind_it() {
    let mut running = Running::start();
    running.objects(&["create", "jobs"]);
    running.objects(&["create", "graveyard"]);
    for (topic, value) in [("jobs", "a"), ("gone", "b"), ("jobs", "c")] {
        produce(
            &mut running.stream,
            "graveyard",
            0,
            letter(topic, "0", value),
        );
    }
    let said = running.refusal(&["redrive", "graveyard"]);
    let expected = "millstream: message 1 of partition 0 of graveyard stays: there is no topic \"gone\"; --to names another\n";
    assert_eq!(said, expected);
    assert_eq!(
        running.objects(&["describe", "graveyard"])[0]["waiting"],
        json!(2)
    );
    let moved = running.objects(&["redrive", "graveyard", "--to", "jobs"]);
    assert_eq!(moved[0]["moved"], json!(2));
    let values: Vec<_> = running
        .messages("jobs", 1)
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    assert_eq!(values, ["a", "b", "c"]);
}
