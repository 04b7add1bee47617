//! The first stage of an append: which offset a batch gets, decided under one short lock.

use std::sync::Arc;

use bytes::Bytes;
use millstream_batch::{Batch, Header};

use crate::bond::Bond;
use crate::error::Result;
use crate::producer_state::{Accepted, Place, Producers, Step, log_append_time};

/// Who appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendMode {
    /// A producer, whose sequence numbers are checked.
    Client,
    /// The broker itself, for its own logs and markers. It is little beside what clients send, and never
    /// refused for what they have waiting.
    Internal,
    /// The broker itself, for what frees room on the disk: let in when everything else is refused since
    /// the disk is full.
    Freeing,
}

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Offset of its first record.
    pub base_offset: i64,
    /// Offset of its last record.
    pub last_offset: i64,
    /// When the broker stamped it, in ms, if the topic wants that.
    pub log_append_time: Option<i64>,
    /// First offset of the partition that may be read.
    pub log_start_offset: i64,
    /// Whether the batch was there already, and these are the offsets of the first time.
    pub duplicate: bool,
}

impl Appended {
    /// What to [wait](crate::Partition::wait) for. For a duplicate, too, it is the original that counts.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.last_offset + 1
    }
}

/// A batch on its way to the writer.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Its header, with the offset it got.
    pub(crate) header: Header,
    /// The stamped bytes.
    pub(crate) bytes: Bytes,
    /// What it is appended together with, if it is.
    pub(crate) bond: Option<Arc<Bond>>,
}

/// What appends share.
#[derive(Debug)]
pub(crate) struct Intake {
    /// Offset of the next record.
    pub(crate) next_offset: i64,
    /// Goes into every batch.
    pub(crate) leader_epoch: i32,
    /// Producer states, batches on their way included.
    pub(crate) producers: Producers,
    /// Batches the writer has not taken yet.
    pub(crate) pending: Vec<Pending>,
    /// Whether the partition is in the writer's queue.
    pub(crate) queued: bool,
}

impl Intake {
    /// What a batch does to its producer and where it went before, if it did.
    pub(crate) fn check(
        &self,
        batch: &Batch,
        mode: AppendMode,
    ) -> Result<(Option<Step>, Option<Accepted>)> {
        let step = match mode {
            AppendMode::Client => Step::of_client(batch.view())?,
            AppendMode::Internal | AppendMode::Freeing => Step::of_broker(batch.view())?,
        };
        let original = step.map(|step| self.producers.check(&step)).transpose()?;
        Ok((step, original.flatten()))
    }

    /// Takes note of a checked batch that found no room.
    pub(crate) fn refuse(&mut self, step: Option<Step>, now_ms: i64) {
        if let Some(step) = step {
            self.producers.refuse(&step, now_ms);
        }
    }

    /// Gives a checked batch the next offsets and queues it; returns its header as stamped.
    pub(crate) fn accept(
        &mut self,
        batch: Batch,
        step: Option<Step>,
        bond: Option<Arc<Bond>>,
        now_ms: i64,
    ) -> Header {
        let base_offset = self.next_offset;
        let header = Header {
            base_offset,
            leader_epoch: self.leader_epoch,
            ..*batch.header()
        };
        if let Some(step) = step {
            let place = Place {
                base_offset,
                log_append_time: log_append_time(&header),
                now_ms,
            };
            self.producers.accept(&step, place);
        }
        self.next_offset = header.next_offset();
        let bytes = batch.stamp(base_offset, self.leader_epoch);
        self.pending.push(Pending {
            header,
            bytes,
            bond,
        });
        header
    }
}
