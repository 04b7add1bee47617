//! The rules that a history is held against, one function each.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Fault, History, Isolation, Kind, Outcome, Partition, Read, Reader, Send};

/// Every broken promise in `history`, sorted by kind and place; empty if all were kept.
///
/// # Panics
/// When a send names a transaction that is not in the history, or two sends to one partition have the same value.
pub fn check(history: &History) -> Vec<Fault> {
    let mut judge = Judge::new(history);
    judge.places();
    judge.order();
    for (number, reader) in history.readers.iter().enumerate() {
        judge.strangers(reader);
        judge.steps(number, reader);
        if reader.isolation == Isolation::ReadCommitted {
            judge.uncommitted(number, reader);
        }
        if reader.complete {
            judge.losses(number, reader);
            judge.torn(number, reader);
        }
    }
    judge.skipped();
    judge.faults.sort();
    judge.faults.dedup();
    judge.faults
}

/// A record by where it was sent and what it holds, which no other shares.
type Name<'a> = (&'a Partition, &'a str);

struct Judge<'a> {
    history: &'a History,
    sent: HashMap<Name<'a>, &'a Send>,
    /// The first offset that anybody was told of a record.
    offsets: HashMap<Name<'a>, i64>,
    faults: Vec<Fault>,
}

impl<'a> Judge<'a> {
    fn new(history: &'a History) -> Self {
        let mut sent = HashMap::new();
        for send in &history.sends {
            let before = sent.insert(send.name(), send);
            let (partition, value) = send.name();
            assert!(before.is_none(), "{value:?} was sent to {partition} twice");
        }
        Self {
            history,
            sent,
            offsets: HashMap::new(),
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, kind: Kind, (partition, value): Name<'_>, offset: Option<i64>, note: &str) {
        self.faults.push(Fault {
            kind,
            partition: partition.clone(),
            offset,
            value: value.to_owned(),
            note: note.to_owned(),
        });
    }

    /// An offset holds one record for ever, and a record stands at one offset.
    fn places(&mut self) {
        let history = self.history;
        let told = history.sends.iter().filter_map(|send| {
            let offset = send.offset?;
            Some((send.name(), offset))
        });
        let reads = history.readers.iter().flat_map(|reader| &reader.reads);
        let read = reads.map(|read| (read.name(), read.offset));
        let mut values = HashMap::new();
        for (name, offset) in told.chain(read) {
            let (partition, value) = name;
            let known = *values.entry((partition, offset)).or_insert(value);
            if known != value {
                let note = format!("somebody was told {known:?}");
                self.fault(Kind::Changed, name, Some(offset), &note);
            }
            let first = *self.offsets.entry(name).or_insert(offset);
            if first != offset {
                let note = format!("also at offset {first}");
                self.fault(Kind::Duplicate, name, Some(offset), &note);
            }
        }
    }

    /// What one producer sent to a partition stands there in its order.
    fn order(&mut self) {
        let mut last: HashMap<(usize, &Partition), (i64, &str)> = HashMap::new();
        for send in &self.history.sends {
            let name = send.name();
            let Some(offset) = self.offsets.get(&name).copied() else {
                continue;
            };
            let before = last.entry((send.producer, &send.partition));
            let before = before.or_insert((i64::MIN, ""));
            if offset < before.0 {
                let note = format!("sent after {:?} at offset {}", before.1, before.0);
                self.fault(Kind::OutOfOrder, name, Some(offset), &note);
            } else {
                *before = (offset, &send.value);
            }
        }
    }

    /// Nothing is read that was not sent, or that was refused.
    fn strangers(&mut self, reader: &'a Reader) {
        for read in &reader.reads {
            let note = match self.sent.get(&read.name()) {
                None => "nobody sent it there",
                Some(send) if send.transaction.is_none() && send.outcome == Outcome::Failed => {
                    "its producer was told that it failed"
                }
                Some(_) => continue,
            };
            self.fault(Kind::Stranger, read.name(), Some(read.offset), note);
        }
    }

    /// A reader sees the offsets of a partition in ascending order, each once.
    fn steps(&mut self, number: usize, reader: &'a Reader) {
        let mut last: HashMap<&Partition, i64> = HashMap::new();
        for read in &reader.reads {
            let before = last.insert(&read.partition, read.offset);
            if let Some(before) = before.filter(|before| *before >= read.offset) {
                let note = format!("reader {number} had been at {before}");
                self.fault(Kind::WentBack, read.name(), Some(read.offset), &note);
            }
        }
    }

    /// A reader of committed records sees none of an aborted transaction, and none too early.
    fn uncommitted(&mut self, number: usize, reader: &'a Reader) {
        for read in &reader.reads {
            let send = self.sent.get(&read.name());
            let Some(transaction) = send.and_then(|send| send.transaction) else {
                continue;
            };
            let state = self.history.transactions[transaction];
            if state.outcome == Outcome::Failed {
                let note = format!("of transaction {transaction}, seen by reader {number}");
                self.fault(Kind::AbortedRead, read.name(), Some(read.offset), &note);
            } else if state.commit_asked.is_none_or(|asked| read.at < asked) {
                let note = format!("transaction {transaction} was open for reader {number}");
                self.fault(Kind::DirtyRead, read.name(), Some(read.offset), &note);
            }
        }
    }

    /// Whoever reads everything sees all that was promised to be there.
    fn losses(&mut self, number: usize, reader: &'a Reader) {
        let seen = names(reader);
        for send in &self.history.sends {
            let transaction = send
                .transaction
                .map(|number| self.history.transactions[number]);
            let acknowledged = send.outcome == Outcome::Done;
            let promised = match (transaction, reader.isolation) {
                (None, _) => acknowledged,
                (Some(state), Isolation::ReadCommitted) => state.outcome == Outcome::Done,
                (Some(state), Isolation::ReadUncommitted) => {
                    acknowledged || state.outcome == Outcome::Done
                }
            };
            if promised && !seen.contains(&send.name()) {
                let offset = self.offsets.get(&send.name()).copied();
                let note = format!("reader {number} read everything and did not see it");
                self.fault(Kind::Lost, send.name(), offset, &note);
            }
        }
    }

    /// A transaction without a known outcome is there as a whole or not at all.
    fn torn(&mut self, number: usize, reader: &'a Reader) {
        if reader.isolation == Isolation::ReadUncommitted {
            return;
        }
        let seen = names(reader);
        let mut parts: BTreeMap<usize, [Vec<&Send>; 2]> = BTreeMap::new();
        for send in &self.history.sends {
            if let Some(transaction) = send.transaction {
                let there = usize::from(seen.contains(&send.name()));
                parts.entry(transaction).or_default()[there].push(send);
            }
        }
        for (transaction, [missing, there]) in parts {
            let unknown = self.history.transactions[transaction].outcome == Outcome::Unknown;
            let Some(one) = there.first().filter(|_| unknown) else {
                continue;
            };
            for send in missing {
                let offset = self.offsets.get(&send.name()).copied();
                let note = format!(
                    "reader {number} saw {:?} of transaction {transaction}, and not this",
                    one.value
                );
                self.fault(Kind::Torn, send.name(), offset, &note);
            }
        }
    }

    /// Between its first and its last offset, or everywhere if it reads everything, a reader sees what others with the
    /// same isolation see there.
    fn skipped(&mut self) {
        for isolation in [Isolation::ReadCommitted, Isolation::ReadUncommitted] {
            let alike = |(_, reader): &(usize, &Reader)| reader.isolation == isolation;
            let numbered = self.history.readers.iter().enumerate();
            let readers: Vec<(usize, &Reader)> = numbered.filter(alike).collect();
            let mut all: BTreeMap<(&Partition, i64), &str> = BTreeMap::new();
            for read in readers.iter().flat_map(|(_, reader)| &reader.reads) {
                all.insert((&read.partition, read.offset), &read.value);
            }
            for (number, reader) in readers {
                self.skipped_by(number, reader, &all);
            }
        }
    }

    fn skipped_by(
        &mut self,
        number: usize,
        reader: &'a Reader,
        all: &BTreeMap<(&'a Partition, i64), &'a str>,
    ) {
        let mut seen: HashMap<&Partition, BTreeSet<i64>> = HashMap::new();
        for read in &reader.reads {
            seen.entry(&read.partition).or_default().insert(read.offset);
        }
        for ((partition, offset), value) in all {
            let offsets = seen.get(partition);
            let within = offsets
                .is_some_and(|seen| seen.first() < Some(offset) && seen.last() > Some(offset));
            let had = offsets.is_some_and(|seen| seen.contains(offset));
            if (within || reader.complete) && !had {
                let note = format!("reader {number} passed it and did not see it");
                self.fault(Kind::Lost, (partition, value), Some(*offset), &note);
            }
        }
    }
}

fn names(reader: &Reader) -> HashSet<Name<'_>> {
    reader.reads.iter().map(Read::name).collect()
}

impl Send {
    fn name(&self) -> Name<'_> {
        (&self.partition, &self.value)
    }
}

impl Read {
    fn name(&self) -> Name<'_> {
        (&self.partition, &self.value)
    }
}
