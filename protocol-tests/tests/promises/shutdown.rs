//! SIGTERM ends the server in order: what was acknowledged is there, and the next start has nothing to recover.

use millstream_protocol_tests::clients::{Admin, Producer, Record, read_all};
use millstream_protocol_tests::raw::Connection;
use millstream_protocol_tests::server::Server;
use millstream_wire::ApiKey;
use millstream_wire::api::metadata;

#[test]
fn sigterm_amid_producing_loses_nothing() {
    let mut server = Server::start();
    let bootstrap = server.bootstrap();
    Admin::new(&bootstrap).create("t", 2, &[]);
    let settings = [("enable.idempotence", "true"), ("linger.ms", "1")];
    let mut producer = Producer::new(&bootstrap, "t", &settings);
    for round in 0..3u64 {
        for n in 0..2_000 {
            producer.send(&Record::new(
                format!("{}", n % 10),
                format!("{}", round * 2_000 + n),
            ));
        }
        assert!(server.terminate().success(), "an orderly end");
        server.restart();
    }
    producer.flush();
    assert!(producer.answers().values().all(Result::is_ok));
    let mut read: Vec<u64> = read_all(&bootstrap, "t", 2)
        .iter()
        .flatten()
        .map(Record::number)
        .collect();
    read.sort_unstable();
    assert!(read.into_iter().eq(0..6_000), "everything, and once");
}

/// The leader epoch of a topic's first partition; it grows when a start could not rely on an orderly end.
fn leader_epoch(server: &Server, topic: &str) -> i32 {
    let topics = vec![metadata::Topic {
        name: Some(topic),
        ..Default::default()
    }];
    let request = metadata::Request {
        topics: Some(topics),
        ..Default::default()
    };
    let answer = Connection::open(server.address()).ask(ApiKey::Metadata, 12, &request);
    answer.decode::<metadata::Response<'_>>().topics[0].partitions[0].leader_epoch
}

#[test]
fn only_a_crash_begins_a_new_leader_epoch() {
    let mut server = Server::start();
    Admin::new(&server.bootstrap()).create("t", 1, &[]);
    Producer::new(&server.bootstrap(), "t", &[]).send_all(&[Record::new("k", "v")]);
    let first = leader_epoch(&server, "t");
    assert!(server.terminate().success());
    server.restart();
    assert_eq!(leader_epoch(&server, "t"), first, "after an orderly end");
    server.kill();
    server.restart();
    assert_eq!(leader_epoch(&server, "t"), first + 1, "after a crash");
}
