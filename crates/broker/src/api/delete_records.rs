//! DeleteRecords: lets partitions begin at a later offset. Offset −1 deletes all that is visible.

use std::borrow::Cow;

use millstream_wire::ErrorCode;
use millstream_wire::api::delete_records::{
    Partition as Asked, PartitionResult, Request, Response, Topic, TopicResult,
};

use crate::connection::RequestContext;
use crate::{Broker, Error};

/// Stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _context: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut topics = Vec::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for asked in &topic.partitions {
            let outcome = delete(broker, topic, asked).await;
            partitions.push(answer(asked.partition_index, outcome));
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

async fn delete(broker: &Broker, topic: &Topic<'_>, asked: &Asked) -> Result<i64, Error> {
    let unknown = || Error::UnknownTopic(topic.name.to_owned());
    let topic = broker.catalog().topic(topic.name).ok_or_else(unknown)?;
    if topic.internal {
        return Err(Error::InternalRecords(topic.name.clone()));
    }
    if !topic.config().cleanup_policy.delete {
        return Err(Error::NotDeletable(topic.name.clone()));
    }
    let partition = topic.partition(asked.partition_index)?;
    let before = match asked.offset {
        HIGH_WATERMARK => partition.offsets().high_watermark,
        offset => offset,
    };
    Ok(partition.delete_records(before).await?)
}

fn answer(partition_index: i32, outcome: Result<i64, Error>) -> PartitionResult {
    match outcome {
        Ok(low_watermark) => PartitionResult {
            partition_index,
            low_watermark,
            error_code: ErrorCode::NONE,
        },
        Err(error) => PartitionResult {
            partition_index,
            low_watermark: -1,
            error_code: error.code(),
        },
    }
}
