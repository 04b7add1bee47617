//! DescribeAcls: there are no rules of access, as there is no authorizer.

use millstream_wire::api::describe_acls::{Request, Response};

use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    _: &'a Broker,
    _: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let (error_code, error_message) = report(Some(&Error::NoAuthorizer));
    Response {
        error_code,
        error_message,
        ..Response::default()
    }
}
