//! Which names a topic may have.

use uuid::Uuid;

use crate::Error;

/// Committed offsets and group membership.
pub const OFFSETS: &str = "__consumer_offsets";

/// Transactions and their coordinators' state.
pub(crate) const TRANSACTIONS: &str = "__transaction_state";

/// What has become of the records that share groups were given.
pub(crate) const SHARES: &str = "__share_group_state";

/// The catalog itself, which clients know by name and never see as a topic.
pub(crate) const METADATA: &str = "__cluster_metadata";

/// The id of the catalog's own log, as Kafka assigns it.
pub(crate) const METADATA_ID: Uuid = Uuid::from_u128(1);

/// Bytes of the longest name; a name and a partition number must fit into a file name.
const MAX_LENGTH: usize = 249;

/// Why a name cannot be a topic's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing at all.
    #[error("a topic name must not be empty")]
    Empty,
    /// `.` or `..`, which mean a folder elsewhere.
    #[error("topic name {0:?} is reserved")]
    Dots(String),
    /// More than 249 characters.
    #[error("topic name {0:?} is longer than {MAX_LENGTH} characters")]
    Long(String),
    /// A character outside `[a-zA-Z0-9._-]`.
    #[error("topic name {0:?} has a character other than ASCII letters, digits, '.', '_' and '-'")]
    Character(String),
}

/// Refuses what no topic can be called.
pub(crate) fn validate(name: &str) -> Result<(), InvalidName> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match name {
        "" => Err(InvalidName::Empty),
        "." | ".." => Err(InvalidName::Dots(name.to_owned())),
        _ if name.len() > MAX_LENGTH => Err(InvalidName::Long(name.to_owned())),
        _ if !name.chars().all(allowed) => Err(InvalidName::Character(name.to_owned())),
        _ => Ok(()),
    }
}

/// Why there is no topic of a name under which none was found: there cannot be, or there is not.
pub(crate) fn unknown(name: &str) -> Error {
    validate(name).map_or_else(Error::from, |()| Error::UnknownTopic(name.to_owned()))
}

/// Whether two names differ in nothing but '.' and '_', which metrics cannot tell apart.
pub(crate) fn collide(a: &str, b: &str) -> bool {
    let folded = |byte: u8| if byte == b'.' { b'_' } else { byte };
    a.len() == b.len() && a.bytes().map(folded).eq(b.bytes().map(folded))
}

/// Whether the broker itself owns the topic of that name: coordinators live in its records.
pub(crate) fn is_internal(name: &str) -> bool {
    [OFFSETS, TRANSACTIONS, SHARES].contains(&name)
}

/// Makes a topic id of a random one. With its first bit cleared the base64 form begins with a letter,
/// never with '-', which command lines would take for an option.
pub(crate) fn topic_id(random: Uuid) -> Uuid {
    let mut bytes = random.into_bytes();
    bytes[0] &= 0x7f;
    Uuid::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_kafka_allows() {
        let long = "x".repeat(MAX_LENGTH + 1);
        for good in ["a", "A-b_c.9", "...", &long[1..]] {
            assert_eq!(validate(good), Ok(()), "{good}");
        }
        assert_eq!(validate(""), Err(InvalidName::Empty));
        assert_eq!(validate(".."), Err(InvalidName::Dots("..".to_owned())));
        assert_eq!(validate(&long), Err(InvalidName::Long(long.clone())));
        for bad in ["a b", "a/b", "ä", "a\0", "a:b"] {
            assert_eq!(validate(bad), Err(InvalidName::Character(bad.to_owned())));
        }
    }

    #[test]
    fn dots_and_underscores_collide() {
        assert!(collide("a.b_c", "a_b.c"));
        assert!(!collide("a.b", "a-b"));
        assert!(!collide("a.b", "a.bc"));
    }

    #[test]
    fn topic_ids_never_begin_with_a_dash() {
        // 0xF8 is where base64 says '-'.
        let id = topic_id(Uuid::from_bytes([0xF8; 16]));
        assert_eq!(id.as_bytes()[0], 0x78);
    }
}
