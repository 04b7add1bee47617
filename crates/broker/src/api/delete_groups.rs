//! DeleteGroups: ends groups without members, with all that they have committed. Their queues are free for others.

use std::borrow::Cow;

use millstream_groups::Error as GroupError;
use millstream_wire::api::delete_groups::{GroupResult, Request, Response};

use crate::connection::RequestContext;
use crate::error::code_of;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut results = Vec::new();
    for id in request.groups_names {
        let outcome = delete(broker, id).await;
        if let Ok(()) | Err(Error::Group(GroupError::GroupIdNotFound(_))) = outcome {
            broker.release(id).await;
            broker.shares().forget_group(id).await;
        }
        results.push(GroupResult {
            group_id: Cow::Borrowed(id),
            error_code: code_of(&outcome),
        });
    }
    Response {
        results,
        ..Response::default()
    }
}

async fn delete(broker: &Broker, id: &str) -> Result<(), Error> {
    broker.keep_acknowledged_by(|owner| owner == id).await?;
    let outcome = broker
        .groups()
        .run(id, |groups, _, effects| groups.delete_group(id, effects));
    Ok(outcome.await??)
}
