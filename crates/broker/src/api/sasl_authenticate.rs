//! SaslAuthenticate: a step of an authentication that was never agreed on, as connections are not authenticated.

use millstream_wire::api::sasl_authenticate::{Request, Response};

use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    _: &'a Broker,
    _: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let (error_code, error_message) = report(Some(&Error::Unauthenticated));
    Response {
        error_code,
        error_message,
        ..Response::default()
    }
}
