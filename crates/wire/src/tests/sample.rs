//! Values of every message, different with each call and the same with each run.

use std::borrow::Cow;

use bytes::Bytes;
use uuid::Uuid;

use crate::{ErrorCode, Records, Version};

/// A small generator of numbers; the tests need variety, not chance.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next step of a linear congruential generator, without its weak low bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 16
    }

    fn below(&mut self, bound: u64) -> usize {
        (self.next() % bound) as usize
    }
}

/// A type of which a value can be made up that `version` of its message can express.
pub(crate) trait Sample<'a>: Sized {
    fn sample(random: &mut Random, version: Version) -> Self;
}

macro_rules! samples {
    ($($ty:ty: |$random:ident| $value:expr;)+) => {$(
        impl<'a> Sample<'a> for $ty {
            fn sample($random: &mut Random, _: Version) -> Self {
                $value
            }
        }
    )+};
}

const STRINGS: [&str; 5] = [
    "",
    "orders",
    "früh",
    "a.b_c-d",
    "0123456789 and more than sixty-three bytes in one string, for a varint",
];

samples! {
    bool: |random| random.below(2) == 1;
    i8: |random| random.next() as i8;
    i16: |random| random.next() as i16;
    i32: |random| random.next() as i32;
    i64: |random| random.next() as i64;
    f64: |random| random.next() as f64;
    u16: |random| random.next() as u16;
    Uuid: |random| Uuid::from_u64_pair(random.next(), random.next());
    ErrorCode: |random| ErrorCode(random.below(134) as i16 - 1);
    &'a str: |random| STRINGS[random.below(5)];
    &'a [u8]: |random| STRINGS[random.below(5)].as_bytes();
    Cow<'a, str>: |random| STRINGS[random.below(5)].into();
    Cow<'a, [u8]>: |random| STRINGS[random.below(5)].as_bytes().into();
    Records: |random| Records(vec![Bytes::from(vec![7; [5, 5, 5, 2100][random.below(4)]])]);
}

impl<'a, T: Sample<'a>> Sample<'a> for Option<T> {
    fn sample(random: &mut Random, version: Version) -> Self {
        (random.below(3) > 0).then(|| T::sample(random, version))
    }
}

impl<'a, T: Sample<'a>> Sample<'a> for Vec<T> {
    fn sample(random: &mut Random, version: Version) -> Self {
        (0..random.below(4))
            .map(|_| T::sample(random, version))
            .collect()
    }
}
