//! FindCoordinator: which broker looks after a group or a transactional id. The only broker looks after all.
//!
//! - 0: groups only; 1: the kind of key, and an error in words
//! - 4: several keys in one request
//! - 6: the kind of key for shares of share groups
//!
//! Kinds that are not served get an error that no client takes for a passing one: the others would be retried
//! for as long as the application's own time-out lasts, without a word.

use std::borrow::Cow;

use millstream_wire::ErrorCode;
use millstream_wire::api::find_coordinator::{Coordinator, Request, Response};

use crate::connection::RequestContext;
use crate::{Broker, Error};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let outcome = find(broker, request.key_type).await;
    let locate = |key| coordinator(key, broker, context, &outcome);
    if context.version.n >= 4 {
        return Response {
            coordinators: request.coordinator_keys.into_iter().map(locate).collect(),
            ..Response::default()
        };
    }
    let only = locate(request.key);
    Response {
        error_code: only.error_code,
        error_message: only.error_message,
        node_id: only.node_id,
        host: only.host,
        port: only.port,
        ..Response::default()
    }
}

/// An error for kinds of keys that nobody looks after: its code and what it says.
type Refusal = (ErrorCode, String);

async fn find(broker: &Broker, key_type: i8) -> Result<(), Refusal> {
    match key_type {
        GROUP => broker.groups().prepare().await.map_err(|error| {
            tracing::error!(%error, "the log of groups cannot be made");
            (Error::CoordinatorNotAvailable.code(), error.to_string())
        }),
        // The one error that ends an attempt at once in every client.
        TRANSACTION => Err((
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            "this broker does not serve transactions".to_owned(),
        )),
        other => Err((
            ErrorCode::INVALID_REQUEST,
            format!("this broker does not serve coordinators of type {other}"),
        )),
    }
}

fn coordinator<'a>(
    key: &'a str,
    broker: &Broker,
    context: &'a RequestContext<'a>,
    outcome: &Result<(), Refusal>,
) -> Coordinator<'a> {
    let key = Cow::Borrowed(key);
    match outcome {
        Ok(()) => Coordinator {
            key,
            node_id: broker.config().node_id,
            host: Cow::Borrowed(&context.connection.advertised.host),
            port: context.connection.advertised.port.into(),
            ..Coordinator::default()
        },
        Err((error_code, message)) => Coordinator {
            key,
            node_id: -1,
            port: -1,
            error_code: *error_code,
            error_message: Some(Cow::Owned(message.clone())),
            ..Coordinator::default()
        },
    }
}
