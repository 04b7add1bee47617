//! Whatever is done to a store, it holds what a list of batches would.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::sync::Arc;

use millstream_store::disk::faulty::{FaultyDisk, Survives};
use millstream_store::{LogConfig, Partition, Store, StoreOptions};
use proptest::prelude::*;
use support::{ID, append, bases, batch_at, numbered, open, read_all};

#[derive(Debug, Clone)]
enum Step {
    Append { records: usize, size: usize },
    AppendNumbered { records: usize },
    Repeat { back: usize },
    Reopen,
    Crash(Survives),
    Damage { index: bool },
    DeleteRecords { percent: i64 },
    Maintain,
    Read { from_percent: i64, max_bytes: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..20_usize, 1..300_usize).prop_map(|(records, size)| Step::Append { records, size }),
        4 => (1..20_usize).prop_map(|records| Step::AppendNumbered { records }),
        2 => (0..5_usize).prop_map(|back| Step::Repeat { back }),
        1 => Just(Step::Reopen),
        1 => prop_oneof![
            Just(Survives::Synced),
            Just(Survives::Written),
            (0..200_usize).prop_map(Survives::Torn),
        ].prop_map(Step::Crash),
        1 => any::<bool>().prop_map(|index| Step::Damage { index }),
        1 => (0..=100_i64).prop_map(|percent| Step::DeleteRecords { percent }),
        1 => Just(Step::Maintain),
        3 => (0..=100_i64, 0..5_000_usize)
            .prop_map(|(from_percent, max_bytes)| Step::Read { from_percent, max_bytes }),
    ]
}

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 8_000,
        index_interval_bytes: 500,
        ..LogConfig::default()
    }
}

fn options(tail_bytes: usize) -> StoreOptions {
    StoreOptions {
        tail_bytes,
        recovery_point_bytes: 3_000,
        default_config: config().into(),
        ..StoreOptions::default()
    }
}

/// A store and what it should hold.
struct Run {
    disk: FaultyDisk,
    tail_bytes: usize,
    store: Option<Store>,
    partition: Arc<Partition>,
    /// Base offset and records of each batch ever appended.
    batches: Vec<(i64, i64)>,
    /// The batches of the idempotent producer: sequence, records, base offset.
    numbered: Vec<(i32, usize, i64)>,
    log_start: i64,
}

impl Run {
    fn new(tail_bytes: usize) -> Self {
        let disk = FaultyDisk::default();
        let store = open(&disk, options(tail_bytes)).unwrap();
        let partition = store.create_partition(ID, config()).unwrap();
        Run {
            disk,
            tail_bytes,
            store: Some(store),
            partition,
            batches: Vec::new(),
            numbered: Vec::new(),
            log_start: 0,
        }
    }

    fn log_end(&self) -> i64 {
        self.batches
            .last()
            .map_or(0, |(base, records)| base + records)
    }

    /// Base offsets of the batches that hold anything from an offset on.
    fn expected(&self, from: i64) -> Vec<i64> {
        let visible = self
            .batches
            .iter()
            .filter(|(base, records)| base + records > from);
        visible.map(|(base, _)| *base).collect()
    }

    fn reopen(&mut self, disk: FaultyDisk) {
        self.store = None;
        self.disk = disk;
        let store = open(&self.disk, options(self.tail_bytes)).unwrap();
        self.partition = store.partition(&ID).unwrap();
        self.store = Some(store);
    }

    async fn append(&mut self, records: usize, size: usize) {
        let base = append(&self.partition, batch_at(&vec![1; records], size))
            .await
            .unwrap();
        assert_eq!(base, self.log_end());
        self.batches.push((base, records as i64));
    }

    async fn append_numbered(&mut self, records: usize) {
        let sequence = self
            .numbered
            .last()
            .map_or(0, |(first, n, _)| first + *n as i32);
        let base = append(&self.partition, numbered(5, 0, sequence, records))
            .await
            .unwrap();
        assert_eq!(base, self.log_end());
        self.batches.push((base, records as i64));
        self.numbered.push((sequence, records, base));
    }

    async fn repeat(&self, back: usize) {
        if let Some(&(sequence, records, base)) = self.numbered.iter().rev().nth(back) {
            let again = append(&self.partition, numbered(5, 0, sequence, records)).await;
            assert_eq!(again.unwrap(), base);
        }
    }

    /// Spoils what is derived; the truth is in the segments. Only what no clean mark vouches for.
    fn damage(&mut self, index: bool) {
        let extension = if index { "index" } else { "snapshot" };
        let crashed = self.disk.crash(Survives::Synced);
        let keeps_truth = self.log_start == 0 || index;
        for path in crashed.files() {
            if keeps_truth && path.extension().is_some_and(|x| x == extension) {
                crashed.damage(&path, |bytes| {
                    bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
                });
            }
        }
        self.reopen(crashed);
    }

    async fn read(&self, from_percent: i64, max_bytes: usize) {
        let span = self.log_end() - self.log_start;
        let from = self.log_start + span * from_percent / 100;
        let read = self
            .partition
            .read(from, max_bytes, self.log_end(), true)
            .await
            .unwrap();
        let (found, expected) = (bases(&read), self.expected(from));
        assert_eq!(found, expected[..found.len()]);
        assert_eq!(found.is_empty(), expected.is_empty());
        let total: usize = read.iter().map(bytes::Bytes::len).sum();
        assert!(found.len() <= 1 || total <= max_bytes);
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Append { records, size } => self.append(records, size).await,
            Step::AppendNumbered { records } => self.append_numbered(records).await,
            Step::Repeat { back } => self.repeat(back).await,
            Step::Reopen => {
                self.store.as_ref().unwrap().close().unwrap();
                self.reopen(self.disk.clone());
            }
            Step::Crash(survives) => {
                self.reopen(self.disk.crash(survives));
            }
            Step::Damage { index } => self.damage(index),
            Step::DeleteRecords { percent } => {
                self.log_start += (self.log_end() - self.log_start) * percent / 100;
                let start = self.partition.delete_records(self.log_start).await.unwrap();
                assert_eq!(start, self.log_start);
            }
            Step::Maintain => self.store.as_ref().unwrap().maintain(0).await,
            Step::Read {
                from_percent,
                max_bytes,
            } => self.read(from_percent, max_bytes).await,
        }
    }

    async fn check(&self) {
        let offsets = self.partition.offsets();
        assert_eq!(
            (offsets.log_start, offsets.log_end),
            (self.log_start, self.log_end())
        );
        assert_eq!(offsets.high_watermark, offsets.log_end);
        assert_eq!(
            bases(&read_all(&self.partition).await),
            self.expected(self.log_start)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_store_holds_what_a_list_would(
        tail_bytes in prop_oneof![Just(0), Just(2_000), Just(1 << 20)],
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new(tail_bytes);
            for step in steps {
                run.step(step).await;
                run.check().await;
            }
        });
    }
}
