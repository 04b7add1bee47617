//! Promises that every message keeps, each written once over the list of APIs.

mod frames;
mod golden;
mod golden_consumer_groups;
mod golden_shares;
mod golden_transactions;
mod hostile;
mod oracle;
mod protocol_table;
mod sample;

pub(crate) use sample::{Random, Sample};

use bytes::Bytes;

use crate::{Api, Decode, Encode, Encoder, Error, Version, api, for_each_api, record};

/// Which half of an API a message is; or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request(&'static Api),
    Response(&'static Api),
    Record(&'static str),
}

/// From bytes to the number of those that are left over and the bytes of what was read.
type Rewrite = fn(&[u8], Version) -> Result<(usize, Bytes), Error>;

/// What can be done with a message without knowing its type.
struct Message {
    kind: Kind,
    versions: Vec<Version>,
    /// The bytes of a value made up, which is read back and compared.
    sample: fn(&mut Random, Version) -> Bytes,
    /// The bytes of a value whose every field is at its default.
    default: fn(Version) -> Bytes,
    /// Reads bytes and writes what was read.
    rewrite: Rewrite,
}

/// Every request and response that is declared, and every record.
fn messages() -> Vec<Message> {
    let mut messages = Vec::new();
    macro_rules! message {
        ($kind:expr, $versions:expr, $($ty:tt)+) => {
            messages.push(Message {
                kind: $kind,
                versions: $versions,
                sample: |random, version| {
                    let value = <$($ty)+>::sample(random, version);
                    let bytes = encode(&value, version);
                    assert_eq!(<$($ty)+>::decode(&bytes, version), Ok((&[][..], value)));
                    bytes
                },
                default: |version| encode(&<$($ty)+>::default(), version),
                rewrite: |bytes, version| match <$($ty)+>::decode(bytes, version) {
                    Ok((rest, value)) => Ok((rest.len(), encode(&value, version))),
                    Err(nom::Err::Failure(error) | nom::Err::Error(error)) => Err(error),
                    Err(nom::Err::Incomplete(_)) => unreachable!("all parsers are complete"),
                },
            });
        };
    }
    macro_rules! apis {
        ($(($name:ident, $module:ident))+) => {$(
            let api: &'static Api = const { &api::$module::API };
            assert_eq!(api.name, stringify!($name));
            let versions: Vec<_> = api.versions.clone().map(|n| api.encoding(n)).collect();
            message!(Kind::Request(api), versions.clone(), api::$module::Request);
            message!(Kind::Response(api), versions, api::$module::Response);
        )+};
    }
    macro_rules! records {
        ($($module:ident: $($name:ident),+;)+) => {$($(
            use record::$module::$name;
            let versions = $name::VERSIONS.map(|n| $name::version(n).unwrap()).collect();
            message!(Kind::Record($name::NAME), versions, $name);
        )+)+};
    }
    use record::Record;
    for_each_api!(apis);
    records! {
        offsets: OffsetCommitKey, OffsetCommitValue, GroupMetadataKey, GroupMetadataValue,
            ShareGroupMetadataKey, ShareGroupMetadataValue;
        shares: ShareSnapshotKey, ShareSnapshotValue, ShareUpdateKey, ShareUpdateValue;
        consumer_group: ConsumerGroupMetadataKey, ConsumerGroupMetadataValue,
            ConsumerGroupPartitionMetadataKey,
            ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue,
            ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue,
            ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue,
            ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue,
            ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue;
        consumer: ConsumerProtocolSubscription, ConsumerProtocolAssignment;
        transactions: TransactionLogKey, TransactionLogValue;
        metadata: TopicRecord, PartitionRecord, ConfigRecord, PartitionChangeRecord,
            RemoveTopicRecord, UserScramCredentialRecord, FeatureLevelRecord, ClientQuotaRecord,
            ProducerIdsRecord, RemoveUserScramCredentialRecord;
    }
    messages
}

/// The body of a message alone.
fn encode(message: &impl Encode, version: Version) -> Bytes {
    let mut out = Encoder::new();
    message.encode(&mut out, version);
    out.into_bytes()
}

/// Bytes written as hexadecimal digits, with blanks for the reader.
fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}
