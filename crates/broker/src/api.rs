//! The one list of what is served: each API of the wire with the module that answers it.
//!
//! Dispatch and the ApiVersions answer derive from it. A handler is
//! `async fn handle(&Broker, Request<'_>, &RequestContext<'_>) -> Response<'_>`; it sees decoded requests only
//! and never closes a connection. One that is *whole* is `fn begin(Incoming) -> Pending` instead and makes its own
//! frame: what it does before it returns happens in the order of the connection's frames.

pub(crate) mod api_versions;
pub(crate) mod authorized;

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod add_raft_voter;
mod alter_client_quotas;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod alter_share_group_offsets;
mod alter_user_scram_credentials;
mod consumer_group_describe;
mod consumer_group_heartbeat;
mod create_acls;
mod create_partitions;
mod create_topics;
mod delete_acls;
mod delete_groups;
mod delete_records;
mod delete_share_group_offsets;
mod delete_topics;
mod describe_acls;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_share_group_offsets;
mod describe_topic_partitions;
mod describe_transactions;
mod describe_user_scram_credentials;
mod distinct;
mod elect_leaders;
mod end_txn;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leader_epoch;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod remove_raft_voter;
mod resources;
mod sasl_authenticate;
mod sasl_handshake;
mod share_acknowledge;
mod share_fetch;
mod share_group_describe;
mod share_group_heartbeat;
mod sync_group;
mod transactional;
mod txn_offset_commit;
mod unreadable;
mod unregister_broker;
mod update_features;
mod write_txn_markers;

use millstream_wire::{ApiKey, decode_message, response_frame};
use tracing::Instrument;

use crate::dispatch::{Incoming, Pending};

macro_rules! served {
    ($($api:ident => $module:ident $(($kind:ident))?,)+) => {
        /// Every API that clients may use, in the order of their keys.
        pub(crate) const SERVED: &[ApiKey] = &[$(ApiKey::$api),+];

        /// Starts on a request.
        pub(crate) fn serve(request: Incoming) -> Pending {
            match request.api {
                $(ApiKey::$api => served!(@start request, $module $($kind)?),)+
            }
        }
    };
    (@start $request:ident, $module:ident whole) => { $module::begin($request) };
    (@start $request:ident, $module:ident) => {
        Pending::serial(Box::pin(async move {
            let (context, body) = $request.open()?;
            let body = decode_message(body, $request.version).map_err(|e| $request.malformed(e))?;
            let response =
                $module::handle(&$request.broker, body, &context).instrument(context.span()).await;
            let correlation_id = context.header.correlation_id;
            Ok(Some(response_frame($request.api, $request.version, correlation_id, &response)))
        }))
    };
}

served! {
    Produce => produce (whole),
    Fetch => fetch (whole),
    ListOffsets => list_offsets,
    Metadata => metadata,
    OffsetCommit => offset_commit,
    OffsetFetch => offset_fetch,
    FindCoordinator => find_coordinator,
    JoinGroup => join_group,
    Heartbeat => heartbeat,
    LeaveGroup => leave_group,
    SyncGroup => sync_group,
    DescribeGroups => describe_groups,
    ListGroups => list_groups,
    SaslHandshake => sasl_handshake,
    ApiVersions => api_versions,
    CreateTopics => create_topics,
    DeleteTopics => delete_topics,
    DeleteRecords => delete_records,
    InitProducerId => init_producer_id,
    OffsetForLeaderEpoch => offset_for_leader_epoch,
    AddPartitionsToTxn => add_partitions_to_txn,
    AddOffsetsToTxn => add_offsets_to_txn,
    EndTxn => end_txn,
    WriteTxnMarkers => write_txn_markers,
    TxnOffsetCommit => txn_offset_commit,
    DescribeAcls => describe_acls,
    CreateAcls => create_acls,
    DeleteAcls => delete_acls,
    DescribeConfigs => describe_configs,
    AlterConfigs => alter_configs,
    AlterReplicaLogDirs => alter_replica_log_dirs,
    DescribeLogDirs => describe_log_dirs,
    SaslAuthenticate => sasl_authenticate,
    CreatePartitions => create_partitions,
    DeleteGroups => delete_groups,
    ElectLeaders => elect_leaders,
    IncrementalAlterConfigs => incremental_alter_configs,
    AlterPartitionReassignments => alter_partition_reassignments,
    ListPartitionReassignments => list_partition_reassignments,
    OffsetDelete => offset_delete,
    DescribeClientQuotas => describe_client_quotas,
    AlterClientQuotas => alter_client_quotas,
    DescribeUserScramCredentials => describe_user_scram_credentials,
    AlterUserScramCredentials => alter_user_scram_credentials,
    DescribeQuorum => describe_quorum,
    UpdateFeatures => update_features,
    DescribeCluster => describe_cluster,
    DescribeProducers => describe_producers,
    UnregisterBroker => unregister_broker,
    DescribeTransactions => describe_transactions,
    ListTransactions => list_transactions,
    ConsumerGroupHeartbeat => consumer_group_heartbeat,
    ConsumerGroupDescribe => consumer_group_describe,
    ListConfigResources => list_config_resources,
    DescribeTopicPartitions => describe_topic_partitions,
    ShareGroupHeartbeat => share_group_heartbeat,
    ShareGroupDescribe => share_group_describe,
    ShareFetch => share_fetch (whole),
    ShareAcknowledge => share_acknowledge,
    AddRaftVoter => add_raft_voter,
    RemoveRaftVoter => remove_raft_voter,
    DescribeShareGroupOffsets => describe_share_group_offsets,
    AlterShareGroupOffsets => alter_share_group_offsets,
    DeleteShareGroupOffsets => delete_share_group_offsets,
}
