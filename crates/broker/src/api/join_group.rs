//! JoinGroup: a member enters a rebalance, and is answered when the new generation has formed.
//!
//! - 0: one timeout for sessions and rebalances; 1: two
//! - 4: a dynamic member's first join is answered with MEMBER_ID_REQUIRED and its id (KIP-394)
//! - 5: static members (KIP-345)
//! - 7: the protocol's name is null where there is none
//! - 9: a leader can be told to keep the assignment (KIP-814)

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use millstream_groups::{CONSUMER, JoinRequest, Joined, Protocol, Reply, subscribed_topics};
use millstream_wire::api::join_group::{self as wire, Member, Request, Response};

use crate::catalog::Topic;
use crate::connection::RequestContext;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let member_id = request.member_id;
    let mut response = match join(broker, &request, context).await {
        Ok(Reply::Join(Ok(joined))) => accepted(joined),
        Ok(Reply::Join(Err(error))) => refused(member_id, &error.into()),
        Ok(Reply::Sync(_)) => refused(member_id, &Error::CoordinatorNotAvailable),
        Err(error) => refused(member_id, &error),
    };
    if context.version.n < 7 {
        response.protocol_name.get_or_insert_default();
    }
    response
}

async fn join(
    broker: &Broker,
    request: &Request<'_>,
    context: &RequestContext<'_>,
) -> Result<Reply, Error> {
    let group = request.group_id;
    for topic in topics(broker, request) {
        broker.attach(&topic, group).await?;
    }
    let join = understood(broker, request, context);
    let reply = broker.groups().ask(group, |groups, token, now, effects| {
        groups.join(group, join, token, now, effects);
    });
    reply.await
}

/// The topics that the member wants to read, as far as there are such.
fn topics(broker: &Broker, request: &Request<'_>) -> Vec<Arc<Topic>> {
    let consumes = request.protocol_type == CONSUMER;
    let offered = request.protocols.iter().filter(|_| consumes);
    let named = offered.filter_map(|offered| subscribed_topics(offered.metadata));
    let names: BTreeSet<&str> = named.flatten().collect();
    let state = broker.catalog().state();
    let topics = names.into_iter().filter_map(|name| state.topic(name));
    topics.cloned().collect()
}

fn understood(broker: &Broker, request: &Request<'_>, context: &RequestContext<'_>) -> JoinRequest {
    let name = request
        .group_instance_id
        .unwrap_or_else(|| context.client_id());
    let id = (broker.environment().random_uuid)();
    JoinRequest {
        member_id: request.member_id.to_owned(),
        fresh_member_id: Arc::from(format!("{name}-{id}")),
        instance_id: request.group_instance_id.map(str::to_owned),
        client_id: context.client_id().to_owned(),
        client_host: format!("/{}", context.connection.peer.ip()),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: match context.version.n {
            0 => request.session_timeout_ms,
            _ => request.rebalance_timeout_ms,
        },
        protocol_type: request.protocol_type.to_owned(),
        protocols: request.protocols.iter().map(protocol).collect(),
        id_required: context.version.n >= 4,
        can_skip_assignment: context.version.n >= 9,
    }
}

fn protocol(protocol: &wire::Protocol<'_>) -> Protocol {
    Protocol {
        name: protocol.name.to_owned(),
        metadata: Arc::from(protocol.metadata),
    }
}

fn accepted(joined: Joined) -> Response<'static> {
    let member = |member: millstream_groups::JoinedMember| Member {
        member_id: Cow::Owned(member.member_id.to_string()),
        group_instance_id: member.instance_id.map(Cow::Owned),
        metadata: Cow::Owned(member.metadata.to_vec()),
    };
    Response {
        generation_id: joined.generation,
        protocol_type: joined.protocol_type.map(Cow::Owned),
        protocol_name: joined.protocol.map(Cow::Owned),
        leader: Cow::Owned(joined.leader.as_deref().unwrap_or_default().to_owned()),
        skip_assignment: joined.skip_assignment,
        member_id: Cow::Owned(joined.member_id.to_string()),
        members: joined.members.into_iter().map(member).collect(),
        ..Response::default()
    }
}

fn refused<'a>(member_id: &'a str, error: &Error) -> Response<'a> {
    let given = match error {
        Error::Group(millstream_groups::Error::MemberIdRequired(id)) => Cow::Owned(id.to_string()),
        _ => Cow::Borrowed(member_id),
    };
    Response {
        error_code: error.code(),
        member_id: given,
        ..Response::default()
    }
}
