//! ListOffsets: finds offsets by time, or by their role.
//!
//! - 4: leader epochs; 7: the record with the largest timestamp; 8: earliest on local disk; 9: latest in remote
//!   storage; 11: earliest that is not yet in remote storage. There is no remote storage.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use millstream_store::Partition;
use millstream_wire::api::list_offsets::{
    Partition as Asked, PartitionResult, Request, Response, Topic, TopicResult,
};

use super::{leader_epoch, unreadable};
use crate::connection::RequestContext;
use crate::{Broker, Error};

/// What a timestamp below 0 asks for.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_REMOTE: i64 = -5;
const EARLIEST_NOT_REMOTE: i64 = -6;

/// A position in a log; each field is −1 where there is none.
struct Found {
    timestamp: i64,
    offset: i64,
    leader_epoch: i32,
}

const NOTHING: Found = Found {
    timestamp: -1,
    offset: -1,
    leader_epoch: -1,
};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let committed = request.isolation_level == 1;
    let search = Search {
        broker,
        committed,
        version: context.version.n,
    };
    let mut seen = HashSet::new();
    let mut topics = Vec::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for asked in &topic.partitions {
            let first = seen.insert((topic.name, asked.partition_index));
            partitions.push(search.partition(topic, asked, first).await);
        }
        topics.push(TopicResult {
            name: Cow::Borrowed(topic.name),
            partitions,
        });
    }
    Response {
        topics,
        ..Response::default()
    }
}

struct Search<'a> {
    broker: &'a Broker,
    committed: bool,
    version: i16,
}

impl Search<'_> {
    async fn partition(&self, topic: &Topic<'_>, asked: &Asked, first: bool) -> PartitionResult {
        let partition_index = asked.partition_index;
        match self.find(topic, asked, first).await {
            Ok(found) => PartitionResult {
                partition_index,
                timestamp: found.timestamp,
                offset: found.offset,
                leader_epoch: found.leader_epoch,
                ..PartitionResult::default()
            },
            Err(error) => PartitionResult {
                partition_index,
                error_code: error.code(),
                ..PartitionResult::default()
            },
        }
    }

    async fn find(&self, topic: &Topic<'_>, asked: &Asked, first: bool) -> Result<Found, Error> {
        if !first {
            let text = format!("partition {} is asked for twice", asked.partition_index);
            return Err(Error::InvalidRequest(text));
        }
        self.check_version(asked.timestamp)?;
        let unknown = || Error::UnknownTopic(topic.name.to_owned());
        let topic = self
            .broker
            .catalog()
            .topic(topic.name)
            .ok_or_else(unknown)?;
        let partition = topic.partition(asked.partition_index)?;
        leader_epoch::check(partition, asked.current_leader_epoch)?;
        let found = self.look(partition, asked.timestamp).await;
        unreadable::log(partition, &found);
        found
    }

    async fn look(&self, partition: &Arc<Partition>, timestamp: i64) -> Result<Found, Error> {
        match timestamp {
            LATEST => Ok(self.latest(partition)),
            EARLIEST | EARLIEST_LOCAL => Ok(earliest(partition)),
            LATEST_REMOTE | EARLIEST_NOT_REMOTE => Ok(NOTHING),
            MAX_TIMESTAMP => self.visible(partition, partition.max_timestamp().await?),
            timestamp => self.visible(partition, partition.offset_for_timestamp(timestamp).await?),
        }
    }

    fn check_version(&self, timestamp: i64) -> Result<(), Error> {
        let since = match timestamp {
            EARLIEST.. => 0,
            MAX_TIMESTAMP => 7,
            EARLIEST_LOCAL => 8,
            LATEST_REMOTE => 9,
            EARLIEST_NOT_REMOTE => 11,
            _ => i16::MAX,
        };
        if self.version >= since {
            return Ok(());
        }
        let version = self.version;
        Err(Error::Unsupported(format!(
            "timestamp {timestamp} has no meaning in version {version}"
        )))
    }

    /// First offset that the client does not see.
    fn end(&self, partition: &Partition) -> i64 {
        let offsets = partition.offsets();
        match self.committed {
            true => offsets.last_stable,
            false => offsets.high_watermark,
        }
    }

    fn latest(&self, partition: &Partition) -> Found {
        Found {
            timestamp: -1,
            offset: self.end(partition),
            leader_epoch: partition.leader_epoch(),
        }
    }

    /// A record that the client does not see yet is not there.
    fn visible(
        &self,
        partition: &Partition,
        found: Option<millstream_store::TimestampedOffset>,
    ) -> Result<Found, Error> {
        let visible = found.filter(|found| found.offset < self.end(partition));
        Ok(visible.map_or(NOTHING, |found| Found {
            timestamp: found.timestamp,
            offset: found.offset,
            leader_epoch: found.leader_epoch,
        }))
    }
}

fn earliest(partition: &Partition) -> Found {
    let offset = partition.offsets().log_start;
    Found {
        timestamp: -1,
        offset,
        leader_epoch: partition.epoch_at(offset),
    }
}
