//! Keeping the kernel from holding too much that no sync has asked for.
//!
//! Left alone, it collects gigabytes and then stops every writer until the device has caught up.
//! So under the page-cache policy, too, files are synced now and then: in the background, with
//! nobody waiting, and all partitions counted together.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::config::TopicPartition;
use crate::partition::Partition;

/// Bytes that may be written before they are sent to the device.
const LIMIT: u64 = 64 << 20;

/// What was written and not synced; owned by the writer thread.
#[derive(Debug, Default)]
pub(crate) struct WriteBack {
    bytes: u64,
    /// Weak, since it may take long until the next round, and one may be deleted meanwhile.
    partitions: HashMap<TopicPartition, Weak<Partition>>,
    running: Arc<AtomicBool>,
}

/// Partitions whose files are to be synced.
#[derive(Debug)]
pub(crate) struct Round {
    partitions: Vec<Weak<Partition>>,
    running: Arc<AtomicBool>,
}

impl WriteBack {
    /// Counts bytes that a partition wrote; a round when it is time, and the last one is over.
    pub(crate) fn count(&mut self, partition: &Arc<Partition>, bytes: u64) -> Option<Round> {
        self.bytes += bytes;
        self.partitions
            .entry(partition.id)
            .or_insert_with(|| Arc::downgrade(partition));
        if self.bytes < LIMIT || self.running.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.bytes = 0;
        let partitions = self
            .partitions
            .drain()
            .map(|(_, partition)| partition)
            .collect();
        Some(Round {
            partitions,
            running: Arc::clone(&self.running),
        })
    }
}

impl Round {
    /// Syncs the files; a failure poisons the partition.
    pub(crate) fn run(self) {
        for partition in self.partitions.iter().filter_map(Weak::upgrade) {
            partition.sync_unsaved();
        }
        self.running.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use uuid::Uuid;

    use super::*;
    use crate::config::{LogConfig, StoreOptions};
    use crate::disk::faulty::FaultyDisk;
    use crate::store::Store;

    #[test]
    fn a_round_takes_all_that_wrote_and_rounds_do_not_overlap() {
        let disk = Arc::new(FaultyDisk::default());
        let store = Store::open_on(disk, Path::new("/data"), StoreOptions::default(), 0).unwrap();
        let create = |index| {
            let id = TopicPartition {
                topic_id: Uuid::nil(),
                index,
            };
            store.create_partition(id, LogConfig::default()).unwrap()
        };
        let (a, b) = (create(0), create(1));
        let mut write_back = WriteBack::default();
        assert!(write_back.count(&a, LIMIT / 2).is_none());
        let round = write_back.count(&b, LIMIT / 2).unwrap();
        assert_eq!(round.partitions.len(), 2);
        assert!(
            write_back.count(&a, LIMIT).is_none(),
            "while a round is running"
        );
        round.run();
        let next = write_back.count(&a, 1).unwrap();
        assert_eq!(
            next.partitions
                .iter()
                .filter_map(Weak::upgrade)
                .map(|p| p.id)
                .collect::<Vec<_>>(),
            [a.id]
        );
    }
}
