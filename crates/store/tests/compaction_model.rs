//! Whatever is done to a compacted log, it holds what a map from keys to values would.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_batch::{Builder, Codec, records};
use millstream_store::disk::faulty::{FaultyDisk, Survives};
use millstream_store::{CompactionConfig, LogConfig, Partition, Store, StoreOptions};
use proptest::prelude::*;
use support::{ID, append, open, read_all};

#[derive(Debug, Clone)]
enum Step {
    /// Records by key, a value or a tombstone, in one batch.
    Append {
        records: Vec<(u8, Option<u8>)>,
        codec: Codec,
        is_numbered: bool,
    },
    Compact,
    Later,
    Maintain,
    Reopen,
    Crash(Survives),
    /// A crash so many syncs from now, in a compaction if there are enough.
    CrashCompacting(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0..30_u8, prop::option::weighted(0.8, any::<u8>()));
    let append = (
        prop::collection::vec(record, 1..12),
        prop::sample::select(&Codec::ALL[..]),
        any::<bool>(),
    );
    prop_oneof![
        12 => append.prop_map(|(records, codec, is_numbered)| Step::Append {
            records,
            codec,
            is_numbered
        }),
        5 => Just(Step::Compact),
        1 => Just(Step::Later),
        1 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
        1 => prop_oneof![
            Just(Survives::Synced),
            Just(Survives::Written),
            (0..200_usize).prop_map(Survives::Torn),
        ].prop_map(Step::Crash),
        2 => (0..12_u64).prop_map(Step::CrashCompacting),
    ]
}

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 1_000,
        index_interval_bytes: 300,
        retention_ms: None,
        compaction: Some(CompactionConfig {
            min_dirty_ratio: 0.0,
            delete_retention_ms: 1_000,
            ..CompactionConfig::default()
        }),
        ..LogConfig::default()
    }
}

fn options(compaction_bytes: usize) -> StoreOptions {
    StoreOptions {
        tail_bytes: 0,
        recovery_point_bytes: 2_000,
        default_config: config().into(),
        compaction_bytes,
        ..StoreOptions::default()
    }
}

/// A store and what it should hold.
struct Run {
    disk: FaultyDisk,
    compaction_bytes: usize,
    store: Option<Store>,
    partition: Arc<Partition>,
    /// The value of each key that was written last, with its offset.
    latest: BTreeMap<u8, (i64, Option<u8>)>,
    sequence: i32,
    end: i64,
    now_ms: i64,
}

impl Run {
    fn new(compaction_bytes: usize) -> Self {
        let disk = FaultyDisk::default();
        let store = open(&disk, options(compaction_bytes)).unwrap();
        let partition = store.create_partition(ID, config()).unwrap();
        Run {
            disk,
            compaction_bytes,
            store: Some(store),
            partition,
            latest: BTreeMap::new(),
            sequence: 0,
            end: 0,
            now_ms: 0,
        }
    }

    fn reopen(&mut self, disk: FaultyDisk) {
        self.store = None;
        self.disk = disk;
        let store = open(&self.disk, options(self.compaction_bytes)).unwrap();
        self.partition = store.partition(&ID).unwrap();
        self.store = Some(store);
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    async fn append(&mut self, given: &[(u8, Option<u8>)], codec: Codec, is_numbered: bool) {
        let mut builder = Builder::new().compression(codec);
        if is_numbered {
            builder = builder.producer(5, 0, self.sequence);
            self.sequence += given.len() as i32;
        }
        for (key, value) in given {
            let value = value.map(|value| [value; 20]);
            builder.push(1_000, Some(&[*key]), value.as_ref().map(|v| &v[..]), &[]);
        }
        let base = append(&self.partition, builder.build().unwrap()).await;
        assert_eq!(base.unwrap(), self.end);
        for (key, value) in given {
            self.latest.insert(*key, (self.end, *value));
            self.end += 1;
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Append {
                records,
                codec,
                is_numbered,
            } => self.append(&records, codec, is_numbered).await,
            Step::Compact => self.store().compact(self.now_ms).await,
            Step::Later => self.now_ms += 600,
            Step::Maintain => self.store().maintain(self.now_ms).await,
            Step::Reopen => {
                self.store().close().unwrap();
                self.reopen(self.disk.clone());
            }
            Step::Crash(survives) => self.reopen(self.disk.crash(survives)),
            Step::CrashCompacting(syncs) => {
                self.disk.fail_after_syncs(syncs);
                self.store().compact(self.now_ms).await;
                self.store().compact(self.now_ms).await;
                self.reopen(self.disk.crash(Survives::Synced));
            }
        }
    }

    /// Nothing of the latest is missing or different but tombstones, and offsets ascend.
    async fn check(&self) {
        let offsets = self.partition.offsets();
        assert_eq!((offsets.log_start, offsets.log_end), (0, self.end));
        let (mut found, mut next) = (BTreeMap::new(), 0);
        for batch in read_all(&self.partition).await {
            for record in &records(&batch, 1 << 20).unwrap() {
                let record = record.unwrap();
                assert!(
                    record.offset >= next,
                    "{} comes after {next}",
                    record.offset
                );
                assert_eq!(record.timestamp, 1_000);
                next = record.offset + 1;
                let value = record.value.map(|value| value[0]);
                found.insert(record.key.unwrap()[0], (record.offset, value));
            }
        }
        for (key, (offset, value)) in &self.latest {
            match found.get(key) {
                Some(held) => assert_eq!(held, &(*offset, *value), "key {key}"),
                None => assert_eq!(value, &None, "key {key} is gone"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_compacted_log_holds_what_a_map_would(
        compaction_bytes in prop_oneof![Just(0), Just(5 * 24), Just(20 * 24), Just(1 << 20)],
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new(compaction_bytes);
            for step in steps {
                run.step(step).await;
                run.check().await;
            }
        });
    }
}
