//! AddPartitionsToTxn: makes partitions part of a transaction, all of them or none.
//!
//! - 2: PRODUCER_FENCED, before it is INVALID_PRODUCER_EPOCH
//! - 4: several transactions, and asking without adding
//! - 5: what is not part of a transaction is TRANSACTION_ABORTABLE, before it is INVALID_TXN_STATE

use std::borrow::Cow;
use std::sync::Arc;

use millstream_transactions::{Error as Refusal, Producer, TopicPartition};
use millstream_wire::ErrorCode;
use millstream_wire::api::add_partitions_to_txn::{
    PartitionResult, Request, Response, Topic, TopicResult, Transaction, TransactionResult,
};

use super::transactional;
use crate::connection::RequestContext;
use crate::{Broker, Error};

/// The first version with several transactions.
const FIRST_BATCHED: i16 = 4;
/// The first version whose senders know PRODUCER_FENCED.
const FIRST_FENCED: i16 = 2;
/// The first version whose senders know TRANSACTION_ABORTABLE.
const FIRST_ABORTABLE: i16 = 5;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let version = context.version.n;
    if version < FIRST_BATCHED {
        let only = Transaction {
            transactional_id: request.transactional_id,
            producer_id: request.producer_id,
            producer_epoch: request.producer_epoch,
            verify_only: false,
            topics: request.topics,
        };
        return Response {
            results_by_topic: results(broker, &only, version).await,
            ..Response::default()
        };
    }
    let mut results_by_transaction = Vec::with_capacity(request.transactions.len());
    for transaction in &request.transactions {
        results_by_transaction.push(TransactionResult {
            transactional_id: Cow::Borrowed(transaction.transactional_id),
            topic_results: results(broker, transaction, version).await,
        });
    }
    Response {
        results_by_transaction,
        ..Response::default()
    }
}

async fn results<'a>(
    broker: &Broker,
    asked: &Transaction<'a>,
    version: i16,
) -> Vec<TopicResult<'a>> {
    let unknown = |topic: &str, index| {
        let topic = broker.catalog().topic(topic);
        topic.is_none_or(|topic| topic.partition(index).is_err())
    };
    let all = || partitions(&asked.topics);
    let mut codes = Vec::new();
    if asked.verify_only {
        for (topic, index) in all() {
            codes.push(verify(broker, asked, topic, index, version).await);
        }
    } else if all().any(|(topic, index)| unknown(topic, index)) {
        codes.extend(all().map(|(topic, index)| match unknown(topic, index) {
            true => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            false => ErrorCode::OPERATION_NOT_ATTEMPTED,
        }));
    } else {
        let code = match add(broker, asked).await {
            Ok(()) => ErrorCode::NONE,
            Err(error) => transactional::code(&error, version >= FIRST_FENCED),
        };
        codes.extend(all().map(|_| code));
    }
    answer(&asked.topics, codes)
}

async fn add(broker: &Broker, asked: &Transaction<'_>) -> Result<(), Error> {
    let id = transactional::id(asked.transactional_id)?;
    let partitions = partitions(&asked.topics).map(|(topic, index)| place(topic, index));
    let transactions = broker.transactions();
    let added = transactions.add(id, producer(asked), partitions.collect());
    added.await
}

async fn verify(
    broker: &Broker,
    asked: &Transaction<'_>,
    topic: &str,
    index: i32,
    version: i16,
) -> ErrorCode {
    let transactions = broker.transactions();
    let at = place(topic, index);
    let checked = transactions.check(asked.transactional_id, producer(asked), &at);
    match checked.await {
        Ok(()) => ErrorCode::NONE,
        Err(Error::Transaction {
            error: Refusal::NotInTransaction,
            ..
        }) if version >= FIRST_ABORTABLE => ErrorCode::TRANSACTION_ABORTABLE,
        Err(error) => error.code(),
    }
}

fn producer(asked: &Transaction<'_>) -> Producer {
    Producer {
        id: asked.producer_id,
        epoch: asked.producer_epoch,
    }
}

fn place(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition {
        topic: Arc::from(topic),
        partition,
    }
}

fn partitions<'a>(topics: &'a [Topic<'_>]) -> impl Iterator<Item = (&'a str, i32)> {
    let of = |topic: &'a Topic<'_>| topic.partitions.iter().map(|index| (topic.name, *index));
    topics.iter().flat_map(of)
}

/// The codes, which are in the order of the partitions, by topic.
fn answer<'a>(topics: &[Topic<'a>], codes: Vec<ErrorCode>) -> Vec<TopicResult<'a>> {
    let mut codes = codes.into_iter();
    let mut partition = |index: &i32| PartitionResult {
        partition_index: *index,
        partition_error_code: codes.next().unwrap_or(ErrorCode::UNKNOWN_SERVER_ERROR),
    };
    let mut results = Vec::with_capacity(topics.len());
    for topic in topics {
        results.push(TopicResult {
            name: Cow::Borrowed(topic.name),
            results_by_partition: topic.partitions.iter().map(&mut partition).collect(),
        });
    }
    results
}
