//! Heartbeat: a member says that it is alive, and learns whether it has to join again.
//!
//! - 3: static members

use millstream_wire::api::heartbeat::{Request, Response};

use crate::connection::RequestContext;
use crate::error::code_of;
use crate::{Broker, Error};

pub(crate) async fn handle(
    broker: &Broker,
    request: Request<'_>,
    _: &RequestContext<'_>,
) -> Response {
    let Request {
        group_id,
        generation_id,
        member_id,
        group_instance_id,
    } = request;
    let outcome = broker.groups().run(group_id, |groups, now, _| {
        groups.heartbeat(group_id, member_id, group_instance_id, generation_id, now)
    });
    let outcome = outcome.await.and_then(|beat| beat.map_err(Error::from));
    Response {
        error_code: code_of(&outcome),
        ..Response::default()
    }
}
