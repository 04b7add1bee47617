//! Whose turn it is to read from the disk.
//!
//! Reads of the past wait here in the order in which they come, each for one piece of bounded size, and
//! get in line again for the next: however much a reader asks for, everybody else has a turn before its
//! second. What is being read takes up bounded memory and few of the threads that may block.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// Bytes that one turn reads.
pub(crate) const TURN_BYTES: usize = 1 << 20;
/// Turns that are taken at the same time.
const TURNS: usize = 16;

/// The turns of a store.
#[derive(Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

/// A turn, which ends when this is dropped.
pub(crate) type Turn = OwnedSemaphorePermit;

impl Default for Turns {
    fn default() -> Self {
        Turns(Arc::new(Semaphore::new(TURNS)))
    }
}

impl Turns {
    /// Waits for a turn to read `bytes`. More than one turn's bytes take the place of as many turns, at
    /// most of all.
    pub(crate) async fn take(&self, bytes: usize) -> Result<Turn> {
        let turns = bytes.div_ceil(TURN_BYTES).clamp(1, TURNS) as u32;
        let turn = Arc::clone(&self.0).acquire_many_owned(turns).await;
        turn.map_err(|_| Error::Closed)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(waiting: Pin<&mut F>) -> Poll<F::Output> {
        waiting.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn who_comes_first_reads_first_and_a_large_read_waits_for_no_more_than_others_have() {
        let turns = Turns::default();
        let mut taken = Vec::new();
        for _ in 0..TURNS {
            taken.push(turns.take(1).await.unwrap());
        }
        let mut large = pin!(turns.take(usize::MAX));
        let mut small = pin!(turns.take(1));
        assert!(poll(large.as_mut()).is_pending() && poll(small.as_mut()).is_pending());
        drop(taken.pop());
        assert!(poll(small.as_mut()).is_pending(), "the large one was first");
        taken.clear();
        let Poll::Ready(Ok(all)) = poll(large.as_mut()) else {
            panic!("everything is free for the large one");
        };
        assert!(poll(small.as_mut()).is_pending(), "nothing is left");
        drop(all);
        assert!(poll(small.as_mut()).is_ready());
    }
}
