//! Compaction by key: which records it leaves, without a byte being moved.
//!
//! A record stays if it is the last of its key, and a tombstone until its horizon has passed. Records without a key go,
//! and so does everything that an aborted transaction wrote. Markers stay until their transaction's records are gone
//! and, from then on, as long as a tombstone would.

use millstream_batch::{Error, Header, Record};

use super::key_map::KeyMap;
use super::transactions::Traces;
use super::verdict::{Judge, Verdict};
use crate::aborted::AbortedSet;

/// What is known before the first batch is looked at.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    /// The latest offset of each key written in the range that the pass looks at.
    pub(crate) latest: &'a KeyMap,
    /// Where the range ends: no record from there on is touched.
    pub(crate) end: i64,
    /// What becomes of tombstones that have passed their horizon is decided by this time, in ms.
    pub(crate) now_ms: i64,
    /// When tombstones may go that are met for the first time, in ms.
    pub(crate) horizon: i64,
}

/// What the rest of the log says about a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Records that count.
    Data,
    /// Records of a transaction that was aborted.
    Aborted,
    /// The end of a transaction.
    Marker {
        /// Whether nothing is left of the transaction.
        is_last_trace: bool,
    },
}

impl Rules<'_> {
    /// What becomes of a batch, if that can be told without opening its records.
    fn unopened(&self, header: &Header, role: Role) -> Option<Verdict> {
        if header.base_offset >= self.end {
            return Some(Verdict::Keep);
        }
        let all_go = match role {
            Role::Data if header.count > 0 => return None,
            Role::Data | Role::Aborted => true,
            Role::Marker { is_last_trace } => match (is_last_trace, header.delete_horizon()) {
                (false, _) => return Some(Verdict::Keep),
                (true, None) if header.count > 0 => {
                    return Some(Verdict::Rewrite {
                        keep: vec![true; header.count.unsigned_abs() as usize],
                        horizon: Some(self.horizon),
                    });
                }
                (true, horizon) => horizon.is_none_or(|horizon| horizon <= self.now_ms),
            },
        };
        Some(match all_go {
            true => Verdict::Drop,
            false => Verdict::Keep,
        })
    }

    /// What becomes of a batch of data with these records.
    ///
    /// # Errors
    /// The first record that cannot be read.
    fn opened<'a>(
        &self,
        header: &Header,
        records: impl Iterator<Item = Result<Record<'a>, Error>>,
    ) -> Result<Verdict, Error> {
        let mut keep = Vec::new();
        let mut any_tombstone = false;
        for record in records {
            let record = record?;
            let stays = self.stays(header, &record);
            any_tombstone |= stays && record.value.is_none() && record.offset < self.end;
            keep.push(stays);
        }
        let sets_horizon = any_tombstone && header.delete_horizon().is_none();
        Ok(Verdict::on(keep, sets_horizon.then_some(self.horizon)))
    }

    fn stays(&self, header: &Header, record: &Record<'_>) -> bool {
        if record.offset >= self.end {
            return true;
        }
        let Some(key) = record.key else {
            return false;
        };
        let is_latest = self
            .latest
            .latest(key)
            .is_none_or(|latest| latest <= record.offset);
        let has_expired = || {
            let horizon = header.delete_horizon();
            record.value.is_none() && horizon.is_some_and(|horizon| horizon <= self.now_ms)
        };
        is_latest && !has_expired()
    }
}

/// The same of batches as they come one after the other, with what the transactions have left of themselves.
#[derive(Debug)]
pub(crate) struct ByKey<'a> {
    /// What is known beforehand.
    pub(crate) rules: Rules<'a>,
    /// The transactions in the range that were aborted.
    pub(crate) aborted: &'a AbortedSet,
    /// Which of them were met.
    pub(crate) traces: Traces,
}

impl ByKey<'_> {
    fn role(&mut self, header: &Header) -> Role {
        match (header.is_control(), header.is_transactional()) {
            (true, _) => Role::Marker {
                is_last_trace: self.traces.marker(header),
            },
            (false, false) => Role::Data,
            (false, true) => {
                self.traces.data(header);
                match self.aborted.has(header) {
                    true => Role::Aborted,
                    false => Role::Data,
                }
            }
        }
    }
}

impl Judge for ByKey<'_> {
    fn unopened(&mut self, header: &Header) -> Option<Verdict> {
        let role = self.role(header);
        self.rules.unopened(header, role)
    }

    fn opened<'a>(
        &self,
        header: &Header,
        records: impl Iterator<Item = Result<Record<'a>, Error>>,
    ) -> Result<Verdict, Error> {
        self.rules.opened(header, records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_batch::{Batch, Builder};

    const NOW: i64 = 10_000;

    /// What becomes of a batch at offset 10, where key `a` was written at 10 and `b` at 20 last, and 50 is the end.
    fn verdict(batch: &Batch, role: Role, change: fn(&mut Header)) -> Verdict {
        let mut latest = KeyMap::new(1 << 10, 10);
        latest.put(b"a", 10);
        latest.put(b"b", 20);
        let rules = Rules {
            latest: &latest,
            end: 50,
            now_ms: NOW,
            horizon: NOW + 1_000,
        };
        let mut header = *batch.header();
        header.base_offset = 10;
        change(&mut header);
        let unopened = rules.unopened(&header, role);
        unopened.unwrap_or_else(|| {
            let records = batch.records(1 << 10).unwrap();
            let placed = records.iter().map(|record| {
                record.map(|record| Record {
                    offset: record.offset + header.base_offset,
                    ..record
                })
            });
            rules.opened(&header, placed).unwrap()
        })
    }

    fn batch(records: &[(Option<&str>, Option<&str>)]) -> Batch {
        let add = |builder: Builder, (key, value): &(Option<&str>, Option<&str>)| {
            builder.record(0, key.map(str::as_bytes), value.map(str::as_bytes))
        };
        records.iter().fold(Builder::new(), add).build().unwrap()
    }

    const A: (Option<&str>, Option<&str>) = (Some("a"), Some("1"));
    const B: (Option<&str>, Option<&str>) = (Some("b"), Some("1"));
    const OTHER: (Option<&str>, Option<&str>) = (Some("c"), Some("1"));
    const KEYLESS: (Option<&str>, Option<&str>) = (None, Some("1"));
    const TOMBSTONE: (Option<&str>, Option<&str>) = (Some("a"), None);

    fn rewrite(keep: &[bool], horizon: Option<i64>) -> Verdict {
        Verdict::Rewrite {
            keep: keep.to_vec(),
            horizon,
        }
    }

    fn set_horizon(header: &mut Header, horizon: i64) {
        header.attributes |= 1 << 6;
        header.base_timestamp = horizon;
    }

    #[test]
    fn the_last_record_of_each_key_stays() {
        let check = |records: &[_], expected| {
            assert_eq!(verdict(&batch(records), Role::Data, |_| ()), expected);
        };
        check(&[A, OTHER], Verdict::Keep);
        check(&[A, B], rewrite(&[true, false], None));
        check(&[A, KEYLESS, OTHER], rewrite(&[true, false, true], None));
        check(&[B, KEYLESS], Verdict::Drop);
        check(&[B, A], rewrite(&[false, true], None));
    }

    #[test]
    fn nothing_at_or_above_the_end_is_touched() {
        let placed =
            |offset: fn(&mut Header)| verdict(&batch(&[KEYLESS, KEYLESS]), Role::Data, offset);
        assert_eq!(placed(|header| header.base_offset = 50), Verdict::Keep);
        let split = placed(|header| header.base_offset = 49);
        assert_eq!(split, rewrite(&[false, true], None));
        assert_eq!(placed(|header| header.base_offset = 48), Verdict::Drop);
    }

    #[test]
    fn a_tombstone_gets_a_horizon_and_goes_when_it_has_passed() {
        let tombstone = |change: fn(&mut Header)| verdict(&batch(&[TOMBSTONE]), Role::Data, change);
        assert_eq!(tombstone(|_| ()), rewrite(&[true], Some(NOW + 1_000)));
        assert_eq!(tombstone(|h| set_horizon(h, NOW + 1)), Verdict::Keep);
        assert_eq!(tombstone(|h| set_horizon(h, NOW)), Verdict::Drop);
    }

    #[test]
    fn a_marker_goes_a_while_after_the_last_trace_of_its_transaction() {
        let check = |is_last_trace, change: fn(&mut Header), expected| {
            let role = Role::Marker { is_last_trace };
            assert_eq!(verdict(&batch(&[A]), role, change), expected);
        };
        check(false, |h| set_horizon(h, 0), Verdict::Keep);
        check(true, |_| (), rewrite(&[true], Some(NOW + 1_000)));
        check(true, |h| set_horizon(h, NOW + 1), Verdict::Keep);
        check(true, |h| set_horizon(h, NOW), Verdict::Drop);
    }
}
