//! The list of a partition's segments, in offset order.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::segment::Segment;

/// Segments that readers may look at; the last one is being written, if any is.
#[derive(Debug, Default)]
pub(crate) struct Log(RwLock<Vec<Arc<Segment>>>);

impl Log {
    /// A log of these segments, which ascend.
    pub(crate) fn new(segments: Vec<Arc<Segment>>) -> Self {
        Log(RwLock::new(segments))
    }

    /// Adds a segment at the end.
    pub(crate) fn push(&self, segment: Arc<Segment>) {
        self.0.write().push(segment);
    }

    /// All segments.
    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        self.0.read().clone()
    }

    /// The last segment.
    pub(crate) fn last(&self) -> Option<Arc<Segment>> {
        self.0.read().last().cloned()
    }

    /// The first segment with visible records at or after `offset`.
    pub(crate) fn holding(&self, offset: i64) -> Option<Arc<Segment>> {
        let segments = self.0.read();
        let at = segments.partition_point(|segment| segment.base_offset() <= offset);
        let from = at.saturating_sub(1);
        segments[from..]
            .iter()
            .find(|segment| segment.next_offset() > offset)
            .cloned()
    }

    /// All segments from the first with visible records at or after `offset`.
    pub(crate) fn from(&self, offset: i64) -> Vec<Arc<Segment>> {
        let segments = self.0.read();
        let at = segments.partition_point(|segment| segment.next_offset() <= offset);
        segments[at..].to_vec()
    }

    /// The segment in which an offset lies or would, and whether it is the last one.
    pub(crate) fn around(&self, offset: i64) -> Option<(Arc<Segment>, bool)> {
        let segments = self.0.read();
        let at = segments.partition_point(|segment| segment.base_offset() <= offset);
        let segment = segments.get(at.saturating_sub(1))?;
        Some((Arc::clone(segment), at >= segments.len()))
    }

    /// How many segments end at or before an offset. One that another follows counts as ending where
    /// that one begins, for the writer may have put more into it than is visible yet.
    pub(crate) fn below(&self, offset: i64) -> usize {
        let segments = self.0.read();
        let begun = segments.partition_point(|segment| segment.base_offset() <= offset);
        let last = segments.last().filter(|_| begun == segments.len());
        match last.is_some_and(|last| last.next_offset() <= offset) {
            true => begun,
            false => begun.saturating_sub(1),
        }
    }

    /// The segment that goes on where another ends, which may have been replaced by now.
    pub(crate) fn after(&self, segment: &Segment) -> Option<Arc<Segment>> {
        self.holding(segment.next_offset())
    }

    /// Whether these segments are still there, one after the other.
    pub(crate) fn holds(&self, segments: &[Arc<Segment>]) -> bool {
        position(&self.0.read(), segments).is_some()
    }

    /// Puts a segment in the place of those that it was made of, if they are still there.
    pub(crate) fn replace(&self, sources: &[Arc<Segment>], output: Arc<Segment>) {
        let mut segments = self.0.write();
        if let Some(at) = position(&segments, sources) {
            segments.splice(at..at + sources.len(), [output]);
        }
    }

    /// Visible bytes of all segments.
    pub(crate) fn size(&self) -> u64 {
        self.0.read().iter().map(|segment| segment.size()).sum()
    }

    /// Puts segments back that were taken out and could not be removed.
    pub(crate) fn put_back(&self, first: &[Arc<Segment>]) {
        self.0.write().splice(0..0, first.iter().cloned());
    }

    /// Takes out the first `count` segments.
    pub(crate) fn take_first(&self, count: usize) -> Vec<Arc<Segment>> {
        let mut segments = self.0.write();
        let count = count.min(segments.len());
        segments.drain(..count).collect()
    }
}

/// Where in `all` these segments stand one after the other.
fn position(all: &[Arc<Segment>], wanted: &[Arc<Segment>]) -> Option<usize> {
    let first = wanted.first()?;
    let at = all.iter().position(|segment| Arc::ptr_eq(segment, first))?;
    let found = all.get(at..at + wanted.len())?;
    let same = found.iter().zip(wanted).all(|(a, b)| Arc::ptr_eq(a, b));
    same.then_some(at)
}
