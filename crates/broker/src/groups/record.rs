//! The coordinator's records as bytes: Kafka's own, in the versions that Kafka 4.3 writes.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use millstream_groups::{Generation, MemberRecord, Offset, Record};
use millstream_wire::record::offsets::{
    GroupMetadataKey, GroupMetadataValue, Member, OffsetCommitKey, OffsetCommitValue,
    ShareGroupMetadataKey, ShareGroupMetadataValue,
};
use millstream_wire::record::{from_bytes, peek_version, to_bytes};
use millstream_wire::{Error, Uuid};

use super::consumer_record;

/// Only this version has a field for the client's own expiry.
const OFFSET_WITH_EXPIRY: i16 = 1;
/// The version with the topic's id.
const OFFSET: i16 = 4;
const GROUP: i16 = 3;
const SHARE_GROUP: i16 = 0;

/// Key and value of a record.
pub(super) fn encode(record: &Record) -> Result<(Bytes, Option<Bytes>), Error> {
    match record {
        Record::Offset {
            group,
            topic,
            partition,
            value,
        } => {
            let key = OffsetCommitKey {
                group: Cow::Borrowed(group),
                topic: Cow::Borrowed(topic),
                partition: *partition,
            };
            let value = value.as_ref().map(encode_offset).transpose()?;
            Ok((to_bytes(&key, 1)?, value))
        }
        Record::Group { group, value } => {
            let key = GroupMetadataKey {
                group: Cow::Borrowed(group),
            };
            let value = value.as_ref().map(encode_group).transpose()?;
            Ok((to_bytes(&key, 2)?, value))
        }
        Record::Consumer { group, record } => consumer_record::encode(group, record),
        Record::ShareGroup { group, value } => {
            let key = ShareGroupMetadataKey {
                group: Cow::Borrowed(group),
            };
            let value = value.map(encode_share_group).transpose()?;
            Ok((to_bytes(&key, 11)?, value))
        }
    }
}

fn encode_offset(offset: &Offset) -> Result<Bytes, Error> {
    let value = OffsetCommitValue {
        offset: offset.offset,
        leader_epoch: offset.leader_epoch,
        metadata: Cow::Borrowed(&offset.metadata),
        commit_timestamp: offset.committed_ms,
        expire_timestamp: offset.expires_ms.unwrap_or(-1),
        topic_id: Uuid::from_u128(offset.topic_id),
    };
    let version = offset.expires_ms.map_or(OFFSET, |_| OFFSET_WITH_EXPIRY);
    to_bytes(&value, version)
}

fn encode_group(group: &Generation) -> Result<Bytes, Error> {
    let value = GroupMetadataValue {
        protocol_type: Cow::Borrowed(&group.protocol_type),
        generation: group.generation,
        protocol: group.protocol.as_deref().map(Cow::Borrowed),
        leader: group.leader.as_deref().map(Cow::Borrowed),
        current_state_timestamp: group.changed_ms.unwrap_or(-1),
        members: group.members.iter().map(member).collect(),
    };
    to_bytes(&value, GROUP)
}

fn encode_share_group(epoch: i32) -> Result<Bytes, Error> {
    let value = ShareGroupMetadataValue {
        epoch,
        // What members were given tells whether their topics have changed.
        metadata_hash: 0,
    };
    to_bytes(&value, SHARE_GROUP)
}

fn member(member: &MemberRecord) -> Member<'_> {
    Member {
        member_id: Cow::Borrowed(&member.member_id),
        group_instance_id: member.instance_id.as_deref().map(Cow::Borrowed),
        client_id: Cow::Borrowed(&member.client_id),
        client_host: Cow::Borrowed(&member.client_host),
        rebalance_timeout: member.rebalance_timeout_ms,
        session_timeout: member.session_timeout_ms,
        subscription: Cow::Borrowed(&member.subscription),
        assignment: Cow::Borrowed(&member.assignment),
    }
}

/// The record behind key and value; `None` for kinds that this coordinator does not keep.
pub(super) fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Record>, Error> {
    match peek_version(key)? {
        0 | 1 => decode_offset(key, value).map(Some),
        2 => decode_group(key, value).map(Some),
        11 => decode_share_group(key, value).map(Some),
        kind => consumer_record::decode(kind, key, value),
    }
}

fn decode_offset(key: &[u8], value: Option<&[u8]>) -> Result<Record, Error> {
    let key: OffsetCommitKey<'_> = from_bytes(key)?;
    let value: Option<OffsetCommitValue<'_>> = value.map(from_bytes).transpose()?;
    Ok(Record::Offset {
        group: Arc::from(key.group),
        topic: Arc::from(key.topic),
        partition: key.partition,
        value: value.map(|value| Offset {
            offset: value.offset,
            leader_epoch: value.leader_epoch,
            metadata: Arc::from(value.metadata),
            committed_ms: value.commit_timestamp,
            expires_ms: set(value.expire_timestamp),
            topic_id: value.topic_id.as_u128(),
        }),
    })
}

fn decode_group(key: &[u8], value: Option<&[u8]>) -> Result<Record, Error> {
    let key: GroupMetadataKey<'_> = from_bytes(key)?;
    let value: Option<GroupMetadataValue<'_>> = value.map(from_bytes).transpose()?;
    Ok(Record::Group {
        group: Arc::from(key.group),
        value: value.map(|value| Generation {
            generation: value.generation,
            protocol_type: value.protocol_type.into_owned(),
            protocol: value.protocol.map(Cow::into_owned),
            leader: value.leader.map(Arc::from),
            changed_ms: set(value.current_state_timestamp),
            members: value.members.into_iter().map(member_record).collect(),
        }),
    })
}

fn decode_share_group(key: &[u8], value: Option<&[u8]>) -> Result<Record, Error> {
    let key: ShareGroupMetadataKey<'_> = from_bytes(key)?;
    let value: Option<ShareGroupMetadataValue> = value.map(from_bytes).transpose()?;
    Ok(Record::ShareGroup {
        group: Arc::from(key.group),
        value: value.map(|value| value.epoch),
    })
}

fn member_record(member: Member<'_>) -> MemberRecord {
    // Before version 1 there was one timeout for both.
    let rebalance = set(member.rebalance_timeout.into());
    MemberRecord {
        member_id: Arc::from(member.member_id),
        instance_id: member.group_instance_id.map(Cow::into_owned),
        client_id: member.client_id.into_owned(),
        client_host: member.client_host.into_owned(),
        rebalance_timeout_ms: rebalance
            .map_or(member.session_timeout, |_| member.rebalance_timeout),
        session_timeout_ms: member.session_timeout,
        subscription: Arc::from(&*member.subscription),
        assignment: Arc::from(&*member.assignment),
    }
}

/// What a field that says "none" by being negative has to say.
fn set(ms: i64) -> Option<i64> {
    Some(ms).filter(|ms| *ms >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(expires_ms: Option<i64>) -> Record {
        // The version that can expire has no room for the epoch and the id.
        let (leader_epoch, topic_id) = expires_ms.map_or((3, 9), |_| (-1, 0));
        Record::Offset {
            group: Arc::from("g"),
            topic: Arc::from("t"),
            partition: 2,
            value: Some(Offset {
                offset: 5,
                leader_epoch,
                metadata: Arc::from("note"),
                committed_ms: 7,
                expires_ms,
                topic_id,
            }),
        }
    }

    fn generation() -> Record {
        let member = MemberRecord {
            member_id: Arc::from("m"),
            instance_id: Some("i".into()),
            client_id: "c".into(),
            client_host: "/h".into(),
            rebalance_timeout_ms: 60_000,
            session_timeout_ms: 10_000,
            subscription: Arc::from(*b"wants"),
            assignment: Arc::from(*b"gets"),
        };
        Record::Group {
            group: Arc::from("g"),
            value: Some(Generation {
                generation: 4,
                protocol_type: "consumer".into(),
                protocol: Some("range".into()),
                leader: Some(Arc::from("m")),
                changed_ms: Some(8),
                members: vec![member],
            }),
        }
    }

    fn share_group() -> Record {
        Record::ShareGroup {
            group: Arc::from("g"),
            value: Some(6),
        }
    }

    fn deleted(record: Record) -> Record {
        match record {
            Record::Offset {
                group,
                topic,
                partition,
                ..
            } => Record::Offset {
                group,
                topic,
                partition,
                value: None,
            },
            Record::Group { group, .. } => Record::Group { group, value: None },
            Record::ShareGroup { group, .. } => Record::ShareGroup { group, value: None },
            other @ Record::Consumer { .. } => other,
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for record in [
            offset(None),
            offset(Some(99)),
            generation(),
            share_group(),
            deleted(offset(None)),
            deleted(generation()),
            deleted(share_group()),
        ] {
            let (key, value) = encode(&record).unwrap();
            assert_eq!(decode(&key, value.as_deref()).unwrap(), Some(record));
        }
    }

    /// Apache Kafka 4.3: OffsetCommitKey 1, OffsetCommitValue 4 or 1, GroupMetadataKey 2, GroupMetadataValue 3,
    /// ShareGroupMetadataKey 11, ShareGroupMetadataValue 0.
    #[test]
    fn records_have_the_versions_that_kafka_writes() {
        let table = [
            (offset(None), 1, 4),
            (offset(Some(1)), 1, 1),
            (generation(), 2, 3),
            (share_group(), 11, 0),
        ];
        for (record, key_version, value_version) in table {
            let (key, value) = encode(&record).unwrap();
            assert_eq!(peek_version(&key).unwrap(), key_version);
            assert_eq!(peek_version(&value.unwrap()).unwrap(), value_version);
        }
    }

    #[test]
    fn records_of_other_kinds_of_groups_are_passed_over() {
        assert_eq!(decode(b"\0\x0c\0\x01g", Some(b"\0\0")).unwrap(), None);
    }
}
