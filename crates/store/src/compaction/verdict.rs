//! What becomes of one batch, whoever decides which of its records stay.

use std::collections::HashMap;

use millstream_batch::{Error, Header, Record};

/// What becomes of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stays as it is, to the byte.
    Keep,
    /// It goes.
    Drop,
    /// These of its records stay, and what it says of its horizon is this.
    Rewrite {
        /// For each record whether it stays.
        keep: Vec<bool>,
        /// Time in ms until which tombstones and markers stay, if it has to be noted.
        horizon: Option<i64>,
    },
}

/// Decides which records stay. It is shown the batches in the order of the log.
pub(crate) trait Judge {
    /// What becomes of a batch, if that can be told without opening its records.
    fn unopened(&mut self, header: &Header) -> Option<Verdict>;

    /// What becomes of a batch with these records.
    ///
    /// # Errors
    /// The first record that cannot be read.
    fn opened<'a>(
        &self,
        header: &Header,
        records: impl Iterator<Item = Result<Record<'a>, Error>>,
    ) -> Result<Verdict, Error>;
}

impl Verdict {
    /// The verdict on a batch by those on its records, with a horizon that has to be noted.
    pub(crate) fn on(keep: Vec<bool>, horizon: Option<i64>) -> Self {
        match keep.iter().filter(|&&stays| stays).count() {
            0 => Verdict::Drop,
            kept if kept == keep.len() && horizon.is_none() => Verdict::Keep,
            _ => Verdict::Rewrite { keep, horizon },
        }
    }

    /// The same, but that a batch of which nothing is left stays as a header where somebody counts on it: it tells what
    /// its producer sent last, of those whose last offsets are given, and where its segment ends if it `is_last` there.
    pub(crate) fn leaving_traces(
        self,
        header: &Header,
        is_last: bool,
        producers: &HashMap<i64, i64>,
    ) -> Self {
        let is_remembered = header.has_producer()
            && producers.get(&header.producer_id) == Some(&header.last_offset());
        match (self, header.count) {
            (Verdict::Drop, 0) if is_last || is_remembered => Verdict::Keep,
            (Verdict::Drop, _) if is_last || is_remembered => Verdict::Rewrite {
                keep: Vec::new(),
                horizon: None,
            },
            (verdict, _) => verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_batch::Builder;

    #[test]
    fn what_becomes_of_a_batch_follows_from_its_records() {
        let rewrite = |keep: &[bool], horizon| Verdict::Rewrite {
            keep: keep.to_vec(),
            horizon,
        };
        for (keep, horizon, expected) in [
            (&[true, true][..], None, Verdict::Keep),
            (&[false, false], None, Verdict::Drop),
            (&[true, false], None, rewrite(&[true, false], None)),
            (&[true, true], Some(9), rewrite(&[true, true], Some(9))),
        ] {
            assert_eq!(Verdict::on(keep.to_vec(), horizon), expected);
        }
    }

    #[test]
    fn emptied_batches_stay_where_somebody_counts_on_them() {
        let batch = Builder::new().record(0, None, None).build().unwrap();
        let producers = HashMap::from([(7, 10)]);
        let check = |is_last, change: fn(&mut Header), expected| {
            let mut header = *batch.header();
            header.base_offset = 10;
            change(&mut header);
            let verdict = Verdict::Drop.leaving_traces(&header, is_last, &producers);
            assert_eq!(verdict, expected);
        };
        let emptied = || Verdict::Rewrite {
            keep: Vec::new(),
            horizon: None,
        };
        check(false, |_| (), Verdict::Drop);
        check(true, |_| (), emptied());
        check(false, |h| h.producer_id = 7, emptied());
        check(false, |h| h.producer_id = 8, Verdict::Drop);
        check(true, |h| h.count = 0, Verdict::Keep);
        check(false, |h| h.count = 0, Verdict::Drop);
    }
}
