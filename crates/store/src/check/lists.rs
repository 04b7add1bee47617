//! The lists of aborted transactions against the markers in the log.
//!
//! A list is derived. One that cannot be read is made anew, but one that is sound and wrong would show records that do not
//! count, or hide some that do. It may know of more than the log has: of records that went with older segments or by
//! compaction.

use std::collections::HashMap;
use std::path::Path;

use millstream_batch::{BatchRef, Marker, Outcome};

use super::report::Report;
use crate::aborted::{self, Aborted, Entry};
use crate::error::Result;
use crate::format::{self, Kind};
use crate::producer_state::Producers;
use crate::segment::Volume;

/// What a walk through a partition has seen of its transactions.
#[derive(Default)]
pub(super) struct Lists {
    producers: Producers,
    /// The producers of the markers that abort, by offset, in this segment.
    markers: HashMap<i64, i64>,
    /// The transactions that those end, as far as the log has them.
    ended: Vec<Aborted>,
    /// Whether something was missing that may have been part of one.
    is_uncertain: bool,
}

impl Lists {
    /// Takes note of the next batch.
    pub(super) fn note(&mut self, batch: BatchRef<'_>) {
        if let Ok(Some(marker)) = Marker::of(batch)
            && marker.outcome == Outcome::Abort
        {
            self.markers
                .insert(batch.header.base_offset, marker.producer_id);
        }
        let ended = self.producers.replay(batch, 0);
        self.ended.extend(ended.map(|entry| entry.aborted));
    }

    /// Takes note of bytes that are no batch.
    pub(super) fn miss(&mut self) {
        self.is_uncertain = true;
    }

    /// Compares the list of the segment that ends here, and forgets the segment. Below `point` the list must be whole.
    pub(super) fn compare(
        &mut self,
        volume: &Volume,
        path: &Path,
        point: i64,
        report: &mut Report<'_>,
    ) -> Result<()> {
        let (markers, ended) = (
            std::mem::take(&mut self.markers),
            std::mem::take(&mut self.ended),
        );
        let body = format::load(&*volume.disk, path, Kind::Aborted, volume.cluster_id);
        let listed = match body {
            Err(crate::Error::Corrupt { reason, .. }) => Err(reason),
            body => aborted::decode(&body?.unwrap_or_default())
                .ok_or_else(|| "the last entry is cut short".into()),
        };
        match listed {
            Err(reason) => report.crash(path, 0, format!("{reason}: it is made anew")),
            Ok(_) if self.is_uncertain => {}
            Ok(listed) => {
                let below = |it: &&Aborted| it.last_offset < point;
                let listed: Vec<Aborted> =
                    listed.iter().map(|entry: &Entry| entry.aborted).collect();
                for found in ended.iter().filter(below) {
                    require(found, &listed, path, report);
                }
                for listed in listed.iter().filter(below) {
                    if markers.get(&listed.last_offset) != Some(&listed.producer_id) {
                        report.damage(path, 0, format!("{}, which no marker says", told(listed)));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Tells if a transaction is not listed from its first record on.
fn require(found: &Aborted, listed: &[Aborted], path: &Path, report: &mut Report<'_>) {
    let covers = |it: &&Aborted| {
        (it.producer_id, it.last_offset) == (found.producer_id, found.last_offset)
            && it.first_offset <= found.first_offset
    };
    if !listed.iter().any(|it| covers(&it)) {
        let what = format!("does not list that {}", told(found));
        report.damage(path, 0, what);
    }
}

fn told(aborted: &Aborted) -> String {
    let Aborted {
        producer_id,
        first_offset,
        last_offset,
    } = aborted;
    format!("producer {producer_id} aborted offsets {first_offset} to {last_offset}")
}
