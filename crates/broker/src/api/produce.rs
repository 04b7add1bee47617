//! Produce: appends record batches to partitions.
//!
//! Runs in two stages. [`begin`] decodes the request, cuts the batches out of its frame and appends them, so that
//! produces keep the order of their frames. [`answer`] then waits until the batches are as safe as `acks` asks, while
//! the connection's next produces are already being appended. There is one replica: a batch that it holds is held by
//! all, and the request's own time-out has nothing else to wait for.
//!
//! - 5: log start offset; 7: zstd; 8: the records at fault and a message; 10: who leads
//! - 11: TRANSACTION_ABORTABLE; 12: partitions become part of a transaction by being written to; 13: topics by id

mod answer;
mod carve;
mod rules;

use std::sync::Arc;

use bytes::BytesMut;
use futures_util::future::ready;
use millstream_batch::Error::Invalid;
use millstream_batch::produce::Rules;
use millstream_batch::{Batch, Codec, Header, produce};
use millstream_store::{AppendMode, Appended, Partition};
use millstream_transactions::{Error as Refusal, Producer};
use millstream_wire::Version;

use crate::aside::aside;
use crate::connection::ConnectionContext;
use crate::coordinator::Proof;
use crate::dispatch::{CloseReason, Incoming, Pending};
use crate::topic_key::TopicKey;
use crate::transactions::Writer;
use crate::{Broker, Error, Topic};
use carve::{Asked, Carver, Request};

/// The first version whose senders and readers know zstd.
const FIRST_WITH_ZSTD: i16 = 7;
/// The first version whose senders know TRANSACTION_ABORTABLE.
const FIRST_ABORTABLE: i16 = 11;
/// The first version by which a partition becomes part of the transaction (KIP-890).
const FIRST_ADDING: i16 = 12;

/// Bytes of records from which on reading them takes long. Those that are compressed may be of any size.
const LARGE: usize = 16 << 10;

/// A produce whose batches stand in their partitions' order, or were refused.
struct Produced {
    broker: Arc<Broker>,
    connection: Arc<ConnectionContext>,
    version: Version,
    correlation_id: i32,
    acks: i16,
    topics: Vec<TopicProduced>,
}

struct TopicProduced {
    key: TopicKey,
    partitions: Vec<(i32, Result<Placed, Error>)>,
}

/// A batch that has its place in the log.
struct Placed {
    partition: Arc<Partition>,
    appended: Appended,
    /// The transactional id whose transaction has to know of the partition, and the proof that it does.
    told: Option<(Arc<str>, Proof)>,
}

/// Takes a request in and appends its batches.
pub(crate) fn begin(incoming: Incoming) -> Pending {
    match Request::decode(&incoming) {
        Ok(request) => Pending {
            pipeline: true,
            response: Box::pin(answer::answer(append_all(incoming, request))),
        },
        Err(reason) => refuse(reason),
    }
}

fn refuse(reason: CloseReason) -> Pending {
    Pending::serial(Box::pin(ready(Err(reason))))
}

fn append_all(incoming: Incoming, request: Request) -> Produced {
    let broker = incoming.broker;
    let sender = Sender {
        acks: request.acks,
        is_nameless: request.is_nameless(&incoming.frame),
        transactional_id: request.transactional_id,
        version: incoming.version.n,
        frame_size: incoming.frame.len(),
        now_ms: broker.now_ms(),
    };
    let mut carver = Carver::new(incoming.frame);
    let topics = request.topics.into_iter();
    let topics = topics
        .map(|asked| sender.append_topic(&broker, &mut carver, asked))
        .collect();
    Produced {
        broker,
        connection: incoming.connection,
        version: incoming.version,
        correlation_id: request.correlation_id,
        acks: request.acks,
        topics,
    }
}

/// What holds for every batch of one request.
struct Sender {
    acks: i16,
    /// Whether a batch is part of a transaction that nobody has named: then none of the request is appended.
    is_nameless: bool,
    transactional_id: Option<Arc<str>>,
    version: i16,
    frame_size: usize,
    now_ms: i64,
}

impl Sender {
    fn append_topic(&self, broker: &Broker, carver: &mut Carver, asked: Asked) -> TopicProduced {
        let topic = asked.key.find(broker.catalog());
        let partitions = asked.partitions.into_iter().map(|(index, range)| {
            let batch = carver.take(range);
            let placed = match &topic {
                _ if self.is_nameless => Err(Error::NoTransactionalId),
                Some(topic) => self.append(broker, topic, index, batch),
                None => Err(asked.key.unknown()),
            };
            (index, placed)
        });
        TopicProduced {
            partitions: partitions.collect(),
            key: asked.key.clone(),
        }
    }

    fn append(
        &self,
        broker: &Broker,
        topic: &Topic,
        index: i32,
        batch: BytesMut,
    ) -> Result<Placed, Error> {
        let partition = topic.partition(index)?;
        self.check(topic)?;
        if batch.is_empty() {
            return Err(Invalid("there is none").into());
        }
        let batch = Batch::parse(batch)?;
        if batch.header().codec() == Codec::Zstd && self.version < FIRST_WITH_ZSTD {
            return Err(Error::ZstdTooNew);
        }
        let batch = self.admit(batch, &rules::of(topic.config()))?;
        let batch = batch.detach(self.frame_size);
        let header = *batch.header();
        let verifies = || broker.config().transaction_partition_verification_enable;
        let append = || Ok(partition.append(batch, AppendMode::Client, self.now_ms)?);
        let (appended, told) = match self.transaction(&header) {
            Some((id, writer)) if writer.adds || verifies() => {
                let transactions = broker.transactions();
                let place = (topic, index);
                let (appended, proof) = transactions
                    .append(writer, place, append)
                    .map_err(|error| self.refusal(error))?;
                (appended, Some((Arc::clone(id), proof)))
            }
            _ => (append()?, None),
        };
        Ok(Placed {
            partition: Arc::clone(partition),
            appended,
            told,
        })
    }

    /// The transaction that a batch is part of, if it is part of one.
    fn transaction(&self, header: &Header) -> Option<(&Arc<str>, Writer<'_>)> {
        let id = self.transactional_id.as_ref();
        let id = id.filter(|_| header.is_transactional())?;
        let writer = Writer {
            id,
            producer: Producer {
                id: header.producer_id,
                epoch: header.producer_epoch,
            },
            adds: self.version >= FIRST_ADDING,
        };
        Some((id, writer))
    }

    /// Why a batch of a transaction is refused: who is fenced learns it by its epoch, and senders that know how to go on
    /// from that are told to abort.
    fn refusal(&self, error: Error) -> Error {
        match error {
            Error::Transaction {
                id,
                error: Refusal::NotInTransaction,
            } if self.version >= FIRST_ABORTABLE => Error::TransactionAbortable(id),
            Error::Transaction {
                id,
                error: Refusal::Fenced,
            } => Error::ProducerReplaced(id),
            other => other,
        }
    }

    /// Checks a batch and rewrites what its topic demands. What takes long keeps nobody waiting but this
    /// connection, whose next frame comes after.
    fn admit(&self, batch: Batch, rules: &Rules) -> Result<Batch, millstream_batch::Error> {
        let header = batch.header();
        let is_large = header.codec() != Codec::None || batch.size() >= LARGE;
        match is_large && produce::reads_records(header, rules, self.now_ms) {
            true => aside(|| produce::admit(batch, rules, self.now_ms)),
            false => produce::admit(batch, rules, self.now_ms),
        }
    }

    fn check(&self, topic: &Topic) -> Result<(), Error> {
        let required = topic.config().min_insync_replicas;
        match self.acks {
            _ if topic.internal => Err(Error::InternalRecords(topic.name.clone())),
            -1 if required > 1 => Err(Error::NotEnoughReplicas {
                topic: topic.name.clone(),
                required,
            }),
            -1..=1 => Ok(()),
            acks => Err(Error::InvalidAcks(acks)),
        }
    }
}
