//! The deliveries that live in one partition of `__share_group_state`.
//!
//! Changes are written as updates of the last snapshot. A snapshot is written when a state begins, when it has had many
//! updates, and when too many records have come since, so that the log can be cut off below the oldest snapshot.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use millstream_batch::Batch;
use millstream_groups::Now;
use millstream_queue::{Change, Deliveries};
use millstream_store::Partition;

use super::key::Key;
use super::record::{self, Entry};
use super::turn::Turn;
use crate::Error;
use crate::catalog::{Catalog, SHARES};
use crate::coordinator::{Machine, Proof, Record};

/// Updates of one state after which it is written as a whole.
const UPDATES: u32 = 500;

/// Records of a log after which its oldest snapshot is written anew.
const RECORDS: i64 = 10_000;

/// Numbers that Kafka's records carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Epochs {
    /// Counts the snapshots.
    pub(super) snapshot: i32,
    /// Counts how often an administrator has begun the state anew.
    pub(super) state: i32,
    /// The leader epoch of the partition that the messages are in.
    pub(super) leader: i32,
}

/// The deliveries of one group in one partition.
#[derive(Debug)]
pub(super) struct Share {
    /// What has become of each message.
    pub(super) state: Deliveries,
    /// Messages that were given up, ever.
    pub(super) dead: i64,
    /// Who waits for messages.
    pub(super) turn: Arc<Turn>,
    epochs: Epochs,
    /// Updates since the last snapshot.
    updates: u32,
    /// Where the last snapshot is in the log.
    snapshot_at: i64,
    /// When something is due, as the machine has it in its list.
    deadline: Option<i64>,
}

/// All deliveries of one log.
#[derive(Debug, Default)]
pub(super) struct Shares {
    shares: HashMap<Key, Share>,
    deadlines: BTreeSet<(i64, Key)>,
    /// Where the last snapshots are.
    snapshots: BTreeSet<(i64, Key)>,
    /// What holds messages that are given up and not buried.
    dying: HashSet<Key>,
    /// The end of the log as far as it is known here.
    end: i64,
}

/// What an operation hands back.
#[derive(Debug, Default)]
pub(super) struct Effects {
    records: Vec<Record>,
    /// Which of the records are snapshots, and of what.
    snapshots: Vec<(usize, Key)>,
    /// What is appended elsewhere with the records.
    pub(super) beside: Vec<(Arc<Partition>, Batch)>,
    /// Why something could not be written down.
    error: Option<Error>,
}

impl Share {
    fn new(start: i64) -> Self {
        Self {
            state: Deliveries::new(start),
            dead: 0,
            turn: Arc::default(),
            epochs: Epochs::default(),
            updates: 0,
            snapshot_at: 0,
            deadline: None,
        }
    }
}

impl Shares {
    /// What a group has in a partition.
    pub(super) fn get(&self, key: &Key) -> Option<&Share> {
        self.shares.get(key)
    }

    /// Every state with its key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Share)> {
        self.shares.iter()
    }

    /// What holds messages that are given up and not buried.
    pub(super) fn dying(&self) -> impl Iterator<Item = &Key> {
        self.dying.iter()
    }

    /// Begins a state at `start`, in place of the one that there may be.
    pub(super) fn begin(
        &mut self,
        key: &Key,
        start: i64,
        leader: i32,
        now: Now,
        effects: &mut Effects,
    ) {
        let before = self.shares.get(key);
        let mut share = Share::new(start);
        if let Some(before) = before {
            share.turn = Arc::clone(&before.turn);
            share.dead = before.dead;
            share.snapshot_at = before.snapshot_at;
            share.deadline = before.deadline;
            share.epochs.state = before.epochs.state.wrapping_add(1);
            share.epochs.snapshot = before.epochs.snapshot;
        }
        share.epochs.leader = leader;
        self.shares.insert(key.clone(), share);
        self.write_snapshot(key, now, effects);
        self.look_after(key);
    }

    /// Has a state go forward to `start`.
    pub(super) fn skip(&mut self, key: &Key, start: i64, now: Now, effects: &mut Effects) {
        if let Some(share) = self.shares.get_mut(key) {
            share.state.begin_at(start);
            share.turn.ring();
            self.write_snapshot(key, now, effects);
            self.look_after(key);
        }
    }

    /// Has a state forget what it knows of messages from `end` on.
    pub(super) fn cut(&mut self, key: &Key, end: i64, now: Now, effects: &mut Effects) {
        if let Some(share) = self.shares.get_mut(key) {
            let mut kept = share.state.snapshot();
            kept.retain_mut(|change| {
                change.span.last = change.span.last.min(end - 1);
                change.span.first <= change.span.last
            });
            let start = share.state.start().min(end);
            share.state = Deliveries::new(start);
            share.state.apply(start, &kept);
            self.write_snapshot(key, now, effects);
            self.look_after(key);
        }
    }

    /// Ends states; tells how many there were.
    pub(super) fn forget(
        &mut self,
        is_gone: impl Fn(&Key) -> bool,
        effects: &mut Effects,
    ) -> usize {
        let gone: Vec<Key> = self
            .shares
            .keys()
            .filter(|key| is_gone(key))
            .cloned()
            .collect();
        for key in &gone {
            self.remove(key);
            effects.push(record::gone(key));
        }
        gone.len()
    }

    /// Runs one operation on a state, if there is one, writes down what it changes, and rings for those who wait if
    /// there may be something for them.
    pub(super) fn visit<R>(
        &mut self,
        key: &Key,
        now: Now,
        effects: &mut Effects,
        operation: impl FnOnce(&mut Share) -> (R, Vec<Change>),
    ) -> Option<R> {
        let share = self.shares.get_mut(key)?;
        let before = share.state.next_offset();
        let (result, changes) = operation(share);
        if share
            .state
            .next_offset()
            .is_some_and(|next| before.is_none_or(|before| next < before))
        {
            share.turn.ring();
        }
        self.write(key, &changes, now, effects);
        self.look_after(key);
        Some(result)
    }

    fn write(&mut self, key: &Key, changes: &[Change], now: Now, effects: &mut Effects) {
        let Some(share) = self.shares.get_mut(key).filter(|_| !changes.is_empty()) else {
            return;
        };
        if share.updates >= UPDATES {
            self.write_snapshot(key, now, effects);
        } else {
            share.updates += 1;
            effects.push(record::update(
                key,
                share.epochs,
                &share.state,
                share.dead,
                changes,
            ));
        }
        let oldest = self.snapshots.first();
        let stale = oldest.filter(|(at, _)| self.end - at > RECORDS);
        if let Some(stale) = stale.map(|(_, key)| key.clone()) {
            self.write_snapshot(&stale, now, effects);
        }
    }

    fn write_snapshot(&mut self, key: &Key, now: Now, effects: &mut Effects) {
        let Some(share) = self.shares.get_mut(key) else {
            return;
        };
        share.updates = 0;
        share.epochs.snapshot = share.epochs.snapshot.wrapping_add(1);
        effects.snapshots.push((effects.records.len(), key.clone()));
        let record = record::snapshot(key, share.epochs, &share.state, share.dead, now.unix_ms);
        effects.push(record);
    }

    /// Keeps the lists true after a state has changed.
    fn look_after(&mut self, key: &Key) {
        let Some(share) = self.shares.get_mut(key) else {
            return;
        };
        let deadline = share.state.next_deadline();
        if deadline != share.deadline {
            if let Some(at) = share.deadline {
                self.deadlines.remove(&(at, key.clone()));
            }
            self.deadlines.extend(deadline.map(|at| (at, key.clone())));
            share.deadline = deadline;
        }
        if share.state.dying().next().is_some() {
            self.dying.insert(key.clone());
        } else {
            self.dying.remove(key);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(share) = self.shares.remove(key) {
            self.snapshots.remove(&(share.snapshot_at, key.clone()));
            if let Some(at) = share.deadline {
                self.deadlines.remove(&(at, key.clone()));
            }
            self.dying.remove(key);
            share.turn.ring();
        }
    }

    fn note_snapshot(&mut self, key: &Key, at: i64) {
        if let Some(share) = self.shares.get_mut(key) {
            self.snapshots.remove(&(share.snapshot_at, key.clone()));
            share.snapshot_at = at;
            self.snapshots.insert((at, key.clone()));
        }
    }
}

impl Effects {
    fn push(&mut self, record: Result<Record, Error>) {
        match record {
            Ok(record) => self.records.push(record),
            Err(error) => self.error = Some(error),
        }
    }
}

impl Machine for Shares {
    const TOPIC: &'static str = SHARES;
    const WHAT: &'static str = "share groups";
    const FREES: bool = true;
    type Effects = Effects;

    fn new(_: &Arc<Catalog>) -> Self {
        Self::default()
    }

    fn apply(&mut self, offset: i64, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        self.end = offset + 1;
        match record::decode(key, value)? {
            Some(Entry::Snapshot {
                key,
                epochs,
                start,
                dead,
                changes,
            }) => {
                self.remove(&key);
                let mut share = Share::new(start);
                (share.epochs, share.dead) = (epochs, dead);
                share.state.apply(start, &changes);
                self.shares.insert(key.clone(), share);
                self.note_snapshot(&key, offset);
            }
            Some(Entry::Update {
                key,
                start,
                dead,
                changes,
            }) => {
                // Without its snapshot it belongs to a state that has ended.
                if let Some(share) = self.shares.get_mut(&key) {
                    share.dead = dead;
                    share.updates += 1;
                    share.state.apply(start, &changes);
                }
            }
            Some(Entry::Gone(key)) => self.remove(&key),
            None => {}
        }
        Ok(())
    }

    fn resume(&mut self, _: Now, _: &mut Effects) {}

    fn expire(&mut self, now: Now, effects: &mut Effects) {
        while let Some((at, key)) = self.deadlines.first().cloned() {
            if at > now.monotonic_ms {
                return;
            }
            let expire = |share: &mut Share| ((), share.state.expire(now.monotonic_ms));
            self.visit(&key, now, effects, expire);
        }
    }

    fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    fn records(effects: &mut Effects) -> Result<Vec<Record>, Error> {
        match effects.error.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut effects.records)),
        }
    }

    fn beside(effects: &mut Effects, _: i64) -> Result<Vec<(Arc<Partition>, Batch)>, Error> {
        Ok(std::mem::take(&mut effects.beside))
    }

    fn appended(&mut self, effects: Effects, offset: i64, proof: Proof) {
        self.end = proof.written();
        for (index, key) in effects.snapshots {
            self.note_snapshot(&key, offset + index as i64);
        }
    }

    /// Everything below the oldest of the last snapshots, once all of those are durable.
    fn needed_from(&self, durable: i64) -> Option<i64> {
        let last = self.snapshots.last()?.0;
        let first = self.snapshots.first()?.0;
        (last < durable).then_some(first)
    }
}
