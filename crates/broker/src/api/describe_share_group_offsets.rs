//! DescribeShareGroupOffsets: how far share groups have come, and how much is left for them.
//!
//! - 1: the lag
//!
//! Beside Kafka's fields an answer carries numbers of Millstream's own in tagged fields, which other clients pass over:
//! for a queue, what a person wants to know of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_wire::api::describe_share_group_offsets::{
    Group, GroupResult, PartitionResult, Request, Response, TopicResult,
};

use crate::catalog::Topic;
use crate::connection::RequestContext;
use crate::error::report;
use crate::shares::Standing;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut groups = Vec::with_capacity(request.groups.len());
    for group in &request.groups {
        let described = describe(broker, group).await;
        groups.push(described.unwrap_or_else(|error| {
            let (error_code, error_message) = report(Some(&error));
            GroupResult {
                group_id: Cow::Borrowed(group.group_id),
                error_code,
                error_message,
                ..GroupResult::default()
            }
        }));
    }
    Response {
        groups,
        ..Response::default()
    }
}

async fn describe<'a>(broker: &Broker, group: &Group<'a>) -> Result<GroupResult<'a>, Error> {
    let wanted = match &group.topics {
        Some(topics) => {
            let topic = |topic: &millstream_wire::api::describe_share_group_offsets::Topic<'_>| {
                (topic.topic_name.to_owned(), topic.partitions.clone())
            };
            topics.iter().map(topic).collect()
        }
        None => all(broker, group.group_id).await?,
    };
    let mut topics = Vec::with_capacity(wanted.len());
    for (name, partitions) in wanted {
        let topic = broker.catalog().topic(&name);
        let mut results = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let outcome = stand(broker, group.group_id, topic.as_deref(), &name, partition).await;
            results.push(outcome.unwrap_or_else(|error| {
                let (error_code, error_message) = report(Some(&error));
                PartitionResult {
                    partition_index: partition,
                    start_offset: -1,
                    error_code,
                    error_message,
                    ..PartitionResult::default()
                }
            }));
        }
        topics.push(TopicResult {
            topic_name: Cow::Owned(name),
            topic_id: topic.map(|topic| topic.id).unwrap_or_default(),
            partitions: results,
        });
    }
    Ok(GroupResult {
        group_id: Cow::Borrowed(group.group_id),
        topics,
        ..GroupResult::default()
    })
}

/// The partitions that a group has come to, by topic.
async fn all(broker: &Broker, group: &str) -> Result<BTreeMap<String, Vec<i32>>, Error> {
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for key in broker.shares().keys(group).await? {
        if let Some(topic) = broker.catalog().topic_by_id(key.topic) {
            topics
                .entry(topic.name.clone())
                .or_default()
                .push(key.partition);
        }
    }
    topics
        .values_mut()
        .for_each(|partitions| partitions.sort_unstable());
    Ok(topics)
}

async fn stand(
    broker: &Broker,
    group: &str,
    topic: Option<&Topic>,
    name: &str,
    partition: i32,
) -> Result<PartitionResult<'static>, Error> {
    let topic = topic.ok_or_else(|| Error::UnknownTopic(name.to_owned()))?;
    let place = broker
        .shares()
        .place(&Arc::from(group), topic.id, partition)?;
    let Some(Standing {
        start,
        counts,
        dead,
    }) = broker.shares().standing(&place).await?
    else {
        return Ok(PartitionResult {
            partition_index: partition,
            start_offset: -1,
            ..PartitionResult::default()
        });
    };
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let left = place.partition.offsets().high_watermark - start;
    Ok(PartitionResult {
        partition_index: partition,
        start_offset: start,
        leader_epoch: place.partition.leader_epoch(),
        lag: (left - count(counts.finished)).max(0),
        in_flight: count(counts.acquired),
        delayed: count(counts.held_back),
        dead,
        acknowledged: count(counts.finished),
        ..PartitionResult::default()
    })
}
