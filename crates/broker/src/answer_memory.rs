//! The bytes of records that all answers on their way to clients may hold.
//!
//! Nobody waits for them, since a client may rightly leave an answer unread for minutes: what is
//! left bounds what an answer reads. One that finds nothing left still reads its first batch, so
//! that every client gets on; so memory is bounded by the budget and one batch for each connection.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget.
#[derive(Debug)]
pub(crate) struct AnswerMemory(Arc<Semaphore>);

/// What an answer has of the budget; given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Share(Option<OwnedSemaphorePermit>);

impl AnswerMemory {
    /// A budget of that many bytes.
    pub(crate) fn new(bytes: i64) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or_default();
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// As much of `bytes` as is left.
    pub(crate) fn take(&self, bytes: usize) -> Share {
        loop {
            let left = self.0.available_permits();
            let bytes = bytes.min(left).min(u32::MAX as usize) as u32;
            // Fails when others were faster: then less is left.
            if let Ok(permit) = Arc::clone(&self.0).try_acquire_many_owned(bytes) {
                return Share(Some(permit));
            }
        }
    }
}

impl Share {
    /// Bytes in it.
    pub(crate) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Gives back what is beyond `bytes`.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let beyond = self.bytes().saturating_sub(bytes);
        drop(self.0.as_mut().and_then(|permit| permit.split(beyond)));
    }

    /// Both shares as one.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(match (self.0, other.0) {
            (Some(mut permit), Some(other)) => {
                permit.merge(other);
                Some(permit)
            }
            (one, other) => one.or(other),
        })
    }
}
