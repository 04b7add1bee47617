//! ShareGroupDescribe: who is in a share group and what they get.

use std::borrow::Cow;

use millstream_groups::{ShareDescription, ShareMemberDescription, Topic};
use millstream_wire::Uuid;
use millstream_wire::api::share_group_describe::{
    Assignment, DescribedGroup, Member, Request, Response, TopicPartitions,
};

use super::authorized;
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

/// Kafka's name for the way in which partitions are given to members: all to all.
const ASSIGNOR: &str = "simple";

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let operations = authorized::when(request.include_authorized_operations, authorized::GROUP);
    let mut groups = Vec::new();
    for id in request.group_ids {
        let described = broker
            .groups()
            .run(id, |groups, _, _| groups.describe_share(id));
        let described = described
            .await
            .and_then(|described| described.map_err(Error::from));
        groups.push(match described {
            Ok(group) => DescribedGroup {
                group_id: Cow::Borrowed(id),
                authorized_operations: operations,
                ..found(group)
            },
            Err(error) => refused(id, &error),
        });
    }
    Response {
        groups,
        ..Response::default()
    }
}

fn found(group: ShareDescription) -> DescribedGroup<'static> {
    DescribedGroup {
        group_state: Cow::Borrowed(group.state.name()),
        group_epoch: group.epoch,
        assignment_epoch: group.epoch,
        assignor_name: Cow::Borrowed(ASSIGNOR),
        members: group.members.into_iter().map(member).collect(),
        ..DescribedGroup::default()
    }
}

fn member(member: ShareMemberDescription) -> Member<'static> {
    let topics = member
        .topics
        .iter()
        .map(|name| Cow::Owned(name.to_string()));
    Member {
        member_id: Cow::Owned(member.member_id.to_string()),
        rack_id: member.rack.map(Cow::Owned),
        member_epoch: member.epoch,
        client_id: Cow::Owned(member.client_id),
        client_host: Cow::Owned(member.client_host),
        subscribed_topic_names: topics.collect(),
        assignment: Assignment {
            topic_partitions: member.assignment.iter().map(partitions).collect(),
        },
    }
}

fn partitions(share: &Topic) -> TopicPartitions<'static> {
    TopicPartitions {
        topic_id: Uuid::from_u128(share.id),
        topic_name: Cow::Owned(share.name.to_string()),
        partitions: (0..share.partitions).collect(),
    }
}

fn refused<'a>(id: &'a str, error: &Error) -> DescribedGroup<'a> {
    let (error_code, error_message) = report(Some(error));
    DescribedGroup {
        error_code,
        error_message,
        group_id: Cow::Borrowed(id),
        ..DescribedGroup::default()
    }
}
