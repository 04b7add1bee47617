//! Bad bytes cost their own connection, with one line in the log that says why, and nobody else's.

use std::time::{Duration, Instant};

use millstream_protocol_tests::clients::{Admin, PATIENCE, Producer, Record, read_all};
use millstream_protocol_tests::dice::Dice;
use millstream_protocol_tests::raw::{Connection, request};
use millstream_protocol_tests::server::Server;
use millstream_wire::api::{api_versions, metadata, produce};
use millstream_wire::{ApiKey, ErrorCode};

fn assert_works(connection: &mut Connection) {
    let answer = connection.ask(ApiKey::ApiVersions, 3, &greeting());
    let response: api_versions::Response = answer.decode();
    assert_eq!(response.error_code, ErrorCode::NONE);
}

fn greeting() -> api_versions::Request<'static> {
    api_versions::Request {
        client_software_name: "test",
        client_software_version: "1",
    }
}

/// A frame that says it is `length` bytes long, and begins with `start`.
fn frame(length: i32, start: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes(), start].concat()
}

fn patched(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}

fn bad_bytes() -> Vec<(&'static str, Vec<u8>)> {
    let metadata = || request(ApiKey::Metadata, 12, &metadata::Request::default());
    let greeting = || request(ApiKey::ApiVersions, 3, &greeting());
    vec![
        ("a negative length", frame(-1, &[])),
        ("the most negative length", frame(i32::MIN, &[])),
        ("a huge length", frame(i32::MAX, &[0; 64])),
        ("no room for a header", frame(3, &[0; 3])),
        ("no bytes at all", frame(0, &[])),
        ("an unknown key", patched(metadata(), 4, &[0x7f, 0xff])),
        ("a negative key", patched(metadata(), 4, &[0xff, 0xff])),
        ("an unknown version", patched(metadata(), 6, &[0x7f, 0xff])),
        ("a negative version", patched(metadata(), 6, &[0xff, 0xff])),
        (
            "a client id longer than the frame",
            patched(metadata(), 12, &[0x7f, 0xff]),
        ),
        ("a body that is cut short", frame(12, &greeting()[4..16])),
        (
            "an array longer than the frame",
            [
                &frame(14, &metadata()[4..12])[..],
                b"\0\0\0",
                b"\xff\xff\x7f",
            ]
            .concat(),
        ),
        (
            "HTTP",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        ),
        (
            "a TLS hello",
            [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 100]].concat(),
        ),
        ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
    ]
}

#[test]
fn bad_bytes_cost_their_own_connection_and_one_line() {
    let server = Server::start();
    let mut good = Connection::open(server.address());
    for (name, bytes) in bad_bytes() {
        let mut bad = Connection::open(server.address());
        bad.send(&bytes).unwrap();
        bad.wait_for_close();
        let peer = format!(":{}", bad.port());
        server.wait_for_log(&peer);
        let lines = server
            .log()
            .lines()
            .filter(|line| line.contains(&peer))
            .count();
        assert_eq!(lines, 1, "{name}:\n{}", server.log());
        assert_works(&mut good);
    }
}

#[test]
fn an_unknown_version_of_the_greeting_is_answered() {
    let server = Server::start();
    let mut connection = Connection::open(server.address());
    connection
        .send(&patched(
            request(ApiKey::ApiVersions, 3, &greeting()),
            6,
            &[0, 99],
        ))
        .unwrap();
    let answer = connection.receive().unwrap();
    assert_eq!(
        &answer[4..6],
        ErrorCode::UNSUPPORTED_VERSION.0.to_be_bytes(),
        "in the layout of version 0"
    );
    assert_works(&mut connection);
}

#[test]
fn half_a_frame_and_silence_are_ended() {
    let server = Server::with(&[("socket.request.read.timeout.ms", "200")]);
    let mut good = Connection::open(server.address());
    let mut silent = Connection::open(server.address());
    silent.send(&frame(100, b"half")).unwrap();
    silent.wait_for_close();
    assert_works(&mut good);
}

#[test]
fn a_thousand_idle_connections_are_in_nobodys_way() {
    let server = Server::start();
    let idle: Vec<Connection> = (0..1000)
        .map(|_| Connection::open(server.address()))
        .collect();
    let records = [Record::new("k", "v")];
    Producer::new(&server.bootstrap(), "t", &[]).send_all(&records);
    assert_eq!(
        read_all(&server.bootstrap(), "t", 1)[0][0].content(),
        records[0].content()
    );
    drop(idle);
}

/// A request that was right until a few of its bytes were changed, or bytes that never were one.
fn garbage(dice: &mut Dice) -> Vec<u8> {
    let length = usize::try_from(dice.between(0, 2_000)).unwrap();
    let noise = dice.bytes(length);
    let partition = produce::Partition {
        index: 0,
        records: Some(&noise),
    };
    let topic = produce::Topic {
        name: "t",
        partition_data: vec![partition],
        ..Default::default()
    };
    let body = produce::Request {
        acks: -1,
        topic_data: vec![topic],
        ..Default::default()
    };
    let mut bytes = match dice.between(0, 4) {
        0 => return noise,
        1 => request(ApiKey::Metadata, 12, &metadata::Request::default()),
        2 => request(ApiKey::ApiVersions, 3, &greeting()),
        _ => request(ApiKey::Produce, 9, &body),
    };
    for _ in 0..dice.between(1, 4) {
        let place = usize::try_from(dice.between(4, bytes.len() as u64)).unwrap();
        bytes[place] = dice.next().to_le_bytes()[0];
    }
    bytes
}

#[test]
fn a_good_client_works_amid_garbage() {
    let mut server = Server::start();
    let (bootstrap, address) = (server.bootstrap(), server.address());
    Admin::new(&bootstrap).create("good", 1, &[]);
    let mut dice = Dice::from_environment();
    let mut producer = Producer::new(&bootstrap, "good", &[("enable.idempotence", "true")]);
    let deadline = Instant::now() + PATIENCE;
    for n in 0..1_000 {
        let mut bad = Connection::open(address);
        // The server may close the connection before everything is sent.
        bad.send(&garbage(&mut dice)).ok();
        producer.send(&Record::new("k", format!("{n}")));
        assert!(
            Instant::now() < deadline + Duration::from_secs(60),
            "the server hangs at {n}"
        );
    }
    producer.flush();
    assert!(
        read_all(&bootstrap, "good", 1)[0]
            .iter()
            .map(Record::number)
            .eq(0..1_000)
    );
    server.assert_alive();
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
