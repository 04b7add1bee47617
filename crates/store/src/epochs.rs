//! Which leader epoch began where in a partition's log.

/// Leader epochs with the offset of the first record written under each, both ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Epochs(Vec<(i32, i64)>);

/// Where the records of an epoch end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEnd {
    /// The largest known epoch that is not above the one asked for, or −1.
    pub epoch: i32,
    /// The offset after its last record, or −1.
    pub end_offset: i64,
}

impl Epochs {
    /// Rebuilds the list from pairs; keeps only those that ascend in both.
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (i32, i64)>) -> Self {
        let mut epochs = Epochs::default();
        for (epoch, start) in pairs {
            epochs.begin(epoch, start);
        }
        epochs
    }

    /// The pairs, ascending.
    pub(crate) fn pairs(&self) -> &[(i32, i64)] {
        &self.0
    }

    /// The newest epoch, or −1 before the first.
    pub(crate) fn latest(&self) -> i32 {
        self.0.last().map_or(-1, |&(epoch, _)| epoch)
    }

    /// Starts an epoch at `start`. Epochs that would begin there or later never had a record.
    pub(crate) fn begin(&mut self, epoch: i32, start: i64) {
        if epoch <= self.latest() {
            return;
        }
        self.0.retain(|&(_, s)| s < start);
        self.0.push((epoch, start));
    }

    /// The epoch of the record at `offset`, or −1 below the first.
    pub(crate) fn at(&self, offset: i64) -> i32 {
        let after = self.0.partition_point(|&(_, start)| start <= offset);
        after.checked_sub(1).map_or(-1, |i| self.0[i].0)
    }

    /// Where `epoch` ends in a log that ends at `log_end`; the answer to OffsetForLeaderEpoch.
    ///
    /// An epoch above the newest is undefined. One below the oldest ends where the oldest begins.
    pub(crate) fn end_offset(&self, epoch: i32, log_end: i64) -> EpochEnd {
        if epoch < 0 || epoch > self.latest() {
            return EpochEnd {
                epoch: -1,
                end_offset: -1,
            };
        }
        let above = self.0.partition_point(|&(e, _)| e <= epoch);
        let end_offset = self.0.get(above).map_or(log_end, |&(_, start)| start);
        let epoch = above.checked_sub(1).map_or(epoch, |i| self.0[i].0);
        EpochEnd { epoch, end_offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let epochs = Epochs::from_pairs([(2, 0), (4, 10), (5, 20)]);
        let check = |epoch, expected: (i32, i64)| {
            let end = epochs.end_offset(epoch, 30);
            assert_eq!((end.epoch, end.end_offset), expected, "epoch {epoch}");
        };
        check(-1, (-1, -1));
        check(0, (0, 0));
        check(2, (2, 10));
        check(3, (2, 10));
        check(4, (4, 20));
        check(5, (5, 30));
        check(6, (-1, -1));
        assert_eq!(
            Epochs::default().end_offset(0, 0),
            EpochEnd {
                epoch: -1,
                end_offset: -1
            }
        );
    }

    #[test]
    fn an_epoch_without_records_leaves_no_trace() {
        let mut epochs = Epochs::from_pairs([(0, 0), (1, 10)]);
        epochs.begin(2, 10);
        assert_eq!(epochs.pairs(), [(0, 0), (2, 10)]);
        epochs.begin(1, 20);
        assert_eq!(epochs.latest(), 2);
    }

    #[test]
    fn a_record_has_the_epoch_it_was_written_under() {
        let epochs = Epochs::from_pairs([(1, 5), (3, 10)]);
        let found = [4, 5, 9, 10, 99].map(|offset| epochs.at(offset));
        assert_eq!(found, [-1, 1, 1, 3, 3]);
    }
}
