//! What tells a batch as it was written from one that the disk has changed since.
//!
//! The checksum covers a batch but for its base offset and its leader epoch. Those are held against
//! what else is known: the batches around it, the index, the list of leader epochs. Nothing is read
//! here.

use std::ops::Range;

use millstream_batch::{BatchRef, Header};

use crate::epochs::Epochs;

/// What the batches of a part of the log have to be like, as they come one after the other.
#[derive(Debug)]
pub(crate) struct Sound<'a> {
    /// The least offset that the next batch may have, and the offset below which all must end.
    offsets: Range<i64>,
    epochs: &'a Epochs,
}

impl<'a> Sound<'a> {
    /// Batches that lie within `offsets`.
    pub(crate) fn new(offsets: Range<i64>, epochs: &'a Epochs) -> Self {
        Sound { offsets, epochs }
    }

    /// Checks the next batch; `following` is the base offset that the batch behind it bears.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(
        &mut self,
        batch: &BatchRef<'_>,
        following: Option<i64>,
    ) -> Result<(), String> {
        let header = &batch.header;
        self.check_place(header, following)?;
        header
            .check_crc(batch.bytes)
            .map_err(|error| error.to_string())?;
        match (header.leader_epoch, self.epochs.at(header.base_offset)) {
            (found, expected) if found == expected || expected < 0 => Ok(()),
            (found, expected) => Err(format!(
                "leader epoch {found} stands where {expected} was written"
            )),
        }
    }

    /// Checks the header of a batch that nobody wants to have. Whether that is enough: a batch which the
    /// next one continues says truly where it ends, and what else is wrong with it need not keep anybody
    /// from what lies behind. Of any other the checksum has to be looked at.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn pass(&mut self, header: &Header, following: Option<i64>) -> Result<bool, String> {
        self.check_place(header, following)?;
        Ok(header.next_offset() == following.unwrap_or(self.offsets.end))
    }

    /// The least offset that the next batch may have.
    pub(crate) fn next_offset(&self) -> i64 {
        self.offsets.start
    }

    /// Where the next batch must end at the latest. Of two neighbours that contradict each other, the one
    /// that does not continue what came before is wrong.
    pub(crate) fn end_of(&self, header: &Header, following: Option<i64>) -> i64 {
        match following {
            Some(following) if header.base_offset > self.offsets.start => {
                self.offsets.end.min(following)
            }
            _ => self.offsets.end,
        }
    }

    fn check_place(&mut self, header: &Header, following: Option<i64>) -> Result<(), String> {
        let possible = self.offsets.start..self.end_of(header, following);
        let own = header.base_offset..header.next_offset();
        if own.start < possible.start || own.end > possible.end || own.is_empty() {
            return Err(format!(
                "offsets {own:?} stand where only {possible:?} can be"
            ));
        }
        self.offsets.start = own.end;
        Ok(())
    }
}
