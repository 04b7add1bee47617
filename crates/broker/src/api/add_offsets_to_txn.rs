//! AddOffsetsToTxn: makes the offsets of a group part of a transaction.
//!
//! - 2: PRODUCER_FENCED, before it is INVALID_PRODUCER_EPOCH

use millstream_transactions::Producer;
use millstream_wire::ErrorCode;
use millstream_wire::api::add_offsets_to_txn::{Request, Response};

use super::transactional;
use crate::connection::RequestContext;
use crate::{Broker, Error};

/// The first version whose senders know PRODUCER_FENCED.
const FIRST_FENCED: i16 = 2;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response {
    let error_code = match add(broker, &request).await {
        Ok(()) => ErrorCode::NONE,
        Err(error) => transactional::code(&error, context.version.n >= FIRST_FENCED),
    };
    Response {
        error_code,
        ..Response::default()
    }
}

async fn add(broker: &Broker, request: &Request<'_>) -> Result<(), Error> {
    let id = transactional::id(request.transactional_id)?;
    if request.group_id.is_empty() {
        return Err(millstream_groups::Error::InvalidGroupId.into());
    }
    let producer = Producer {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let transactions = broker.transactions();
    transactions.add_group(id, producer, request.group_id).await
}
