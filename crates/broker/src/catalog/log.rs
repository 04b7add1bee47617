//! The log of the catalog: one internal partition, replayed at start and appended to ever after.

use std::sync::Arc;

use millstream_batch::{BatchRef, Batches, Builder};
use millstream_store::{
    Ack, AppendMode, Error as StoreError, LogConfig, Partition, Store, TopicPartition,
};

use super::change::Change;
use super::image::Image;
use super::name::METADATA_ID;
use super::record;
use crate::Error;

/// Bytes that replay holds in memory at once, unless one batch is larger.
const REPLAY_BYTES: usize = 1 << 20;

/// The end of the catalog's log.
#[derive(Debug)]
pub(super) struct Log {
    partition: Arc<Partition>,
    node_id: i32,
}

impl Log {
    /// Opens the log, which may be a new one, for the broker `node_id`; returns what it amounts to.
    pub(super) async fn open(store: &Store, node_id: i32) -> Result<(Self, Image), Error> {
        let tp = TopicPartition {
            topic_id: METADATA_ID,
            index: 0,
        };
        // The catalog's history is never too old.
        let config = LogConfig {
            retention_ms: None,
            ..LogConfig::default()
        };
        let partition = match store.partition(&tp) {
            Some(partition) => partition,
            None => store.create_partition(tp, config.clone())?,
        };
        partition.set_config(config);
        let image = replay(&partition).await?;
        Ok((Self { partition, node_id }, image))
    }

    /// Where it is kept.
    pub(super) fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Whether nothing has ever been appended.
    pub(super) fn is_empty(&self) -> bool {
        self.partition.offsets().log_end == 0
    }

    /// Appends changes as one batch, all of them or none; returns when they are durable. What may free
    /// room goes in even if the disk is full.
    pub(super) async fn append(&self, changes: &[Change], now_ms: i64) -> Result<(), Error> {
        if !changes.iter().all(Change::may_free_room) {
            return self.write(changes, AppendMode::Internal, now_ms).await;
        }
        match self.write(changes, AppendMode::Freeing, now_ms).await {
            Err(Error::Store(StoreError::StorageFull { .. }))
                if self.partition.give_up_reserve() =>
            {
                self.write(changes, AppendMode::Freeing, now_ms).await
            }
            written => written,
        }
    }

    async fn write(&self, changes: &[Change], mode: AppendMode, now_ms: i64) -> Result<(), Error> {
        let mut batch = Builder::new();
        for change in changes {
            batch.push(
                now_ms,
                None,
                Some(&record::encode(change, self.node_id)?),
                &[],
            );
        }
        let appended = self.partition.append(batch.build()?, mode, now_ms)?;
        Ok(self
            .partition
            .wait(appended.last_offset + 1, Ack::Durable)
            .await?)
    }
}

async fn replay(partition: &Partition) -> Result<Image, Error> {
    let mut image = Image::default();
    let offsets = partition.offsets();
    let mut next = offsets.log_start;
    while next < offsets.log_end {
        let from = next;
        for bytes in partition
            .read(from, REPLAY_BYTES, offsets.log_end, true)
            .await?
        {
            for batch in Batches::new(&bytes) {
                let batch = batch?;
                apply(&mut image, &batch)?;
                next = batch.header.next_offset();
            }
        }
        if next == from {
            return Err(Error::CatalogEnds {
                offset: next,
                end: offsets.log_end,
            });
        }
    }
    Ok(image)
}

/// Takes the changes in a batch of the log.
pub(super) fn apply(image: &mut Image, batch: &BatchRef<'_>) -> Result<(), Error> {
    // The catalog writes its batches uncompressed, so that they are never larger in memory than on disk.
    for record in &batch.records(batch.bytes.len())? {
        let record = record?;
        let change = record::decode(record.value.unwrap_or_default()).map_err(|source| {
            Error::CatalogRecord {
                offset: record.offset,
                source,
            }
        })?;
        change.into_iter().for_each(|change| image.apply(change));
    }
    Ok(())
}
