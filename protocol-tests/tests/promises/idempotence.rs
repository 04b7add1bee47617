//! A batch that is sent again is not appended again, and a gap is refused, over a restart as well.

use millstream_batch::Builder;
use millstream_protocol_tests::clients::{Admin, read_all};
use millstream_protocol_tests::raw::Connection;
use millstream_protocol_tests::server::Server;
use millstream_wire::api::{init_producer_id, produce};
use millstream_wire::{ApiKey, ErrorCode};

/// The id and the epoch that the server gives to a new producer.
fn new_producer(connection: &mut Connection) -> (i64, i16) {
    let request = init_producer_id::Request {
        transaction_timeout_ms: 60_000,
        ..Default::default()
    };
    let answer = connection.ask(ApiKey::InitProducerId, 4, &request);
    let response: init_producer_id::Response = answer.decode();
    assert_eq!(response.error_code, ErrorCode::NONE);
    (response.producer_id, response.producer_epoch)
}

/// Sends three records, the first with `sequence`, and returns the answer: the code and the base offset.
fn append(connection: &mut Connection, producer: (i64, i16), sequence: i32) -> (ErrorCode, i64) {
    let empty = Builder::new().producer(producer.0, producer.1, sequence);
    let records = (0..3).fold(empty, |builder, n| builder.record(n, None, Some(b"value")));
    let batch = records.build().unwrap().stamp(0, -1);
    let partition = produce::Partition {
        index: 0,
        records: Some(&batch),
    };
    let topic = produce::Topic {
        name: "t",
        partition_data: vec![partition],
        ..Default::default()
    };
    let request = produce::Request {
        acks: -1,
        timeout_ms: 10_000,
        topic_data: vec![topic],
        ..Default::default()
    };
    let answer = connection.ask(ApiKey::Produce, 9, &request);
    let response: produce::Response<'_> = answer.decode();
    let result = &response.responses[0].partition_responses[0];
    (result.error_code, result.base_offset)
}

#[test]
fn the_last_five_batches_are_known_again() {
    let mut server = Server::start();
    Admin::new(&server.bootstrap()).create("t", 1, &[]);
    let mut connection = Connection::open(server.address());
    let producer = new_producer(&mut connection);
    for n in 0..7 {
        assert_eq!(
            append(&mut connection, producer, 3 * n),
            (ErrorCode::NONE, i64::from(3 * n))
        );
    }
    for restart in [None, Some(false), Some(true)] {
        if let Some(crash) = restart {
            if crash {
                server.kill();
            } else {
                assert!(server.terminate().success());
            }
            server.restart();
            connection = Connection::open(server.address());
        }
        for n in 2..7 {
            let answer = append(&mut connection, producer, 3 * n);
            assert_eq!(
                answer,
                (ErrorCode::NONE, i64::from(3 * n)),
                "batch {n}, restart {restart:?}"
            );
        }
        let (code, _offset) = append(&mut connection, producer, 3 * 8);
        assert_eq!(
            code,
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            "a gap, restart {restart:?}"
        );
    }
    assert_eq!(read_all(&server.bootstrap(), "t", 1)[0].len(), 21);
}

#[test]
fn no_two_producers_share_an_id_whatever_happens_between() {
    let mut server = Server::start();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let mut connection = Connection::open(server.address());
        ids.extend((0..10).map(|_| new_producer(&mut connection).0));
        server.kill();
        server.restart();
    }
    let given = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), given);
}
