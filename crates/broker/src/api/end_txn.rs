//! EndTxn: commits or aborts a transaction, in all its partitions at once.
//!
//! - 2: PRODUCER_FENCED, before it is INVALID_PRODUCER_EPOCH
//! - 5: each end raises the epoch, and says so

use millstream_transactions::{Outcome, Producer, Version};
use millstream_wire::api::end_txn::{Request, Response};

use super::transactional;
use crate::connection::RequestContext;
use crate::{Broker, Error};

/// The first version by which each end raises the epoch (KIP-890).
const FIRST_RAISING: i16 = 5;
/// The first version whose senders know PRODUCER_FENCED.
const FIRST_FENCED: i16 = 2;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response {
    match end(broker, &request, context.version.n).await {
        Ok(producer) => Response {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            ..Response::default()
        },
        Err(error) => Response {
            error_code: transactional::code(&error, context.version.n >= FIRST_FENCED),
            ..Response::default()
        },
    }
}

async fn end(broker: &Broker, request: &Request<'_>, version: i16) -> Result<Producer, Error> {
    let id = transactional::id(request.transactional_id)?;
    let producer = Producer {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let outcome = match request.committed {
        true => Outcome::Commit,
        false => Outcome::Abort,
    };
    let protocol = match version {
        FIRST_RAISING.. => Version::V2,
        _ => Version::V1,
    };
    let transactions = broker.transactions();
    let ended = transactions.end(broker.producer_ids(), (id, producer), outcome, protocol);
    ended.await
}
