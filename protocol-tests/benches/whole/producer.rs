//! A transactional producer that does one thing after the other, by either protocol, and takes no answer for good that
//! is not.

use std::net::SocketAddr;

use bytes::Bytes;
use millstream_batch::Builder;
use millstream_protocol_tests::dice::Dice;
use millstream_protocol_tests::raw::Connection;
use millstream_wire::api::{add_partitions_to_txn, end_txn, init_producer_id, produce};
use millstream_wire::{ApiKey, ErrorCode};

use crate::frames::{self, TOPIC};

/// Records of a transaction, all in one batch.
pub(crate) const RECORDS: usize = 100;
/// Bytes of the value of each.
const SIZE: usize = 1 << 10;
/// Whose transactions they are.
const TRANSACTIONAL_ID: &str = "bench";
/// The highest that a client asks in that has no use for two-phase commits.
const INIT_VERSION: i16 = 5;

/// How partitions become part of a transaction, and what its end does to the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// They are added first; the epoch stays.
    Classic,
    /// They are added by what is written to them; each end raises the epoch (KIP-890).
    V2,
}

impl Protocol {
    const fn produce_version(self) -> i16 {
        match self {
            Self::Classic => 11,
            Self::V2 => 12,
        }
    }

    const fn end_version(self) -> i16 {
        match self {
            Self::Classic => 3,
            Self::V2 => 5,
        }
    }
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its records count.
    Commit,
    /// They do not.
    Abort,
}

/// Who writes to the first partition of [`TOPIC`], one transaction after the other.
pub(crate) struct Producer {
    connection: Connection,
    protocol: Protocol,
    id: i64,
    epoch: i16,
    /// Of the next record, within the epoch.
    sequence: i32,
    values: Vec<Bytes>,
}

impl Producer {
    /// A producer with an id of its own.
    pub(crate) fn open(address: SocketAddr, protocol: Protocol) -> Self {
        let mut connection = Connection::open(address);
        let (id, epoch) = init(&mut connection, TRANSACTIONAL_ID);
        let mut dice = Dice::new(5);
        Self {
            connection,
            protocol,
            id,
            epoch,
            sequence: 0,
            values: (0..RECORDS).map(|_| dice.bytes(SIZE).into()).collect(),
        }
    }

    /// Writes one transaction and waits until it has ended; returns the size of its batch in bytes.
    pub(crate) fn transaction(&mut self, end: End) -> u64 {
        if self.protocol == Protocol::Classic {
            self.add();
        }
        let size = self.append();
        self.end(end);
        size
    }

    fn add(&mut self) {
        let topic = add_partitions_to_txn::Topic {
            name: TOPIC,
            partitions: vec![0],
        };
        let request = add_partitions_to_txn::Request {
            transactional_id: TRANSACTIONAL_ID,
            producer_id: self.id,
            producer_epoch: self.epoch,
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self.connection.ask(ApiKey::AddPartitionsToTxn, 3, &request);
        let answer: add_partitions_to_txn::Response<'_> = answer.decode();
        let added = &answer.results_by_topic[0].results_by_partition[0];
        assert_eq!(added.partition_error_code, ErrorCode::NONE);
    }

    fn append(&mut self) -> u64 {
        let empty = Builder::new()
            .producer(self.id, self.epoch, self.sequence)
            .transactional();
        let filled = self.values.iter().fold(empty, |batch, value| {
            batch.record(frames::WHEN, None, Some(value))
        });
        let batch = filled.build().expect("a batch can be built").stamp(0, -1);
        self.sequence += RECORDS as i32;
        let topic = produce::Topic {
            name: TOPIC,
            partition_data: vec![produce::Partition {
                index: 0,
                records: Some(&batch),
            }],
            ..Default::default()
        };
        let request = produce::Request {
            transactional_id: Some(TRANSACTIONAL_ID),
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![topic],
        };
        let version = self.protocol.produce_version();
        let answer = self.connection.ask(ApiKey::Produce, version, &request);
        let answer: produce::Response<'_> = answer.decode();
        let appended = &answer.responses[0].partition_responses[0];
        assert_eq!(appended.error_code, ErrorCode::NONE, "{appended:?}");
        batch.len() as u64
    }

    fn end(&mut self, end: End) {
        let request = end_txn::Request {
            transactional_id: TRANSACTIONAL_ID,
            producer_id: self.id,
            producer_epoch: self.epoch,
            committed: end == End::Commit,
        };
        let version = self.protocol.end_version();
        let answer = self.connection.ask(ApiKey::EndTxn, version, &request);
        let answer: end_txn::Response = answer.decode();
        assert_eq!(answer.error_code, ErrorCode::NONE, "{answer:?}");
        if self.protocol == Protocol::V2 {
            (self.id, self.epoch) = (answer.producer_id, answer.producer_epoch);
            self.sequence = 0;
        }
    }
}

/// Takes a transactional id; who its producer is.
pub(crate) fn init(connection: &mut Connection, transactional_id: &str) -> (i64, i16) {
    let request = init_producer_id::Request {
        transactional_id: Some(transactional_id),
        transaction_timeout_ms: 60_000,
        ..Default::default()
    };
    let answer = connection.ask(ApiKey::InitProducerId, INIT_VERSION, &request);
    let answer: init_producer_id::Response = answer.decode();
    assert_eq!(answer.error_code, ErrorCode::NONE, "{transactional_id}");
    (answer.producer_id, answer.producer_epoch)
}
