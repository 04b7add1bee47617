//! Consumer groups: members share the partitions, hand them over, and go on from what they committed.

use std::time::{Duration, Instant};

use millstream_protocol_tests::clients::{Admin, Change, Consumer, PATIENCE, Producer, Record};
use millstream_protocol_tests::server::Server;
use rdkafka::types::RDKafkaErrorCode;

const PARTITIONS: i32 = 4;
const RECORDS: u64 = 400;

/// A server with a topic `t` whose partitions hold the numbers of `0..RECORDS` in turn.
fn prepared() -> Server {
    let server = Server::start();
    Admin::new(&server.bootstrap()).create("t", PARTITIONS, &[]);
    write_more(&server, 0..RECORDS);
    server
}

fn write_more(server: &Server, numbers: std::ops::Range<u64>) {
    let partition = |n| i32::try_from(n).unwrap() % PARTITIONS;
    let record = |n: u64| Record::new("k", format!("{n}")).to_partition(partition(n));
    Producer::new(&server.bootstrap(), "t", &[]).send_all(&numbers.map(record).collect::<Vec<_>>());
}

/// A member that notices rebalances soon.
fn member(server: &Server, settings: &[(&str, &str)]) -> Consumer {
    let mut all = vec![
        ("heartbeat.interval.ms", "100"),
        ("session.timeout.ms", "6000"),
    ];
    all.extend(settings);
    Consumer::member(&server.bootstrap(), "g", "t", &all)
}

/// Polls the members until they share the partitions evenly; returns what they read meanwhile.
fn settle(members: &[&Consumer]) -> Vec<Record> {
    let share = usize::try_from(PARTITIONS).unwrap() / members.len();
    let deadline = Instant::now() + PATIENCE;
    let mut read = Vec::new();
    while members
        .iter()
        .any(|member| member.assignment().len() != share)
    {
        read.extend(
            members
                .iter()
                .filter_map(|member| member.poll(Duration::from_millis(20))),
        );
        let shares: Vec<_> = members.iter().map(|member| member.assignment()).collect();
        assert!(Instant::now() < deadline, "never settled: {shares:?}");
    }
    let mut all: Vec<i32> = members
        .iter()
        .flat_map(|member| member.assignment())
        .collect();
    all.sort_unstable();
    assert!(
        all.into_iter().eq(0..PARTITIONS),
        "each partition has one owner"
    );
    read
}

fn numbers(records: &[Record]) -> Vec<u64> {
    let mut numbers: Vec<u64> = records.iter().map(Record::number).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn members_share_the_partitions_and_take_over_from_who_leaves() {
    let server = prepared();
    let first = member(&server, &[]);
    let mut read = first.take(usize::try_from(RECORDS).unwrap());
    first.commit().unwrap();
    let second = member(&server, &[]);
    settle(&[&first, &second]);
    write_more(&server, RECORDS..2 * RECORDS);
    let half = usize::try_from(RECORDS).unwrap() / 2;
    for member in [&first, &second] {
        read.extend(member.take(half));
        member.commit().unwrap();
    }
    drop(second);
    settle(&[&first]);
    write_more(&server, 2 * RECORDS..3 * RECORDS);
    read.extend(first.take(2 * half));
    assert!(
        numbers(&read).into_iter().eq(0..3 * RECORDS),
        "everything once"
    );
}

#[test]
fn a_cooperative_member_keeps_what_it_need_not_give() {
    let server = prepared();
    let cooperative = [("partition.assignment.strategy", "cooperative-sticky")];
    let first = member(&server, &cooperative);
    settle(&[&first]);
    let second = member(&server, &cooperative);
    settle(&[&first, &second]);
    let revoked =
        |change: &Change| matches!(change, Change::Revoked(partitions) if !partitions.is_empty());
    let taken: Vec<Change> = first.rebalances().into_iter().filter(revoked).collect();
    assert!(
        matches!(taken.as_slice(), [Change::Revoked(two)] if two.len() == 2),
        "{taken:?}"
    );
    drop(second);
    settle(&[&first]);
    assert_eq!(
        first.rebalances().into_iter().filter(revoked).count(),
        1,
        "nothing more was taken"
    );
}

#[test]
fn a_static_member_returns_without_a_rebalance() {
    let server = prepared();
    let first = member(&server, &[("group.instance.id", "one")]);
    let second = member(&server, &[("group.instance.id", "two")]);
    settle(&[&first, &second]);
    let known = first.rebalances();
    let held = second.assignment();
    drop(second);
    let second = member(&server, &[("group.instance.id", "two")]);
    let deadline = Instant::now() + PATIENCE;
    while second.assignment() != held {
        assert!(
            Instant::now() < deadline,
            "holds {:?}, not {held:?}",
            second.assignment()
        );
        first.poll(Duration::from_millis(20));
        second.poll(Duration::from_millis(20));
    }
    assert_eq!(
        first.rebalances(),
        known,
        "the other member noticed nothing"
    );
}

#[test]
fn a_static_twin_fences_the_first() {
    let server = prepared();
    let first = member(&server, &[("group.instance.id", "one")]);
    settle(&[&first]);
    let second = member(&server, &[("group.instance.id", "one")]);
    settle(&[&second]);
    let deadline = Instant::now() + PATIENCE;
    let fenced = loop {
        assert!(Instant::now() < deadline, "the first was never fenced");
        second.poll(Duration::from_millis(20));
        if let Some(Err(error)) = first.try_poll(Duration::from_millis(20)) {
            break error.rdkafka_error_code();
        }
    };
    assert!(
        matches!(
            fenced,
            Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::FencedInstanceId)
        ),
        "{fenced:?}"
    );
}

#[test]
fn commits_survive_a_restart_and_a_crash() {
    let mut server = prepared();
    let partitions: Vec<i32> = (0..PARTITIONS).collect();
    let consumer = member(&server, &[]);
    consumer.take(usize::try_from(RECORDS).unwrap());
    for (round, offset) in [(0, 10), (1, 20), (2, 30)] {
        for partition in &partitions {
            consumer
                .commit_offset("t", *partition, offset + i64::from(*partition))
                .unwrap();
        }
        match round {
            0 => assert!(server.terminate().success()),
            _ => server.kill(),
        }
        server.restart();
        let expected: Vec<_> = partitions
            .iter()
            .map(|partition| Some(offset + i64::from(*partition)))
            .collect();
        assert_eq!(
            consumer.committed("t", &partitions),
            expected,
            "round {round}"
        );
        settle(&[&consumer]);
    }
    drop(consumer);
    let next = member(&server, &[]).take(usize::try_from(RECORDS).unwrap() - (30 + 31 + 32 + 33));
    let first = |partition: i32| {
        next.iter()
            .find(|record| record.partition == Some(partition))
            .unwrap()
            .offset
    };
    assert_eq!(
        partitions.iter().map(|p| first(*p)).collect::<Vec<_>>(),
        [Some(30), Some(31), Some(32), Some(33)]
    );
}

#[test]
fn groups_do_not_disturb_each_other_and_can_be_deleted() {
    let server = prepared();
    let all = usize::try_from(RECORDS).unwrap();
    let groups =
        ["left", "right"].map(|group| Consumer::member(&server.bootstrap(), group, "t", &[]));
    for consumer in &groups {
        assert!(numbers(&consumer.take(all)).into_iter().eq(0..RECORDS));
        consumer.commit().unwrap();
    }
    let [left, right] = groups;
    let admin = Admin::new(&server.bootstrap());
    assert_eq!(
        admin.delete_group("left"),
        Err(RDKafkaErrorCode::NonEmptyGroup)
    );
    drop(left);
    assert_eq!(admin.delete_group("left"), Ok(()));
    assert_eq!(
        right.committed("t", &[0]),
        [Some(
            i64::try_from(RECORDS).unwrap() / i64::from(PARTITIONS)
        )]
    );
    let again = Consumer::member(&server.bootstrap(), "left", "t", &[]);
    assert!(
        numbers(&again.take(all)).into_iter().eq(0..RECORDS),
        "a deleted group begins anew"
    );
}
