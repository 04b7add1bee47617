//! InitProducerId: gives an idempotent producer an id of its own, with epoch 0.
//!
//! A producer without a transactional id is always new: what it says about an earlier id (versions 3 and later) is
//! checked for its form only. Transactions are not served.

use millstream_wire::api::init_producer_id::{Request, Response};

use crate::connection::RequestContext;
use crate::{Broker, Error};

/// Kafka's default of `transaction.max.timeout.ms`.
const MAX_TRANSACTION_TIMEOUT_MS: i32 = 900_000;
/// Stands for no id and no epoch.
const NONE: i64 = -1;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _context: &'a RequestContext<'a>,
) -> Response {
    match producer_id(broker, &request).await {
        Ok(producer_id) => Response {
            producer_id,
            ..Response::default()
        },
        Err(error) => Response {
            error_code: error.code(),
            producer_epoch: -1,
            ..Response::default()
        },
    }
}

async fn producer_id(broker: &Broker, request: &Request<'_>) -> Result<i64, Error> {
    if (request.producer_id == NONE) != (i64::from(request.producer_epoch) == NONE) {
        let text = "a producer id comes with its epoch, and an epoch with its id";
        return Err(Error::InvalidRequest(text.into()));
    }
    match request.transactional_id {
        None => broker.producer_ids().next(broker.catalog()).await,
        Some("") => Err(Error::InvalidRequest(
            "the transactional id is empty".into(),
        )),
        Some(_) if !(1..=MAX_TRANSACTION_TIMEOUT_MS).contains(&request.transaction_timeout_ms) => {
            Err(Error::TransactionTimeout(request.transaction_timeout_ms))
        }
        Some(_) => Err(Error::Unsupported("transactions are not served".into())),
    }
}
