//! The APIs, one file each, and the one list of them.
//!
//! A module holds `Request`, `Response` and the structures inside them, under Kafka's names in
//! snake case. Dispatch, the answer to ApiVersions, the labels of metrics and `docs/protocol.md`
//! derive from [`for_each_api!`](crate::for_each_api).

use std::ops::RangeInclusive;

use crate::Version;

pub mod add_offsets_to_txn;
pub mod add_partitions_to_txn;
pub mod add_raft_voter;
pub mod alter_client_quotas;
pub mod alter_configs;
pub mod alter_partition_reassignments;
pub mod alter_replica_log_dirs;
pub mod alter_share_group_offsets;
pub mod alter_user_scram_credentials;
pub mod api_versions;
pub mod consumer_group_describe;
pub mod consumer_group_heartbeat;
pub mod create_acls;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_acls;
pub mod delete_groups;
pub mod delete_records;
pub mod delete_share_group_offsets;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_client_quotas;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod describe_log_dirs;
pub mod describe_producers;
pub mod describe_quorum;
pub mod describe_share_group_offsets;
pub mod describe_topic_partitions;
pub mod describe_transactions;
pub mod describe_user_scram_credentials;
pub mod elect_leaders;
pub mod end_txn;
pub mod fetch;
pub mod find_coordinator;
pub mod heartbeat;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod join_group;
pub mod leave_group;
pub mod list_config_resources;
pub mod list_groups;
pub mod list_offsets;
pub mod list_partition_reassignments;
pub mod list_transactions;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod remove_raft_voter;
pub mod sasl_authenticate;
pub mod sasl_handshake;
pub mod share_acknowledge;
pub mod share_fetch;
pub mod share_group_describe;
pub mod share_group_heartbeat;
pub mod sync_group;
pub mod txn_offset_commit;
pub mod unregister_broker;
pub mod update_features;
pub mod write_txn_markers;

/// Hands the list of all APIs, ascending by key, to the macro `$then` as `{ $extra (Name, module)
/// (Name, module) … }`.
#[macro_export]
macro_rules! for_each_api {
    ($then:ident $($extra:tt)*) => {
        $then! {
            $($extra)*
            (Produce, produce)
            (Fetch, fetch)
            (ListOffsets, list_offsets)
            (Metadata, metadata)
            (OffsetCommit, offset_commit)
            (OffsetFetch, offset_fetch)
            (FindCoordinator, find_coordinator)
            (JoinGroup, join_group)
            (Heartbeat, heartbeat)
            (LeaveGroup, leave_group)
            (SyncGroup, sync_group)
            (DescribeGroups, describe_groups)
            (ListGroups, list_groups)
            (SaslHandshake, sasl_handshake)
            (ApiVersions, api_versions)
            (CreateTopics, create_topics)
            (DeleteTopics, delete_topics)
            (DeleteRecords, delete_records)
            (InitProducerId, init_producer_id)
            (OffsetForLeaderEpoch, offset_for_leader_epoch)
            (AddPartitionsToTxn, add_partitions_to_txn)
            (AddOffsetsToTxn, add_offsets_to_txn)
            (EndTxn, end_txn)
            (WriteTxnMarkers, write_txn_markers)
            (TxnOffsetCommit, txn_offset_commit)
            (DescribeAcls, describe_acls)
            (CreateAcls, create_acls)
            (DeleteAcls, delete_acls)
            (DescribeConfigs, describe_configs)
            (AlterConfigs, alter_configs)
            (AlterReplicaLogDirs, alter_replica_log_dirs)
            (DescribeLogDirs, describe_log_dirs)
            (SaslAuthenticate, sasl_authenticate)
            (CreatePartitions, create_partitions)
            (DeleteGroups, delete_groups)
            (ElectLeaders, elect_leaders)
            (IncrementalAlterConfigs, incremental_alter_configs)
            (AlterPartitionReassignments, alter_partition_reassignments)
            (ListPartitionReassignments, list_partition_reassignments)
            (OffsetDelete, offset_delete)
            (DescribeClientQuotas, describe_client_quotas)
            (AlterClientQuotas, alter_client_quotas)
            (DescribeUserScramCredentials, describe_user_scram_credentials)
            (AlterUserScramCredentials, alter_user_scram_credentials)
            (DescribeQuorum, describe_quorum)
            (UpdateFeatures, update_features)
            (DescribeCluster, describe_cluster)
            (DescribeProducers, describe_producers)
            (UnregisterBroker, unregister_broker)
            (DescribeTransactions, describe_transactions)
            (ListTransactions, list_transactions)
            (ConsumerGroupHeartbeat, consumer_group_heartbeat)
            (ConsumerGroupDescribe, consumer_group_describe)
            (ListConfigResources, list_config_resources)
            (DescribeTopicPartitions, describe_topic_partitions)
            (ShareGroupHeartbeat, share_group_heartbeat)
            (ShareGroupDescribe, share_group_describe)
            (ShareFetch, share_fetch)
            (ShareAcknowledge, share_acknowledge)
            (AddRaftVoter, add_raft_voter)
            (RemoveRaftVoter, remove_raft_voter)
            (DescribeShareGroupOffsets, describe_share_group_offsets)
            (AlterShareGroupOffsets, alter_share_group_offsets)
            (DeleteShareGroupOffsets, delete_share_group_offsets)
        }
    };
}

/// What identifies an API and its versions, as its module declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Kafka's name, in camel case.
    pub name: &'static str,
    /// The number in the request header.
    pub key: i16,
    /// Versions that are decoded and answered.
    pub versions: RangeInclusive<i16>,
    /// Versions that the answer to ApiVersions names: those above, unless clients need to be told
    /// more.
    pub advertised: RangeInclusive<i16>,
    /// First version in the flexible encoding, if any is.
    pub flexible_since: Option<i16>,
}

impl Api {
    pub(crate) const fn new(name: &'static str, key: i16, versions: RangeInclusive<i16>) -> Self {
        let advertised = *versions.start()..=*versions.end();
        Self {
            name,
            key,
            versions,
            advertised,
            flexible_since: None,
        }
    }

    pub(crate) const fn flexible_since(mut self, version: i16) -> Self {
        self.flexible_since = Some(version);
        self
    }

    /// Version `n` with its encoding, served or not.
    pub fn encoding(&self, n: i16) -> Version {
        let flexible = self.flexible_since.is_some_and(|since| n >= since);
        Version { n, flexible }
    }

    pub(crate) const fn advertised_as(mut self, versions: RangeInclusive<i16>) -> Self {
        self.advertised = versions;
        self
    }
}

macro_rules! api_keys {
    ($(($name:ident, $module:ident))+) => {
        /// An API of the list; its discriminant is the key in the request header.
        #[allow(missing_docs, reason = "the names are those of the APIs")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $($name = $module::API.key,)+
        }

        impl ApiKey {
            /// Every API, ascending by key.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The API with this key, if it is served.
            pub const fn from_i16(key: i16) -> Option<Self> {
                match key {
                    $(key if key == $module::API.key => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// The API's identity and versions.
            pub const fn api(self) -> &'static Api {
                match self {
                    $(Self::$name => const { &$module::API },)+
                }
            }
        }
    };
}

for_each_api!(api_keys);

impl ApiKey {
    /// The number in the request header.
    pub const fn key(self) -> i16 {
        self as i16
    }

    /// Kafka's name of the API, in camel case.
    pub const fn name(self) -> &'static str {
        self.api().name
    }

    /// Versions that are decoded and answered.
    pub fn versions(self) -> RangeInclusive<i16> {
        self.api().versions.clone()
    }

    /// Versions that the answer to ApiVersions names.
    pub fn advertised(self) -> RangeInclusive<i16> {
        self.api().advertised.clone()
    }

    /// Version `n` with its encoding, served or not.
    pub fn encoding(self, n: i16) -> Version {
        self.api().encoding(n)
    }

    /// Version `n` with its encoding, if it is served.
    pub fn version(self, n: i16) -> Option<Version> {
        self.api().versions.contains(&n).then(|| self.encoding(n))
    }
}

impl std::fmt::Display for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
