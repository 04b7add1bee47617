//! AddRaftVoter: the one broker is a quorum of one and stays it.

use millstream_wire::api::add_raft_voter::{Request, Response};

use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    _: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let refusal = refusal(request.voter_id, request.voter_directory_id.is_nil());
    let (error_code, error_message) = report(Some(&refusal));
    Response {
        error_code,
        error_message,
        ..Response::default()
    }
}

/// Why no voter comes or goes.
pub(super) fn refusal(voter_id: i32, without_directory: bool) -> Error {
    if voter_id < 0 || without_directory {
        return Error::InvalidRequest(format!("{voter_id} without a directory is no voter"));
    }
    Error::Unsupported("the quorum is this broker alone".to_owned())
}
