//! ConsumerGroupDescribe: who is in a consumer group, what they have and what they are to have.
//!
//! - 1: which protocol a member speaks

use std::borrow::Cow;
use std::collections::BTreeSet;

use millstream_groups::{ConsumerDescription, ConsumerMemberDescription, Place, by_topic};
use millstream_wire::Uuid;
use millstream_wire::api::consumer_group_describe::{
    Assignment, DescribedGroup, Member, Request, Response, TopicPartitions,
};

use super::authorized;
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

/// How members of the classic protocol are told apart.
const CLASSIC: i8 = 0;
const CONSUMER: i8 = 1;

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
            .run(id, |groups, _, _| groups.describe_consumer(id));
        let described = described
            .await
            .and_then(|described| described.map_err(Error::from));
        groups.push(match described {
            Ok(group) => DescribedGroup {
                group_id: Cow::Borrowed(id),
                authorized_operations: operations,
                ..found(broker, &group)
            },
            Err(error) => refused(id, &error),
        });
    }
    Response {
        groups,
        ..Response::default()
    }
}

fn found(broker: &Broker, group: &ConsumerDescription) -> DescribedGroup<'static> {
    DescribedGroup {
        group_state: Cow::Borrowed(group.state.name()),
        group_epoch: group.epoch,
        assignment_epoch: group.target_epoch,
        assignor_name: Cow::Borrowed(group.assignor.name()),
        members: group
            .members
            .iter()
            .map(|one| member(broker, one))
            .collect(),
        ..DescribedGroup::default()
    }
}

fn member(broker: &Broker, member: &ConsumerMemberDescription) -> Member<'static> {
    let words = &member.words;
    let owned = |text: &str| Cow::Owned(text.to_owned());
    Member {
        member_id: owned(&member.member_id),
        instance_id: words.instance_id.as_deref().map(owned),
        rack_id: words.rack.as_deref().map(owned),
        member_epoch: member.epoch,
        client_id: owned(&words.client_id),
        client_host: owned(&words.client_host),
        subscribed_topic_names: words.topics.iter().map(|name| owned(name)).collect(),
        subscribed_topic_regex: words.expression.as_deref().map(owned),
        assignment: assignment(broker, &member.assigned),
        target_assignment: assignment(broker, &member.target),
        member_type: match words.classic {
            Some(_) => CLASSIC,
            None => CONSUMER,
        },
    }
}

/// Topics that are no more have no name to be shown by, and are left out.
fn assignment(broker: &Broker, places: &BTreeSet<Place>) -> Assignment<'static> {
    let topic = |(id, partitions)| {
        let topic_id = Uuid::from_u128(id);
        let topic = broker.catalog().topic_by_id(topic_id)?;
        Some(TopicPartitions {
            topic_id,
            topic_name: Cow::Owned(topic.name.clone()),
            partitions,
        })
    };
    Assignment {
        topic_partitions: by_topic(places).into_iter().filter_map(topic).collect(),
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
