//! DescribeQuorum: who keeps the catalog's log. One broker is a quorum of one.
//!
//! - 1: when voters last fetched; 2: their endpoints

use std::borrow::Cow;

use millstream_wire::api::describe_quorum::{
    Listener, Node, PartitionResult, Replica, Request, Response, Topic as Asked, TopicResult,
};

use crate::catalog::METADATA;
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let topic = |asked: &Asked<'a>| TopicResult {
        topic_name: Cow::Borrowed(asked.topic_name),
        partitions: asked
            .partitions
            .iter()
            .map(|partition| quorum(broker, asked.topic_name, partition.partition_index))
            .collect(),
    };
    let topics: Vec<_> = request.topics.iter().map(topic).collect();
    let is_known = |quorum: &PartitionResult<'_>| quorum.error_code.is_none();
    let known = topics
        .iter()
        .any(|topic| topic.partitions.iter().any(is_known));
    Response {
        topics,
        nodes: known.then(|| node(broker, context)).into_iter().collect(),
        ..Response::default()
    }
}

fn quorum(broker: &Broker, topic: &str, partition_index: i32) -> PartitionResult<'static> {
    if (topic, partition_index) != (METADATA, 0) {
        let unknown = Error::UnknownPartition {
            topic: topic.to_owned(),
            index: partition_index,
        };
        let (error_code, error_message) = report(Some(&unknown));
        return PartitionResult {
            partition_index,
            error_code,
            error_message,
            ..PartitionResult::default()
        };
    }
    let (node_id, now_ms) = (broker.config().node_id, broker.now_ms());
    let log = broker.catalog().log();
    PartitionResult {
        partition_index,
        leader_id: node_id,
        leader_epoch: log.leader_epoch(),
        high_watermark: log.offsets().high_watermark,
        current_voters: vec![Replica {
            replica_id: node_id,
            log_end_offset: log.offsets().log_end,
            last_fetch_timestamp: now_ms,
            last_caught_up_timestamp: now_ms,
            ..Replica::default()
        }],
        ..PartitionResult::default()
    }
}

fn node<'a>(broker: &Broker, context: &'a RequestContext<'a>) -> Node<'a> {
    let advertised = &context.connection.advertised;
    Node {
        node_id: broker.config().node_id,
        listeners: vec![Listener {
            name: Cow::Borrowed(&advertised.listener),
            host: Cow::Borrowed(&advertised.host),
            port: advertised.port,
        }],
    }
}
