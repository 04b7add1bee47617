//! The records of consumer groups as bytes: Kafka's own, in the versions that Kafka 4.3 writes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use millstream_groups::{
    Classic, ConsumerRecord, Epoch, GroupId, Holding, Matches, Place, Protocol, Record, Stage,
    Words, by_topic,
};
use millstream_wire::record::consumer_group::{
    self as wire, ConsumerGroupCurrentMemberAssignmentKey,
    ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataKey,
    ConsumerGroupMemberMetadataValue, ConsumerGroupMetadataKey, ConsumerGroupMetadataValue,
    ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue,
    ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue,
    ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue, Current,
    Target,
};
use millstream_wire::record::{self, from_bytes, to_bytes};
use millstream_wire::{Decode, Error, Uuid};

/// Key and value of a record of that group.
pub(super) fn encode(
    group: &str,
    record: &ConsumerRecord,
) -> Result<(Bytes, Option<Bytes>), Error> {
    let group = Cow::Borrowed(group);
    Ok(match record {
        ConsumerRecord::Group(value) => {
            let key = to_bytes(&ConsumerGroupMetadataKey { group }, 3)?;
            (key, written(value.as_ref().map(epoch))?)
        }
        ConsumerRecord::Member(member, value) => {
            let member_id = Cow::Borrowed(&**member);
            let key = to_bytes(&ConsumerGroupMemberMetadataKey { group, member_id }, 5)?;
            (key, written(value.as_deref().map(words))?)
        }
        ConsumerRecord::TargetEpoch(value) => {
            let key = to_bytes(&ConsumerGroupTargetAssignmentMetadataKey { group }, 6)?;
            (key, written(value.map(target_epoch))?)
        }
        ConsumerRecord::Target(member, value) => {
            let member_id = Cow::Borrowed(&**member);
            let key = to_bytes(
                &ConsumerGroupTargetAssignmentMemberKey { group, member_id },
                7,
            )?;
            (key, written(value.as_deref().map(target))?)
        }
        ConsumerRecord::Holding(member, value) => {
            let member_id = Cow::Borrowed(&**member);
            let key = to_bytes(
                &ConsumerGroupCurrentMemberAssignmentKey { group, member_id },
                8,
            )?;
            (key, written(value.as_ref().map(holding))?)
        }
        ConsumerRecord::Expression(expression, value) => {
            let regular_expression = Cow::Borrowed(&**expression);
            let key = ConsumerGroupRegularExpressionKey {
                group,
                regular_expression,
            };
            (to_bytes(&key, 16)?, written(value.as_ref().map(matches))?)
        }
    })
}

fn written<T: record::Record>(value: Option<T>) -> Result<Option<Bytes>, Error> {
    value.map(|value| to_bytes(&value, 0)).transpose()
}

fn epoch(value: &Epoch) -> ConsumerGroupMetadataValue {
    ConsumerGroupMetadataValue {
        epoch: value.epoch,
        metadata_hash: value.topics_hash,
    }
}

fn words(words: &Words) -> ConsumerGroupMemberMetadataValue<'_> {
    ConsumerGroupMemberMetadataValue {
        instance_id: words.instance_id.as_deref().map(Cow::Borrowed),
        rack_id: words.rack.as_deref().map(Cow::Borrowed),
        client_id: Cow::Borrowed(&words.client_id),
        client_host: Cow::Borrowed(&words.client_host),
        subscribed_topic_names: words
            .topics
            .iter()
            .map(|name| Cow::Borrowed(&**name))
            .collect(),
        subscribed_topic_regex: words.expression.as_deref().map(Cow::Borrowed),
        rebalance_timeout_ms: words.rebalance_timeout_ms,
        server_assignor: words.assignor.as_deref().map(Cow::Borrowed),
        classic: words.classic.as_ref().map(classic),
    }
}

fn classic(classic: &Classic) -> wire::Classic<'_> {
    wire::Classic {
        session_timeout_ms: classic.session_timeout_ms,
        supported_protocols: classic.protocols.iter().map(protocol).collect(),
    }
}

fn protocol(protocol: &Protocol) -> wire::Protocol<'_> {
    wire::Protocol {
        name: Cow::Borrowed(&protocol.name),
        metadata: Cow::Borrowed(&protocol.metadata),
    }
}

fn target_epoch(
    (assignment_epoch, assignment_timestamp): (i32, i64),
) -> ConsumerGroupTargetAssignmentMetadataValue {
    ConsumerGroupTargetAssignmentMetadataValue {
        assignment_epoch,
        assignment_timestamp,
    }
}

fn target(places: &BTreeSet<Place>) -> ConsumerGroupTargetAssignmentMemberValue {
    let topic = |(id, partitions)| Target {
        topic_id: Uuid::from_u128(id),
        partitions,
    };
    ConsumerGroupTargetAssignmentMemberValue {
        topic_partitions: by_topic(places).into_iter().map(topic).collect(),
    }
}

fn holding(holding: &Holding) -> ConsumerGroupCurrentMemberAssignmentValue {
    ConsumerGroupCurrentMemberAssignmentValue {
        member_epoch: holding.epoch,
        previous_member_epoch: holding.previous_epoch,
        state: match holding.stage {
            Stage::Stable => 0,
            Stage::Unrevoked => 1,
            Stage::Unreleased => 2,
        },
        assigned_partitions: current(&holding.assigned),
        partitions_pending_revocation: current(&holding.revoking),
    }
}

fn current(places: &BTreeMap<Place, i32>) -> Vec<Current> {
    let mut topics: BTreeMap<u128, (Vec<i32>, Vec<i32>)> = BTreeMap::new();
    for ((topic, index), since) in places {
        let (indexes, epochs) = topics.entry(*topic).or_default();
        indexes.push(*index);
        epochs.push(*since);
    }
    let topic = |(id, (partitions, epochs))| Current {
        topic_id: Uuid::from_u128(id),
        partitions,
        assignment_epochs: Some(epochs),
    };
    topics.into_iter().map(topic).collect()
}

fn matches(matches: &Matches) -> ConsumerGroupRegularExpressionValue<'_> {
    ConsumerGroupRegularExpressionValue {
        topics: matches
            .topics
            .iter()
            .map(|name| Cow::Borrowed(&**name))
            .collect(),
        version: matches.version,
        timestamp: matches.found_ms,
    }
}

/// The record behind a key of that kind and a value; `None` for kinds that consumer groups do not have.
pub(super) fn decode(kind: i16, key: &[u8], value: Option<&[u8]>) -> Result<Option<Record>, Error> {
    let (group, record) = match kind {
        3 => {
            let key: ConsumerGroupMetadataKey<'_> = from_bytes(key)?;
            (
                key.group,
                ConsumerRecord::Group(read(value)?.as_ref().map(read_epoch)),
            )
        }
        5 => {
            let key: ConsumerGroupMemberMetadataKey<'_> = from_bytes(key)?;
            let words = read(value)?.map(read_words).map(Arc::new);
            (
                key.group,
                ConsumerRecord::Member(Arc::from(key.member_id), words),
            )
        }
        6 => {
            let key: ConsumerGroupTargetAssignmentMetadataKey<'_> = from_bytes(key)?;
            (
                key.group,
                ConsumerRecord::TargetEpoch(read(value)?.as_ref().map(read_target_epoch)),
            )
        }
        7 => {
            let key: ConsumerGroupTargetAssignmentMemberKey<'_> = from_bytes(key)?;
            let places = read(value)?.map(read_target).map(Arc::new);
            (
                key.group,
                ConsumerRecord::Target(Arc::from(key.member_id), places),
            )
        }
        8 => {
            let key: ConsumerGroupCurrentMemberAssignmentKey<'_> = from_bytes(key)?;
            let holding = read(value)?.map(read_holding);
            (
                key.group,
                ConsumerRecord::Holding(Arc::from(key.member_id), holding),
            )
        }
        16 => {
            let key: ConsumerGroupRegularExpressionKey<'_> = from_bytes(key)?;
            let matches = read(value)?.map(read_matches);
            (
                key.group,
                ConsumerRecord::Expression(Arc::from(key.regular_expression), matches),
            )
        }
        _ => return Ok(None),
    };
    let group: GroupId = Arc::from(group);
    Ok(Some(Record::Consumer { group, record }))
}

fn read<'a, T: record::Record + Decode<'a>>(value: Option<&'a [u8]>) -> Result<Option<T>, Error> {
    value.map(from_bytes).transpose()
}

fn read_epoch(value: &ConsumerGroupMetadataValue) -> Epoch {
    Epoch {
        epoch: value.epoch,
        topics_hash: value.metadata_hash,
    }
}

fn read_words(value: ConsumerGroupMemberMetadataValue<'_>) -> Words {
    let protocol = |protocol: wire::Protocol<'_>| Protocol {
        name: protocol.name.into_owned(),
        metadata: Arc::from(&*protocol.metadata),
    };
    let classic = |classic: wire::Classic<'_>| Classic {
        session_timeout_ms: classic.session_timeout_ms,
        protocols: classic
            .supported_protocols
            .into_iter()
            .map(protocol)
            .collect(),
    };
    Words {
        instance_id: value.instance_id.map(Arc::from),
        rack: value.rack_id.map(Cow::into_owned),
        client_id: value.client_id.into_owned(),
        client_host: value.client_host.into_owned(),
        topics: value
            .subscribed_topic_names
            .into_iter()
            .map(Arc::from)
            .collect(),
        expression: value.subscribed_topic_regex.map(Arc::from),
        rebalance_timeout_ms: value.rebalance_timeout_ms,
        assignor: value.server_assignor.map(Cow::into_owned),
        classic: value.classic.map(classic),
    }
}

fn read_target_epoch(value: &ConsumerGroupTargetAssignmentMetadataValue) -> (i32, i64) {
    (value.assignment_epoch, value.assignment_timestamp)
}

fn read_target(value: ConsumerGroupTargetAssignmentMemberValue) -> BTreeSet<Place> {
    let places = |topic: Target| {
        let id = topic.topic_id.as_u128();
        topic.partitions.into_iter().map(move |index| (id, index))
    };
    value
        .topic_partitions
        .into_iter()
        .flat_map(places)
        .collect()
}

fn read_holding(value: ConsumerGroupCurrentMemberAssignmentValue) -> Holding {
    Holding {
        epoch: value.member_epoch,
        previous_epoch: value.previous_member_epoch,
        stage: match value.state {
            1 => Stage::Unrevoked,
            2 => Stage::Unreleased,
            _ => Stage::Stable,
        },
        assigned: read_current(value.assigned_partitions, value.member_epoch),
        revoking: read_current(value.partitions_pending_revocation, value.member_epoch),
    }
}

/// Brokers before 4.3 did not write in which epoch a partition was given: then it was in the last one.
fn read_current(topics: Vec<Current>, epoch: i32) -> BTreeMap<Place, i32> {
    let places = |topic: Current| {
        let (id, epochs) = (
            topic.topic_id.as_u128(),
            topic.assignment_epochs.unwrap_or_default(),
        );
        let since = move |at: usize| epochs.get(at).copied().unwrap_or(epoch);
        let indexes = topic.partitions.into_iter().enumerate();
        indexes.map(move |(at, index)| ((id, index), since(at)))
    };
    topics.into_iter().flat_map(places).collect()
}

fn read_matches(value: ConsumerGroupRegularExpressionValue<'_>) -> Matches {
    Matches {
        topics: value.topics.into_iter().map(Arc::from).collect(),
        version: value.version,
        found_ms: value.timestamp,
    }
}

#[cfg(test)]
mod tests {
    use millstream_wire::record::peek_version;

    use super::*;

    fn all() -> Vec<(ConsumerRecord, ConsumerRecord, i16)> {
        let member: Arc<str> = Arc::from("m");
        let words = Words {
            instance_id: Some("i".into()),
            rack: Some("r".into()),
            client_id: "c".into(),
            client_host: "/h".into(),
            topics: BTreeSet::from(["t".into(), "u".into()]),
            expression: Some("x.*".into()),
            rebalance_timeout_ms: 5,
            assignor: Some("range".into()),
            classic: Some(Classic {
                session_timeout_ms: 6,
                protocols: vec![Protocol {
                    name: "p".into(),
                    metadata: Arc::from(*b"wants"),
                }],
            }),
        };
        let holding = Holding {
            epoch: 4,
            previous_epoch: 3,
            stage: Stage::Unrevoked,
            assigned: BTreeMap::from([((1, 0), 2), ((1, 1), 4), ((2, 0), 4)]),
            revoking: BTreeMap::from([((2, 7), 1)]),
        };
        let matches = Matches {
            topics: vec!["xa".into()],
            version: 8,
            found_ms: 9,
        };
        let epoch = Epoch {
            epoch: 4,
            topics_hash: -5,
        };
        let target = BTreeSet::from([(1, 0), (2, 3)]);
        let id = || Arc::clone(&member);
        use ConsumerRecord::{Expression, Group, Holding as Held, Member, Target, TargetEpoch};
        vec![
            (Group(Some(epoch)), Group(None), 3),
            (Member(id(), Some(Arc::new(words))), Member(id(), None), 5),
            (TargetEpoch(Some((4, 7))), TargetEpoch(None), 6),
            (Target(id(), Some(Arc::new(target))), Target(id(), None), 7),
            (Held(id(), Some(holding)), Held(id(), None), 8),
            (
                Expression("x.*".into(), Some(matches)),
                Expression("x.*".into(), None),
                16,
            ),
        ]
    }

    #[test]
    fn what_is_written_is_what_is_read_under_the_numbers_that_kafka_gives() {
        for (set, gone, kind) in all() {
            for record in [set, gone] {
                let (key, value) = encode("g", &record).unwrap();
                assert_eq!(peek_version(&key).unwrap(), kind);
                let expected = Record::Consumer {
                    group: Arc::from("g"),
                    record,
                };
                assert_eq!(
                    decode(kind, &key, value.as_deref()).unwrap(),
                    Some(expected)
                );
            }
        }
    }

    #[test]
    fn a_partition_without_an_epoch_was_given_in_the_last_one() {
        let topic = Current {
            topic_id: Uuid::from_u128(1),
            partitions: vec![0, 1],
            assignment_epochs: None,
        };
        let read = read_current(vec![topic], 9);
        assert_eq!(read, BTreeMap::from([((1, 0), 9), ((1, 1), 9)]));
    }
}
