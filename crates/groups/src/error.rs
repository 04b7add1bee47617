//! Why a coordinator refuses. Codes of the wire protocol are not known here.

use std::fmt;

use crate::MemberId;

/// Every refusal. Each leaves the group as it was, except that a group at its limit drops the member
/// that it has no room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The group id is empty where it may not be.
    InvalidGroupId,
    /// There is no such group.
    GroupIdNotFound(String),
    /// There is a group of that id, but not of the kind that was meant.
    OtherKind(String),
    /// There is no such member.
    UnknownMember(String),
    /// A member with this instance id has since taken the place of the one that asks.
    FencedInstanceId(String),
    /// The join must be repeated with this id, so that retries do not leave ghosts behind (KIP-394).
    MemberIdRequired(MemberId),
    /// The request speaks of another generation than the current one.
    IllegalGeneration {
        /// What the request said.
        given: i32,
        /// What is true.
        current: i32,
    },
    /// The member speaks of another epoch than it was told.
    FencedMemberEpoch {
        /// What the request said.
        given: i32,
        /// What is true.
        current: i32,
    },
    /// The commit or fetch comes from another epoch than the member's.
    StaleMemberEpoch {
        /// What the request said.
        given: i32,
        /// What is true.
        current: i32,
    },
    /// Another member has this instance id, and has not left.
    UnreleasedInstanceId(String),
    /// Only a static member can leave for a while; its id.
    NotStatic(String),
    /// The request is of a version that knows no member epochs, which the member has.
    EpochsUnknown,
    /// The classic group cannot become a consumer group.
    CannotUpgrade {
        /// The group.
        group: String,
        /// What keeps it from that.
        reason: &'static str,
    },
    /// Members are being gathered for the next generation: join again.
    RebalanceInProgress,
    /// No protocol is left that every member speaks, or the group is of another kind.
    InconsistentProtocol,
    /// The group has as many members as it may have.
    GroupFull(usize),
    /// What the members say, or what they are given, has more bytes than can be written down.
    GenerationTooLarge(usize),
    /// The session timeout lies outside the configured bounds.
    InvalidSessionTimeout(i32),
    /// The note attached to a commit is longer than allowed; its length in bytes.
    OffsetMetadataTooLarge(usize),
    /// The group has members, which the operation does not allow.
    NonEmptyGroup(String),
    /// A member of the group reads the topic, so its offsets stay.
    SubscribedToTopic(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidGroupId => f.write_str("the group id is empty"),
            Self::GroupIdNotFound(group) => write!(f, "group {group} does not exist"),
            Self::OtherKind(group) => write!(f, "group {group} is of another kind"),
            Self::UnknownMember(member) => write!(f, "member {member:?} is not in the group"),
            Self::FencedInstanceId(instance) => {
                write!(f, "instance {instance} has joined with a newer member id")
            }
            Self::MemberIdRequired(member) => write!(f, "join again as member {member}"),
            Self::IllegalGeneration { given, current } => {
                write!(f, "generation {given} is not the current one, {current}")
            }
            Self::FencedMemberEpoch { given, current } => {
                write!(f, "member epoch {given} is not the current one, {current}")
            }
            Self::StaleMemberEpoch { given, current } => {
                write!(
                    f,
                    "member epoch {given} is stale, the current one is {current}"
                )
            }
            Self::UnreleasedInstanceId(instance) => {
                write!(f, "instance {instance} is in use by another member")
            }
            Self::NotStatic(member) => {
                write!(
                    f,
                    "member {member} has no instance id by which it could return"
                )
            }
            Self::EpochsUnknown => {
                f.write_str("members of consumer groups need a version that knows member epochs")
            }
            Self::CannotUpgrade { group, reason } => {
                write!(f, "group {group} cannot become a consumer group: {reason}")
            }
            Self::RebalanceInProgress => f.write_str("the group is rebalancing"),
            Self::InconsistentProtocol => f.write_str("no protocol in common with the group"),
            Self::GroupFull(limit) => write!(f, "the group has its {limit} members"),
            Self::GenerationTooLarge(bytes) => {
                write!(f, "{bytes} bytes are too many for one generation")
            }
            Self::InvalidSessionTimeout(ms) => {
                write!(f, "session timeout {ms} ms is out of bounds")
            }
            Self::OffsetMetadataTooLarge(bytes) => {
                write!(f, "commit metadata of {bytes} bytes is too long")
            }
            Self::NonEmptyGroup(group) => write!(f, "group {group} has members"),
            Self::SubscribedToTopic(topic) => write!(f, "the group is subscribed to topic {topic}"),
        }
    }
}

impl std::error::Error for Error {}
