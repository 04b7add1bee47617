//! LeaveGroup: members leave, or an administrator removes them.
//!
//! - 0 to 2: one member, whose error is the response's
//! - 3: several members, also by their instance ids

use std::borrow::Cow;

use millstream_groups::Leaver;
use millstream_wire::ErrorCode;
use millstream_wire::api::leave_group::{Member, MemberResult, Request, Response};

use crate::connection::RequestContext;
use crate::error::code_of;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let single = context.version.n < 3;
    let members = match single {
        true => vec![Member {
            member_id: request.member_id,
            ..Member::default()
        }],
        false => request.members,
    };
    match leave(broker, request.group_id, &members).await {
        Ok(results) if single => Response {
            error_code: results
                .first()
                .map_or(ErrorCode::NONE, |one| one.error_code),
            ..Response::default()
        },
        Ok(members) => Response {
            members,
            ..Response::default()
        },
        Err(error) => Response {
            error_code: error.code(),
            ..Response::default()
        },
    }
}

async fn leave<'a>(
    broker: &Broker,
    group: &str,
    members: &[Member<'a>],
) -> Result<Vec<MemberResult<'a>>, Error> {
    let leaver = |member: &Member<'a>| Leaver {
        member_id: member.member_id,
        instance_id: member.group_instance_id,
    };
    let leavers: Vec<Leaver<'a>> = members.iter().map(leaver).collect();
    let outcomes = broker.groups().run(group, |groups, now, effects| {
        groups.leave(group, &leavers, now, effects)
    });
    let outcomes = outcomes.await??;
    let result =
        |(leaver, outcome): (&Leaver<'a>, Result<(), millstream_groups::Error>)| MemberResult {
            member_id: Cow::Borrowed(leaver.member_id),
            group_instance_id: leaver.instance_id.map(Cow::Borrowed),
            error_code: code_of(&outcome.map_err(Error::from)),
        };
    Ok(leavers.iter().zip(outcomes).map(result).collect())
}
