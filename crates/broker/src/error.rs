//! What can go wrong in the broker, and the only place that knows Kafka's number for it.
//!
//! Handlers answer with [`Error::code`] and, where the protocol has room for words, the error's text.

use std::borrow::Cow;

use millstream_wire::ErrorCode;
use uuid::Uuid;

use crate::catalog::InvalidName;
use crate::config::InvalidConfig;
use crate::fetch_sessions::SessionError;
use crate::shares::ShareSessionError;

/// Why the broker refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No topic can have that name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The name differs from that of another topic in nothing but '.' and '_'.
    #[error("topic name {name:?} collides with that of existing topic {existing:?}")]
    Collision {
        /// The name asked for.
        name: String,
        /// The name in use.
        existing: String,
    },
    /// The name is in use.
    #[error("topic {0:?} already exists")]
    TopicExists(String),
    /// No topic has that name.
    #[error("topic {0:?} does not exist")]
    UnknownTopic(String),
    /// No topic has that id.
    #[error("no topic has the id {}", millstream_wire::base64_id(*.0))]
    UnknownTopicId(Uuid),
    /// The topic has no such partition.
    #[error("topic {topic:?} has no partition {index}")]
    UnknownPartition {
        /// The topic's name.
        topic: String,
        /// The partition asked for.
        index: i32,
    },
    /// The topic belongs to the broker itself.
    #[error("topic {0:?} is the broker's own: clients neither make, grow nor delete it")]
    InternalTopic(String),
    /// Only the broker itself changes what the topic holds.
    #[error("the records of topic {0:?} are the broker's own")]
    InternalRecords(String),
    /// The configuration says that topics stay.
    #[error("topics cannot be deleted: delete.topic.enable is false")]
    DeletionDisabled,
    /// A number of partitions that cannot be.
    #[error("invalid number of partitions {0}: must be at least 1, or -1 for the default")]
    PartitionCount(i32),
    /// Topics never lose partitions.
    #[error("topic {topic:?} has {current} partitions: {wanted} would not be an increase")]
    NotMorePartitions {
        /// The topic's name.
        topic: String,
        /// How many partitions it has.
        current: i32,
        /// How many were asked for.
        wanted: i32,
    },
    /// More partitions than one request may make.
    #[error(
        "{wanted} partitions are too many for one request: at most {limit} can be made at once"
    )]
    TooManyPartitions {
        /// How many were asked for.
        wanted: i32,
        /// How many can be made.
        limit: i32,
    },
    /// One node keeps one copy.
    #[error(
        "invalid replication factor {0}: must be 1, or -1 for the default, as there is one broker"
    )]
    ReplicationFactor(i16),
    /// Replicas named by the client that one node cannot provide.
    #[error("invalid replica assignment: {0}")]
    Assignment(String),
    /// The only broker leads the partition already.
    #[error("the partition has its only possible leader")]
    ElectionNotNeeded,
    /// Another topic has taken the name of the one that was meant.
    #[error("topic {0:?} was deleted and made anew")]
    InconsistentTopicId(String),
    /// The client believes in a leader epoch that is over.
    #[error("leader epoch {believed} is over, the current one is {current}")]
    FencedLeaderEpoch {
        /// The epoch that the client named.
        believed: i32,
        /// The partition's epoch.
        current: i32,
    },
    /// The client believes in a leader epoch that has not begun.
    #[error("leader epoch {believed} is unknown, the current one is {current}")]
    UnknownLeaderEpoch {
        /// The epoch that the client named.
        believed: i32,
        /// The partition's epoch.
        current: i32,
    },
    /// The fetch session is not there, or not where the client thinks it is.
    #[error(transparent)]
    FetchSession(#[from] SessionError),
    /// The records are compressed with a codec newer than the request's version.
    #[error("zstd batches need Produce version 7 and Fetch version 10 or later")]
    ZstdTooNew,
    /// An acknowledgement that does not exist.
    #[error("invalid acks {0}: must be -1, 0 or 1")]
    InvalidAcks(i16),
    /// The topic wants more copies than one node keeps.
    #[error("topic {topic:?} requires {required} in-sync replicas and has 1")]
    NotEnoughReplicas {
        /// The topic's name.
        topic: String,
        /// `min.insync.replicas`.
        required: i32,
    },
    /// The topic keeps its records for ever, or by key.
    #[error("records of topic {0:?} cannot be deleted: its cleanup.policy is without delete")]
    NotDeletable(String),
    /// A transaction timeout out of bounds.
    #[error("invalid transaction timeout {0} ms")]
    TransactionTimeout(i32),
    /// A request of a transaction is refused.
    #[error("transactional id {id:?}: {error}")]
    Transaction {
        /// The transactional id.
        id: String,
        /// Why.
        error: millstream_transactions::Error,
    },
    /// Records for a partition that the transaction was not told of, from who can go on from an abort.
    #[error(
        "transactional id {0:?}: the partition is not in the transaction, which has to be aborted"
    )]
    TransactionAbortable(String),
    /// Records of a producer whose place another has taken.
    #[error("transactional id {0:?}: another producer uses it")]
    ProducerReplaced(String),
    /// Nothing is known of the transactional id.
    #[error("nothing is known of the transactional id {0:?}")]
    UnknownTransactionalId(String),
    /// Records of a transaction, and no word of whose.
    #[error("the records are part of a transaction, but the request has no transactional id")]
    NoTransactionalId,
    /// A queue has one consumer, and this is another.
    #[error("queue {topic} is consumed by group {owner}; group {group} may not")]
    QueueOwned {
        /// The queue's name.
        topic: String,
        /// The group that consumes it.
        owner: String,
        /// The group that was refused.
        group: String,
    },
    /// There is no assignor of that name.
    #[error("there is no assignor {0:?}")]
    Assignor(String),
    /// An expression for topics cannot be understood, or is too large.
    #[error("invalid regular expression {expression:?}: {reason}")]
    Expression {
        /// What was asked for.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting is unknown or its value not allowed.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// A setting of a new topic is null.
    #[error("{0} has no value")]
    NoValue(String),
    /// A request that may name each thing once names one more often.
    #[error("named more than once in the request")]
    NamedTwice,
    /// The request contradicts itself or the protocol.
    #[error("{0}")]
    InvalidRequest(String),
    /// The request is right and beyond what this broker does.
    #[error("{0}")]
    Unsupported(String),
    /// Nobody keeps rules of access.
    #[error("access is not restricted: there is no authorizer")]
    NoAuthorizer,
    /// Nobody is asked who they are.
    #[error("the listener does not authenticate clients")]
    Unauthenticated,
    /// No data directory has that path.
    #[error("{0:?} is no data directory of this broker")]
    UnknownLogDir(String),
    /// No broker has that id.
    #[error("there is no broker {0}")]
    UnknownBroker(i32),
    /// The move that is called off is not under way.
    #[error("the partition is not moving")]
    NothingMoves,
    /// No mechanism of authentication has that number.
    #[error("there is no SCRAM mechanism {0}")]
    UnknownMechanism(i8),
    /// What is given does not make a password.
    #[error("{0}")]
    Credential(String),
    /// The user has no password for that mechanism, or none at all.
    #[error("user {0:?} has no such password")]
    NoPassword(String),
    /// A request that may name each user once names one more often.
    #[error("user {0:?} is named more than once in the request")]
    UserTwice(String),
    /// A feature cannot go to that level.
    #[error("feature {name:?} cannot be at level {level}: {reason}")]
    FeatureLevel {
        /// The feature's name.
        name: String,
        /// The level asked for.
        level: i16,
        /// Why it cannot.
        reason: String,
    },
    /// The request needs a feature that is off.
    #[error("{0} is 0: the feature is off")]
    FeatureOff(&'static str),
    /// A record of the catalog's log is not what a catalog writes.
    #[error("catalog record at offset {offset} cannot be read: {source}")]
    CatalogRecord {
        /// Offset of the record in the catalog's log.
        offset: i64,
        /// What is wrong with it.
        source: millstream_wire::Error,
    },
    /// The catalog's log has less to read than it says.
    #[error("the catalog's log ends at offset {offset}, before its end offset {end}")]
    CatalogEnds {
        /// The first offset that cannot be read.
        offset: i64,
        /// Where the log should end.
        end: i64,
    },
    /// There are partitions on disk and no catalog to say whose they are.
    #[error("the data directory holds {0} partitions but its catalog is empty")]
    CatalogLost(usize),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
    /// A record batch is not what a batch must be.
    #[error(transparent)]
    Batch(#[from] millstream_batch::Error),
    /// A record of an internal topic cannot be written or read.
    #[error("record of an internal topic: {0}")]
    Record(#[from] millstream_wire::Error),
    /// A group refused.
    #[error(transparent)]
    Group(#[from] millstream_groups::Error),
    /// The share session is not there, or not where the client thinks it is.
    #[error(transparent)]
    ShareSession(#[from] ShareSessionError),
    /// A consumer speaks of messages that it does not have.
    #[error(transparent)]
    NotHeld(#[from] millstream_queue::NotHeld),
    /// The group's settings do not allow locks to be renewed.
    #[error("share.renew.acknowledge.enable is false for group {0}")]
    NotRenewable(String),
    /// What is known of groups is being read back, or cannot be.
    #[error("the coordinator of the group is not available")]
    CoordinatorNotAvailable,
    /// The broker is shutting down.
    #[error("the broker is shutting down")]
    ShuttingDown,
}

impl Error {
    /// What the protocol calls it.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Name(_) | Self::Collision { .. } | Self::InternalRecords(_) => {
                ErrorCode::INVALID_TOPIC_EXCEPTION
            }
            Self::TopicExists(_) => ErrorCode::TOPIC_ALREADY_EXISTS,
            Self::UnknownTopic(_) | Self::UnknownPartition { .. } => {
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            }
            Self::UnknownTopicId(_) => ErrorCode::UNKNOWN_TOPIC_ID,
            Self::DeletionDisabled => ErrorCode::TOPIC_DELETION_DISABLED,
            Self::PartitionCount(_) | Self::NotMorePartitions { .. } => {
                ErrorCode::INVALID_PARTITIONS
            }
            Self::TooManyPartitions { .. } | Self::NotDeletable(_) => ErrorCode::POLICY_VIOLATION,
            Self::ReplicationFactor(_) => ErrorCode::INVALID_REPLICATION_FACTOR,
            Self::Assignment(_) => ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            Self::ElectionNotNeeded => ErrorCode::ELECTION_NOT_NEEDED,
            Self::InconsistentTopicId(_) => ErrorCode::INCONSISTENT_TOPIC_ID,
            Self::FencedLeaderEpoch { .. } => ErrorCode::FENCED_LEADER_EPOCH,
            Self::UnknownLeaderEpoch { .. } => ErrorCode::UNKNOWN_LEADER_EPOCH,
            Self::FetchSession(error) => session_code(error),
            Self::ZstdTooNew => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            Self::InvalidAcks(_) => ErrorCode::INVALID_REQUIRED_ACKS,
            Self::NotEnoughReplicas { .. } => ErrorCode::NOT_ENOUGH_REPLICAS,
            Self::TransactionTimeout(_) => ErrorCode::INVALID_TRANSACTION_TIMEOUT,
            Self::Transaction { error, .. } => transaction_code(*error),
            Self::TransactionAbortable(_) => ErrorCode::TRANSACTION_ABORTABLE,
            Self::ProducerReplaced(_) => ErrorCode::INVALID_PRODUCER_EPOCH,
            Self::UnknownTransactionalId(_) => ErrorCode::TRANSACTIONAL_ID_NOT_FOUND,
            Self::NoTransactionalId => ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            Self::QueueOwned { .. } => ErrorCode::GROUP_AUTHORIZATION_FAILED,
            Self::Assignor(_) => ErrorCode::UNSUPPORTED_ASSIGNOR,
            Self::Expression { .. } => ErrorCode::INVALID_REGULAR_EXPRESSION,
            Self::Config(_) | Self::NoValue(_) => ErrorCode::INVALID_CONFIG,
            Self::InternalTopic(_) | Self::NamedTwice | Self::InvalidRequest(_) => {
                ErrorCode::INVALID_REQUEST
            }
            Self::NoAuthorizer => ErrorCode::SECURITY_DISABLED,
            Self::Unauthenticated => ErrorCode::ILLEGAL_SASL_STATE,
            Self::UnknownLogDir(_) => ErrorCode::LOG_DIR_NOT_FOUND,
            Self::UnknownBroker(_) => ErrorCode::BROKER_ID_NOT_REGISTERED,
            Self::NothingMoves => ErrorCode::NO_REASSIGNMENT_IN_PROGRESS,
            Self::UnknownMechanism(_) => ErrorCode::UNSUPPORTED_SASL_MECHANISM,
            Self::Credential(_) => ErrorCode::UNACCEPTABLE_CREDENTIAL,
            Self::NoPassword(_) => ErrorCode::RESOURCE_NOT_FOUND,
            Self::UserTwice(_) => ErrorCode::DUPLICATE_RESOURCE,
            Self::FeatureLevel { .. } => ErrorCode::INVALID_UPDATE_VERSION,
            Self::Unsupported(_) | Self::FeatureOff(_) => ErrorCode::UNSUPPORTED_VERSION,
            Self::CatalogRecord { .. } | Self::CatalogEnds { .. } | Self::CatalogLost(_) => {
                ErrorCode::KAFKA_STORAGE_ERROR
            }
            Self::Record(_) => ErrorCode::UNKNOWN_SERVER_ERROR,
            Self::Store(error) => store_code(error),
            Self::Batch(error) => batch_code(error),
            Self::Group(error) => group_code(error),
            Self::ShareSession(error) => share_session_code(error),
            Self::NotHeld(_) | Self::NotRenewable(_) => ErrorCode::INVALID_RECORD_STATE,
            // Clients of a broker that goes away look for the next one and try again.
            Self::CoordinatorNotAvailable | Self::ShuttingDown => {
                ErrorCode::COORDINATOR_NOT_AVAILABLE
            }
        }
    }
}

fn session_code(error: &SessionError) -> ErrorCode {
    match error {
        SessionError::NotFound(_) => ErrorCode::FETCH_SESSION_ID_NOT_FOUND,
        SessionError::Epoch { .. } => ErrorCode::INVALID_FETCH_SESSION_EPOCH,
        SessionError::TopicIds(_) => ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR,
        SessionError::TooManyPartitions(_) => ErrorCode::INVALID_REQUEST,
    }
}

fn share_session_code(error: &ShareSessionError) -> ErrorCode {
    match error {
        ShareSessionError::NotFound(_) => ErrorCode::SHARE_SESSION_NOT_FOUND,
        ShareSessionError::Epoch { .. } => ErrorCode::INVALID_SHARE_SESSION_EPOCH,
        ShareSessionError::Limit(_) => ErrorCode::SHARE_SESSION_LIMIT_REACHED,
        ShareSessionError::TooManyPartitions(_) => ErrorCode::INVALID_REQUEST,
    }
}

fn transaction_code(error: millstream_transactions::Error) -> ErrorCode {
    use millstream_transactions::Error as Transaction;
    match error {
        Transaction::UnknownProducer => ErrorCode::INVALID_PRODUCER_ID_MAPPING,
        Transaction::Fenced => ErrorCode::PRODUCER_FENCED,
        Transaction::InvalidState | Transaction::NotInTransaction => ErrorCode::INVALID_TXN_STATE,
        // Whoever is told so asks again with one.
        Transaction::NeedsProducerId => ErrorCode::CONCURRENT_TRANSACTIONS,
    }
}

fn store_code(error: &millstream_store::Error) -> ErrorCode {
    use millstream_store::Error as Store;
    match error {
        Store::OffsetOutOfRange { .. } => ErrorCode::OFFSET_OUT_OF_RANGE,
        Store::OutOfOrderSequence { .. } => ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        Store::InvalidProducerEpoch { .. } => ErrorCode::INVALID_PRODUCER_EPOCH,
        Store::TransactionOpen { .. } => ErrorCode::INVALID_TXN_STATE,
        Store::CoordinatorFenced { .. } => ErrorCode::TRANSACTION_COORDINATOR_FENCED,
        Store::InvalidSequence { .. } => ErrorCode::INVALID_RECORD,
        Store::BatchTooLarge { .. } => ErrorCode::RECORD_LIST_TOO_LARGE,
        Store::Batch(error) => batch_code(error),
        // Worth another try, unlike a disk that failed.
        Store::Overloaded { .. } => ErrorCode::REQUEST_TIMED_OUT,
        Store::Deleted { .. } | Store::NotFound { .. } => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        Store::Locked { .. }
        | Store::NewerFormat { .. }
        | Store::Io { .. }
        | Store::StorageFull { .. }
        | Store::CannotOpen { .. }
        | Store::Abandoned { .. }
        | Store::Poisoned { .. }
        | Store::Panicked { .. }
        | Store::AlreadyExists { .. } => ErrorCode::KAFKA_STORAGE_ERROR,
        Store::Corrupt { .. } => ErrorCode::CORRUPT_MESSAGE,
        Store::Closed => ErrorCode::NOT_LEADER_OR_FOLLOWER,
    }
}

fn group_code(error: &millstream_groups::Error) -> ErrorCode {
    use millstream_groups::Error as Group;
    match error {
        Group::InvalidGroupId => ErrorCode::INVALID_GROUP_ID,
        Group::GroupIdNotFound(_) | Group::OtherKind(_) | Group::CannotUpgrade { .. } => {
            ErrorCode::GROUP_ID_NOT_FOUND
        }
        Group::UnknownMember(_) => ErrorCode::UNKNOWN_MEMBER_ID,
        Group::FencedInstanceId(_) => ErrorCode::FENCED_INSTANCE_ID,
        Group::MemberIdRequired(_) => ErrorCode::MEMBER_ID_REQUIRED,
        Group::IllegalGeneration { .. } => ErrorCode::ILLEGAL_GENERATION,
        Group::FencedMemberEpoch { .. } => ErrorCode::FENCED_MEMBER_EPOCH,
        Group::StaleMemberEpoch { .. } => ErrorCode::STALE_MEMBER_EPOCH,
        Group::UnreleasedInstanceId(_) => ErrorCode::UNRELEASED_INSTANCE_ID,
        Group::NotStatic(_) => ErrorCode::INVALID_REQUEST,
        Group::EpochsUnknown => ErrorCode::UNSUPPORTED_VERSION,
        Group::RebalanceInProgress => ErrorCode::REBALANCE_IN_PROGRESS,
        Group::InconsistentProtocol => ErrorCode::INCONSISTENT_GROUP_PROTOCOL,
        Group::GroupFull(_) | Group::GenerationTooLarge(_) => ErrorCode::GROUP_MAX_SIZE_REACHED,
        Group::InvalidSessionTimeout(_) => ErrorCode::INVALID_SESSION_TIMEOUT,
        Group::OffsetMetadataTooLarge(_) => ErrorCode::OFFSET_METADATA_TOO_LARGE,
        Group::NonEmptyGroup(_) => ErrorCode::NON_EMPTY_GROUP,
        Group::SubscribedToTopic(_) => ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC,
    }
}

fn batch_code(error: &millstream_batch::Error) -> ErrorCode {
    use millstream_batch::Error as Batch;
    match error {
        Batch::Length(_) | Batch::Checksum { .. } => ErrorCode::CORRUPT_MESSAGE,
        Batch::Truncated { .. }
        | Batch::TrailingBytes(_)
        | Batch::Magic(_)
        | Batch::Codec { .. }
        | Batch::DecompressedTooLarge { .. }
        | Batch::Invalid(_)
        | Batch::MissingKeys(_) => ErrorCode::INVALID_RECORD,
        Batch::UnknownCodec(_) => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
        Batch::TooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
        Batch::UnexpectedLogAppendTime | Batch::Timestamps(_) => ErrorCode::INVALID_TIMESTAMP,
    }
}

/// The two fields with which a response reports on one of its parts.
pub(crate) fn report(error: Option<&Error>) -> (ErrorCode, Option<Cow<'static, str>>) {
    error.map_or((ErrorCode::NONE, None), |error| {
        (error.code(), Some(Cow::Owned(error.to_string())))
    })
}

/// The one field with which a response reports on one of its parts.
pub(crate) fn code_of<T>(outcome: &Result<T, Error>) -> ErrorCode {
    match outcome {
        Ok(_) => ErrorCode::NONE,
        Err(error) => error.code(),
    }
}
