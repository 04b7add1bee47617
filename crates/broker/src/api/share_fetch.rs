//! ShareFetch: hands messages to a member of a share group, and takes its acknowledgements on the way.
//!
//! - 1: as generally available; 2: strict limits for the number of messages, locks can be renewed
//!
//! A request that finds nothing waits until messages come, are released, or are due. It never waits for more than
//! it has once something is locked for it: the lock is running.

mod answer;
mod slot;

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use millstream_queue::Span;
use millstream_store::Subscription;
use millstream_wire::api::share_fetch::{Partition, Request, Response, Topic};
use millstream_wire::{Uuid, decode_message, response_frame};
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::Instrument;

use crate::answer_memory::Share;
use crate::dispatch::{Incoming, Outcome, Pending};
use crate::error::report;
use crate::features;
use crate::shares::{FINAL_EPOCH, INITIAL_EPOCH, Key, Member, Want, Word, member, words};
use crate::{Broker, ConnectionContext, Error};
use slot::Slot;

/// Mode of a member that takes no more messages than it asks for.
const STRICT: i8 = 1;

pub(crate) fn begin(incoming: Incoming) -> Pending {
    Pending::serial(Box::pin(serve(incoming)))
}

/// The answer, as a frame that keeps its share of memory until it is sent.
async fn serve(incoming: Incoming) -> Outcome {
    let (context, body) = incoming.open()?;
    let request =
        decode_message(body, incoming.version).map_err(|error| incoming.malformed(error))?;
    let handled = handle(&incoming.broker, &request, &incoming.connection);
    let outcome = handled.instrument(context.span()).await;
    let (response, memory) = outcome.unwrap_or_else(|error| {
        let (error_code, error_message) = report(Some(&error));
        let response = Response {
            error_code,
            error_message,
            ..Response::default()
        };
        (response, Share::default())
    });
    let correlation_id = context.header.correlation_id;
    let frame = response_frame(incoming.api, incoming.version, correlation_id, &response);
    Ok(Some(frame.keep(memory)))
}

async fn handle(
    broker: &Broker,
    request: &Request<'_>,
    connection: &Arc<ConnectionContext>,
) -> Result<(Response<'static>, Share), Error> {
    broker.catalog().require(features::SHARE)?;
    let member = member(request.group_id, request.member_id)?;
    check(request)?;
    let keys = keep_session(broker, request, &member, connection)?;
    let mut slots: Vec<Slot> = Vec::with_capacity(keys.len());
    for key in keys {
        slots.push(Slot::open(broker, key).await);
    }
    acknowledge(broker, request, &member, &mut slots).await;
    if request.share_session_epoch == FINAL_EPOCH {
        let keys: Vec<Key> = slots.iter().map(|slot| slot.key.clone()).collect();
        broker.shares().release(&member, &keys).await?;
    } else if !request.is_renew_ack {
        gather(broker, request, &member, &mut slots).await;
    }
    let memory = slots
        .iter_mut()
        .map(|slot| std::mem::take(&mut slot.memory));
    let memory = memory.fold(Share::default(), Share::and);
    let is_full = request.share_session_epoch == INITIAL_EPOCH;
    Ok((answer::answer(broker, &member, slots, is_full), memory))
}

/// Refuses what contradicts itself.
fn check(request: &Request<'_>) -> Result<(), Error> {
    let acknowledges = |partition: &Partition| !partition.acknowledgement_batches.is_empty();
    let wants = [
        request.max_wait_ms,
        request.min_bytes,
        request.max_bytes,
        request.max_records,
    ];
    let reason = if request.share_session_epoch == INITIAL_EPOCH
        && request
            .topics
            .iter()
            .flat_map(|topic| &topic.partitions)
            .any(acknowledges)
    {
        "a request that opens a share session has nothing to acknowledge"
    } else if request.is_renew_ack && wants != [0; 4] {
        "a request that renews locks cannot fetch: wait, bytes and records must be 0"
    } else {
        return Ok(());
    };
    Err(Error::InvalidRequest(reason.to_owned()))
}

fn keys<'a>(member: &'a Member, topics: &'a [Topic]) -> impl Iterator<Item = Key> + 'a {
    let key = |topic: Uuid, partition: i32| Key {
        group: Arc::clone(&member.group),
        topic,
        partition,
    };
    topics.iter().flat_map(move |topic| {
        let partitions = topic.partitions.iter();
        partitions.map(move |partition| key(topic.topic_id, partition.partition_index))
    })
}

/// The partitions that the request is about: all of its session.
fn keep_session(
    broker: &Broker,
    request: &Request<'_>,
    member: &Member,
    connection: &Arc<ConnectionContext>,
) -> Result<Vec<Key>, Error> {
    let sessions = broker.shares().sessions();
    let named: BTreeSet<Key> = keys(member, &request.topics).collect();
    let named: Vec<Key> = named.into_iter().collect();
    match request.share_session_epoch {
        INITIAL_EPOCH => {
            let limit = broker.config().group_share_max_share_sessions;
            let limit = usize::try_from(limit).unwrap_or_default();
            sessions.open(member, named.clone(), connection, limit)?;
            Ok(named)
        }
        FINAL_EPOCH => {
            let mut all = sessions.close(member)?;
            all.extend(named);
            all.sort_unstable();
            all.dedup();
            Ok(all)
        }
        epoch => {
            let gone = request.forgotten_topics_data.iter().flat_map(|topic| {
                let partitions = topic.partitions.iter();
                partitions.map(|partition| Key {
                    group: Arc::clone(&member.group),
                    topic: topic.topic_id,
                    partition: *partition,
                })
            });
            let gone: Vec<Key> = gone.collect();
            Ok(sessions.proceed(member, epoch, named, &gone)?)
        }
    }
}

async fn acknowledge(broker: &Broker, request: &Request<'_>, member: &Member, slots: &mut [Slot]) {
    let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
    let index = slots
        .iter()
        .enumerate()
        .map(|(at, slot)| (slot.key.clone(), at));
    let index: HashMap<Key, usize> = index.collect();
    for (key, partition) in keys(member, &request.topics).zip(partitions) {
        let batches = &partition.acknowledgement_batches;
        let Some(slot) = index.get(&key).and_then(|at| slots.get_mut(*at)) else {
            continue;
        };
        if !batches.is_empty() {
            let said = words(batches, request.is_renew_ack);
            slot.acknowledged = Some(slot.settle(broker, member, said).await);
        }
    }
}

/// Takes messages from the partitions in turn, and waits for as long as the request says while there are none.
async fn gather(broker: &Broker, request: &Request<'_>, member: &Member, slots: &mut [Slot]) {
    let notify = Arc::new(Notify::new());
    let mut subscriptions: Vec<Subscription> = Vec::new();
    for slot in slots.iter_mut() {
        subscriptions.extend(slot.sit_down(broker, &notify).await);
    }
    // Which partition comes first changes from request to request, so that none is left behind.
    let first = request.share_session_epoch.unsigned_abs() as usize % slots.len().max(1);
    slots.rotate_left(first);
    let patience = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or_default());
    let mut time_is_up = pin!(sleep(patience));
    let mut drained = pin!(broker.drained());
    while !look(broker, request, member, slots).await {
        tokio::select! {
            () = notify.notified() => {}
            () = &mut time_is_up => return,
            () = &mut drained => return,
        }
    }
}

/// Looks at all partitions once; returns whether there is something to answer.
async fn look(broker: &Broker, request: &Request<'_>, member: &Member, slots: &mut [Slot]) -> bool {
    let count = |number: i32| usize::try_from(number).unwrap_or_default();
    let limit = count(request.max_bytes.min(broker.config().fetch_max_bytes));
    let (mut messages, mut bytes) = (0, 0);
    for slot in slots.iter_mut() {
        let want = Want {
            messages: (count(request.max_records) as u64).saturating_sub(messages),
            strict: request.share_acquire_mode == STRICT,
            bytes: limit.saturating_sub(bytes),
            at_least_one: bytes == 0,
        };
        if want.messages == 0 || (want.bytes == 0 && !want.at_least_one) {
            break;
        }
        slot.take(broker, member, want).await;
        messages += slot.taken.count();
        bytes += slot.taken.size();
    }
    let has_news = |slot: &Slot| slot.error.is_some() || slot.acknowledged.is_some();
    messages > 0 || request.max_wait_ms <= 0 || slots.iter().any(has_news)
}

/// What a member says of the messages of a partition.
type Said = Result<Vec<(Span, Word)>, Error>;
