//! UnregisterBroker: forgets a broker that has gone. The only one has not, as it answers.

use millstream_wire::api::unregister_broker::{Request, Response};

use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let refusal = match request.broker_id {
        id if id == broker.config().node_id => {
            Error::InvalidRequest(format!("broker {id} is running, and the only one"))
        }
        id => Error::UnknownBroker(id),
    };
    let (error_code, error_message) = report(Some(&refusal));
    Response {
        error_code,
        error_message,
        ..Response::default()
    }
}
