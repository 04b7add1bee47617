//! DescribeTransactions: what transactional ids are doing.

use std::borrow::Cow;

use millstream_transactions::Entry;
use millstream_wire::api::describe_transactions::{Request, Response, TopicData, TransactionState};

use super::transactional;
use crate::connection::RequestContext;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut transaction_states = Vec::with_capacity(request.transactional_ids.len());
    for id in request.transactional_ids {
        let state = match describe(broker, id).await {
            Ok(entry) => state(&entry),
            Err(error) => TransactionState {
                error_code: error.code(),
                ..TransactionState::default()
            },
        };
        transaction_states.push(TransactionState {
            transactional_id: Cow::Borrowed(id),
            ..state
        });
    }
    Response {
        transaction_states,
        ..Response::default()
    }
}

async fn describe(broker: &Broker, id: &str) -> Result<Entry, Error> {
    let id = transactional::id(id)?;
    let entry = broker.transactions().describe(id).await?;
    entry.ok_or_else(|| Error::UnknownTransactionalId(id.to_owned()))
}

fn state(entry: &Entry) -> TransactionState<'static> {
    let topic = |(topic, partitions): (&str, Vec<i32>)| TopicData {
        topic: Cow::Owned(topic.to_owned()),
        partitions,
    };
    TransactionState {
        transaction_state: Cow::Borrowed(transactional::name(entry.state)),
        transaction_timeout_ms: entry.timeout_ms,
        transaction_start_time_ms: entry.started_ms,
        producer_id: entry.producer.id,
        producer_epoch: entry.producer.epoch,
        topics: entry.partitions_by_topic().into_iter().map(topic).collect(),
        ..TransactionState::default()
    }
}
