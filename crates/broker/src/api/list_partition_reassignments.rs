//! ListPartitionReassignments: which partitions move between brokers. There is one broker: none does.

use millstream_wire::api::list_partition_reassignments::{Request, Response};

use crate::Broker;
use crate::connection::RequestContext;

pub(crate) async fn handle<'a>(
    _: &'a Broker,
    _: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    Response::default()
}
