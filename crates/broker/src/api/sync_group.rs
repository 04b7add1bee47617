//! SyncGroup: the leader brings the assignment of a generation, every member fetches its own.
//!
//! - 3: static members
//! - 5: member and coordinator compare the protocol that they believe in

use std::borrow::Cow;
use std::sync::Arc;

use millstream_groups::{Reply, SyncRequest, Synced};
use millstream_wire::api::sync_group::{Request, Response};

use crate::connection::RequestContext;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let group = request.group_id;
    let sync = understood(&request);
    let reply = broker.groups().ask(group, |groups, token, now, effects| {
        groups.sync(group, sync, token, now, effects);
    });
    match reply.await {
        Ok(Reply::Sync(Ok(synced))) => accepted(synced),
        Ok(Reply::Sync(Err(error))) => refused(&error.into()),
        Ok(Reply::Join(_)) => refused(&Error::CoordinatorNotAvailable),
        Err(error) => refused(&error),
    }
}

fn understood(request: &Request<'_>) -> SyncRequest {
    let assignments = request.assignments.iter();
    SyncRequest {
        member_id: request.member_id.to_owned(),
        instance_id: request.group_instance_id.map(str::to_owned),
        generation: request.generation_id,
        protocol_type: request.protocol_type.map(str::to_owned),
        protocol: request.protocol_name.map(str::to_owned),
        assignments: assignments
            .map(|one| (one.member_id.to_owned(), Arc::from(one.assignment)))
            .collect(),
    }
}

fn accepted(synced: Synced) -> Response<'static> {
    Response {
        protocol_type: synced.protocol_type.map(Cow::Owned),
        protocol_name: synced.protocol.map(Cow::Owned),
        assignment: Cow::Owned(synced.assignment.to_vec()),
        ..Response::default()
    }
}

fn refused(error: &Error) -> Response<'static> {
    Response {
        error_code: error.code(),
        ..Response::default()
    }
}
