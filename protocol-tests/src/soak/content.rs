//! What every record of a soak holds: a function of where it stands, so that nothing has to be remembered to know it.

use crate::dice::Dice;

/// Keys of one partition; few enough that compaction has something to remove.
const KEYS: u64 = 300;
/// One record in so many removes its key where keys are compacted.
const TOMBSTONES: u64 = 20;

/// The records of one partition, by their numbers.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// Where: no two partitions of a soak have the same.
    pub(super) salt: u64,
    /// Whether some records have no value.
    pub(super) tombstones: bool,
}

/// A record as it was sent, or as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    /// Begins with the record's number in decimal; none where the record removes its key.
    pub(super) value: Option<Vec<u8>>,
}

impl Content {
    /// What record `number` holds.
    pub(super) fn of(&self, number: u64) -> Entry {
        let mut dice = Dice::new(self.salt ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let key = format!("key {}", dice.between(0, KEYS)).into_bytes();
        let removes = self.tombstones && dice.between(0, TOMBSTONES) == 0;
        let value = (!removes).then(|| {
            let mut value = format!("{number} ").into_bytes();
            let length = dice.between(0, 1_000) as usize;
            value.extend(dice.bytes(length));
            value
        });
        Entry { key, value }
    }
}

impl Entry {
    /// The number that a value begins with.
    pub(super) fn number(&self) -> Option<u64> {
        let value = self.value.as_deref()?;
        let digits = value.split(|byte| *byte == b' ').next()?;
        str::from_utf8(digits).ok()?.parse().ok()
    }
}
