//! Which neighbouring segments are rewritten into one. Decided from their sizes alone.

use std::ops::Range;

/// A segment as far as this decision goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Offset at which it begins.
    pub(crate) base_offset: i64,
    /// Offset after its last record.
    pub(crate) next_offset: i64,
    /// Bytes of its log that stay.
    pub(crate) size: u64,
    /// Bytes of its index.
    pub(crate) index_size: u64,
}

/// What a segment may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of log.
    pub(crate) size: u64,
    /// Bytes of index.
    pub(crate) index_size: u64,
}

/// Splits segments, which ascend, into runs of which one segment at most stays. A segment that is too large by itself is
/// a run of its own.
pub(crate) fn groups(extents: &[Extent], limits: Limits) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut total = Extent {
        base_offset: 0,
        next_offset: 0,
        size: 0,
        index_size: 0,
    };
    for (at, extent) in extents.iter().enumerate() {
        let joined = Extent {
            base_offset: total.base_offset,
            next_offset: extent.next_offset,
            size: total.size + extent.size,
            index_size: total.index_size + extent.index_size,
        };
        match groups.last_mut() {
            Some(group) if joined.fits(limits) => {
                group.end = at + 1;
                total = joined;
            }
            _ => {
                groups.push(at..at + 1);
                total = *extent;
            }
        }
    }
    groups
}

impl Extent {
    fn fits(&self, limits: Limits) -> bool {
        self.size <= limits.size
            && self.index_size <= limits.index_size
            && self.next_offset - self.base_offset <= i64::from(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        size: 100,
        index_size: 50,
    };

    /// Segments of these sizes, each of 10 offsets and an index of 10 bytes.
    fn extents(sizes: &[u64]) -> Vec<Extent> {
        let extent = |(at, &size): (i64, &u64)| Extent {
            base_offset: at * 10,
            next_offset: at * 10 + 10,
            size,
            index_size: 10,
        };
        (0..).zip(sizes).map(extent).collect()
    }

    fn lengths(extents: &[Extent]) -> Vec<usize> {
        groups(extents, LIMITS)
            .iter()
            .map(ExactSizeIterator::len)
            .collect()
    }

    #[test]
    fn small_neighbours_become_one_segment_of_the_size_allowed() {
        assert_eq!(lengths(&extents(&[])), []);
        assert_eq!(lengths(&extents(&[10])), [1]);
        assert_eq!(lengths(&extents(&[50, 50, 50, 50])), [2, 2]);
        assert_eq!(lengths(&extents(&[50, 51, 49, 1])), [1, 2, 1]);
        assert_eq!(lengths(&extents(&[500, 10, 500, 10, 10])), [1, 1, 1, 2]);
        assert_eq!(lengths(&extents(&[1; 12])), [5, 5, 2], "by their indexes");
    }

    #[test]
    fn no_segment_spans_more_offsets_than_its_index_can_tell() {
        let mut far = extents(&[1, 1, 1]);
        far[1].next_offset = i64::from(i32::MAX);
        far[2].base_offset = i64::from(i32::MAX);
        far[2].next_offset = i64::from(i32::MAX) + 1;
        assert_eq!(lengths(&far), [2, 1]);
    }
}
