//! What one broker without authentication has nothing to do for is answered as a single Apache Kafka answers it.

use millstream_wire::api::{
    add_raft_voter, alter_partition_reassignments, alter_replica_log_dirs, create_acls,
    delete_acls, describe_acls, remove_raft_voter, sasl_authenticate, sasl_handshake,
    unregister_broker,
};
use millstream_wire::{ApiKey, ErrorCode, Uuid};

use super::topics::create;
use crate::testing::TestBroker;

// AK core/…/AclApis.scala and metadata/…/ControllerApis.scala
#[tokio::test]
async fn rules_of_access_are_refused_as_there_is_no_authorizer() {
    let broker = TestBroker::start().await;
    let request = describe_acls::Request::default();
    let described: describe_acls::Response<'_> =
        broker.call(ApiKey::DescribeAcls, 3, &request).await;
    let creation = create_acls::Creation::default();
    let request = create_acls::Request {
        creations: vec![creation.clone(), creation],
    };
    let created: create_acls::Response<'_> = broker.call(ApiKey::CreateAcls, 3, &request).await;
    let request = delete_acls::Request {
        filters: vec![delete_acls::Filter::default()],
    };
    let deleted: delete_acls::Response<'_> = broker.call(ApiKey::DeleteAcls, 3, &request).await;
    let created: Vec<_> = created.results.iter().map(|r| r.error_code).collect();
    assert_eq!(described.error_code, ErrorCode::SECURITY_DISABLED);
    assert_eq!(created, [ErrorCode::SECURITY_DISABLED; 2]);
    assert_eq!(
        deleted.filter_results[0].error_code,
        ErrorCode::SECURITY_DISABLED
    );
}

// AK core/…/KafkaApis.scala
#[tokio::test]
async fn nobody_is_asked_who_they_are() {
    let broker = TestBroker::start().await;
    for version in 0..=1 {
        let request = sasl_handshake::Request { mechanism: "PLAIN" };
        let response: sasl_handshake::Response<'_> =
            broker.call(ApiKey::SaslHandshake, version, &request).await;
        assert_eq!(response.error_code, ErrorCode::ILLEGAL_SASL_STATE);
    }
    let request = sasl_authenticate::Request { auth_bytes: b"me" };
    let response: sasl_authenticate::Response<'_> =
        broker.call(ApiKey::SaslAuthenticate, 2, &request).await;
    assert_eq!(response.error_code, ErrorCode::ILLEGAL_SASL_STATE);
}

// AK core/…/ReplicaManager.scala
#[tokio::test]
async fn replicas_stay_in_the_only_data_directory() {
    let broker = TestBroker::start().await;
    create(&broker, "a", 1).await;
    let here = broker.broker.store().dir().display().to_string();
    let codes = async |path: &str| {
        let topic = |name, partitions| alter_replica_log_dirs::Topic { name, partitions };
        let request = alter_replica_log_dirs::Request {
            dirs: vec![alter_replica_log_dirs::Dir {
                path,
                topics: vec![topic("a", vec![0, 1]), topic("b", vec![0])],
            }],
        };
        let response: alter_replica_log_dirs::Response<'_> =
            broker.call(ApiKey::AlterReplicaLogDirs, 2, &request).await;
        let partitions = response.results.iter().flat_map(|topic| &topic.partitions);
        partitions
            .map(|result| result.error_code)
            .collect::<Vec<_>>()
    };
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(codes(&here).await, [ErrorCode::NONE, unknown, unknown]);
    assert_eq!(codes("/elsewhere").await, [ErrorCode::LOG_DIR_NOT_FOUND; 3]);
}

// AK metadata/…/controller/ReplicationControlManager.java
#[tokio::test]
async fn partitions_stay_on_the_only_broker() {
    let broker = TestBroker::start().await;
    create(&broker, "a", 1).await;
    let outcome = async |name: &str, partition_index, replicas: Option<&[i32]>| {
        let partition = alter_partition_reassignments::Partition {
            partition_index,
            replicas: replicas.map(<[i32]>::to_vec),
        };
        let request = alter_partition_reassignments::Request {
            topics: vec![alter_partition_reassignments::Topic {
                name,
                partitions: vec![partition],
            }],
            ..alter_partition_reassignments::Request::default()
        };
        let response: alter_partition_reassignments::Response<'_> = broker
            .call(ApiKey::AlterPartitionReassignments, 1, &request)
            .await;
        response.responses[0].partitions[0].error_code
    };
    let cases: [(&str, i32, Option<&[i32]>, ErrorCode); 7] = [
        ("a", 0, Some(&[1]), ErrorCode::NONE),
        ("a", 0, Some(&[2]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        ("a", 0, Some(&[1, 1]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        ("a", 0, Some(&[]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        ("a", 0, None, ErrorCode::NO_REASSIGNMENT_IN_PROGRESS),
        ("a", 1, Some(&[1]), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        ("b", 0, Some(&[1]), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    ];
    for (topic, index, replicas, expected) in cases {
        let found = outcome(topic, index, replicas).await;
        assert_eq!(found, expected, "{topic} {index} {replicas:?}");
    }
}

// AK metadata/…/controller/ReplicationControlManager.java
#[tokio::test]
async fn the_only_broker_is_not_forgotten_and_others_are_unknown() {
    let broker = TestBroker::start().await;
    let code = async |broker_id| {
        let request = unregister_broker::Request { broker_id };
        let response: unregister_broker::Response<'_> =
            broker.call(ApiKey::UnregisterBroker, 0, &request).await;
        response.error_code
    };
    assert_eq!(code(2).await, ErrorCode::BROKER_ID_NOT_REGISTERED);
    assert_eq!(code(1).await, ErrorCode::INVALID_REQUEST);
}

// AK core/…/ControllerApis.scala and raft/…/KafkaRaftClient.java
#[tokio::test]
async fn the_quorum_stays_what_it_is() {
    let broker = TestBroker::start().await;
    let codes = async |voter_id, voter_directory_id| {
        let request = add_raft_voter::Request {
            voter_id,
            voter_directory_id,
            ..add_raft_voter::Request::default()
        };
        let added: add_raft_voter::Response<'_> =
            broker.call(ApiKey::AddRaftVoter, 1, &request).await;
        let request = remove_raft_voter::Request {
            voter_id,
            voter_directory_id,
            ..remove_raft_voter::Request::default()
        };
        let removed: remove_raft_voter::Response<'_> =
            broker.call(ApiKey::RemoveRaftVoter, 0, &request).await;
        (added.error_code, removed.error_code)
    };
    let (invalid, unsupported) = (ErrorCode::INVALID_REQUEST, ErrorCode::UNSUPPORTED_VERSION);
    assert_eq!(codes(2, Uuid::nil()).await, (invalid, invalid));
    assert_eq!(codes(-1, Uuid::from_u128(7)).await, (invalid, invalid));
    assert_eq!(
        codes(2, Uuid::from_u128(7)).await,
        (unsupported, unsupported)
    );
}
