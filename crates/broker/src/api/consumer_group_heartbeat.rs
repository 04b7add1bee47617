//! ConsumerGroupHeartbeat: a member of a consumer group joins, says that it is alive, what it wants and what it has, or
//! leaves.
//!
//! - 0: a member that joins without an id is given one
//! - 1: its client has made one; topics by an expression
//!
//! Which group may consume a queue is settled before a member joins for it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use millstream_groups::{Assignor, Catalog as _, ConsumerBeat, ConsumerHeartbeat, Place, by_topic};
use millstream_wire::Uuid;
use millstream_wire::api::consumer_group_heartbeat::{
    Assignment, Owned, Request, Response, TopicPartitions,
};

use crate::connection::RequestContext;
use crate::error::report;
use crate::groups::expression;
use crate::{Broker, Error, features};

/// Names itself so as to join.
const JOIN: i32 = 0;
/// Names itself so as to leave.
const LEAVE: i32 = -1;
/// Names itself so as to leave for a while. franz-go does so without saying again as which instance.
const AWAY: i32 = -2;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let member_id = match request.member_id {
        "" if request.member_epoch == JOIN && context.version.n == 0 => {
            Cow::Owned((broker.environment().random_uuid)().to_string())
        }
        id => Cow::Borrowed(id),
    };
    let outcome = match broker
        .catalog()
        .require(features::GROUP)
        .and_then(|()| check(&request, &member_id))
        .and_then(|()| check_assignor(broker, &request))
    {
        Ok(()) if request.member_epoch < JOIN => leave(broker, &request).await,
        Ok(()) => heartbeat(broker, &request, &member_id, context).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(beat) => Response {
            member_id: Some(member_id),
            member_epoch: beat.member_epoch,
            heartbeat_interval_ms: beat.heartbeat_interval_ms,
            assignment: beat.assignment.as_ref().map(assignment),
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
fn check(request: &Request<'_>, member_id: &str) -> Result<(), Error> {
    let refusal = match request {
        _ if request.group_id.is_empty() => "the group id is empty",
        _ if member_id.is_empty() => "the member id is empty",
        _ if request.instance_id == Some("") => "the instance id is empty",
        _ if request.rack_id == Some("") => "the rack id is empty",
        _ if request.member_epoch < AWAY => "the member epoch is less than -2",
        _ if request.member_epoch == JOIN => return check_joining(request),
        _ => return check_words(request),
    };
    Err(Error::InvalidRequest(refusal.to_owned()))
}

fn check_joining(request: &Request<'_>) -> Result<(), Error> {
    let refusal = match request {
        _ if request.rebalance_timeout_ms == -1 => {
            "a member that joins has to say its rebalance timeout"
        }
        _ if request
            .topic_partitions
            .as_ref()
            .is_none_or(|owned| !owned.is_empty()) =>
        {
            "a member that joins has to say that it owns no partitions"
        }
        _ if request.subscribed_topic_names.is_none()
            && request.subscribed_topic_regex.is_none() =>
        {
            "a member that joins has to subscribe to topics"
        }
        _ => return check_words(request),
    };
    Err(Error::InvalidRequest(refusal.to_owned()))
}

/// Refuses what nobody could go by.
fn check_words(request: &Request<'_>) -> Result<(), Error> {
    let wanted = request
        .subscribed_topic_regex
        .filter(|wanted| !wanted.is_empty());
    wanted.map_or(Ok(()), |wanted| expression::parse(wanted).map(drop))
}

/// Refuses a wish for an assignor that there is not, or not for members to choose.
fn check_assignor(broker: &Broker, request: &Request<'_>) -> Result<(), Error> {
    let Some(name) = request.server_assignor else {
        return Ok(());
    };
    let assignors = &broker.config().group_consumer_assignors;
    match Assignor::named(name).is_some_and(|wish| assignors.contains(&wish)) {
        true => Ok(()),
        false => Err(Error::Assignor(name.to_owned())),
    }
}

async fn leave(broker: &Broker, request: &Request<'_>) -> Result<ConsumerBeat, Error> {
    let (group, member, instance) = (request.group_id, request.member_id, request.instance_id);
    let for_good = request.member_epoch == LEAVE;
    let left = broker.groups().run(group, |groups, now, effects| {
        groups.consumer_leave(group, member, instance, for_good, now, effects)
    });
    left.await??;
    Ok(ConsumerBeat {
        member_epoch: request.member_epoch,
        assignment: None,
        heartbeat_interval_ms: 0,
    })
}

async fn heartbeat(
    broker: &Broker,
    request: &Request<'_>,
    member_id: &str,
    context: &RequestContext<'_>,
) -> Result<ConsumerBeat, Error> {
    let group = request.group_id;
    attach(broker, request).await?;
    let owned = request.topic_partitions.as_deref().map(places);
    let client_host = format!("/{}", context.connection.peer.ip());
    let beat = ConsumerHeartbeat {
        member_id,
        member_epoch: request.member_epoch,
        instance_id: request.instance_id,
        rack: request.rack_id,
        rebalance_timeout_ms: Some(request.rebalance_timeout_ms).filter(|ms| *ms != -1),
        topics: request.subscribed_topic_names.as_deref(),
        expression: request.subscribed_topic_regex,
        assignor: request.server_assignor,
        owned: owned.as_ref(),
        client_id: context.client_id(),
        client_host: &client_host,
    };
    let told = broker.groups().run(group, |groups, now, effects| {
        groups.consumer_heartbeat(group, &beat, now, effects)
    });
    Ok(told.await??)
}

/// Lets the group consume the queues among the topics that the member wants.
async fn attach(broker: &Broker, request: &Request<'_>) -> Result<(), Error> {
    let names = request
        .subscribed_topic_names
        .iter()
        .flatten()
        .map(|name| (*name).into());
    let expression = request
        .subscribed_topic_regex
        .filter(|wanted| !wanted.is_empty());
    let matches = expression
        .map(|wanted| broker.catalog().matching(wanted))
        .into_iter()
        .flatten();
    for name in names.chain(matches) {
        if let Some(topic) = broker.catalog().topic(&name) {
            broker.attach(&topic, request.group_id).await?;
        }
    }
    Ok(())
}

fn places(owned: &[Owned]) -> BTreeSet<Place> {
    let places = |topic: &Owned| {
        let id = topic.topic_id.as_u128();
        topic
            .partitions
            .iter()
            .map(move |index| (id, *index))
            .collect::<Vec<_>>()
    };
    owned.iter().flat_map(places).collect()
}

fn assignment(places: &BTreeSet<Place>) -> Assignment {
    let topic = |(id, partitions)| TopicPartitions {
        topic_id: Uuid::from_u128(id),
        partitions,
    };
    Assignment {
        topic_partitions: by_topic(places).into_iter().map(topic).collect(),
    }
}
