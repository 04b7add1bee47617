//! Removal by offset: a record goes if somebody who knows says that it is dead, whatever its key.
//!
//! Markers of transactions always stay: they tell readers what to make of records that do.

use millstream_batch::{Error, Header, Record};

use super::ranges::Ranges;
use super::verdict::{Judge, Verdict};

/// Has the records at these offsets go, and no other.
#[derive(Debug)]
pub(crate) struct ByOffset<'a>(pub(crate) &'a Ranges);

impl Judge for ByOffset<'_> {
    fn unopened(&mut self, header: &Header) -> Option<Verdict> {
        let offsets = header.base_offset..header.next_offset();
        match self.0.count(&offsets) {
            _ if header.is_control() => Some(Verdict::Keep),
            0 => Some(Verdict::Keep),
            dead if dead == offsets.end - offsets.start => Some(Verdict::Drop),
            _ => None,
        }
    }

    fn opened<'a>(
        &self,
        _header: &Header,
        records: impl Iterator<Item = Result<Record<'a>, Error>>,
    ) -> Result<Verdict, Error> {
        let stays = |record: Result<Record<'_>, Error>| Ok(!self.0.contains(record?.offset));
        let keep = records.map(stays).collect::<Result<Vec<bool>, Error>>()?;
        Ok(Verdict::on(keep, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_batch::{Batch, Builder};

    /// What becomes of a batch of three records from offset 10 on.
    fn verdict(dead: std::ops::Range<i64>, build: fn(Builder) -> Builder) -> Verdict {
        let dead = Ranges::new(vec![dead]);
        let mut builder = build(Builder::new());
        for _ in 0..3 {
            builder.push(0, Some(b"key"), None, &[]);
        }
        let stamped = builder.build().unwrap().stamp(10, 0);
        let batch = Batch::parse(stamped.into()).unwrap();
        let mut judge = ByOffset(&dead);
        let unopened = judge.unopened(batch.header());
        unopened.unwrap_or_else(|| {
            let records = batch.records(1 << 10).unwrap();
            judge.opened(batch.header(), records.iter()).unwrap()
        })
    }

    #[test]
    fn the_dead_go_and_no_other_record() {
        let rewrite = |keep: [bool; 3]| Verdict::Rewrite {
            keep: keep.to_vec(),
            horizon: None,
        };
        for (dead, expected) in [
            (0..10, Verdict::Keep),
            (13..20, Verdict::Keep),
            (10..13, Verdict::Drop),
            (0..20, Verdict::Drop),
            (10..11, rewrite([false, true, true])),
            (11..12, rewrite([true, false, true])),
            (11..20, rewrite([true, false, false])),
        ] {
            assert_eq!(
                verdict(dead.clone(), |builder| builder),
                expected,
                "{dead:?}"
            );
        }
    }

    #[test]
    fn markers_stay_whoever_calls_them_dead() {
        let marker = |builder: Builder| builder.producer(1, 0, -1).transactional().control();
        assert_eq!(verdict(0..20, marker), Verdict::Keep);
    }
}
