//! What is done to a store, drawn by chance.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_store::{Ack, AppendMode, Appended, Error, Flush, Partition, Store};
use tokio::task::JoinHandle;

use crate::bond::Bond;
use crate::clients::{Part, Payload, Producer};
use crate::history::{Existence, History};
use crate::life::{Run, config, is_of_the_disk};

/// No append takes as long to be answered.
const PATIENCE: Duration = Duration::from_secs(60);

/// An append on its way.
#[derive(Debug)]
pub(crate) struct Flight {
    partition: Arc<Partition>,
    payload: Payload,
    ack: Ack,
    appended: Appended,
    answer: JoinHandle<Result<(), Error>>,
}

impl Flight {
    fn new(partition: Arc<Partition>, payload: Payload, ack: Ack, appended: Appended) -> Self {
        let (waiting, next) = (Arc::clone(&partition), appended.next_offset());
        let answer = tokio::spawn(async move { waiting.wait(next, ack).await });
        Flight {
            partition,
            payload,
            ack,
            appended,
            answer,
        }
    }
}

impl Run {
    /// Does one thing.
    pub(crate) async fn step(&mut self, store: &Store) {
        self.now_ms += self.dice.between(0, 2_000) as i64;
        match self.dice.between(0, 28) {
            0 | 1 => self.create(store),
            2 if self.histories.len() > 3 => self.delete(store),
            3 => self.set_config(store).await,
            4 | 5 => self.delete_records(store).await,
            6 | 7 => self.maintain(store).await,
            8 => self.change_room(),
            9 => self.compact(store).await,
            10 | 11 => self.look(store).await,
            12 | 13 => self.advance_log_start(store),
            14 | 15 => self.remove(store).await,
            16 | 17 => self.end_transaction(store).await,
            _ => self.burst(store).await,
        }
    }

    fn create(&mut self, store: &Store) {
        let count = self.dice.between(1, 4);
        let config = config(&mut self.dice);
        let ids: Vec<_> = (0..count).map(|_| self.fresh_id()).collect();
        let created = store.create_partitions(&ids, &Arc::new(config.clone()));
        self.tell(format!("create {ids:?}: {created:?}"));
        for id in ids {
            let mut history = History::new(id, config.clone());
            if created.is_ok() {
                history.existence = Existence::Certain;
            }
            self.histories.insert(id, history);
        }
        assert!(created.is_ok() || self.may_fail);
    }

    fn delete(&mut self, store: &Store) {
        let Some(partition) = self.any_partition(store) else {
            return;
        };
        let deleted = store.delete_partition(&partition.id());
        self.tell(format!("delete {}: {deleted:?}", partition.id()));
        let history = self.histories.get_mut(&partition.id()).unwrap();
        history.existence = match deleted {
            Ok(()) => Existence::Gone,
            Err(_) => Existence::Possible,
        };
    }

    async fn set_config(&mut self, store: &Store) {
        let Some(partition) = self.any_partition(store) else {
            return;
        };
        let config = config(&mut self.dice);
        self.tell(format!("set {} {:?}", partition.id(), config.flush));
        let history = self.histories.get_mut(&partition.id()).unwrap();
        history.note_offsets(partition.offsets());
        history.note_config(config.clone());
        partition.set_config(config);
    }

    async fn delete_records(&mut self, store: &Store) {
        let Some(partition) = self.any_partition(store) else {
            return;
        };
        let before = self.any_offset(&partition);
        let deleted = partition.delete_records(before).await;
        self.tell(format!(
            "delete records of {} below {before}: {deleted:?}",
            partition.id()
        ));
        let history = self.histories.get_mut(&partition.id()).unwrap();
        history.note_deletion(before, deleted.is_ok());
        assert!(
            deleted.as_ref().err().is_none_or(is_of_the_disk),
            "{deleted:?}"
        );
    }

    /// Moves a log start that a crash may take back.
    fn advance_log_start(&mut self, store: &Store) {
        let Some(partition) = self.any_partition(store) else {
            return;
        };
        let before = self.any_offset(&partition);
        let advanced = partition.advance_log_start(before).unwrap();
        self.tell(format!("log start of {} at {before}", partition.id()));
        assert!(advanced >= before);
        let history = self.histories.get_mut(&partition.id()).unwrap();
        history.note_deletion(before, false);
    }

    /// Has some more records die, and removes all that are dead.
    async fn remove(&mut self, store: &Store) {
        let Some(partition) = self.any_partition(store) else {
            return;
        };
        let (from, to) = (self.any_offset(&partition), self.any_offset(&partition));
        let history = self.histories.get_mut(&partition.id()).unwrap();
        let dead = history.note_dead(from..to);
        let removed = partition.remove(dead).await;
        self.tell(format!(
            "remove {from}..{to} of {}: {removed:?}",
            partition.id()
        ));
        assert!(removed.as_ref().err().is_none_or(is_of_the_disk));
    }

    /// An offset that may be read, or the end.
    fn any_offset(&mut self, partition: &Partition) -> i64 {
        let offsets = partition.offsets();
        let (start, end) = (offsets.log_start as u64, offsets.high_watermark as u64);
        self.dice.between(start, end + 1) as i64
    }

    async fn maintain(&mut self, store: &Store) {
        self.tell("maintain".to_owned());
        for history in self.histories.values_mut().filter(|_| self.may_fail) {
            history.note_retention();
        }
        store.maintain(self.now_ms).await;
    }

    /// Twice, for an active segment is closed only where appends pause.
    async fn compact(&mut self, store: &Store) {
        self.tell("compact".to_owned());
        store.compact(self.now_ms).await;
        store.compact(self.now_ms).await;
    }

    fn change_room(&mut self) {
        let room = self.dice.pick(&[None, None, Some(100), Some(3_000)]);
        self.tell(format!("room for {room:?}"));
        self.disk.set_room(room);
        self.may_fail = true;
    }

    /// Reads anywhere and compares.
    async fn look(&mut self, store: &Store) {
        let Some(partition) = self.any_partition(store) else {
            return;
        };
        let history = self.histories.get_mut(&partition.id()).unwrap();
        let offsets = partition.offsets();
        history.note_offsets(offsets);
        history.note_epoch(partition.leader_epoch());
        let span = (offsets.high_watermark - offsets.log_start) as u64;
        let from = offsets.log_start + self.dice.between(0, span + 1) as i64;
        let max_bytes = self.dice.pick(&[1, 500, 100_000]);
        match partition
            .read(from, max_bytes, offsets.high_watermark, true)
            .await
        {
            Ok(read) => {
                history.check_read(&read);
                assert!(!read.is_empty() || from == offsets.high_watermark);
            }
            Err(Error::OffsetOutOfRange { log_start, .. }) => assert!(log_start > from),
            Err(error) => assert!(is_of_the_disk(&error), "{error}"),
        }
    }

    /// Appends to some partitions at once, looks around meanwhile, and takes the answers.
    async fn burst(&mut self, store: &Store) {
        let mut flights = Vec::new();
        for _ in 0..self.dice.between(1, 6) {
            let Some(partition) = self.any_partition(store) else {
                return self.create(store);
            };
            if self.dice.chance(25) {
                flights.extend(self.write_in_transaction(partition));
                continue;
            }
            for payload in self.payloads(&partition) {
                flights.extend(self.send(partition.clone(), payload));
            }
            if self.dice.chance(15) {
                flights.extend(self.send_to_several(store));
            }
        }
        let begun = Instant::now();
        while let Some(open) = flights.iter().find(|it| !it.answer.is_finished()) {
            assert!(begun.elapsed() < PATIENCE, "nobody answers {open:?}");
            if self.dice.chance(20) {
                self.look(store).await;
            }
            if self.dice.chance(1) {
                self.maintain(store).await;
            }
            if self.dice.chance(1) {
                self.compact(store).await;
            }
            tokio::task::yield_now().await;
        }
        for flight in flights {
            self.take_answer(flight).await;
        }
    }

    /// Something new that nobody sends again.
    pub(crate) fn payload(&mut self) -> Payload {
        self.made += 1;
        Payload {
            numbered: None,
            part: None,
            records: self.dice.between(1, 5) as usize,
            size: self.dice.index(100),
            time_ms: self.now_ms,
            tag: self.made,
        }
    }

    /// What clients send to a partition: something new, and what was not acknowledged before it.
    fn payloads(&mut self, partition: &Partition) -> Vec<Payload> {
        let mut payload = self.payload();
        let history = self.histories.get_mut(&partition.id()).unwrap();
        if self.dice.chance(40) {
            return vec![payload];
        }
        while history.producers.len() < 2 {
            let id = 1_000 * (history.producers.len() as i64 + 1);
            history.producers.push(Producer::new(id));
        }
        let producer = &mut history.producers[self.dice.index(2)];
        if producer.unacknowledged.len() < 5 {
            payload.numbered = Some((producer.id, producer.next));
            producer.next += payload.records as i32;
            producer.unacknowledged.push_back(payload);
        }
        producer.unacknowledged.iter().copied().collect()
    }

    pub(crate) fn send(&mut self, partition: Arc<Partition>, payload: Payload) -> Option<Flight> {
        let batch = payload.batch();
        let crc = batch.header().crc;
        let appended = match partition.append(batch, AppendMode::Client, self.now_ms) {
            Ok(appended) => appended,
            Err(error) => {
                self.tell(format!("append to {}: {error}", partition.id()));
                let is_gap = matches!(error, Error::OutOfOrderSequence { .. });
                assert!(is_of_the_disk(&error) || is_gap && self.may_fail, "{error}");
                return None;
            }
        };
        let history = self.histories.get_mut(&partition.id()).unwrap();
        history.note_sent(payload, &appended, crc, history.config.flush);
        let ack = match payload.numbered {
            None if payload.part.is_none() && self.dice.chance(30) => Ack::Written,
            _ => Ack::Durable,
        };
        Some(Flight::new(partition, payload, ack, appended))
    }

    /// Appends to two or three partitions what is to be in all of them or in none.
    fn send_to_several(&mut self, store: &Store) -> Vec<Flight> {
        let count = self.dice.between(2, 4);
        let partitions = (0..count).filter_map(|_| self.any_partition(store));
        let partitions: Vec<_> = partitions.collect();
        let payloads = partitions.iter().map(|_| self.payload()).collect();
        self.append_all(store, partitions, payloads)
    }

    /// Appends to some partitions what is to be in all of them or in none.
    pub(crate) fn append_all(
        &mut self,
        store: &Store,
        partitions: Vec<Arc<Partition>>,
        payloads: Vec<Payload>,
    ) -> Vec<Flight> {
        let batches: Vec<_> = payloads.iter().map(Payload::batch).collect();
        let crcs: Vec<_> = batches.iter().map(|batch| batch.header().crc).collect();
        let batches = partitions.iter().cloned().zip(batches).collect();
        let all = match store.append_all(batches, self.now_ms) {
            Ok(all) => all,
            Err(error) => {
                self.tell(format!("append to several: {error}"));
                assert!(is_of_the_disk(&error), "{error}");
                return Vec::new();
            }
        };
        let mut bond = Bond::default();
        let mut flights = Vec::new();
        for (((partition, payload), crc), appended) in
            partitions.into_iter().zip(payloads).zip(crcs).zip(all)
        {
            let history = self.histories.get_mut(&partition.id()).unwrap();
            history.note_sent(payload, &appended, crc, Flush::Sync);
            bond.0.push((partition.id(), appended.base_offset, crc));
            flights.push(Flight::new(partition, payload, Ack::Durable, appended));
        }
        self.tell(format!("append to several: {bond:?}"));
        self.bonds.push(bond);
        flights
    }

    /// Takes an answer; whether it says that all went well.
    pub(crate) async fn take_answer(&mut self, flight: Flight) -> bool {
        let answer = flight.answer.await.unwrap();
        let (base, next) = (flight.appended.base_offset, flight.appended.next_offset());
        let id = flight.partition.id();
        let (numbered, part) = (flight.payload.numbered, flight.payload.part);
        self.tell(format!(
            "{id} {base}..{next} {numbered:?} {part:?}: {answer:?}"
        ));
        let is_well = answer.is_ok();
        if let Some(Part::Records(writer, ..)) = part
            && !is_well
        {
            self.fail_writer(writer);
        }
        let history = self.histories.get_mut(&id).unwrap();
        match answer {
            Ok(()) => {
                history.note_written(next);
                if flight.ack == Ack::Durable {
                    let offsets = flight.partition.offsets();
                    assert!(
                        offsets.high_watermark >= next,
                        "acknowledged before it was visible"
                    );
                    history.note_offsets(offsets);
                    history.note_durable(next);
                }
                if let Some((producer, sequence)) = numbered {
                    let mut producers = history.producers.iter_mut();
                    let it = producers.find(|it| it.id == producer).unwrap();
                    it.acknowledge(sequence);
                }
            }
            Err(Error::StorageFull { .. } | Error::CannotOpen { .. } | Error::Abandoned { .. }) => {
                history.note_refused(base);
            }
            Err(error) => assert!(is_of_the_disk(&error), "{error}"),
        }
        is_well
    }

    /// Has all producers send again what was not acknowledged; nothing goes wrong meanwhile.
    pub(crate) async fn resend_everything(&mut self, store: &Store) {
        self.tell("resend everything".to_owned());
        let mut flights = Vec::new();
        for partition in store.partitions() {
            let history = &self.histories[&partition.id()];
            let producers = history.producers.iter();
            let payloads: Vec<_> = producers
                .flat_map(|producer| producer.unacknowledged.iter().copied())
                .collect();
            for payload in payloads {
                let sent = self.send(Arc::clone(&partition), payload);
                flights.push(sent.unwrap());
            }
        }
        for flight in flights {
            self.take_answer(flight).await;
        }
        for history in self.histories.values() {
            let is_there = history.existence == Existence::Certain;
            let mut producers = history.producers.iter();
            assert!(!is_there || producers.all(|producer| producer.unacknowledged.is_empty()));
        }
    }
}
