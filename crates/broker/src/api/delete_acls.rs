//! DeleteAcls: there are no rules of access to remove, as there is no authorizer.

use millstream_wire::api::delete_acls::{Filter, FilterResult, Request, Response};

use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    _: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let refused = |_: &Filter<'a>| {
        let (error_code, error_message) = report(Some(&Error::NoAuthorizer));
        FilterResult {
            error_code,
            error_message,
            ..FilterResult::default()
        }
    };
    Response {
        filter_results: request.filters.iter().map(refused).collect(),
        ..Response::default()
    }
}
