//! Which offset each key was written at last, in memory that is bounded beforehand.
//!
//! Keys themselves are not kept: a hash of 128 bits stands for each, under keys of its own that nobody outside can
//! know, so that no producer can make two of its keys look alike. A map that is full takes no more keys; it never grows.

use std::hash::{BuildHasher, RandomState};

/// Bytes that one key takes up: its hash and its offset.
const SLOT_LEN: usize = size_of::<Slot>();

/// Share of the slots that may be taken, in tenths: beyond it, looking for a free one takes long.
const FILL_TENTHS: usize = 9;

/// Two halves of the hash, and the offset plus one; all zero while the slot is free. A plain array, so that the
/// system hands out zeroed pages and only those that are touched count.
type Slot = [u64; 3];

/// From keys to their latest offsets: open addressing with linear probing.
#[derive(Debug)]
pub(crate) struct KeyMap {
    slots: Vec<Slot>,
    hashers: [RandomState; 2],
    len: usize,
    limit: usize,
}

impl KeyMap {
    /// A map for at most `records` keys that takes at most `budget` bytes, but has room for one key in any case.
    pub(crate) fn new(budget: usize, records: u64) -> Self {
        let affordable = (budget / SLOT_LEN).max(2);
        let wanted = records.saturating_mul(10) / FILL_TENTHS as u64 + 2;
        let slots = usize::try_from(wanted)
            .unwrap_or(usize::MAX)
            .min(affordable);
        KeyMap {
            slots: vec![[0; 3]; slots],
            hashers: [RandomState::new(), RandomState::new()],
            len: 0,
            limit: (slots / 10 * FILL_TENTHS + slots % 10 * FILL_TENTHS / 10).max(1),
        }
    }

    /// Notes that a key was written at `offset`, which is not negative and no less than any before. Whether there was
    /// room for it.
    pub(crate) fn put(&mut self, key: &[u8], offset: i64) -> bool {
        let hash = self.hash(key);
        let at = self.find(hash);
        let is_new = self.slots[at][2] == 0;
        if is_new && self.len == self.limit {
            return false;
        }
        self.len += usize::from(is_new);
        self.slots[at] = [hash[0], hash[1], offset.cast_unsigned() + 1];
        true
    }

    /// The offset that a key was written at last, if it is in the map.
    pub(crate) fn latest(&self, key: &[u8]) -> Option<i64> {
        let [.., offset] = self.slots[self.find(self.hash(key))];
        offset.checked_sub(1).map(u64::cast_signed)
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        self.hashers.each_ref().map(|hasher| hasher.hash_one(key))
    }

    /// Where a hash is, or where it would go. There is a free slot, for the limit is below the number of slots.
    fn find(&self, hash: [u64; 2]) -> usize {
        let spread = u128::from(hash[0]) * self.slots.len() as u128;
        let mut at = (spread >> 64) as usize;
        loop {
            let [first, second, offset] = self.slots[at];
            if offset == 0 || [first, second] == hash {
                return at;
            }
            at = (at + 1) % self.slots.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// Keys that still find room.
    fn room(map: &KeyMap) -> usize {
        map.limit - map.len
    }

    #[test]
    fn a_map_is_no_larger_than_its_budget_or_what_there_is_to_hold() {
        for (budget, records, most) in [
            (1 << 20, u64::MAX, 1 << 20),
            (1 << 20, 100, 120 * SLOT_LEN),
            (1 << 20, 0, 2 * SLOT_LEN),
            (0, 1_000, 2 * SLOT_LEN),
        ] {
            let map = KeyMap::new(budget, records);
            let bytes = map.slots.capacity() * SLOT_LEN;
            assert!(bytes <= most, "{budget} and {records}: {bytes}");
            assert!((room(&map) as u64) < map.slots.len() as u64);
        }
    }

    #[test]
    fn a_map_has_room_for_every_record_it_was_made_for() {
        for records in 0..300 {
            assert!(room(&KeyMap::new(1 << 20, records)) as u64 >= records);
        }
    }

    #[test]
    fn a_full_map_refuses_keys_and_still_moves_those_it_has() {
        let mut map = KeyMap::new(100 * SLOT_LEN, u64::MAX);
        let slots = map.slots.capacity();
        let mut taken = 0_u32;
        while map.put(&taken.to_be_bytes(), i64::from(taken)) {
            taken += 1;
        }
        assert_eq!((taken, room(&map)), (90, 0));
        assert_eq!(map.latest(&taken.to_be_bytes()), None);
        for key in 0..taken {
            assert!(map.put(&key.to_be_bytes(), 1_000));
            assert_eq!(map.latest(&key.to_be_bytes()), Some(1_000));
        }
        assert_eq!(map.slots.capacity(), slots, "it never grows");
    }

    proptest! {
        #[test]
        fn a_map_knows_what_an_ordinary_one_would(keys in prop::collection::vec(any::<u8>(), 0..500)) {
            let mut map = KeyMap::new(1 << 20, keys.len() as u64);
            let mut expected = HashMap::new();
            for (offset, key) in (0..).zip(&keys) {
                prop_assert!(map.put(&[*key], offset));
                expected.insert(*key, offset);
            }
            for key in 0..=u8::MAX {
                prop_assert_eq!(map.latest(&[key]), expected.get(&key).copied());
            }
        }
    }
}
