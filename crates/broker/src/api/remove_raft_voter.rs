//! RemoveRaftVoter: the one broker is a quorum of one and stays it.

use millstream_wire::api::remove_raft_voter::{Request, Response};

use super::add_raft_voter::refusal;
use crate::Broker;
use crate::connection::RequestContext;
use crate::error::report;

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
