//! The records of `__cluster_metadata`: topics, partitions, settings, features, quotas, passwords.
//!
//! In front of a record stand, as varints, the version of this frame (1), the record's number and
//! its version.

use std::borrow::Cow;

use bytes::Bytes;

use super::Record;
use crate::decode::{fail, finish, uvarint};
use crate::dsl::wire;
use crate::{Decode, Encoder, Error, Parsed, Uuid, decode_message};

/// The only version of the frame around a record.
const FRAME_VERSION: u32 = 1;

/// Any of the records below.
#[derive(Debug, Clone, PartialEq)]
pub enum MetadataRecord<'a> {
    /// A topic exists.
    Topic(TopicRecord<'a>),
    /// A partition exists.
    Partition(PartitionRecord),
    /// A setting has a value.
    Config(ConfigRecord<'a>),
    /// A partition changes.
    PartitionChange(PartitionChangeRecord),
    /// A topic is gone.
    RemoveTopic(RemoveTopicRecord),
    /// A user has a password.
    UserScramCredential(UserScramCredentialRecord<'a>),
    /// A feature is at a level.
    FeatureLevel(FeatureLevelRecord<'a>),
    /// A client has a quota.
    ClientQuota(ClientQuotaRecord<'a>),
    /// A broker owns producer ids.
    ProducerIds(ProducerIdsRecord),
    /// A user has a password no longer.
    RemoveUserScramCredential(RemoveUserScramCredentialRecord<'a>),
}

impl<'a> MetadataRecord<'a> {
    /// Reads a record in its frame. Fails for a record or a version of it that is not declared
    /// here.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, Error> {
        let (key, version, body) = finish(frame(bytes))?;
        match key {
            TopicRecord::KEY => read(version, body).map(Self::Topic),
            PartitionRecord::KEY => read(version, body).map(Self::Partition),
            ConfigRecord::KEY => read(version, body).map(Self::Config),
            PartitionChangeRecord::KEY => read(version, body).map(Self::PartitionChange),
            RemoveTopicRecord::KEY => read(version, body).map(Self::RemoveTopic),
            UserScramCredentialRecord::KEY => read(version, body).map(Self::UserScramCredential),
            FeatureLevelRecord::KEY => read(version, body).map(Self::FeatureLevel),
            ClientQuotaRecord::KEY => read(version, body).map(Self::ClientQuota),
            ProducerIdsRecord::KEY => read(version, body).map(Self::ProducerIds),
            RemoveUserScramCredentialRecord::KEY => {
                read(version, body).map(Self::RemoveUserScramCredential)
            }
            key => Err(Error::UnknownRecordKey(key)),
        }
    }
}

/// Writes a record in its frame. Fails if the record has no such version.
pub fn to_bytes<T: Record>(record: &T, version: i16) -> Result<Bytes, Error> {
    let version = T::version(version)?;
    let mut out = Encoder::new();
    out.put_uvarint(FRAME_VERSION);
    out.put_uvarint(T::KEY as u32);
    out.put_uvarint(version.n as u32);
    record.encode(&mut out, version);
    Ok(out.into_bytes())
}

fn read<'a, T: Record + Decode<'a>>(version: i16, body: &'a [u8]) -> Result<T, Error> {
    decode_message(body, T::version(version)?)
}

/// The record's number, its version and its body.
fn frame(input: &[u8]) -> Parsed<'_, (i16, i16, &[u8])> {
    let (input, frame_version) = uvarint(input)?;
    if frame_version != FRAME_VERSION {
        return fail(Error::UnknownFrameVersion(frame_version));
    }
    let (input, key) = short_uvarint(input)?;
    let (input, version) = short_uvarint(input)?;
    Ok((&[], (key, version, input)))
}

fn short_uvarint(input: &[u8]) -> Parsed<'_, i16> {
    let (input, value) = uvarint(input)?;
    match i16::try_from(value) {
        Ok(value) => Ok((input, value)),
        Err(_) => fail(Error::InvalidVarint),
    }
}

wire! {
    record TopicRecord = 2, versions 0..=0, flexible 0;

    /// A topic exists.
    struct TopicRecord<'a> {
        name: Cow<'a, str>,
        topic_id: Uuid,
    }
}

wire! {
    record PartitionRecord = 3, versions 0..=2, flexible 0;

    /// A partition exists.
    struct PartitionRecord {
        partition_id: i32 = -1,
        topic_id: Uuid,
        replicas: Vec<i32>,
        isr: Vec<i32>,
        removing_replicas: Vec<i32>,
        adding_replicas: Vec<i32>,
        leader: i32 = -1,
        leader_epoch: i32 = -1,
        partition_epoch: i32 = -1,
        directories: Vec<Uuid> [1..],
        ; tagged {
            /// 1 while it recovers from an unclean election.
            0 => leader_recovery_state: i8,
            1 => eligible_leader_replicas: Option<Vec<i32>> [2..],
            2 => last_known_elr: Option<Vec<i32>> [2..],
        }
    }
}

wire! {
    record ConfigRecord = 4, versions 0..=0, flexible 0;

    /// A setting has a value.
    struct ConfigRecord<'a> {
        /// As in DescribeConfigs.
        resource_type: i8,
        resource_name: Cow<'a, str>,
        name: Cow<'a, str>,
        /// Null for the default.
        value: Option<Cow<'a, str>>,
    }
}

wire! {
    record PartitionChangeRecord = 5, versions 0..=2, flexible 0;

    /// A partition changes. What is not set stays as it is.
    struct PartitionChangeRecord {
        partition_id: i32 = -1,
        topic_id: Uuid,
        ; tagged {
            0 => isr: Option<Vec<i32>>,
            /// -1 for none, -2 for no change.
            1 => leader: i32 = -2,
            2 => replicas: Option<Vec<i32>>,
            3 => removing_replicas: Option<Vec<i32>>,
            4 => adding_replicas: Option<Vec<i32>>,
            /// -1 for no change.
            5 => leader_recovery_state: i8 = -1,
            6 => eligible_leader_replicas: Option<Vec<i32>> [2..],
            7 => last_known_elr: Option<Vec<i32>> [2..],
            8 => directories: Option<Vec<Uuid>> [1..],
        }
    }
}

wire! {
    record RemoveTopicRecord = 9, versions 0..=0, flexible 0;

    /// A topic, its partitions and its settings are gone.
    struct RemoveTopicRecord {
        topic_id: Uuid,
    }
}

wire! {
    record UserScramCredentialRecord = 11, versions 0..=0, flexible 0;

    /// A user has a password.
    struct UserScramCredentialRecord<'a> {
        name: Cow<'a, str>,
        /// As in DescribeUserScramCredentials.
        mechanism: i8,
        salt: Cow<'a, [u8]>,
        stored_key: Cow<'a, [u8]>,
        server_key: Cow<'a, [u8]>,
        iterations: i32,
    }
}

wire! {
    record FeatureLevelRecord = 12, versions 0..=0, flexible 0;

    /// A feature is at a level; 0 switches it off.
    struct FeatureLevelRecord<'a> {
        name: Cow<'a, str>,
        feature_level: i16,
    }
}

wire! {
    record ClientQuotaRecord = 14, versions 0..=0, flexible 0;

    /// A client has a quota.
    struct ClientQuotaRecord<'a> {
        entity: Vec<QuotaEntity<'a>>,
        key: Cow<'a, str>,
        value: f64,
        /// Whether it has it no longer.
        remove: bool,
    }

    /// One side of whose quota it is.
    struct QuotaEntity<'a> {
        entity_type: Cow<'a, str>,
        /// Null for the default.
        entity_name: Option<Cow<'a, str>>,
    }
}

wire! {
    record ProducerIdsRecord = 15, versions 0..=0, flexible 0;

    /// A broker owns the producer ids below the next one.
    struct ProducerIdsRecord {
        broker_id: i32,
        broker_epoch: i64 = -1,
        next_producer_id: i64,
    }
}

wire! {
    record RemoveUserScramCredentialRecord = 22, versions 0..=0, flexible 0;

    /// A user has a password no longer.
    struct RemoveUserScramCredentialRecord<'a> {
        name: Cow<'a, str>,
        mechanism: i8,
    }
}
