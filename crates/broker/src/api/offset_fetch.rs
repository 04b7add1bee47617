//! OffsetFetch: how far groups have come.
//!
//! - 1: no error of the whole request; 2: null topics mean all
//! - 5: leader epochs
//! - 7: an offset that an open transaction may be about to change is UNSTABLE_OFFSET_COMMIT, to who wants it stable
//! - 8: several groups in one request
//! - 9: members of consumer groups are checked
//! - 10: topics by id

use std::borrow::Cow;
use std::collections::BTreeMap;

use millstream_groups::{Offset, Shard};
use millstream_wire::api::offset_fetch::{
    Group, GroupResult, PartitionResult, Request, Response, Topic, TopicResult,
};
use millstream_wire::{ErrorCode, Uuid};

use crate::catalog;
use crate::connection::RequestContext;
use crate::error::code_of;
use crate::queues::head;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    if context.version.n >= 8 {
        let mut groups = Vec::new();
        for group in &request.groups {
            groups.push(fetch(broker, group, request.require_stable, context).await);
        }
        return Response {
            groups,
            ..Response::default()
        };
    }
    let group = Group {
        group_id: request.group_id,
        topics: request.topics,
        ..Group::default()
    };
    let mut result = fetch(broker, &group, request.require_stable, context).await;
    if context.version.n < 2 && result.error_code != ErrorCode::NONE {
        result.topics = without_offsets(&group, result.error_code);
    }
    Response {
        topics: result.topics,
        error_code: result.error_code,
        ..Response::default()
    }
}

async fn fetch<'a>(
    broker: &Broker,
    group: &Group<'a>,
    stable: bool,
    context: &RequestContext<'_>,
) -> GroupResult<'a> {
    let by_id = context.version.n >= 10;
    let topics = broker.groups().run(group.group_id, |groups, _, _| {
        groups.check_fetch(group.group_id, group.member_id, group.member_epoch)?;
        let mut found = match &group.topics {
            Some(topics) => topics
                .iter()
                .map(|topic| asked(broker, groups, group.group_id, topic, by_id))
                .collect(),
            None => all(broker, groups, group.group_id, by_id),
        };
        if stable {
            withhold_undecided(broker, groups, group.group_id, &mut found);
        }
        Ok(found)
    });
    let topics = topics.await.and_then(|topics| topics.map_err(Error::Group));
    GroupResult {
        group_id: Cow::Borrowed(group.group_id),
        error_code: code_of(&topics),
        topics: topics.unwrap_or_default(),
    }
}

/// The offsets that were asked for. An offset that was committed for an earlier topic of the same name is none.
fn asked<'a>(
    broker: &Broker,
    groups: &Shard,
    group: &str,
    topic: &Topic<'a>,
    by_id: bool,
) -> TopicResult<'a> {
    let catalog = broker.catalog();
    let known = match by_id {
        true => catalog.topic_by_id(topic.topic_id),
        false => catalog.topic(topic.name),
    };
    let (name, id) = match &known {
        Some(known) => (known.name.as_str(), known.id),
        None => (topic.name, Uuid::nil()),
    };
    let error_code = match by_id && known.is_none() {
        true => Error::UnknownTopicId(topic.topic_id).code(),
        false => ErrorCode::NONE,
    };
    let partition = |index: &i32| {
        let offset = groups.offset(group, name, *index);
        let offset = offset.filter(|offset| offset.is_for(id.as_u128()));
        let found = result(
            *index,
            offset.filter(|_| error_code == ErrorCode::NONE),
            error_code,
        );
        from_head(found, known.as_deref(), group)
    };
    TopicResult {
        name: Cow::Borrowed(topic.name),
        topic_id: topic.topic_id,
        partitions: topic.partition_indexes.iter().map(partition).collect(),
    }
}

/// Every offset of a group. By id, those of topics that are no more cannot be told.
fn all(broker: &Broker, groups: &Shard, group: &str, by_id: bool) -> Vec<TopicResult<'static>> {
    let mut topics: BTreeMap<&str, Vec<PartitionResult<'static>>> = BTreeMap::new();
    for (topic, index, offset) in groups.offsets(group) {
        let known = broker.catalog().topic(topic);
        let partition = result(index, Some(offset), ErrorCode::NONE);
        let partition = from_head(partition, known.as_deref(), group);
        topics.entry(topic).or_default().push(partition);
    }
    let topic = |(name, partitions): (&str, _)| {
        let id = broker.catalog().topic(name).map(|topic| topic.id);
        (!by_id || id.is_some()).then(|| TopicResult {
            name: Cow::Owned(name.to_owned()),
            topic_id: id.unwrap_or_default(),
            partitions,
        })
    };
    topics.into_iter().filter_map(topic).collect()
}

/// The same, but for a queue: there a consumer begins with the first message that waits, whatever it does where
/// nothing is committed.
fn from_head(
    mut found: PartitionResult<'static>,
    topic: Option<&catalog::Topic>,
    group: &str,
) -> PartitionResult<'static> {
    let head = topic.and_then(|topic| head(topic, found.partition_index, group));
    found.committed_offset = found.committed_offset.max(head.unwrap_or(-1));
    found
}

/// Tells no offset that an open transaction may be about to change.
fn withhold_undecided(
    broker: &Broker,
    groups: &Shard,
    group: &str,
    topics: &mut [TopicResult<'_>],
) {
    for topic in topics {
        let by_id = broker.catalog().topic_by_id(topic.topic_id);
        let name = by_id.map_or_else(|| topic.name.to_string(), |topic| topic.name.clone());
        for partition in &mut topic.partitions {
            let index = partition.partition_index;
            if groups.is_undecided(group, &name, index) {
                *partition = result(index, None, ErrorCode::UNSTABLE_OFFSET_COMMIT);
            }
        }
    }
}

fn result(
    partition_index: i32,
    offset: Option<&Offset>,
    error_code: ErrorCode,
) -> PartitionResult<'static> {
    let metadata = offset.map(|offset| offset.metadata.to_string());
    PartitionResult {
        partition_index,
        committed_offset: offset.map_or(-1, |offset| offset.offset),
        committed_leader_epoch: offset.map_or(-1, |offset| offset.leader_epoch),
        metadata: Some(Cow::Owned(metadata.unwrap_or_default())),
        error_code,
    }
}

/// What version 1 says instead of an error of the whole request.
fn without_offsets<'a>(group: &Group<'a>, error_code: ErrorCode) -> Vec<TopicResult<'a>> {
    let topic = |topic: &Topic<'a>| TopicResult {
        name: Cow::Borrowed(topic.name),
        topic_id: topic.topic_id,
        partitions: topic
            .partition_indexes
            .iter()
            .map(|index| result(*index, None, error_code))
            .collect(),
    };
    group.topics.iter().flatten().map(topic).collect()
}
