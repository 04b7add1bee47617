//! InitProducerId: gives a producer its id and epoch.
//!
//! An idempotent producer is always new: what it says about an earlier id (versions 3 and later) is checked for its form
//! only. Who asks for a transactional id takes the place of whoever had it, and what that had begun is aborted.
//!
//! - 3: a producer goes on with the id that it has, under the next epoch
//! - 4: PRODUCER_FENCED, before it is INVALID_PRODUCER_EPOCH

use millstream_transactions::{Init, Producer};
use millstream_wire::api::init_producer_id::{Request, Response};

use super::transactional;
use crate::connection::RequestContext;
use crate::{Broker, Error};

/// Stands for no id and no epoch.
const NONE: i64 = -1;
/// The first version whose senders know PRODUCER_FENCED.
const FIRST_FENCED: i16 = 4;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response {
    match producer(broker, &request).await {
        Ok(producer) => Response {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            ..Response::default()
        },
        Err(error) => Response {
            error_code: transactional::code(&error, context.version.n >= FIRST_FENCED),
            producer_epoch: -1,
            ..Response::default()
        },
    }
}

async fn producer(broker: &Broker, request: &Request<'_>) -> Result<Producer, Error> {
    if (request.producer_id == NONE) != (i64::from(request.producer_epoch) == NONE) {
        let text = "a producer id comes with its epoch, and an epoch with its id";
        return Err(Error::InvalidRequest(text.into()));
    }
    let ids = broker.producer_ids();
    let Some(id) = request.transactional_id else {
        let id = ids.next(broker.catalog()).await?;
        return Ok(Producer { id, epoch: 0 });
    };
    let id = transactional::id(id)?;
    let (timeout_ms, longest) = (
        request.transaction_timeout_ms,
        broker.config().transaction_max_timeout_ms,
    );
    if !(1..=longest).contains(&timeout_ms) {
        return Err(Error::TransactionTimeout(timeout_ms));
    }
    let asked = Init {
        timeout_ms,
        claimed: (request.producer_id != NONE).then_some(Producer {
            id: request.producer_id,
            epoch: request.producer_epoch,
        }),
        spare: None,
    };
    broker.transactions().init(ids, id, asked).await
}
