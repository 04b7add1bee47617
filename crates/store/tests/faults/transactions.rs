//! Transactions over several partitions, ended by markers that stand in all of them or in none.

use std::sync::Arc;

use millstream_batch::{Marker, Outcome};
use millstream_store::{AbortedSet, Partition, Store};

use crate::clients::{Payload, Writer};
use crate::history::Existence;
use crate::life::Run;
use crate::steps::Flight;
use crate::support::read_all;

/// Writers at a time.
const WRITERS: usize = 3;

impl Run {
    /// Has a writer write to one more partition, or the same again.
    pub(crate) fn write_in_transaction(&mut self, partition: Arc<Partition>) -> Option<Flight> {
        if self.writers.len() < WRITERS {
            self.made += 1;
            self.writers.push(Writer::new(10_000 + self.made as i64));
        }
        let at = self.dice.index(WRITERS.min(self.writers.len()));
        if self.writers[at].failed {
            return None;
        }
        let mut payload = self.payload();
        let writer = &mut self.writers[at];
        payload.part = Some(writer.part(partition.id(), payload.records));
        writer.open.insert(partition.id());
        let flight = self.send(partition, payload);
        self.writers[at].failed |= flight.is_none();
        flight
    }

    /// Takes note that something a writer sent may be lost.
    pub(crate) fn fail_writer(&mut self, id: i64) {
        let mut writers = self.writers.iter_mut();
        if let Some(writer) = writers.find(|writer| writer.id == id) {
            writer.failed = true;
        }
    }

    /// Ends what a writer has begun.
    pub(crate) async fn end_transaction(&mut self, store: &Store) {
        if self.writers.is_empty() {
            return;
        }
        let at = self.dice.index(self.writers.len());
        let mut writer = self.writers.swap_remove(at);
        let outcome = match writer.failed || self.dice.chance(40) {
            true => Outcome::Abort,
            false => Outcome::Commit,
        };
        let bump = i16::from(writer.failed || self.dice.chance(50));
        let marker = Marker {
            producer_id: writer.id,
            producer_epoch: writer.epoch + bump,
            coordinator_epoch: 0,
            outcome,
        };
        let is_certain = |id: &&_| self.histories[*id].existence == Existence::Certain;
        let partitions = writer.open.iter().filter(is_certain);
        let partitions: Vec<_> = partitions.filter_map(|id| store.partition(id)).collect();
        // One whose end is uncertain is left to who finds it open.
        if self.mark(store, partitions, marker).await && !writer.failed {
            writer.go_on(marker.producer_epoch);
            self.writers.push(writer);
        }
    }

    /// Aborts what a former life has left open, as its coordinator does.
    pub(crate) async fn abort_orphans(&mut self, store: &Store) {
        for partition in store.partitions() {
            for open in partition.open_transactions() {
                let marker = Marker {
                    producer_id: open.producer_id,
                    producer_epoch: open.epoch + 1,
                    coordinator_epoch: 1,
                    outcome: Outcome::Abort,
                };
                let is_ended = self.mark(store, vec![Arc::clone(&partition)], marker).await;
                assert!(is_ended, "nothing goes wrong meanwhile");
            }
        }
    }

    /// Appends a marker to some partitions; whether it stands.
    async fn mark(
        &mut self,
        store: &Store,
        partitions: Vec<Arc<Partition>>,
        marker: Marker,
    ) -> bool {
        if partitions.is_empty() {
            return false;
        }
        self.tell(format!("{marker:?}"));
        let payload = Payload::end(marker, self.now_ms);
        let payloads = vec![payload; partitions.len()];
        let flights = self.append_all(store, partitions, payloads);
        let mut is_ended = !flights.is_empty();
        for flight in flights {
            is_ended &= self.take_answer(flight).await;
        }
        is_ended
    }

    /// Compares what partitions say of their transactions with what was written to them; nothing is under way.
    pub(crate) async fn check_transactions(&mut self, store: &Store) {
        for partition in store.partitions() {
            let history = &self.histories[&partition.id()];
            let offsets = partition.offsets();
            let range = offsets.log_start..offsets.high_watermark;
            let aborted = partition.aborted(range.clone()).await.unwrap();
            for listed in &aborted {
                assert!(listed.last_offset >= range.start, "{listed:?} of {range:?}");
            }
            let open = partition.open_transactions();
            let first = open.iter().map(|open| open.first_offset).min();
            let stable = first.map_or(range.end, |first| first.max(range.start));
            assert_eq!(offsets.last_stable, stable, "{open:?} in {offsets:?}");
            let read = read_all(&partition).await;
            history.check_transactions(range.start, &read, &AbortedSet::new(aborted), &open);
        }
    }
}
