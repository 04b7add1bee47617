//! From the records of a partition back to the state that wrote them. Never holds more than one read in memory.

use millstream_batch::{BatchRef, Batches, Marker};
use millstream_store::Partition;

use super::Machine;
use crate::Error;

/// Bytes that are in memory at once, unless one batch is larger.
const READ_BYTES: usize = 1 << 20;

/// Bytes that one batch may have when it is decompressed. The coordinator compresses none of its own.
const BATCH_BYTES: usize = 100 << 20;

/// Has `machine` take over the partition's durable records; returns the offset up to which they go.
pub(super) async fn replay<M: Machine>(
    partition: &Partition,
    machine: &mut M,
) -> Result<i64, Error> {
    let offsets = partition.offsets();
    let (mut next, end) = (offsets.log_start, offsets.high_watermark);
    while next < end {
        let from = next;
        for bytes in partition.read(from, READ_BYTES, end, true).await? {
            for batch in Batches::new(&bytes) {
                let batch = batch?;
                apply(machine, &batch)?;
                next = batch.header.next_offset();
            }
        }
        // What follows was never written, for want of room.
        if next == from {
            break;
        }
    }
    Ok(end)
}

fn apply<M: Machine>(machine: &mut M, batch: &BatchRef<'_>) -> Result<(), Error> {
    if batch.header.is_control() {
        if let Some(marker) = Marker::of(*batch)? {
            machine.decide(&marker);
        }
        return Ok(());
    }
    let producer = batch.header.is_transactional();
    let producer = producer.then_some(batch.header.producer_id);
    for record in &batch.records(BATCH_BYTES)? {
        let record = record?;
        let (offset, key) = (record.offset, record.key.unwrap_or_default());
        let applied = match producer {
            Some(producer) => machine.apply_undecided(offset, producer, key, record.value),
            None => machine.apply(offset, key, record.value),
        };
        if let Err(error) = applied {
            tracing::warn!(offset, %error, "record of {} is passed over", M::WHAT);
        }
    }
    Ok(())
}
