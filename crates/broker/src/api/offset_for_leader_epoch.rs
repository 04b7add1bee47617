//! OffsetForLeaderEpoch: where the records of an epoch end, so that a client notices when the log was cut below what
//! it has read. An epoch that is not known has no end, which is no error.

use std::borrow::Cow;

use millstream_store::EpochEnd;
use millstream_wire::ErrorCode;
use millstream_wire::api::offset_for_leader_epoch::{
    Partition as Asked, PartitionResult, Request, Response, Topic, TopicResult,
};

use super::leader_epoch;
use crate::connection::RequestContext;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _context: &'a RequestContext<'a>,
) -> Response<'a> {
    let topics = request.topics.iter().map(|topic| TopicResult {
        topic: Cow::Borrowed(topic.topic),
        partitions: topic
            .partitions
            .iter()
            .map(|asked| answer(asked.partition, end(broker, topic, asked)))
            .collect(),
    });
    Response {
        topics: topics.collect(),
        ..Response::default()
    }
}

fn end(broker: &Broker, topic: &Topic<'_>, asked: &Asked) -> Result<EpochEnd, Error> {
    let unknown = || Error::UnknownTopic(topic.topic.to_owned());
    let topic = broker.catalog().topic(topic.topic).ok_or_else(unknown)?;
    let partition = topic.partition(asked.partition)?;
    leader_epoch::check(partition, asked.current_leader_epoch)?;
    Ok(partition.epoch_end_offset(asked.leader_epoch))
}

fn answer(partition: i32, end: Result<EpochEnd, Error>) -> PartitionResult {
    match end {
        Ok(end) => PartitionResult {
            error_code: ErrorCode::NONE,
            partition,
            leader_epoch: end.epoch,
            end_offset: end.end_offset,
        },
        Err(error) => PartitionResult {
            error_code: error.code(),
            partition,
            ..PartitionResult::default()
        },
    }
}
