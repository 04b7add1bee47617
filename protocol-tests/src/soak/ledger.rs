//! What a soak knows of one partition, and what must therefore be read from it. Pure bookkeeping: it asks nobody.

use std::collections::BTreeMap;

use super::content::{Content, Entry};

/// What a topic may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// Nothing.
    Everything,
    /// Records at its beginning, by retention.
    Newest,
    /// Records whose key was written again, by compaction.
    LastOfEachKey,
}

/// Which record stands at which offset.
#[derive(Debug)]
enum Places {
    /// One idempotent producer: each record is there once and in order, so that its number is its offset.
    SameAsNumbers,
    /// A producer that may have sent records twice: what was acknowledged or read so far, number by offset.
    Learned(BTreeMap<i64, u64>),
}

/// One partition.
#[derive(Debug)]
pub(super) struct Ledger {
    name: String,
    content: Content,
    keeps: Keeps,
    places: Places,
    sent: u64,
    /// Offset after the last acknowledged record.
    end: i64,
    acknowledged: u64,
    log_start: i64,
    /// The last acknowledged record of each key, where keys are compacted.
    last: BTreeMap<Vec<u8>, u64>,
}

/// A promise that was broken: what, and where.
pub(super) type Broken = String;

impl Ledger {
    /// An empty partition.
    pub(super) fn new(name: String, content: Content, keeps: Keeps, idempotent: bool) -> Self {
        let places = match idempotent {
            true => Places::SameAsNumbers,
            false => Places::Learned(BTreeMap::new()),
        };
        Self {
            name,
            content,
            keeps,
            places,
            sent: 0,
            end: 0,
            acknowledged: 0,
            log_start: 0,
            last: BTreeMap::new(),
        }
    }

    /// Hands out the numbers of `count` records that are about to be sent, and what they hold.
    pub(super) fn send(&mut self, count: u64) -> (u64, Vec<Entry>) {
        let first = self.sent;
        self.sent += count;
        let entries = (first..self.sent).map(|number| self.content.of(number));
        (first, entries.collect())
    }

    /// The batch of `count` records from `first` on was acknowledged at `offset`.
    ///
    /// # Errors
    /// When it cannot stand there.
    pub(super) fn acknowledge(
        &mut self,
        first: u64,
        count: u64,
        offset: i64,
    ) -> Result<(), Broken> {
        for (number, offset) in (first..first + count).zip(offset..) {
            self.place(number, offset)?;
            if self.keeps == Keeps::LastOfEachKey {
                self.last.insert(self.content.of(number).key, number);
            }
            self.end = self.end.max(offset + 1);
        }
        self.acknowledged += count;
        Ok(())
    }

    /// Number of records that were acknowledged.
    pub(super) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Offset after the last acknowledged record.
    pub(super) const fn end(&self) -> i64 {
        self.end
    }

    /// Begins to read at `offset`; what is acknowledged now has to be found.
    pub(super) fn reading(&self, offset: i64) -> Reading {
        Reading {
            next: offset,
            must_reach: self.end,
            must_hold: self.last.clone(),
            found: BTreeMap::new(),
        }
    }

    fn place(&mut self, number: u64, offset: i64) -> Result<(), Broken> {
        let known = match &mut self.places {
            Places::SameAsNumbers => u64::try_from(offset).ok(),
            Places::Learned(places) => Some(*places.entry(offset).or_insert(number)),
        };
        match known == Some(number) && number < self.sent {
            true => Ok(()),
            false => Err(self.broken(offset, &format!("is record {number}, not {known:?}"))),
        }
    }

    fn broken(&self, offset: i64, what: &str) -> Broken {
        format!("{} at offset {offset}: {what}", self.name)
    }
}

/// One pass over a partition, from an offset towards its end.
#[derive(Debug)]
pub(super) struct Reading {
    next: i64,
    must_reach: i64,
    must_hold: BTreeMap<Vec<u8>, u64>,
    /// The last record of each key, where keys are compacted.
    found: BTreeMap<Vec<u8>, u64>,
}

impl Reading {
    /// The offset to go on from.
    pub(super) const fn next(&self) -> i64 {
        self.next
    }

    /// The log begins at `log_start`: what lies before was removed.
    ///
    /// # Errors
    /// When it must not have been, or was there again.
    pub(super) fn begins(&mut self, ledger: &mut Ledger, log_start: i64) -> Result<(), Broken> {
        let may_move = ledger.keeps == Keeps::Newest;
        if log_start < ledger.log_start || log_start > 0 && !may_move {
            let before = ledger.log_start;
            return Err(ledger.broken(log_start, &format!("the log begins here, not at {before}")));
        }
        ledger.log_start = log_start;
        self.next = self.next.max(log_start);
        Ok(())
    }

    /// The next record.
    ///
    /// # Errors
    /// When it is not what was written there, or one before it is missing.
    pub(super) fn see(
        &mut self,
        ledger: &mut Ledger,
        offset: i64,
        entry: Entry,
    ) -> Result<(), Broken> {
        let expected = self.next;
        let gap = offset > expected && ledger.keeps != Keeps::LastOfEachKey;
        if offset < expected || gap {
            return Err(ledger.broken(offset, &format!("read in the place of offset {expected}")));
        }
        let number = match ledger.places {
            Places::SameAsNumbers => offset.unsigned_abs(),
            Places::Learned(_) => entry
                .number()
                .ok_or_else(|| ledger.broken(offset, "no record of ours"))?,
        };
        ledger.place(number, offset)?;
        if entry != ledger.content.of(number) {
            return Err(ledger.broken(offset, &format!("record {number} has changed")));
        }
        if ledger.keeps == Keeps::LastOfEachKey {
            self.found.insert(entry.key, number);
        }
        self.next = offset + 1;
        Ok(())
    }

    /// The whole partition was read, up to its end at `end`.
    ///
    /// # Errors
    /// When something that was acknowledged before the reading began was not found.
    pub(super) fn ends(self, ledger: &Ledger, end: i64) -> Result<(), Broken> {
        let dense = ledger.keeps != Keeps::LastOfEachKey;
        if end < self.must_reach || dense && self.next < self.must_reach {
            let must = self.must_reach;
            return Err(ledger.broken(self.next.min(end), &format!("ends before {must}")));
        }
        for (key, number) in self.must_hold {
            let removed = ledger.content.of(number).value.is_none();
            match self.found.get(&key) {
                Some(found) if *found >= number => {}
                None if removed => {}
                found => {
                    let key = String::from_utf8_lossy(&key);
                    let what = format!("{key:?} has {found:?} as its last record");
                    return Err(ledger.broken(number.cast_signed(), &what));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(keeps: Keeps, idempotent: bool) -> Ledger {
        let content = Content {
            salt: 7,
            tombstones: keeps == Keeps::LastOfEachKey,
        };
        Ledger::new("t-0".to_owned(), content, keeps, idempotent)
    }

    /// Reads the records with `numbers` at the offsets `at`, of a log that reaches `end`.
    fn read(ledger: &mut Ledger, at: &[(i64, u64)], start: i64, end: i64) -> Result<(), Broken> {
        let mut reading = ledger.reading(0);
        reading.begins(ledger, start)?;
        for (offset, number) in at {
            let entry = ledger.content.of(*number);
            reading.see(ledger, *offset, entry)?;
        }
        reading.ends(ledger, end)
    }

    #[test]
    fn everything_acknowledged_has_to_be_there_once_and_in_order() {
        let mut ledger = ledger(Keeps::Everything, true);
        ledger.send(3);
        ledger.acknowledge(0, 2, 0).unwrap();
        assert!(read(&mut ledger, &[(0, 0), (1, 1)], 0, 2).is_ok());
        assert!(
            read(&mut ledger, &[(0, 0), (1, 1), (2, 2)], 0, 3).is_ok(),
            "one more was kept"
        );
        assert!(
            read(&mut ledger, &[(0, 0)], 0, 1).is_err(),
            "one is missing at the end"
        );
        assert!(
            read(&mut ledger, &[(1, 1)], 0, 2).is_err(),
            "one is missing in the middle"
        );
        assert!(
            read(&mut ledger, &[(0, 0), (1, 0), (2, 1)], 0, 3).is_err(),
            "one is there twice"
        );
        assert!(
            read(&mut ledger, &[(0, 0), (1, 1), (2, 2), (3, 3)], 0, 4).is_err(),
            "nobody sent it"
        );
        assert!(
            read(&mut ledger, &[(1, 1)], 1, 2).is_err(),
            "the beginning is gone"
        );
    }

    #[test]
    fn an_acknowledgement_elsewhere_is_refused() {
        let mut ledger = ledger(Keeps::Everything, true);
        ledger.send(3);
        assert!(ledger.acknowledge(0, 2, 1).is_err());
    }

    #[test]
    fn changed_bytes_are_found() {
        let mut ledger = ledger(Keeps::Everything, true);
        ledger.send(1);
        let mut entry = ledger.content.of(0);
        entry.value.as_mut().unwrap().push(0);
        let mut reading = ledger.reading(0);
        assert!(reading.see(&mut ledger, 0, entry).is_err());
    }

    #[test]
    fn a_record_without_a_producers_sequence_may_be_there_twice_but_stays_where_it_was_seen() {
        let mut ledger = ledger(Keeps::Everything, false);
        ledger.send(2);
        ledger.acknowledge(0, 2, 2).unwrap();
        let twice = [(0, 0), (1, 1), (2, 0), (3, 1)];
        assert!(read(&mut ledger, &twice, 0, 4).is_ok());
        assert!(
            read(&mut ledger, &[(0, 1), (1, 1), (2, 0), (3, 1)], 0, 4).is_err(),
            "it moved"
        );
        assert!(
            read(&mut ledger, &twice[..3], 0, 3).is_err(),
            "an acknowledged one is missing"
        );
    }

    #[test]
    fn retention_takes_the_beginning_and_never_gives_it_back() {
        let mut ledger = ledger(Keeps::Newest, true);
        ledger.send(3);
        ledger.acknowledge(0, 3, 0).unwrap();
        assert!(read(&mut ledger, &[(2, 2)], 2, 3).is_ok());
        assert!(read(&mut ledger, &[(1, 1), (2, 2)], 1, 3).is_err());
    }

    #[test]
    fn compaction_keeps_the_last_record_of_each_key() {
        let mut ledger = ledger(Keeps::LastOfEachKey, true);
        let (_, entries) = ledger.send(1_000);
        ledger.acknowledge(0, 1_000, 0).unwrap();
        let last = |number: &u64| {
            let key = &entries[*number as usize].key;
            !entries[*number as usize + 1..]
                .iter()
                .any(|entry| entry.key == *key)
        };
        let kept: Vec<u64> = (0..1_000).filter(last).collect();
        let at = |numbers: &[u64]| numbers.iter().map(|n| (*n as i64, *n)).collect::<Vec<_>>();
        assert!(read(&mut ledger, &at(&kept), 0, 1_000).is_ok());
        let values: Vec<u64> = kept
            .iter()
            .copied()
            .filter(|number| entries[*number as usize].value.is_some())
            .collect();
        assert!(values.len() < kept.len(), "there are tombstones");
        assert!(
            read(&mut ledger, &at(&values), 0, 1_000).is_ok(),
            "tombstones may go"
        );
        assert!(
            read(&mut ledger, &at(&values[1..]), 0, 1_000).is_err(),
            "a value may not"
        );
        assert!(
            read(&mut ledger, &at(&kept), 0, 999).is_err(),
            "the end stays where it is"
        );
    }
}
