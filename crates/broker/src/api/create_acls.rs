//! CreateAcls: refuses every rule of access, as no authorizer would keep it.

use millstream_wire::api::create_acls::{Creation, CreationResult, Request, Response};

use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    _: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let refused = |_: &Creation<'a>| {
        let (error_code, error_message) = report(Some(&Error::NoAuthorizer));
        CreationResult {
            error_code,
            error_message,
        }
    };
    Response {
        results: request.creations.iter().map(refused).collect(),
        ..Response::default()
    }
}
