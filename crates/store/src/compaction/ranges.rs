//! Offsets of a log, as ranges: those whose records are dead.

use std::ops::Range;

/// Ranges of offsets that ascend and neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<Range<i64>>);

impl Ranges {
    /// The offsets in any of these ranges, which may come in any order.
    pub(crate) fn new(mut ranges: Vec<Range<i64>>) -> Self {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_unstable_by_key(|range| range.start);
        ranges.dedup_by(|next, last| {
            let joins = next.start <= last.end;
            if joins {
                last.end = last.end.max(next.end);
            }
            joins
        });
        Ranges(ranges)
    }

    /// The first offset and the one after the last, if there is any.
    pub(crate) fn bounds(&self) -> Option<Range<i64>> {
        Some(self.0.first()?.start..self.0.last()?.end)
    }

    /// Whether an offset is in them.
    pub(crate) fn contains(&self, offset: i64) -> bool {
        let at = self.0.partition_point(|range| range.end <= offset);
        self.0.get(at).is_some_and(|range| range.start <= offset)
    }

    /// How many of some offsets are in them.
    pub(crate) fn count(&self, of: &Range<i64>) -> i64 {
        let from = self.0.partition_point(|range| range.end <= of.start);
        let meeting = self.0[from..].iter();
        let meeting = meeting.take_while(|range| range.start < of.end);
        let shared = |range: &Range<i64>| range.end.min(of.end) - range.start.max(of.start);
        meeting.map(shared).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn ranges_hold_what_a_set_would(
            given in prop::collection::vec((0..60_i64, 0..12_i64), 0..12),
            of in (0..70_i64, 0..20_i64),
        ) {
            let given: Vec<_> = given.iter().map(|&(start, len)| start..start + len).collect();
            let set: BTreeSet<i64> = given.iter().cloned().flatten().collect();
            let ranges = Ranges::new(given);
            for offset in 0..80 {
                prop_assert_eq!(ranges.contains(offset), set.contains(&offset));
            }
            let of = of.0..of.0 + of.1;
            prop_assert_eq!(ranges.count(&of), set.range(of).count() as i64);
            let bounds = set.first().zip(set.last()).map(|(&first, &last)| first..last + 1);
            prop_assert_eq!(ranges.bounds(), bounds);
            let apart = ranges.0.windows(2).all(|pair| pair[0].end < pair[1].start);
            prop_assert!(apart, "{:?}", ranges);
        }
    }
}
