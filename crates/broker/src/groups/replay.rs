//! From the records of a partition back to the groups that wrote them. Never holds more than one read in memory.

use millstream_batch::{BatchRef, Batches};
use millstream_groups::{Config, Shard};
use millstream_store::Partition;

use super::record;
use crate::Error;

/// Bytes that are in memory at once, unless one batch is larger.
const READ_BYTES: usize = 1 << 20;

/// Bytes that one batch may have when it is decompressed. The coordinator compresses none of its own.
const BATCH_BYTES: usize = 100 << 20;

/// The groups as the partition's durable records tell, and the offset up to which they do.
pub(super) async fn replay(partition: &Partition, config: Config) -> Result<(Shard, i64), Error> {
    let mut shard = Shard::new(config);
    let offsets = partition.offsets();
    let (mut next, end) = (offsets.log_start, offsets.high_watermark);
    while next < end {
        let from = next;
        for bytes in partition.read(from, READ_BYTES, end, true).await? {
            for batch in Batches::new(&bytes) {
                let batch = batch?;
                apply(&mut shard, &batch)?;
                next = batch.header.next_offset();
            }
        }
        // What follows was never written, for want of room.
        if next == from {
            break;
        }
    }
    Ok((shard, end))
}

fn apply(shard: &mut Shard, batch: &BatchRef<'_>) -> Result<(), Error> {
    if batch.header.is_control() {
        return Ok(());
    }
    for record in &batch.records(BATCH_BYTES)? {
        let record = record?;
        match record::decode(record.key.unwrap_or_default(), record.value) {
            Ok(Some(known)) => shard.apply(&known),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(offset = record.offset, %error, "group record is passed over");
            }
        }
    }
    Ok(())
}
