//! DescribeTopicPartitions: topics and partitions page by page, in the order of the names.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use millstream_wire::ErrorCode;
use millstream_wire::api::describe_topic_partitions::{
    NextCursor, PartitionResult, Request, Response, TopicResult,
};

use super::authorized;
use crate::Broker;
use crate::catalog::{self, State, Topic};
use crate::connection::RequestContext;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let state = broker.catalog().state();
    let most = state.config().max_request_partition_size_limit;
    let limit = usize::try_from(request.response_partition_limit.clamp(1, most)).unwrap_or(1);
    let (from, first) = match &request.cursor {
        Some(cursor) => (
            cursor.topic_name,
            usize::try_from(cursor.partition_index).unwrap_or(0),
        ),
        None => ("", 0),
    };
    let mut page = Page {
        node_id: state.config().node_id,
        left: limit,
        response: Response::default(),
    };
    for (name, topic) in wanted(&state, &request, from) {
        // Only the topic at which the last page ended goes on in its middle.
        if !page.add(&name, topic, if name == from { first } else { 0 }) {
            break;
        }
    }
    page.response
}

/// The topics from that name on, with their names; all there are when none is named.
fn wanted<'s>(
    state: &'s State,
    request: &Request<'_>,
    from: &str,
) -> Vec<(String, Option<&'s Arc<Topic>>)> {
    if request.topics.is_empty() {
        return state
            .topics_from(from)
            .map(|topic| (topic.name.clone(), Some(topic)))
            .collect();
    }
    let names: BTreeSet<_> = request.topics.iter().map(|topic| topic.name).collect();
    names
        .range(from..)
        .map(|name| ((*name).to_owned(), state.topic(name)))
        .collect()
}

/// An answer that is being filled.
struct Page {
    node_id: i32,
    /// How many partitions there is room for.
    left: usize,
    response: Response<'static>,
}

impl Page {
    /// Adds the partitions of a topic from `first` on; false when the page is full.
    fn add(&mut self, name: &str, topic: Option<&Arc<Topic>>, first: usize) -> bool {
        if self.left == 0 {
            return self.end(name, first);
        }
        let Some(topic) = topic else {
            self.response.topics.push(unknown(name));
            return true;
        };
        let total = topic.partitions().len();
        let end = total.min(first.saturating_add(self.left));
        self.left -= end.saturating_sub(first);
        self.response
            .topics
            .push(described(topic, first..end, self.node_id));
        end >= total || self.end(name, end)
    }

    fn end(&mut self, name: &str, partition: usize) -> bool {
        self.response.next_cursor = Some(NextCursor {
            topic_name: Cow::Owned(name.to_owned()),
            partition_index: i32::try_from(partition).unwrap_or(i32::MAX),
        });
        false
    }
}

fn unknown(name: &str) -> TopicResult<'static> {
    TopicResult {
        error_code: catalog::unknown(name).code(),
        name: Some(Cow::Owned(name.to_owned())),
        ..TopicResult::default()
    }
}

fn described(topic: &Topic, range: std::ops::Range<usize>, node_id: i32) -> TopicResult<'static> {
    let partition = |(index, epoch)| PartitionResult {
        error_code: ErrorCode::NONE,
        partition_index: index,
        leader_id: node_id,
        leader_epoch: epoch,
        replica_nodes: vec![node_id],
        isr_nodes: vec![node_id],
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        offline_replicas: Vec::new(),
    };
    let epochs = topic
        .partitions()
        .iter()
        .map(|partition| partition.leader_epoch());
    let numbered = (0..).zip(epochs).skip(range.start).take(range.len());
    TopicResult {
        error_code: ErrorCode::NONE,
        name: Some(Cow::Owned(topic.name.clone())),
        topic_id: topic.id,
        is_internal: topic.internal,
        partitions: numbered.map(partition).collect(),
        topic_authorized_operations: authorized::TOPIC,
    }
}
