//! Fetch: reads record batches, waiting until there are enough of them.
//!
//! A request that finds too little subscribes to its partitions and looks again when one of them moves; nothing is
//! polled. What an answer holds is bounded by the request's own limit and the broker's, not by the number of
//! partitions: only the first batch found may exceed them, so that every client gets on. What all answers together
//! hold is bounded too, until the last byte of an answer has gone out.
//!
//! - 7: sessions; 9: leader epochs; 10: zstd may be answered; 12: diverging epochs; 13: topics by id
//! - 16: the current leader after a wrong epoch

mod answer;
mod cut;
mod done;
mod poll;
mod slot;

use millstream_wire::api::fetch::{Request, Response, Topic as Asked};
use millstream_wire::{decode_message, response_frame};
use tracing::Instrument;

use crate::answer_memory::Share;
use crate::connection::RequestContext;
use crate::dispatch::{Incoming, Outcome, Pending};
use crate::fetch_sessions::{
    Fetching, MAX_PARTITIONS, Position, Request as SessionRequest, SessionError,
};
use crate::topic_key::TopicKey;
use crate::{Broker, Error};

/// Isolation level of a client that reads only what is committed.
const READ_COMMITTED: i8 = 1;
/// First version that names topics by id.
const BY_ID: i16 = 13;

pub(crate) fn begin(incoming: Incoming) -> Pending {
    Pending::serial(Box::pin(serve(incoming)))
}

/// The answer, as a frame that keeps its share of memory until it is sent.
async fn serve(incoming: Incoming) -> Outcome {
    let (context, body) = incoming.open()?;
    let request =
        decode_message(body, incoming.version).map_err(|error| incoming.malformed(error))?;
    let handled = handle(&incoming.broker, request, &context);
    let (response, memory) = handled.instrument(context.span()).await;
    let correlation_id = context.header.correlation_id;
    let frame = response_frame(incoming.api, incoming.version, correlation_id, &response);
    Ok(Some(frame.keep(memory)))
}

async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> (Response<'a>, Share) {
    match recall(broker, &request, context.version.n >= BY_ID) {
        Ok(mut fetching) => {
            let positions = std::mem::take(&mut fetching.positions);
            let mut slots = poll::poll(broker, &request, positions, context.version.n).await;
            let shares = slots
                .iter_mut()
                .map(|slot| std::mem::take(&mut slot.memory));
            let memory = shares.fold(Share::default(), Share::and);
            let committed = request.isolation_level == READ_COMMITTED;
            let response = answer::answer(broker, context, &fetching, slots, committed);
            (response, memory)
        }
        Err(error) => {
            let error_code = error.code();
            let response = Response {
                error_code,
                ..Response::default()
            };
            (response, Share::default())
        }
    }
}

/// Finds out what the request is about, within its session or without one.
fn recall(broker: &Broker, request: &Request<'_>, by_id: bool) -> Result<Fetching, Error> {
    check_count(request)?;
    let positions = request.topics.iter();
    let forgotten = request.forgotten_topics_data.iter();
    let request = SessionRequest {
        session_id: request.session_id,
        epoch: request.session_epoch,
        by_id,
        positions: positions
            .flat_map(|topic| asked(broker, topic, by_id))
            .collect(),
        forgotten: forgotten
            .flat_map(|topic| {
                let key = TopicKey::new(by_id, topic.topic, topic.topic_id);
                let partitions = topic.partitions.iter();
                partitions.map(move |&partition| (key.clone(), partition))
            })
            .collect(),
    };
    let random = || (broker.environment().random_uuid)().as_u128() as i32;
    let begun = broker
        .fetch_sessions()
        .begin(request, random, broker.now_ms());
    Ok(begun?)
}

fn check_count(request: &Request<'_>) -> Result<(), SessionError> {
    let topics = request.topics.iter();
    match topics.map(|topic| topic.partitions.len()).sum() {
        ..=MAX_PARTITIONS => Ok(()),
        count => Err(SessionError::TooManyPartitions(count)),
    }
}

fn asked<'a>(
    broker: &Broker,
    topic: &'a Asked<'_>,
    by_id: bool,
) -> impl Iterator<Item = Position> + 'a {
    let key = TopicKey::new(by_id, topic.topic, topic.topic_id);
    let name = by_id
        .then(|| key.find(broker.catalog()))
        .flatten()
        .map(|topic| topic.name.as_str().into());
    topic.partitions.iter().map(move |partition| Position {
        topic: key.clone(),
        name: name.clone(),
        partition: partition.partition,
        offset: partition.fetch_offset,
        leader_epoch: partition.current_leader_epoch,
        last_fetched_epoch: partition.last_fetched_epoch,
        max_bytes: partition.partition_max_bytes,
    })
}
