//! Finding the partitions of a data directory and opening them, several side by side: after a crash each
//! waits for the disk, which takes the less time for each the more of them wait.
//!
//! What it never does: look into a partition, which is the business of recovery.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use uuid::Uuid;

use crate::config::TopicPartition;
use crate::error::{Error, IoContext, Result};
use crate::partition::Partition;
use crate::recovery;
use crate::segment::Volume;
use crate::store::{DELETED, Shared};

/// Partitions that are opened at once.
const WORKERS: usize = 16;

/// Opens all partitions below `topics`; blocks. After a shutdown that was not clean they are repaired, and what stands in
/// their directories is made durable.
///
/// # Errors
/// [`Error::Io`] and [`Error::Corrupt`] of the first partition that does not open.
pub(crate) fn open_partitions(
    shared: &Arc<Shared>,
    topics: &Path,
    clean: bool,
    now_ms: i64,
) -> Result<HashMap<TopicPartition, Arc<Partition>>> {
    let found = find(&shared.volume, topics, clean)?;
    let config = &shared.options.default_config;
    let next = AtomicUsize::new(0);
    let open_some = || -> Result<Vec<(TopicPartition, Arc<Partition>)>> {
        let mut opened = Vec::new();
        while let Some((id, dir)) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
            let recovered = recovery::open(&shared.volume, dir, clean, now_ms)?;
            let (shared, config) = (Arc::clone(shared), Arc::clone(config));
            let partition = Partition::new(*id, dir, shared, config, recovered);
            opened.push((*id, Arc::new(partition)));
        }
        Ok(opened)
    };
    let mut partitions = HashMap::with_capacity(found.len());
    std::thread::scope(|scope| {
        let helpers = WORKERS.min(found.len()).saturating_sub(1);
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(open_some)).collect();
        partitions.extend(open_some()?);
        for helper in helpers {
            let panicked = |_| Error::Panicked {
                thread: "store-opener".into(),
            };
            partitions.extend(helper.join().map_err(panicked)??);
        }
        Ok(partitions)
    })
}

/// The partitions below `topics`. What is left of deleted ones is removed.
fn find(volume: &Volume, topics: &Path, clean: bool) -> Result<Vec<(TopicPartition, PathBuf)>> {
    let mut found = Vec::new();
    for topic in volume.disk.list(topics).on("list", topics)? {
        if let Ok(topic_id) = topic.parse() {
            found.extend(find_in(volume, topic_id, &topics.join(&topic), clean)?);
        }
    }
    if !clean {
        volume.disk.sync_dir(topics).on("sync", topics)?;
    }
    Ok(found)
}

fn find_in(
    volume: &Volume,
    topic_id: Uuid,
    topic_dir: &Path,
    clean: bool,
) -> Result<Vec<(TopicPartition, PathBuf)>> {
    let disk = &volume.disk;
    let names = disk.list(topic_dir).on("list", topic_dir)?;
    let (leftovers, names): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| name.ends_with(DELETED));
    for dir in leftovers.iter().map(|name| topic_dir.join(name)) {
        disk.remove_dir(&dir).on("remove", &dir)?;
    }
    if names.is_empty() {
        let removed = disk.remove_empty_dir(topic_dir);
        removed.on("remove", topic_dir)?;
        return Ok(Vec::new());
    }
    // What stands here now must stay so: a crash may have come between a change and its sync.
    if !clean || !leftovers.is_empty() {
        disk.sync_dir(topic_dir).on("sync", topic_dir)?;
    }
    let partition = |name: &String| {
        let index = name.parse().ok()?;
        Some((TopicPartition { topic_id, index }, topic_dir.join(name)))
    };
    Ok(names.iter().filter_map(partition).collect())
}
