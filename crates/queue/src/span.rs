//! Offsets in a row.

/// The offsets from `first` to `last`, both included. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The lowest.
    pub first: i64,
    /// The highest.
    pub last: i64,
}

impl Span {
    /// From `first` to `last`; `None` if `last` comes before `first`.
    #[must_use]
    pub fn new(first: i64, last: i64) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// One offset.
    #[must_use]
    pub fn one(offset: i64) -> Self {
        Self {
            first: offset,
            last: offset,
        }
    }

    /// How many offsets it has.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.first.abs_diff(self.last).saturating_add(1)
    }

    /// The offset after the last.
    #[must_use]
    pub fn next(&self) -> i64 {
        self.last.saturating_add(1)
    }

    /// What both have in common.
    #[must_use]
    pub fn intersect(&self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last))
    }

    /// Its first offsets, `count` of them at most; `None` for none.
    #[must_use]
    pub fn head(&self, count: u64) -> Option<Self> {
        let beyond = i64::try_from(count.min(self.count())).unwrap_or(i64::MAX);
        Self::new(self.first, self.first.saturating_add(beyond - 1))
    }
}
