//! Whatever is done to a log from which the dead are removed, it holds what a set of offsets would.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use millstream_batch::{Builder, Codec, records};
use millstream_store::disk::faulty::{FaultyDisk, Survives};
use millstream_store::{LogConfig, Partition, Store, StoreOptions};
use proptest::prelude::*;
use support::{ID, append, no_tail, open, read_all};

#[derive(Debug, Clone)]
enum Step {
    /// Records of so many bytes in one batch.
    Append {
        sizes: Vec<usize>,
        codec: Codec,
        is_numbered: bool,
    },
    /// Of so many records that are alive, all but the last die; of one, that one.
    Kill(usize),
    Remove,
    /// All below the first that is alive is free.
    Advance,
    Maintain,
    Reopen,
    Crash(Survives),
    /// A crash so many syncs from now, in a removal if there are enough.
    CrashRemoving(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let append = (
        prop::collection::vec(0..60_usize, 1..12),
        prop::sample::select(&Codec::ALL[..]),
        any::<bool>(),
    );
    prop_oneof![
        12 => append.prop_map(|(sizes, codec, is_numbered)| Step::Append {
            sizes,
            codec,
            is_numbered
        }),
        6 => (1..4_usize).prop_map(Step::Kill),
        6 => Just(Step::Remove),
        1 => Just(Step::Advance),
        1 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
        1 => prop_oneof![
            Just(Survives::Synced),
            Just(Survives::Written),
            (0..200_usize).prop_map(Survives::Torn),
        ].prop_map(Step::Crash),
        2 => (0..12_u64).prop_map(Step::CrashRemoving),
    ]
}

fn options() -> StoreOptions {
    let default_config = LogConfig {
        segment_bytes: 1_000,
        index_interval_bytes: 300,
        ..LogConfig::default()
    };
    StoreOptions {
        recovery_point_bytes: 2_000,
        default_config: default_config.into(),
        ..no_tail()
    }
}

/// What a record holds that has this offset and so many bytes more.
fn value(offset: i64, size: usize) -> Vec<u8> {
    let mut value = offset.to_be_bytes().to_vec();
    value.resize(8 + size, b'x');
    value
}

/// A store and what it should hold.
struct Run {
    disk: FaultyDisk,
    store: Option<Store>,
    partition: Arc<Partition>,
    /// What must be there, by offset.
    alive: BTreeMap<i64, Vec<u8>>,
    /// What may be there.
    dead: BTreeMap<i64, Vec<u8>>,
    sequence: i32,
    end: i64,
}

impl Run {
    fn new() -> Self {
        let disk = FaultyDisk::default();
        let store = open(&disk, options()).unwrap();
        let config = LogConfig::clone(&options().default_config);
        let partition = store.create_partition(ID, config).unwrap();
        Run {
            disk,
            store: Some(store),
            partition,
            alive: BTreeMap::new(),
            dead: BTreeMap::new(),
            sequence: 0,
            end: 0,
        }
    }

    fn reopen(&mut self, disk: FaultyDisk) {
        self.store = None;
        self.disk = disk;
        let store = open(&self.disk, options()).unwrap();
        self.partition = store.partition(&ID).unwrap();
        self.store = Some(store);
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    async fn append(&mut self, sizes: &[usize], codec: Codec, is_numbered: bool) {
        let mut builder = Builder::new().compression(codec);
        if is_numbered {
            builder = builder.producer(5, 0, self.sequence);
            self.sequence += sizes.len() as i32;
        }
        for (offset, size) in (self.end..).zip(sizes) {
            let value = value(offset, *size);
            builder.push(1_000, None, Some(&value), &[]);
            self.alive.insert(offset, value);
        }
        let base = append(&self.partition, builder.build().unwrap()).await;
        assert_eq!(base.unwrap(), self.end);
        self.end += sizes.len() as i64;
    }

    fn ranges(&self) -> Vec<Range<i64>> {
        self.dead.keys().map(|&offset| offset..offset + 1).collect()
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Append {
                sizes,
                codec,
                is_numbered,
            } => self.append(&sizes, codec, is_numbered).await,
            Step::Kill(spared) => {
                let alive = std::mem::take(&mut self.alive).into_iter().enumerate();
                for (at, (offset, value)) in alive {
                    let is_spared = spared > 1 && at % spared == spared - 1;
                    let side = if is_spared {
                        &mut self.alive
                    } else {
                        &mut self.dead
                    };
                    side.insert(offset, value);
                }
            }
            Step::Remove => self.partition.remove(self.ranges()).await.unwrap(),
            Step::Advance => {
                let first = self.alive.keys().next().copied();
                self.partition
                    .delete_records(first.unwrap_or(self.end))
                    .await
                    .unwrap();
            }
            Step::Maintain => self.store().maintain(0).await,
            Step::Reopen => {
                self.store().close().unwrap();
                self.reopen(self.disk.clone());
            }
            Step::Crash(survives) => self.reopen(self.disk.crash(survives)),
            Step::CrashRemoving(syncs) => {
                self.disk.fail_after_syncs(syncs);
                let _ = self.partition.remove(self.ranges()).await;
                self.reopen(self.disk.crash(Survives::Synced));
            }
        }
    }

    /// What is alive is there, and nothing else but what is dead, each once and in order.
    async fn check(&self) {
        assert_eq!(self.partition.offsets().log_end, self.end);
        let mut found = BTreeMap::new();
        for batch in read_all(&self.partition).await {
            for record in &records(&batch, 1 << 20).unwrap() {
                let record = record.unwrap();
                let last = found.keys().next_back();
                assert!(last.is_none_or(|last| *last < record.offset));
                found.insert(record.offset, record.value.unwrap().to_vec());
            }
        }
        for (offset, value) in &self.alive {
            assert_eq!(
                found.remove(offset).as_ref(),
                Some(value),
                "offset {offset}"
            );
        }
        for (offset, value) in &found {
            assert_eq!(self.dead.get(offset), Some(value), "offset {offset}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_log_with_holes_holds_what_a_set_would(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new();
            for step in steps {
                run.step(step).await;
                run.check().await;
            }
        });
    }
}
