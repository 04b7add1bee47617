//! SaslHandshake: the client wants to authenticate itself. Connections are not authenticated, so there is nothing to
//! agree on.

use millstream_wire::api::sasl_handshake::{Request, Response};

use crate::connection::RequestContext;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    _: &'a Broker,
    _: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    Response {
        error_code: Error::Unauthenticated.code(),
        ..Response::default()
    }
}
