//! Produce: appends record batches to partitions.
//!
//! Runs in two stages. [`begin`] decodes the request, cuts the batches out of its frame and appends them, so that
//! produces keep the order of their frames. [`answer`] then waits until the batches are as safe as `acks` asks, while
//! the connection's next produces are already being appended. There is one replica: a batch that it holds is held by
//! all, and the request's own time-out has nothing else to wait for.
//!
//! - 5: log start offset; 7: zstd; 8: the records at fault and a message; 10: who leads; 13: topics by id

mod answer;
mod carve;
mod rules;

use std::sync::Arc;

use bytes::BytesMut;
use futures_util::future::ready;
use millstream_batch::Error::Invalid;
use millstream_batch::produce::Rules;
use millstream_batch::{Batch, Codec, produce};
use millstream_store::{AppendMode, Appended, Partition};
use millstream_wire::Version;

use crate::aside::aside;
use crate::connection::ConnectionContext;
use crate::dispatch::{CloseReason, Incoming, Pending};
use crate::topic_key::TopicKey;
use crate::{Broker, Error, Topic};
use carve::{Asked, Carver, Request};

/// The first version whose senders and readers know zstd.
const FIRST_WITH_ZSTD: i16 = 7;

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
    let mut carver = Carver::new(incoming.frame);
    let sender = Sender {
        acks: request.acks,
        transactional: request.transactional,
        version: incoming.version.n,
        frame_size: carver.frame_size(),
        now_ms: broker.now_ms(),
    };
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
    transactional: bool,
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
                Some(topic) => self.append(topic, index, batch),
                None => Err(asked.key.unknown()),
            };
            (index, placed)
        });
        TopicProduced {
            partitions: partitions.collect(),
            key: asked.key.clone(),
        }
    }

    fn append(&self, topic: &Topic, index: i32, batch: BytesMut) -> Result<Placed, Error> {
        let partition = topic.partition(index)?;
        self.check(topic)?;
        if batch.is_empty() {
            return Err(Invalid("there is none").into());
        }
        let batch = Batch::parse(batch)?;
        if self.transactional || batch.header().is_transactional() {
            return Err(Error::Unsupported("transactions are not served".into()));
        }
        if batch.header().codec() == Codec::Zstd && self.version < FIRST_WITH_ZSTD {
            return Err(Error::ZstdTooNew);
        }
        let batch = self.admit(batch, &rules::of(topic.config()))?;
        let batch = batch.detach(self.frame_size);
        let appended = partition.append(batch, AppendMode::Client, self.now_ms)?;
        Ok(Placed {
            partition: Arc::clone(partition),
            appended,
        })
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
