//! Damage on the disk costs who reads the damaged records an error, and the operator is told where it is.

use std::fs;
use std::path::{Path, PathBuf};

use millstream_protocol_tests::clients::{Admin, Producer, Record};
use millstream_protocol_tests::raw::Connection;
use millstream_protocol_tests::server::Server;
use millstream_wire::api::fetch;
use millstream_wire::{ApiKey, ErrorCode};

/// The newest version that names topics.
const VERSION: i16 = 12;

/// The segment in which the topic's records are: the largest file of a log in the data directory.
fn segment(directory: &Path) -> PathBuf {
    let entries = |dir: PathBuf| fs::read_dir(dir).expect("a directory");
    let partitions = entries(directory.join("topics"))
        .flat_map(|topic| entries(topic.expect("a topic").path()))
        .flat_map(|partition| entries(partition.expect("a partition").path()));
    let logs = partitions
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.max_by_key(|path| fs::metadata(path).expect("a file").len())
        .expect("there are segments")
}

/// The error of a fetch from that offset, and how many bytes of records came.
fn fetch_from(server: &Server, fetch_offset: i64) -> (ErrorCode, usize) {
    let partition = fetch::Partition {
        fetch_offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = fetch::Topic {
        topic: "t",
        partitions: vec![partition],
        ..Default::default()
    };
    let request = fetch::Request {
        topics: vec![topic],
        ..Default::default()
    };
    let answer = Connection::open(server.address()).ask(ApiKey::Fetch, VERSION, &request);
    let response: fetch::Response<'_> = answer.decode();
    let result = &response.responses[0].partitions[0];
    let bytes = result.records.len();
    (result.error_code, bytes)
}

#[test]
fn a_flipped_bit_fails_the_fetch_of_its_batch_with_one_line_that_says_where() {
    let mut server = Server::start();
    Admin::new(&server.bootstrap()).create("t", 1, &[]);
    let settings = [("batch.num.messages", "1")];
    let mut producer = Producer::new(&server.bootstrap(), "t", &settings);
    // Batches of one record, all alike in size and each with an index entry behind it.
    for _ in 0..9 {
        producer.send_all(&[Record::new("k", vec![7; 20_000])]);
    }
    assert!(server.terminate().success());
    let segment = segment(server.directory());
    let mut bytes = fs::read(&segment).expect("the segment can be read");
    let size = bytes.len() / 9;
    bytes[4 * size + size / 2] ^= 1;
    fs::write(&segment, bytes).expect("the segment can be written");
    server.restart();

    assert_eq!(fetch_from(&server, 0), (ErrorCode::NONE, 4 * size));
    assert_eq!(fetch_from(&server, 4), (ErrorCode::CORRUPT_MESSAGE, 0));
    assert_eq!(fetch_from(&server, 5), (ErrorCode::NONE, 4 * size));
    let place = format!("{} is corrupt at byte {}", segment.display(), 4 * size);
    server.wait_for_log(&place);
    assert_eq!(server.log().matches(&place).count(), 1);
    let places = Producer::new(&server.bootstrap(), "t", &[]).send_all(&[Record::new("k", "on")]);
    assert_eq!(places, [(0, 9)]);
}
