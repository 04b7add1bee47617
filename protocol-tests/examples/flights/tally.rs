//! What was seen of a set of records: how many, a checksum over their contents, and the order of each key.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use millstream_protocol_tests::clients::Record;

/// Two tallies are equal when the same records were seen in the same order for each key; the order between keys
/// makes no difference.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally(BTreeMap<Vec<u8>, OfKey>);

/// The count and the checksum of one key's records; each record is hashed together with the checksum before it.
#[derive(Debug, Default, PartialEq, Eq)]
struct OfKey {
    count: u64,
    checksum: u64,
}

impl Tally {
    /// The tally of `records`.
    pub(crate) fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut tally = Self::default();
        records.into_iter().for_each(|record| tally.see(record));
        tally
    }

    /// Adds a record.
    pub(crate) fn see(&mut self, record: &Record) {
        let key = record.key.clone().expect("a flight has a carrier");
        let seen = self.0.entry(key).or_default();
        let mut hasher = DefaultHasher::new();
        (seen.checksum, &record.value, record.timestamp).hash(&mut hasher);
        *seen = OfKey {
            count: seen.count + 1,
            checksum: hasher.finish(),
        };
    }

    /// Number of records.
    pub(crate) fn count(&self) -> u64 {
        self.0.values().map(|seen| seen.count).sum()
    }

    /// One number for all contents and the order of each key.
    pub(crate) fn checksum(&self) -> u64 {
        self.0.values().fold(0, |sum, seen| sum ^ seen.checksum)
    }
}
