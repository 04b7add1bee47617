//! What went to several partitions at once: all of it is there, or nothing.

use std::collections::BTreeMap;

use millstream_store::TopicPartition;

use crate::history::History;

/// Where the batches of one append to several partitions went: partition, base offset and checksum.
#[derive(Debug, Default)]
pub(crate) struct Bond(pub(crate) Vec<(TopicPartition, i64, u32)>);

impl Bond {
    /// Compares the partitions in which its batches are with those in which they are not.
    pub(crate) fn check(&self, histories: &BTreeMap<TopicPartition, History>) {
        let is_held =
            |(id, base, crc): &(TopicPartition, i64, u32)| histories[id].holds(*base, *crc);
        let held: Vec<_> = self.0.iter().map(is_held).collect();
        let is_torn = held.contains(&Some(true)) && held.contains(&Some(false));
        assert!(!is_torn, "{held:?} of {self:?}");
    }
}
