//! Serving and stopping: health checks, and what each signal does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use crate::client::{make_topic, receive, request};
use crate::support::{Server, log_dirs, millstream, serving};
use millstream_wire::ApiKey;
use millstream_wire::api::{api_versions, fetch, metadata};

fn ping(address: &str) -> (Option<i32>, String) {
    let output = millstream(&["ping", address])
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn ping_tells_a_server_from_anything_else() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    let server = Server::start(&serving(&data, &[]));
    let (code, said) = ping(server.address());
    assert!(code == Some(0) && said.contains("answered in"), "{said}");

    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let (code, said) = ping(&nobody);
    assert!(
        code == Some(1) && said.contains("Connection refused"),
        "{said}"
    );

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
    });
    let (code, said) = ping(&address);
    answering.join().unwrap();
    assert!(
        code == Some(1) && said.contains("not of the Kafka protocol"),
        "{said}"
    );
}

#[test]
fn either_signal_stops_the_server_clean() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start(&serving(&data, &[]));
        let mut idle = TcpStream::connect(server.address()).unwrap();
        send_behind_greeting(&mut idle, b"");
        server.signal(signal);
        server.line_with("stopped");
        assert_eq!(idle.read(&mut [0]).unwrap(), 0);
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    let mut server = Server::start(&serving(&data, &["--set", "shutdown.timeout.ms=600000"]));
    let _unread = unread_answer(server.address());
    server.signal("-TERM");
    server.line_with("SIGTERM: stopping");
    server.signal("-TERM");
    server.line_with("stopped at once");
    assert_eq!(server.wait().code(), Some(1));
}

#[test]
fn a_client_that_takes_no_answer_does_not_hold_up_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    let mut server = Server::start(&serving(&data, &["--set", "shutdown.timeout.ms=50"]));
    let _unread = unread_answer(server.address());
    server.signal("-TERM");
    server.line_with("closing with requests unanswered");
    server.line_with("stopped");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_stop_answers_long_polls() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    let server = Server::start(&serving(&data, &["--set", "shutdown.timeout.ms=600000"]));
    let mut waiting = long_poll(server.address());
    server.signal("-TERM");
    receive(&mut waiting);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn connections_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    let mut server = Server::start(&serving(&data, &["--set", "max.connections=1"]));
    let _first = long_poll(server.address());
    let mut second = TcpStream::connect(server.address()).unwrap();
    assert_eq!(second.read(&mut [0]).unwrap(), 0);
    server.line_with("there are already 1 connections (max.connections)");
}

/// A connection of which the server has a Fetch that waits for records for ten minutes.
fn long_poll(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    make_topic(&mut stream, "t");
    let partition = fetch::Partition {
        partition_max_bytes: 1,
        ..Default::default()
    };
    let topic = fetch::Topic {
        topic: "t",
        partitions: vec![partition],
        ..Default::default()
    };
    let fetch = fetch::Request {
        max_wait_ms: 600_000,
        min_bytes: 1,
        topics: vec![topic],
        ..Default::default()
    };
    send_behind_greeting(&mut stream, &request(ApiKey::Fetch, 4, &fetch));
    stream
}

/// A connection on which the server is writing an answer that is too large for any buffer, and that
/// nobody reads.
fn unread_answer(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let names: Vec<String> = (0..1_500).map(|n| format!("{n:030000}")).collect();
    let topic = |name| metadata::Topic {
        name: Some(name),
        ..Default::default()
    };
    let topics = metadata::Request {
        topics: Some(names.iter().map(|name| topic(name.as_str())).collect()),
        ..Default::default()
    };
    stream
        .write_all(&request(ApiKey::Metadata, 4, &topics))
        .unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    stream
}

/// Sends a request together with one before it, of which the answer shows that both have arrived.
fn send_behind_greeting(stream: &mut TcpStream, behind: &[u8]) {
    let greeting = request(ApiKey::ApiVersions, 0, &api_versions::Request::default());
    stream.write_all(&[&greeting, behind].concat()).unwrap();
    receive(stream);
}
