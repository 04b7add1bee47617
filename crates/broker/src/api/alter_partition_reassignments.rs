//! AlterPartitionReassignments: moves partitions between brokers. There is one broker, and everything is on it already.
//!
//! - 1: whether the number of replicas may change, which it never does

use std::borrow::Cow;

use millstream_wire::api::alter_partition_reassignments::{
    Partition, PartitionResult, Request, Response, Topic, TopicResult,
};

use super::create_topics::placement;
use crate::catalog::State;
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let state = broker.catalog().state();
    let result = |topic: &Topic<'a>| TopicResult {
        name: Cow::Borrowed(topic.name),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| outcome(&state, topic.name, partition))
            .collect(),
    };
    Response {
        allow_replication_factor_change: request.allow_replication_factor_change,
        responses: request.topics.iter().map(result).collect(),
        ..Response::default()
    }
}

fn outcome(state: &State, topic: &str, partition: &Partition) -> PartitionResult<'static> {
    let (error_code, error_message) = report(stay(state, topic, partition).err().as_ref());
    PartitionResult {
        partition_index: partition.partition_index,
        error_code,
        error_message,
    }
}

/// Whether the partition is where it is to be.
fn stay(state: &State, topic: &str, partition: &Partition) -> Result<(), Error> {
    let unknown = || Error::UnknownTopic(topic.to_owned());
    let topic = state.topic(topic).ok_or_else(unknown)?;
    topic.partition(partition.partition_index)?;
    match &partition.replicas {
        Some(replicas) => placement(replicas, state.config().node_id),
        None => Err(Error::NothingMoves),
    }
}
