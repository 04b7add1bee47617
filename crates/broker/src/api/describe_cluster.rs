//! DescribeCluster: the brokers, of which there is one.
//!
//! - 1: the client says whether it wants brokers or controllers; clients of this listener get brokers

use std::borrow::Cow;

use millstream_wire::ErrorCode;
use millstream_wire::api::describe_cluster::{Broker as Node, Request, Response};

use super::authorized;
use crate::Broker;
use crate::connection::RequestContext;

/// Kafka's number for the endpoints that clients use.
const BROKERS: i8 = 1;
/// Kafka's number for the endpoints that controllers use among themselves.
const CONTROLLERS: i8 = 2;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    match request.endpoint_type {
        BROKERS => cluster(broker, &request, context),
        CONTROLLERS => refused(
            ErrorCode::MISMATCHED_ENDPOINT_TYPE,
            "this endpoint serves brokers",
        ),
        _ => refused(
            ErrorCode::UNSUPPORTED_ENDPOINT_TYPE,
            "unknown type of endpoint",
        ),
    }
}

fn cluster<'a>(
    broker: &'a Broker,
    request: &Request,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let config = broker.config();
    let advertised = &context.connection.advertised;
    let node = Node {
        broker_id: config.node_id,
        host: Cow::Borrowed(&advertised.host),
        port: advertised.port.into(),
        rack: config.broker_rack.clone().map(Cow::Owned),
        is_fenced: false,
    };
    Response {
        endpoint_type: request.endpoint_type,
        cluster_id: Cow::Borrowed(broker.cluster_id()),
        controller_id: config.node_id,
        brokers: vec![node],
        cluster_authorized_operations: authorized::when(
            request.include_cluster_authorized_operations,
            authorized::CLUSTER,
        ),
        ..Response::default()
    }
}

fn refused(error_code: ErrorCode, reason: &'static str) -> Response<'static> {
    Response {
        error_code,
        error_message: Some(Cow::Borrowed(reason)),
        ..Response::default()
    }
}
