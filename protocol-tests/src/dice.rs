//! Chance that can be thrown again: a seeded generator for random moments, sizes and bytes.

use std::hash::{BuildHasher, RandomState};

/// SplitMix64 (Steele, Lea and Flood, 2014): one word of state, no dependency, the same throws for the same seed.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that begin at `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed in the environment variable `SEED`, or else one that differs from run to run; printed, so that a
    /// failure can be repeated.
    pub fn from_environment() -> Self {
        let given = std::env::var("SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| Self::fresh().between(0, 1_000_000));
        eprintln!("SEED={seed}");
        Self(seed)
    }

    /// Dice that fall differently in each process. The standard library seeds every `RandomState` afresh, which is
    /// all the randomness that is needed here.
    pub fn fresh() -> Self {
        Self(RandomState::new().hash_one(0))
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `low..high`.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }

    /// `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.next().to_le_bytes());
        words.flatten().take(length).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn the_same_seed_throws_the_same() {
        let throws = |seed| Dice::new(seed).bytes(100);
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
    }

    #[test]
    fn a_throw_stays_in_its_bounds() {
        let mut dice = Dice::new(1);
        assert!(
            (0..1000)
                .map(|_| dice.between(3, 9))
                .all(|n| (3..9).contains(&n))
        );
    }
}
