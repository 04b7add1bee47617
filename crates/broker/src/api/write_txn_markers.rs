//! WriteTxnMarkers: an operator ends a hanging transaction in single partitions.
//!
//! Only what is open, under the epoch that it has, is ended; anything else is refused and changes nothing.
//!
//! - 2: the version of the protocol; by the second, a marker has the epoch that comes after that of its transaction

use std::borrow::Cow;
use std::sync::Arc;

use millstream_batch::{Marker, Outcome};
use millstream_transactions::{Error as Refusal, TopicPartition};
use millstream_wire::api::write_txn_markers::{
    Marker as Asked, MarkerResult, PartitionResult, Request, Response, TopicResult,
};

use crate::connection::RequestContext;
use crate::error::code_of;
use crate::transactions::COORDINATOR_EPOCH;
use crate::{Broker, Error};

/// The protocol by which each end raises the epoch.
const RAISING: i8 = 2;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut markers = Vec::with_capacity(request.markers.len());
    for asked in &request.markers {
        let mut topics = Vec::with_capacity(asked.topics.len());
        for topic in &asked.topics {
            let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
            for &index in &topic.partition_indexes {
                partitions.push(PartitionResult {
                    partition_index: index,
                    error_code: code_of(&write(broker, asked, topic.name, index).await),
                });
            }
            topics.push(TopicResult {
                name: Cow::Borrowed(topic.name),
                partitions,
            });
        }
        markers.push(MarkerResult {
            producer_id: asked.producer_id,
            topics,
        });
    }
    Response { markers }
}

async fn write(broker: &Broker, asked: &Asked<'_>, topic: &str, index: i32) -> Result<(), Error> {
    let known = broker.catalog().topic(topic);
    let known = known.ok_or_else(|| Error::UnknownTopic(topic.to_owned()))?;
    let partition = known.partition(index)?;
    let refused = |error| Error::Transaction {
        id: format!("of producer {}", asked.producer_id),
        error,
    };
    let open = partition.transaction(asked.producer_id);
    let open = open.ok_or_else(|| refused(Refusal::InvalidState))?;
    let expected = match asked.transaction_version >= RAISING {
        true => open.epoch.saturating_add(1),
        false => open.epoch,
    };
    if asked.producer_epoch != expected {
        let stale = millstream_store::Error::InvalidProducerEpoch {
            producer_id: asked.producer_id,
            current: open.epoch,
            found: asked.producer_epoch,
        };
        return Err(stale.into());
    }
    let marker = Marker {
        producer_id: asked.producer_id,
        producer_epoch: asked.producer_epoch,
        coordinator_epoch: open.coordinator_epoch.max(COORDINATOR_EPOCH),
        outcome: match asked.transaction_result {
            true => Outcome::Commit,
            false => Outcome::Abort,
        },
    };
    let at = TopicPartition {
        topic: Arc::from(topic),
        partition: index,
    };
    let (producer_id, outcome) = (marker.producer_id, marker.outcome);
    tracing::warn!(
        topic,
        partition = index,
        producer_id,
        ?outcome,
        "transaction is ended by an operator"
    );
    let transactions = broker.transactions();
    transactions.write_marker(&at, partition, &marker).await
}
