//! ShareGroupHeartbeat: a member of a share group joins, says that it is alive, wants other topics, or leaves.
//!
//! Which group may consume a queue is settled before a member joins for it.

use std::borrow::Cow;

use millstream_groups::{ShareBeat, ShareHeartbeat, Topic};
use millstream_wire::Uuid;
use millstream_wire::api::share_group_heartbeat::{Assignment, Request, Response, TopicPartitions};

use crate::connection::RequestContext;
use crate::error::report;
use crate::features;
use crate::{Broker, Error};

/// Names itself so as to join.
const JOIN: i32 = 0;
/// Names itself so as to leave.
const LEAVE: i32 = -1;

/// Characters of the longest member id: those of a UUID.
const LONGEST_MEMBER_ID: usize = 36;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let sound = broker
        .catalog()
        .require(features::SHARE)
        .and_then(|()| check(&request));
    let outcome = match sound {
        Ok(()) if request.member_epoch == LEAVE => leave(broker, &request).await,
        Ok(()) => heartbeat(broker, &request, context).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(beat) => Response {
            member_id: Some(Cow::Borrowed(request.member_id)),
            member_epoch: beat.member_epoch,
            heartbeat_interval_ms: interval_ms(broker, &request),
            assignment: beat.assignment.map(assignment),
            ..Response::default()
        },
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

/// Refuses what no member says.
fn check(request: &Request<'_>) -> Result<(), Error> {
    let wants_nothing = request
        .subscribed_topic_names
        .as_ref()
        .is_none_or(Vec::is_empty);
    let refusal = match request {
        _ if request.group_id.is_empty() => "the group id is empty",
        _ if request.member_id.is_empty() => "the member id is empty",
        _ if request.member_id.chars().count() > LONGEST_MEMBER_ID => {
            "the member id has more than 36 characters"
        }
        _ if request.rack_id == Some("") => "the rack id is empty",
        _ if request.member_epoch < LEAVE => "the member epoch is less than -1",
        _ if request.member_epoch == JOIN && wants_nothing => {
            "a member that joins has to subscribe to topics"
        }
        _ => return Ok(()),
    };
    Err(Error::InvalidRequest(refusal.to_owned()))
}

async fn leave(broker: &Broker, request: &Request<'_>) -> Result<ShareBeat, Error> {
    let (group, member) = (request.group_id, request.member_id);
    let left = broker.groups().run(group, |groups, now, effects| {
        groups.share_leave(group, member, now, effects)
    });
    left.await??;
    Ok(ShareBeat {
        member_epoch: LEAVE,
        assignment: None,
    })
}

async fn heartbeat(
    broker: &Broker,
    request: &Request<'_>,
    context: &RequestContext<'_>,
) -> Result<ShareBeat, Error> {
    let group = request.group_id;
    let names = request.subscribed_topic_names.as_deref();
    for name in names.unwrap_or_default() {
        if let Some(topic) = broker.catalog().topic(name) {
            broker.attach(&topic, group).await?;
        }
    }
    let client_host = format!("/{}", context.connection.peer.ip());
    let beat = ShareHeartbeat {
        member_id: request.member_id,
        member_epoch: request.member_epoch,
        rack: request.rack_id,
        topics: names,
        client_id: context.client_id(),
        client_host: &client_host,
        session_timeout_ms: broker
            .catalog()
            .group_config(group)
            .share_session_timeout_ms,
    };
    let told = broker.groups().run(group, |groups, now, effects| {
        groups.share_heartbeat(group, beat, now, effects)
    });
    Ok(told.await??)
}

/// When the next heartbeat is due; none is after the last.
fn interval_ms(broker: &Broker, request: &Request<'_>) -> i32 {
    if request.member_epoch == LEAVE {
        return 0;
    }
    let config = broker.catalog().group_config(request.group_id);
    config.share_heartbeat_interval_ms
}

fn assignment(shares: Vec<Topic>) -> Assignment {
    let topic = |share: Topic| TopicPartitions {
        topic_id: Uuid::from_u128(share.id),
        partitions: (0..share.partitions).collect(),
    };
    Assignment {
        topic_partitions: shares.into_iter().map(topic).collect(),
    }
}
