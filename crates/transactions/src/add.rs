//! AddPartitionsToTxn: what a transaction writes to.

use crate::coordinator::{Coordinator, Done};
use crate::entry::{Entry, Producer, State, TopicPartition, Version};
use crate::error::Error;

impl Coordinator {
    /// Adds partitions to the transaction of a producer, which begins with the first.
    ///
    /// # Errors
    /// [`Error::UnknownProducer`], [`Error::Fenced`].
    pub fn add(
        &mut self,
        id: &str,
        producer: Producer,
        version: Version,
        partitions: impl IntoIterator<Item = TopicPartition>,
        now_ms: i64,
    ) -> Result<Done<()>, Error> {
        let (id, known) = self.used_by(id, producer)?;
        let is_ongoing = known.state == State::Ongoing;
        let mut all = known.partitions.clone();
        all.extend(partitions);
        if all.len() == known.partitions.len() {
            return Ok(Done::already(()));
        }
        let entry = Entry {
            state: State::Ongoing,
            version,
            partitions: all,
            started_ms: if is_ongoing { known.started_ms } else { now_ms },
            updated_ms: now_ms,
            ..*known
        };
        Ok(self.done((), id, Some(entry), None))
    }

    /// Whether a partition is in the transaction of a producer.
    ///
    /// # Errors
    /// [`Error::NotInTransaction`] if it is not; [`Error::UnknownProducer`], [`Error::Fenced`].
    pub fn check(
        &self,
        id: &str,
        producer: Producer,
        partition: &TopicPartition,
    ) -> Result<(), Error> {
        let (_, known) = self.used_by(id, producer)?;
        match known.partitions.contains(partition) {
            true => Ok(()),
            false => Err(Error::NotInTransaction),
        }
    }
}
