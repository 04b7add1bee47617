//! What a coordinator is made of: a pure state, and how its changes look as records.

use std::sync::Arc;

use bytes::Bytes;
use millstream_batch::{Batch, Marker};
use millstream_groups::Now;
use millstream_store::Partition;

use super::Proof;
use crate::Error;
use crate::catalog::Catalog;

/// Key and value of a record.
pub(crate) type Record = (Bytes, Option<Bytes>);

/// A state that is a replay of a partition.
pub(crate) trait Machine: Sized + Send + std::fmt::Debug + 'static {
    /// The topic whose partitions hold the records.
    const TOPIC: &'static str;
    /// What the server's log calls what lives here.
    const WHAT: &'static str;
    /// Whether what is written down lets other records go, so that it is written on a full disk, too, in the room that is
    /// kept back for that.
    const FREES: bool = false;
    /// What an operation hands back beside its result.
    type Effects: Default;

    /// A state without a history.
    fn new(catalog: &Arc<Catalog>) -> Self;

    /// Takes over what a record says. A kind of record that is not known is passed over.
    ///
    /// # Errors
    /// When the record cannot be read.
    fn apply(&mut self, offset: i64, key: &[u8], value: Option<&[u8]>) -> Result<(), Error>;

    /// Takes over what a record says that a transaction of this producer wrote. It counts once that commits.
    ///
    /// # Errors
    /// As [`Machine::apply`].
    fn apply_undecided(
        &mut self,
        offset: i64,
        _producer_id: i64,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), Error> {
        self.apply(offset, key, value)
    }

    /// Takes over how the transaction of a producer ended.
    fn decide(&mut self, _marker: &Marker) {}

    /// Begins to count time, once the replay is done.
    fn resume(&mut self, now: Now, effects: &mut Self::Effects);

    /// Does what is due.
    fn expire(&mut self, now: Now, effects: &mut Self::Effects);

    /// The earliest moment, on the monotonic clock, at which something is due.
    fn next_deadline(&self) -> Option<i64>;

    /// The records of what has changed, in their order.
    ///
    /// # Errors
    /// When something cannot be written down.
    fn records(effects: &mut Self::Effects) -> Result<Vec<Record>, Error>;

    /// The producer, with its epoch, of whose transaction the records are a part.
    fn producer(_effects: &Self::Effects) -> Option<(i64, i16)> {
        None
    }

    /// What has to be appended to other partitions, all or nothing with the records.
    ///
    /// # Errors
    /// When something cannot be written down.
    fn beside(
        _effects: &mut Self::Effects,
        _now_ms: i64,
    ) -> Result<Vec<(Arc<Partition>, Batch)>, Error> {
        Ok(Vec::new())
    }

    /// Takes note that the records are appended, the first at `offset`. What they bring about may be told to nobody
    /// before `proof` is confirmed.
    fn appended(&mut self, effects: Self::Effects, offset: i64, proof: Proof);

    /// The first record that a replay still needs, if those below it may go. All below `durable` are durable.
    fn needed_from(&self, _durable: i64) -> Option<i64> {
        None
    }

    /// Sends away whoever waits for something to happen.
    fn send_away(&mut self) {}
}
