//! Waits until batches are as safe as their sender asked, and says what became of each.

use std::borrow::Cow;

use millstream_batch::Error as Batch;
use millstream_store::Ack;
use millstream_wire::api::produce::{
    CurrentLeader, NodeEndpoint, PartitionResult, RecordError, Response, TopicResult,
};
use millstream_wire::{ApiKey, ErrorCode, response_frame};

use super::{Placed, Produced, TopicProduced};
use crate::dispatch::{CloseReason, Outcome};
use crate::{Broker, Error};

/// The second stage of a produce.
pub(super) async fn answer(mut produced: Produced) -> Outcome {
    match produced.acks {
        0 => unacknowledged(produced).await,
        1 => settle(&mut produced, Ack::Written).await,
        _ => settle(&mut produced, Ack::Durable).await,
    }
}

/// The client expects no answer; closing the connection is the only way to tell it of a failure.
///
/// Nobody waits for these batches, so this does: without it a client could send faster than the disk writes.
async fn unacknowledged(produced: Produced) -> Outcome {
    produced.broker.store().room().await;
    let partitions = produced
        .topics
        .into_iter()
        .flat_map(|topic| topic.partitions);
    match partitions.filter_map(|(_, placed)| placed.err()).next() {
        Some(error) => Err(CloseReason::Unacknowledged(error)),
        None => Ok(None),
    }
}

async fn settle(produced: &mut Produced, ack: Ack) -> Outcome {
    for (_, placed) in produced
        .topics
        .iter_mut()
        .flat_map(|topic| &mut topic.partitions)
    {
        if let Ok(in_place) = placed
            && let Err(error) = wait(&produced.broker, in_place, ack).await
        {
            *placed = Err(error);
        }
    }
    let response = respond(produced);
    let frame = response_frame(
        ApiKey::Produce,
        produced.version,
        produced.correlation_id,
        &response,
    );
    Ok(Some(frame))
}

/// Returns once a batch is as safe as it has to be, and its transaction knows where it is.
async fn wait(broker: &Broker, placed: &Placed, ack: Ack) -> Result<(), Error> {
    let end = placed.appended.last_offset + 1;
    placed.partition.wait(end, ack).await?;
    match &placed.told {
        Some((id, proof)) => broker.transactions().confirm(id, *proof).await,
        None => Ok(()),
    }
}

fn respond(produced: &Produced) -> Response<'_> {
    let node_id = produced.broker.config().node_id;
    let responses: Vec<TopicResult<'_>> = produced
        .topics
        .iter()
        .map(|topic| topic_result(topic, node_id))
        .collect();
    let led = |partition: &PartitionResult<'_>| partition.current_leader.leader_id >= 0;
    let any_led = responses
        .iter()
        .any(|topic| topic.partition_responses.iter().any(led));
    Response {
        responses,
        node_endpoints: any_led.then(|| endpoint(produced)).into_iter().collect(),
        ..Response::default()
    }
}

fn endpoint(produced: &Produced) -> NodeEndpoint<'_> {
    let advertised = &produced.connection.advertised;
    NodeEndpoint {
        node_id: produced.broker.config().node_id,
        host: Cow::Borrowed(&advertised.host),
        port: advertised.port.into(),
        rack: produced.broker.config().broker_rack.clone().map(Cow::Owned),
    }
}

fn topic_result(topic: &TopicProduced, node_id: i32) -> TopicResult<'_> {
    let partitions = topic.partitions.iter();
    TopicResult {
        name: Cow::Borrowed(topic.key.name()),
        topic_id: topic.key.id(),
        partition_responses: partitions
            .map(|(index, placed)| match placed {
                Ok(placed) => appended(*index, placed),
                Err(error) => refused(*index, error, node_id),
            })
            .collect(),
    }
}

fn appended(index: i32, placed: &Placed) -> PartitionResult<'_> {
    PartitionResult {
        index,
        base_offset: placed.appended.base_offset,
        log_append_time_ms: placed.appended.log_append_time.unwrap_or(-1),
        log_start_offset: placed.appended.log_start_offset,
        ..PartitionResult::default()
    }
}

fn refused(index: i32, error: &Error, node_id: i32) -> PartitionResult<'_> {
    let error_code = error.code();
    PartitionResult {
        index,
        error_code,
        base_offset: -1,
        record_errors: record_errors(error),
        error_message: Some(Cow::Owned(error.to_string())),
        current_leader: current_leader(error_code, node_id),
        ..PartitionResult::default()
    }
}

/// A client that is told to look elsewhere learns at once where that is.
fn current_leader(error_code: ErrorCode, node_id: i32) -> CurrentLeader {
    match error_code {
        ErrorCode::NOT_LEADER_OR_FOLLOWER => CurrentLeader {
            leader_id: node_id,
            ..CurrentLeader::default()
        },
        _ => CurrentLeader::default(),
    }
}

fn record_errors(error: &Error) -> Vec<RecordError<'static>> {
    let (indexes, message) = match error {
        Error::Batch(Batch::MissingKeys(indexes)) => {
            (indexes, "the topic is compacted and the record has no key")
        }
        Error::Batch(Batch::Timestamps(indexes)) => (
            indexes,
            "the record's timestamp is outside the allowed range",
        ),
        _ => return Vec::new(),
    };
    let indexes = indexes.iter();
    indexes
        .map(|&batch_index| RecordError {
            batch_index,
            batch_index_error_message: Some(Cow::Borrowed(message)),
        })
        .collect()
}
