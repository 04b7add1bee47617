//! What a batch means to the producer whose id it bears.

use millstream_batch::{BatchRef, Header, Marker, TimestampType};

use crate::error::{Error, Result};

/// What a batch does to what is known of its producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The producer sent records.
    Records(Sent),
    /// A coordinator ends the producer's transaction.
    End(Marker),
}

/// A batch of records as its producer sent it, or as the broker writes it in the name of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The producer.
    pub(crate) producer_id: i64,
    /// Its epoch.
    pub(crate) epoch: i16,
    /// Sequences of the first and the last record; none where the broker writes in the producer's name.
    pub(crate) sequences: Option<(i32, i32)>,
    /// Whether the records are part of a transaction.
    pub(crate) is_transactional: bool,
}

impl Step {
    /// What a batch does; `None` if it is of no idempotent producer, or a control record of another kind.
    ///
    /// # Errors
    /// [`Error::InvalidSequence`] for records outside of any transaction that are not numbered; [`Error::Batch`] for a
    /// control record that cannot be read.
    pub(crate) fn of(batch: BatchRef<'_>) -> Result<Option<Self>> {
        let header = batch.header;
        if !header.has_producer() {
            return Ok(None);
        }
        if header.is_control() {
            return Ok(Marker::of(batch)?.map(Step::End));
        }
        let sent = Sent::of(&header);
        match sent.sequences.is_none() && !sent.is_transactional {
            true => Err(not_numbered(&header)),
            false => Ok(Some(Step::Records(sent))),
        }
    }

    /// What a batch does that a client sent.
    ///
    /// # Errors
    /// [`Error::InvalidSequence`] for records that are not numbered; [`Error::Batch`].
    pub(crate) fn of_client(batch: BatchRef<'_>) -> Result<Option<Self>> {
        match Self::of(batch)? {
            Some(Step::Records(Sent {
                sequences: None, ..
            })) => Err(not_numbered(&batch.header)),
            step => Ok(step),
        }
    }

    /// What a batch does that the broker writes: only transactions have to know of it.
    ///
    /// # Errors
    /// [`Error::Batch`].
    pub(crate) fn of_broker(batch: BatchRef<'_>) -> Result<Option<Self>> {
        match batch.header.is_transactional() {
            true => Self::of(batch),
            false => Ok(None),
        }
    }

    /// The producer.
    pub(crate) fn producer_id(&self) -> i64 {
        match self {
            Step::Records(sent) => sent.producer_id,
            Step::End(marker) => marker.producer_id,
        }
    }
}

impl Sent {
    fn of(header: &Header) -> Self {
        let first = header.base_sequence;
        Sent {
            producer_id: header.producer_id,
            epoch: header.producer_epoch,
            sequences: (first >= 0).then(|| (first, header.last_sequence())),
            is_transactional: header.is_transactional(),
        }
    }
}

fn not_numbered(header: &Header) -> Error {
    Error::InvalidSequence {
        producer_id: header.producer_id,
        sequence: header.base_sequence,
    }
}

/// The sequence that follows; after 2147483647 comes 0.
pub(super) fn successor(sequence: i32) -> i32 {
    sequence.wrapping_add(1) & i32::MAX
}

/// When the broker stamped a batch, in ms, or −1 if its producer did.
pub(crate) fn log_append_time(header: &Header) -> i64 {
    match header.timestamp_type() {
        TimestampType::CreateTime => -1,
        TimestampType::LogAppendTime => header.max_timestamp,
    }
}
