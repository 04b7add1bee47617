//! DescribeLogDirs: how much each partition takes on disk, and what the disk has left.
//!
//! There is one data directory. Partitions that are not here are left out, as Kafka leaves them out.
//!
//! - 4: size of the disk

use std::borrow::Cow;
use std::sync::Arc;

use millstream_wire::ErrorCode;
use millstream_wire::api::describe_log_dirs::{
    LogDir, PartitionResult, Request, Response, Topic as Asked, TopicResult,
};

use crate::connection::RequestContext;
use crate::{Broker, Topic};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _context: &'a RequestContext<'a>,
) -> Response<'a> {
    let catalog = broker.catalog();
    let topics = match &request.topics {
        None => catalog.topics().iter().map(whole).collect(),
        Some(asked) => {
            let found = asked
                .iter()
                .filter_map(|asked| Some((asked, catalog.topic(asked.topic)?)));
            found.map(|(asked, topic)| part(asked, &topic)).collect()
        }
    };
    let (total_bytes, usable_bytes) = space(broker);
    Response {
        results: vec![LogDir {
            error_code: ErrorCode::NONE,
            log_dir: Cow::Owned(broker.store().dir().display().to_string()),
            topics,
            total_bytes,
            usable_bytes,
            is_cordoned: false,
        }],
        ..Response::default()
    }
}

/// All bytes of the disk and those left, or −1 where the system does not say.
fn space(broker: &Broker) -> (i64, i64) {
    match broker.store().disk_space() {
        Ok(space) => (bytes(space.total_bytes), bytes(space.usable_bytes)),
        Err(error) => {
            tracing::warn!(%error, "disk space is not known");
            (-1, -1)
        }
    }
}

fn whole(topic: &Arc<Topic>) -> TopicResult<'static> {
    let indexes = (0..).take(topic.partitions().len());
    described(topic, indexes)
}

fn part(asked: &Asked<'_>, topic: &Topic) -> TopicResult<'static> {
    described(topic, asked.partitions.iter().copied())
}

fn described(topic: &Topic, indexes: impl Iterator<Item = i32>) -> TopicResult<'static> {
    let found = indexes.filter_map(|index| Some((index, topic.partition(index).ok()?)));
    TopicResult {
        name: Cow::Owned(topic.name.clone()),
        partitions: found
            .map(|(partition_index, partition)| PartitionResult {
                partition_index,
                partition_size: bytes(partition.size()),
                offset_lag: 0,
                is_future_key: false,
            })
            .collect(),
    }
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
