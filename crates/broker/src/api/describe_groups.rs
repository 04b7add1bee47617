//! DescribeGroups: who is in a group and who reads what.
//!
//! - 3: what the client may do; 4: static members
//! - 6: a group that does not exist, or is of another kind, is GROUP_ID_NOT_FOUND, before it is shown as dead
//!   (KIP-1043)

use std::borrow::Cow;

use millstream_groups::{Description, MemberDescription, State};
use millstream_wire::ErrorCode;
use millstream_wire::api::describe_groups::{Group, Member, Request, Response};

use super::authorized;
use crate::connection::RequestContext;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let operations = authorized::when(request.include_authorized_operations, authorized::GROUP);
    let mut groups = Vec::new();
    for id in request.groups {
        let described = broker
            .groups()
            .run(id, |groups, _, _| (groups.describe(id), groups.exists(id)));
        let mut group = match described.await {
            Ok((group, exists)) if group.state == State::Dead && context.version.n >= 6 => {
                missing(id, exists)
            }
            Ok((group, _)) => found(group),
            Err(error) => unavailable(&error),
        };
        group.group_id = Cow::Borrowed(id);
        if group.error_code == ErrorCode::NONE {
            group.authorized_operations = operations;
        }
        groups.push(group);
    }
    Response {
        groups,
        ..Response::default()
    }
}

fn found(group: Description) -> Group<'static> {
    Group {
        group_state: Cow::Borrowed(group.state.name()),
        protocol_type: Cow::Owned(group.protocol_type),
        protocol_data: Cow::Owned(group.protocol),
        members: group.members.into_iter().map(member).collect(),
        ..Group::default()
    }
}

fn member(member: MemberDescription) -> Member<'static> {
    Member {
        member_id: Cow::Owned(member.member_id.to_string()),
        group_instance_id: member.instance_id.map(Cow::Owned),
        client_id: Cow::Owned(member.client_id),
        client_host: Cow::Owned(member.client_host),
        member_metadata: Cow::Owned(member.metadata.to_vec()),
        member_assignment: Cow::Owned(member.assignment.to_vec()),
    }
}

fn missing(id: &str, is_of_other_kind: bool) -> Group<'static> {
    let reason = if is_of_other_kind {
        "is not a classic group."
    } else {
        "not found."
    };
    Group {
        error_code: ErrorCode::GROUP_ID_NOT_FOUND,
        error_message: Some(Cow::Owned(format!("Group {id} {reason}"))),
        group_state: Cow::Borrowed(State::Dead.name()),
        ..Group::default()
    }
}

fn unavailable(error: &Error) -> Group<'static> {
    Group {
        error_code: error.code(),
        error_message: Some(Cow::Owned(error.to_string())),
        ..Group::default()
    }
}
