//! Ids for idempotent producers, each given once.
//!
//! Ids are set aside in the catalog's log a block at a time, so that most are given without touching the disk. What is
//! left of a block when the broker ends is never given.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::{Catalog, Error};

/// Ids set aside at once.
const BLOCK: i64 = 1_000;

/// The ids that are set aside and not given yet.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds(Mutex<Range<i64>>);

impl ProducerIds {
    /// An id that nobody was given before.
    ///
    /// # Errors
    /// When no block can be set aside.
    pub(crate) async fn next(&self, catalog: &Arc<Catalog>) -> Result<i64, Error> {
        let mut block = self.0.lock().await;
        if block.is_empty() {
            let first = catalog.reserve_producer_ids(BLOCK).await?;
            *block = first..first + BLOCK;
        }
        let id = block.start;
        block.start += 1;
        Ok(id)
    }
}
