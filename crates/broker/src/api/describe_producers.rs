//! DescribeProducers: the idempotent producers that partitions remember.

use std::borrow::Cow;

use millstream_store::ProducerSnapshot;
use millstream_wire::ErrorCode;
use millstream_wire::api::describe_producers::{
    PartitionResult, ProducerState, Request, Response, TopicResult,
};

use crate::catalog;
use crate::connection::RequestContext;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _context: &'a RequestContext<'a>,
) -> Response<'a> {
    let topics = request.topics.iter().map(|topic| TopicResult {
        name: Cow::Borrowed(topic.name),
        partitions: topic
            .partition_indexes
            .iter()
            .map(|&index| answer(index, producers(broker, topic.name, index)))
            .collect(),
    });
    Response {
        topics: topics.collect(),
        ..Response::default()
    }
}

fn producers(broker: &Broker, topic: &str, index: i32) -> Result<Vec<ProducerSnapshot>, Error> {
    let found = broker.catalog().topic(topic);
    let topic = found.ok_or_else(|| catalog::unknown(topic))?;
    Ok(topic.partition(index)?.producers())
}

fn answer<'a>(index: i32, outcome: Result<Vec<ProducerSnapshot>, Error>) -> PartitionResult<'a> {
    match outcome {
        Ok(producers) => PartitionResult {
            partition_index: index,
            error_code: ErrorCode::NONE,
            error_message: None,
            active_producers: producers.iter().map(state).collect(),
        },
        Err(error) => PartitionResult {
            partition_index: index,
            error_code: error.code(),
            error_message: Some(Cow::Owned(error.to_string())),
            active_producers: Vec::new(),
        },
    }
}

fn state(producer: &ProducerSnapshot) -> ProducerState {
    ProducerState {
        producer_id: producer.producer_id,
        producer_epoch: producer.epoch.into(),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.transaction_start.unwrap_or(-1),
    }
}
