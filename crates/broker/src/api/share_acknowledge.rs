//! ShareAcknowledge: a member of a share group says what has become of its messages, without asking for others.
//!
//! - 1: as generally available; 2: locks can be renewed

use std::sync::Arc;

use millstream_wire::Uuid;
use millstream_wire::api::share_acknowledge::{
    Partition, PartitionResult, Request, Response, TopicResult,
};

use crate::connection::RequestContext;
use crate::error::report;
use crate::features;
use crate::shares::{FINAL_EPOCH, INITIAL_EPOCH, Key, Member, ShareSessionError, member, words};
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    match acknowledge(broker, &request).await {
        Ok(response) => response,
        Err(error) => {
            let (error_code, error_message) = report(Some(&error));
            Response {
                error_code,
                error_message,
                ..Response::default()
            }
        }
    }
}

async fn acknowledge(broker: &Broker, request: &Request<'_>) -> Result<Response<'static>, Error> {
    broker.catalog().require(features::SHARE)?;
    let member = member(request.group_id, request.member_id)?;
    let closed = keep_session(broker, &member, request.share_session_epoch)?;
    let group = broker.catalog().group_config(&member.group);
    let mut lock_ms = i64::from(group.share_record_lock_duration_ms);
    let mut responses = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in &topic.partitions {
            let outcome = settle(broker, &member, topic.topic_id, partition, request).await;
            let (error_code, error_message) = report(outcome.as_ref().err());
            lock_ms = outcome.map_or(lock_ms, |here| here.min(lock_ms));
            partitions.push(PartitionResult {
                partition_index: partition.partition_index,
                error_code,
                error_message,
                ..PartitionResult::default()
            });
        }
        responses.push(TopicResult {
            topic_id: topic.topic_id,
            partitions,
        });
    }
    broker.shares().release(&member, &closed).await?;
    Ok(Response {
        acquisition_lock_timeout_ms: i32::try_from(lock_ms).unwrap_or(i32::MAX),
        responses,
        ..Response::default()
    })
}

/// The partitions of the session, if this request ends it.
fn keep_session(broker: &Broker, member: &Member, epoch: i32) -> Result<Vec<Key>, Error> {
    let sessions = broker.shares().sessions();
    match epoch {
        FINAL_EPOCH => Ok(sessions.close(member)?),
        // Only a fetch opens a session.
        INITIAL_EPOCH => Err(ShareSessionError::Epoch {
            member: Arc::clone(&member.id),
            expected: 1,
            actual: epoch,
        }
        .into()),
        _ => {
            sessions.proceed(member, epoch, Vec::new(), &[])?;
            Ok(Vec::new())
        }
    }
}

/// Does what the member says of its messages in a partition; returns for how long messages are locked there.
async fn settle(
    broker: &Broker,
    member: &Member,
    topic: Uuid,
    partition: &Partition,
    request: &Request<'_>,
) -> Result<i64, Error> {
    let place = broker.attached_place(&member.group, topic, partition.partition_index);
    let place = place.await?;
    let said = words(&partition.acknowledgement_batches, request.is_renew_ack)?;
    broker.shares().settle(&place, &member.id, &said).await?;
    Ok(place.lock_ms())
}
