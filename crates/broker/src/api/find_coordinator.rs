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
/// A partition as one share group sees it.
const SHARE: i8 = 2;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let outcome = find(broker, request.key_type, context.version.n).await;
    let locate = |key| match request.key_type {
        SHARE if outcome.is_ok() && !is_share_key(key) => {
            coordinator(key, broker, context, &Err(no_share_key(key)))
        }
        _ => coordinator(key, broker, context, &outcome),
    };
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

async fn find(broker: &Broker, key_type: i8, version: i16) -> Result<(), Refusal> {
    match key_type {
        GROUP => broker.groups().prepare().await.map_err(|error| {
            tracing::error!(%error, "the log of groups cannot be made");
            (Error::CoordinatorNotAvailable.code(), error.to_string())
        }),
        TRANSACTION => broker.transactions().prepare().await.map_err(|error| {
            tracing::error!(%error, "the log of transactions cannot be made");
            (Error::CoordinatorNotAvailable.code(), error.to_string())
        }),
        SHARE if version >= 6 => Ok(()),
        other => Err((
            ErrorCode::INVALID_REQUEST,
            format!("this broker does not serve coordinators of type {other}"),
        )),
    }
}

/// Whether a key is `group:topic id:partition`.
fn is_share_key(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let (partition, topic_id, group) = (parts.next(), parts.next(), parts.next());
    let is_id = |id: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        id.len() == 22 && id.bytes().all(allowed)
    };
    partition.is_some_and(|index| index.parse().is_ok_and(|index: i32| index >= 0))
        && topic_id.is_some_and(is_id)
        && group.is_some_and(|group| !group.is_empty())
}

fn no_share_key(key: &str) -> Refusal {
    let reason = format!("{key:?} is not a group, a topic's id and a partition with ':' between");
    (ErrorCode::INVALID_REQUEST, reason)
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
