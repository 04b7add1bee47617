//! One life of a store after the other: open, do things, be hit by a fault, end somehow, and see what
//! is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_store::disk::faulty::{Fault, FaultyDisk, Op, Survives};
use millstream_store::{
    CompactionConfig, Error, Flush, LogConfig, Partition, Store, StoreOptions, TopicPartition,
};
use uuid::Uuid;

use crate::bond::Bond;
use crate::clients::Writer;
use crate::dice::Dice;
use crate::history::{Existence, History};
use crate::support::{open, read_all};

/// A store, its disk, and what they should hold.
pub(crate) struct Run {
    pub(crate) dice: Dice,
    pub(crate) disk: FaultyDisk,
    pub(crate) now_ms: i64,
    pub(crate) histories: BTreeMap<TopicPartition, History>,
    /// What was appended to several partitions at once in this life.
    pub(crate) bonds: Vec<Bond>,
    /// Who writes in transactions in this life.
    pub(crate) writers: Vec<Writer>,
    /// So that everything that is made gets another number.
    pub(crate) made: u64,
    /// Whether something was to go wrong in this life.
    pub(crate) may_fail: bool,
    /// What was done, to be read after a failure.
    pub(crate) trace: Vec<String>,
    options: StoreOptions,
}

/// How a life ends.
#[derive(Debug, Clone, Copy)]
enum Ending {
    /// The store is closed; a power cut may come right after.
    Closed,
    /// The process or the machine stops.
    Crash,
}

impl Run {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let options = StoreOptions {
            tail_bytes: dice.pick(&[0, 2_000, 1 << 20]),
            recovery_point_bytes: dice.pick(&[300, 2_000, 20_000]),
            journal_bytes: dice.pick(&[0, 16_000, 1 << 20]),
            compaction_bytes: dice.pick(&[0, 120, 1 << 20]),
            reserve_bytes: dice.pick(&[0, 0, 1 << 19]),
            default_config: config(&mut dice).into(),
            ..StoreOptions::default()
        };
        Run {
            dice,
            disk: FaultyDisk::default(),
            now_ms: 1_000_000,
            histories: BTreeMap::new(),
            bonds: Vec::new(),
            writers: Vec::new(),
            made: 0,
            may_fail: false,
            trace: Vec::new(),
            options,
        }
    }

    pub(crate) fn tell(&mut self, what: String) {
        self.trace.push(what);
    }

    /// Lives one life from opening to its end.
    pub(crate) async fn live(&mut self) {
        let store = self.open();
        self.may_fail = false;
        self.check(&store).await;
        self.check_transactions(&store).await;
        self.writers.clear();
        if self.dice.chance(70) {
            self.abort_orphans(&store).await;
        }
        if self.dice.chance(70) {
            self.resend_everything(&store).await;
        }
        let fault = self.draw_fault();
        let steps = self.dice.between(1, 40);
        for _ in 0..steps {
            self.step(&store).await;
        }
        self.end(store, fault);
    }

    /// Opens the store, perhaps at the second or third attempt.
    fn open(&mut self) -> Store {
        while self.dice.chance(25) {
            let after = self.dice.between(0, 60);
            let on = self
                .dice
                .pick(&[Op::Any, Op::Any, Op::Read, Op::Sync, Op::Open]);
            let fault = match on {
                Op::Any => Fault::from(on, after),
                _ => Fault::once(on, after),
            };
            self.tell(format!("open with {fault:?}"));
            self.disk.inject(fault);
            let opened = open(&self.disk, self.options.clone());
            self.disk.heal(Op::Any);
            if on == Op::Sync {
                self.lose_page_cache();
            }
            drop(opened);
            self.crash();
        }
        self.tell("open".to_owned());
        open(&self.disk, self.options.clone()).unwrap()
    }

    /// Compares every partition with its history.
    async fn check(&mut self, store: &Store) {
        for partition in store.partitions() {
            let history = self.histories.get(&partition.id());
            let is_known = history.is_some_and(|known| known.existence != Existence::Gone);
            assert!(is_known, "partition {} is back", partition.id());
        }
        for history in self.histories.values_mut() {
            self.trace.push(format!("check {}", history.id));
            let Some(partition) = store.partition(&history.id) else {
                assert_ne!(
                    history.existence,
                    Existence::Certain,
                    "{} is gone",
                    history.id
                );
                history.existence = Existence::Gone;
                continue;
            };
            let read = read_all(&partition).await;
            history.check_survivors(partition.offsets(), partition.leader_epoch(), &read);
            partition.set_config(history.config.clone());
        }
        for bond in self.bonds.drain(..) {
            bond.check(&self.histories);
        }
    }

    /// Has something go wrong in this life, perhaps.
    fn draw_fault(&mut self) -> Option<Op> {
        let after = self.dice.between(0, 200);
        let on = self.dice.pick(&[
            Op::Any,
            Op::Any,
            Op::Sync,
            Op::Write,
            Op::Read,
            Op::Open,
            Op::SetLen,
            Op::Rename,
            Op::Remove,
        ]);
        let fault = match on {
            Op::Any => Fault::from(on, after),
            Op::Open => Fault::once(on, after / 4).errno(self.dice.pick(&[5, 23, 24, 12])),
            Op::Sync | Op::Write if self.dice.chance(30) => Fault::from(on, after / 4),
            _ => Fault::once(on, after / 4),
        };
        let fault = fault.torn(self.dice.index(500));
        if self.dice.chance(30) {
            return None;
        }
        self.tell(format!("{fault:?}"));
        self.disk.inject(fault);
        self.may_fail = true;
        Some(on)
    }

    /// Ends a life; what is on the disk then is what the next one finds.
    fn end(&mut self, store: Store, fault: Option<Op>) {
        for partition in store.partitions() {
            if let Some(history) = self.histories.get_mut(&partition.id()) {
                history.note_offsets(partition.offsets());
            }
        }
        let ending = self
            .dice
            .pick(&[Ending::Closed, Ending::Crash, Ending::Crash]);
        match ending {
            Ending::Closed => {
                let closed = store.close();
                self.tell(format!("close: {closed:?}"));
                drop(store);
                self.disk.heal(Op::Any);
                self.disk.set_room(None);
                match closed {
                    Ok(()) => self
                        .histories
                        .values_mut()
                        .filter(|history| history.existence == Existence::Certain)
                        .for_each(History::note_clean_close),
                    Err(error) => assert!(is_of_the_disk(&error) && self.may_fail, "{error}"),
                }
                if fault == Some(Op::Sync) && !self.is_clean() {
                    self.lose_page_cache();
                }
                if self.dice.chance(50) {
                    self.crash();
                }
            }
            Ending::Crash => {
                if fault == Some(Op::Sync) {
                    self.lose_page_cache();
                }
                self.crash();
                drop(store);
            }
        }
    }

    fn is_clean(&self) -> bool {
        self.disk.files().iter().any(|path| path.ends_with("clean"))
    }

    /// What was not synced may be gone from here on.
    fn lose_page_cache(&mut self) {
        self.histories
            .values_mut()
            .for_each(History::lose_page_cache);
    }

    fn crash(&mut self) {
        let survives = match self.dice.between(0, 5) {
            0 => Survives::Synced,
            1 => Survives::Torn(self.dice.index(300)),
            2 => Survives::Mixed(self.dice.next()),
            _ => Survives::Written,
        };
        self.tell(format!("crash: {survives:?}"));
        if survives != Survives::Written {
            self.lose_page_cache();
        }
        self.disk = self.disk.crash(survives);
    }

    /// A new id for a partition of one of three topics.
    pub(crate) fn fresh_id(&mut self) -> TopicPartition {
        self.made += 1;
        TopicPartition {
            topic_id: Uuid::from_u128(u128::from(self.dice.between(1, 4))),
            index: self.made as i32,
        }
    }

    /// A partition that is there for certain.
    pub(crate) fn any_partition(&mut self, store: &Store) -> Option<Arc<Partition>> {
        let certain = self
            .histories
            .values()
            .filter(|it| it.existence == Existence::Certain);
        let ids: Vec<_> = certain.map(|history| history.id).collect();
        if ids.is_empty() {
            return None;
        }
        let id = self.dice.pick(&ids);
        Some(store.partition(&id).unwrap())
    }
}

/// Policies under which everything happens soon.
pub(crate) fn config(dice: &mut Dice) -> LogConfig {
    LogConfig {
        segment_bytes: dice.pick(&[1_200, 3_000, 20_000]),
        index_interval_bytes: 300,
        retention_ms: dice.pick(&[None, None, Some(20_000)]),
        retention_bytes: dice.pick(&[None, None, Some(4_000)]),
        flush: dice.pick(&[Flush::Sync, Flush::Sync, Flush::PageCache]),
        compaction: dice.chance(40).then_some(CompactionConfig {
            min_dirty_ratio: 0.0,
            delete_retention_ms: dice.pick(&[0, 10_000]),
            ..CompactionConfig::default()
        }),
        ..LogConfig::default()
    }
}

/// Whether an error is one that a disk which fails may cause.
pub(crate) fn is_of_the_disk(error: &Error) -> bool {
    matches!(
        error,
        Error::Io { .. }
            | Error::StorageFull { .. }
            | Error::CannotOpen { .. }
            | Error::Abandoned { .. }
            | Error::Poisoned { .. }
    )
}
