//! Says what a share fetch took and what came of its acknowledgements.

use millstream_wire::Records;
use millstream_wire::api::share_fetch::{AcquiredRecords, PartitionResult, Response, TopicResult};

use super::slot::Slot;
use crate::Broker;
use crate::error::report;
use crate::shares::Member;

/// The answer. One that opens a session mentions every partition, others only those with something to say.
pub(super) fn answer(
    broker: &Broker,
    member: &Member,
    slots: Vec<Slot>,
    is_full: bool,
) -> Response<'static> {
    let own = || {
        let group = broker.catalog().group_config(&member.group);
        i64::from(group.share_record_lock_duration_ms)
    };
    let lock_ms = slots.iter().filter_map(Slot::lock_ms).min();
    let lock_ms = lock_ms.unwrap_or_else(own);
    let mut responses: Vec<TopicResult<'static>> = Vec::new();
    for slot in slots {
        let has_news =
            slot.error.is_some() || slot.acknowledged.is_some() || !slot.taken.acquired.is_empty();
        if !is_full && !has_news {
            continue;
        }
        let topic_id = slot.key.topic;
        let result = result(slot);
        match responses
            .iter_mut()
            .find(|topic| topic.topic_id == topic_id)
        {
            Some(topic) => topic.partitions.push(result),
            None => responses.push(TopicResult {
                topic_id,
                partitions: vec![result],
            }),
        }
    }
    Response {
        acquisition_lock_timeout_ms: i32::try_from(lock_ms).unwrap_or(i32::MAX),
        responses,
        ..Response::default()
    }
}

fn result(slot: Slot) -> PartitionResult<'static> {
    let (error_code, error_message) = report(slot.error.as_ref());
    let acknowledged = slot.acknowledged.and_then(Result::err);
    let (acknowledge_error_code, acknowledge_error_message) = report(acknowledged.as_ref());
    let acquired = slot.taken.acquired.iter().map(|one| AcquiredRecords {
        first_offset: one.span.first,
        last_offset: one.span.last,
        delivery_count: i16::try_from(one.deliveries).unwrap_or(i16::MAX),
    });
    PartitionResult {
        partition_index: slot.key.partition,
        error_code,
        error_message,
        acknowledge_error_code,
        acknowledge_error_message,
        acquired_records: acquired.collect(),
        records: Records(slot.taken.batches),
        ..PartitionResult::default()
    }
}
