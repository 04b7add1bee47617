//! A hundred thousand positions of groups and ten thousand transactional ids: how soon they are known again.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use millstream_protocol_tests::raw::Connection;
use millstream_protocol_tests::server::Server;
use millstream_wire::api::{describe_transactions, offset_commit, offset_fetch};
use millstream_wire::{ApiKey, ErrorCode};

use crate::frames::TOPIC;
use crate::load::{Outcome, note};
use crate::options::Options;
use crate::partitions::restart;
use crate::producer::init;
use crate::report::milliseconds;
use crate::target::{Durability, Target, Usage};

const GROUPS: usize = 1_000;
/// Each group has a position in all of them.
const PARTITIONS: i32 = 100;
const TRANSACTIONAL_IDS: usize = 10_000;
/// How many fill the server at once.
const CONNECTIONS: usize = 16;
/// A server does not take longer than this to know again what it knew.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long after its start the server was there, had answered for a group, and then for a transactional id.
struct Times {
    ready: Duration,
    position: Duration,
    transaction: Duration,
}

/// Starts after kill -9, and after an orderly end.
pub(crate) fn positions_and_transactional_ids(options: &Options) -> Outcome {
    let target = Target::start(options);
    target.make_topic(PARTITIONS, Durability::Disk);
    fill(target.address());
    let Target::Millstream(mut server) = target else {
        return Outcome::default();
    };
    let id = transactional_id(TRANSACTIONAL_IDS - 1);
    let producer = init(&mut Connection::open(server.address()), &id);
    server.kill();
    let crashed = open(&mut server, &id, producer);
    assert!(server.terminate().success(), "an orderly end");
    let clean = open(&mut server, &id, (producer.0, producer.1 + 1));
    Outcome {
        length: clean.transaction,
        usage: Some(Usage::of(server.id())),
        notes: vec![
            note("ready ms", milliseconds(clean.ready)),
            note("position ms", milliseconds(clean.position)),
            note("transactional id ms", milliseconds(clean.transaction)),
            note("ready ms after kill -9", milliseconds(crashed.ready)),
            note("position ms after it", milliseconds(crashed.position)),
            note(
                "transactional id ms after it",
                milliseconds(crashed.transaction),
            ),
        ],
        ..Outcome::default()
    }
}

fn group(n: usize) -> String {
    format!("group-{n}")
}

fn transactional_id(n: usize) -> String {
    format!("transactional-id-{n}")
}

/// The position of a group in a partition, which no other group has there.
fn position(group: usize, partition: i32) -> i64 {
    group as i64 * i64::from(PARTITIONS) + i64::from(partition)
}

fn fill(address: SocketAddr) {
    let part = |first: usize| {
        let mut connection = Connection::open(address);
        for n in (first..GROUPS).step_by(CONNECTIONS) {
            commit(&mut connection, n);
        }
        for n in (first..TRANSACTIONAL_IDS).step_by(CONNECTIONS) {
            init(&mut connection, &transactional_id(n));
        }
    };
    thread::scope(|scope| {
        for first in 0..CONNECTIONS {
            scope.spawn(move || part(first));
        }
    });
}

fn commit(connection: &mut Connection, n: usize) {
    let partition = |index| offset_commit::Partition {
        partition_index: index,
        committed_offset: position(n, index),
        ..Default::default()
    };
    let topic = offset_commit::Topic {
        name: TOPIC,
        partitions: (0..PARTITIONS).map(partition).collect(),
        ..Default::default()
    };
    let group = group(n);
    let request = offset_commit::Request {
        group_id: &group,
        topics: vec![topic],
        ..Default::default()
    };
    let answer = connection.ask(ApiKey::OffsetCommit, 9, &request);
    let answer: offset_commit::Response<'_> = answer.decode();
    for partition in &answer.topics[0].partitions {
        assert_eq!(partition.error_code, ErrorCode::NONE, "{group}");
    }
}

/// Starts the server and asks for what it knew before; `producer` is who used `id` then, and is followed by another.
fn open(server: &mut Server, id: &str, producer: (i64, i16)) -> Times {
    let begin = Instant::now();
    let ready = restart(server);
    let mut connection = Connection::open(server.address());
    ask_until(|| positions(&mut connection, GROUPS - 1));
    let position = begin.elapsed();
    let known = ask_until(|| describe(&mut connection, id));
    assert_eq!(known, producer, "the last producer of {id}");
    let next = init(&mut connection, id);
    assert_eq!(next, (producer.0, producer.1 + 1), "the next one");
    Times {
        ready,
        position,
        transaction: begin.elapsed(),
    }
}

/// Asks again while the server says that it is not there yet.
fn ask_until<T>(mut ask: impl FnMut() -> Result<T, ErrorCode>) -> T {
    let begin = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) if begin.elapsed() < PATIENCE => {}
            Err(error) => panic!("{error:?} after {:?}", begin.elapsed()),
        }
    }
}

/// Asks for all positions of a group and proves that they are as they were.
fn positions(connection: &mut Connection, n: usize) -> Result<(), ErrorCode> {
    let group = group(n);
    let request = offset_fetch::Request {
        groups: vec![offset_fetch::Group {
            group_id: &group,
            ..Default::default()
        }],
        ..Default::default()
    };
    let answer = connection.ask(ApiKey::OffsetFetch, 9, &request);
    let answer: offset_fetch::Response<'_> = answer.decode();
    let found = &answer.groups[0];
    if found.error_code != ErrorCode::NONE {
        return Err(found.error_code);
    }
    let partitions = &found.topics[0].partitions;
    assert_eq!(partitions.len(), PARTITIONS as usize, "{group}");
    for partition in partitions {
        let expected = position(n, partition.partition_index);
        assert_eq!(partition.committed_offset, expected, "{group}");
    }
    Ok(())
}

/// The last producer of a transactional id.
fn describe(connection: &mut Connection, id: &str) -> Result<(i64, i16), ErrorCode> {
    let request = describe_transactions::Request {
        transactional_ids: vec![id],
    };
    let answer = connection.ask(ApiKey::DescribeTransactions, 0, &request);
    let answer: describe_transactions::Response<'_> = answer.decode();
    let state = &answer.transaction_states[0];
    match state.error_code {
        ErrorCode::NONE => Ok((state.producer_id, state.producer_epoch)),
        error => Err(error),
    }
}
