//! What consumers of the classic protocol embed in their joins and syncs, as bytes: subscriptions and
//! assignments. Nothing that they say is believed beyond its bytes.
//!
//! ```text
//! subscription  version i16, topics [string], user data bytes
//!               1: owned [topic string, partitions [i32]]; 2: generation i32; 3: rack string
//! assignment    version i16, partitions [topic string, partitions [i32]], user data bytes
//! ```
//! A string has its length as i16 in front, bytes and arrays as i32; -1 stands for none.

use std::sync::Arc;

/// Partitions by the names of their topics.
pub(crate) type Named<'a> = Vec<(&'a str, Vec<i32>)>;

/// What a consumer wants and has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscription<'a> {
    /// The version that it speaks.
    pub(crate) version: i16,
    /// The topics that it subscribes to.
    pub(crate) topics: Vec<&'a str>,
    /// The partitions that it keeps until told otherwise.
    pub(crate) owned: Named<'a>,
    /// Its rack.
    pub(crate) rack: Option<&'a str>,
}

impl<'a> Subscription<'a> {
    /// Reads one, or says `None` if it cannot be read.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let version = reader.short()?;
        let topics = reader.array(Reader::string)?;
        reader.bytes()?;
        let owned = match version {
            1.. => reader.array(Reader::named)?,
            _ => Vec::new(),
        };
        if version >= 2 {
            reader.int()?;
        }
        let rack = match version {
            3.. => reader.nullable_string()?,
            _ => None,
        };
        Some(Self {
            version,
            topics,
            owned,
            rack,
        })
    }
}

/// What a leader gave a consumer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Assignment<'a> {
    pub(crate) partitions: Named<'a>,
    /// Whether its assignor has words of its own in it, which nobody else understands.
    pub(crate) has_user_data: bool,
}

impl<'a> Assignment<'a> {
    /// Reads one, or says `None` if it cannot be read. No bytes at all are nothing to do.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let mut reader = Reader(bytes);
        reader.short()?;
        Some(Self {
            partitions: reader.array(Reader::named)?,
            has_user_data: reader.bytes()? > 0,
        })
    }
}

/// Writes an assignment, in a version that the consumer knows.
pub(crate) fn write_assignment(version: i16, partitions: &[(Arc<str>, Vec<i32>)]) -> Arc<[u8]> {
    let mut bytes = Vec::from(version.clamp(0, 3).to_be_bytes());
    let count = |length: usize| (length as i32).to_be_bytes();
    bytes.extend(count(partitions.len()));
    for (topic, indexes) in partitions {
        bytes.extend((topic.len() as i16).to_be_bytes());
        bytes.extend(topic.as_bytes());
        bytes.extend(count(indexes.len()));
        bytes.extend(indexes.iter().flat_map(|index| index.to_be_bytes()));
    }
    bytes.extend((-1i32).to_be_bytes());
    Arc::from(bytes)
}

/// The topics that a consumer's metadata names, or `None` if it cannot be read. Every version of the
/// subscription begins alike, so that nothing behind them has to be understood.
#[must_use]
pub fn subscribed_topics(metadata: &[u8]) -> Option<Vec<&str>> {
    let mut reader = Reader(metadata);
    reader.short()?;
    reader.array(Reader::string)
}

/// The bytes that are left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn short(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn int(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn string(&mut self) -> Option<&'a str> {
        self.nullable_string()?
    }

    fn nullable_string(&mut self) -> Option<Option<&'a str>> {
        match self.short()? {
            -1 => Some(None),
            length => {
                let bytes = self.take(usize::try_from(length).ok()?)?;
                Some(Some(std::str::from_utf8(bytes).ok()?))
            }
        }
    }

    /// Passes over bytes; how many they are.
    fn bytes(&mut self) -> Option<usize> {
        match self.int()? {
            -1 => Some(0),
            length => Some(self.take(usize::try_from(length).ok()?)?.len()),
        }
    }

    fn named(&mut self) -> Option<(&'a str, Vec<i32>)> {
        Some((self.string()?, self.array(Self::int)?))
    }

    /// Each element takes bytes, so that no more is kept than there is.
    fn array<T>(&mut self, element: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut elements = Vec::new();
        for _ in 0..u32::try_from(self.int()?).ok()? {
            elements.push(element(self)?);
        }
        Some(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_read_by_the_prefix_that_all_versions_share() {
        let table: &[(&[u8], Option<&[&str]>)] = &[
            (b"\0\0\0\0\0\0\xff\xff\xff\xff", Some(&[])),
            (b"\0\x03\0\0\0\x02\0\x01a\0\x02bc\0\0", Some(&["a", "bc"])),
            (b"", None),
            (b"\0\0\xff\xff\xff\xff", None),
            (b"\0\0\x7f\xff\xff\xff\0\x01a", None),
            (b"\0\0\0\0\0\x01\0\x05a", None),
            (b"\0\0\0\0\0\x01\0\x01\xff", None),
        ];
        for (bytes, expected) in table {
            assert_eq!(subscribed_topics(bytes).as_deref(), *expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_subscription_of_each_version_tells_what_it_can() {
        let topics = b"\0\0\0\x01\0\x01t\0\0\0\x02..";
        let owned = b"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x05";
        let rest = b"\0\0\0\x07\0\x01r";
        let bytes = |version: u8, parts: &[&[u8]]| [&[0, version], &*parts.concat()].concat();
        let read = |bytes: &[u8]| {
            let read = Subscription::read(bytes)?;
            Some((read.owned.len(), read.rack.map(str::to_owned)))
        };
        assert_eq!(read(&bytes(0, &[topics])), Some((0, None)));
        assert_eq!(read(&bytes(1, &[topics, owned])), Some((1, None)));
        let newest = bytes(3, &[topics, owned, rest]);
        assert_eq!(read(&newest), Some((1, Some("r".to_owned()))));
        for end in 2..newest.len() {
            assert_eq!(read(&newest[..end]), None, "{end}");
        }
    }

    #[test]
    fn an_assignment_is_read_as_it_is_written() {
        let written = write_assignment(1, &[(Arc::from("t"), vec![0, 7])]);
        let expected = Assignment {
            partitions: vec![("t", vec![0, 7])],
            has_user_data: false,
        };
        assert_eq!(Assignment::read(&written), Some(expected));
        assert_eq!(Assignment::read(b""), Some(Assignment::default()));
        let custom = b"\0\0\0\0\0\0\0\0\0\x01!";
        assert!(Assignment::read(custom).unwrap().has_user_data);
    }
}
