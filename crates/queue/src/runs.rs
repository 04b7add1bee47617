//! A window of consecutive messages as runs, with what has to be found fast in it.
//!
//! Runs cover the window without gaps, and neighbours differ. It never decides what a message comes to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::run::{Run, State};
use crate::{Consumer, Span};

/// The runs of a window.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// Each run with its last offset, by its first.
    runs: BTreeMap<i64, (i64, Run)>,
    /// The first offsets of runs that may be handed out.
    ready: BTreeSet<i64>,
    /// The first offsets of runs that change by themselves, by when.
    due: BTreeSet<(i64, i64)>,
    /// The first offsets of runs that wait for a key.
    behind: HashMap<u64, BTreeSet<i64>>,
    /// The first offsets of runs that are given up.
    dying: BTreeSet<i64>,
    /// How many messages each consumer has.
    held: HashMap<Consumer, u64>,
    /// Messages that somebody has.
    acquired: u64,
    /// Messages that are delayed or wait for a key.
    held_back: u64,
    /// Messages of the window that are finished.
    finished: u64,
}

impl Runs {
    /// The lowest offset that may be handed out.
    pub(crate) fn first_ready(&self) -> Option<i64> {
        self.ready.first().copied()
    }

    /// The earliest moment at which a run changes by itself.
    pub(crate) fn next_deadline(&self) -> Option<i64> {
        self.due.first().map(|(at, _)| *at)
    }

    /// A run that is due at `now_ms`.
    pub(crate) fn due(&self, now_ms: i64) -> Option<Span> {
        let (at, first) = self.due.first()?;
        (*at <= now_ms).then(|| self.span(*first))
    }

    /// The first message that waits for a key.
    pub(crate) fn first_behind(&self, key: u64) -> Option<i64> {
        self.behind.get(&key)?.first().copied()
    }

    /// The keys that runs wait for.
    pub(crate) fn awaited(&self) -> Vec<u64> {
        self.behind.keys().copied().collect()
    }

    /// The runs that are given up.
    pub(crate) fn dying(&self) -> impl Iterator<Item = (Span, &Run)> {
        self.dying.iter().filter_map(|first| {
            let (last, run) = self.runs.get(first)?;
            Some((Span::new(*first, *last)?, run))
        })
    }

    /// How many messages a consumer has.
    pub(crate) fn held(&self, consumer: &str) -> u64 {
        self.held.get(consumer).copied().unwrap_or_default()
    }

    /// Messages that somebody has.
    pub(crate) fn acquired(&self) -> u64 {
        self.acquired
    }

    /// Messages that are delayed or wait for a key.
    pub(crate) fn held_back(&self) -> u64 {
        self.held_back
    }

    /// Messages of the window that are finished.
    pub(crate) fn finished(&self) -> u64 {
        self.finished
    }

    /// All runs, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Span, &Run)> {
        self.runs
            .iter()
            .filter_map(|(first, (last, run))| Some((Span::new(*first, *last)?, run)))
    }

    /// The parts of runs that lie in `span`, in order.
    pub(crate) fn parts(&self, span: Span) -> impl Iterator<Item = (Span, &Run)> {
        let before = self.runs.range(..=span.first).next_back();
        let from = before.map_or(span.first, |(first, _)| *first);
        self.runs
            .range(from..=span.last)
            .filter_map(move |(first, (last, run))| {
                let part = Span::new(*first, *last)?.intersect(span)?;
                Some((part, run))
            })
    }

    /// Gives the messages of `span` that are in the window what `change` makes of them.
    pub(crate) fn change(&mut self, span: Span, mut change: impl FnMut(&mut Run)) {
        self.split(span.first);
        self.split(span.next());
        let firsts: Vec<i64> = self
            .runs
            .range(span.first..=span.last)
            .map(|(first, _)| *first)
            .collect();
        for &first in &firsts {
            if let Some((last, mut run)) = self.take(first) {
                change(&mut run);
                self.put(first, last, run);
            }
        }
        for first in firsts.into_iter().chain([span.next()]) {
            self.join(first);
        }
    }

    /// Adds messages behind the last of the window.
    pub(crate) fn push(&mut self, span: Span, run: Run) {
        self.put(span.first, span.last, run);
        self.join(span.first);
    }

    /// Takes out everything below `offset`.
    pub(crate) fn remove_below(&mut self, offset: i64) {
        self.split(offset);
        while let Some((&first, _)) = self.runs.range(..offset).next() {
            self.take(first);
        }
    }

    /// Takes out the first run if it is finished.
    pub(crate) fn pop_finished(&mut self) -> Option<Span> {
        let (&first, (_, run)) = self.runs.first_key_value()?;
        if !run.state.is_finished() {
            return None;
        }
        let (last, _) = self.take(first)?;
        Span::new(first, last)
    }

    fn span(&self, first: i64) -> Span {
        let last = self.runs.get(&first).map_or(first, |(last, _)| *last);
        Span { first, last }
    }

    /// Makes a run begin at `offset`, if one goes past it.
    fn split(&mut self, offset: i64) {
        let Some((&first, (last, _))) = self.runs.range(..offset).next_back() else {
            return;
        };
        if *last < offset {
            return;
        }
        if let Some((last, run)) = self.take(first) {
            self.put(first, offset - 1, run.clone());
            self.put(offset, last, run);
        }
    }

    /// Makes one run of the one that begins at `first` and the one before it, if they are alike.
    fn join(&mut self, first: i64) {
        let Some((_, run)) = self.runs.get(&first) else {
            return;
        };
        let Some((&before, (_, earlier))) = self.runs.range(..first).next_back() else {
            return;
        };
        if run != earlier {
            return;
        }
        if let (Some((last, run)), Some(_)) = (self.take(first), self.take(before)) {
            self.put(before, last, run);
        }
    }

    fn put(&mut self, first: i64, last: i64, run: Run) {
        let count = Span { first, last }.count();
        match &run.state {
            State::Ready => {
                self.ready.insert(first);
            }
            State::Delayed { until } => {
                self.due.insert((*until, first));
                self.held_back += count;
            }
            State::Behind { key } => {
                self.behind.entry(*key).or_default().insert(first);
                self.held_back += count;
            }
            State::Acquired { by, until } => {
                self.due.insert((*until, first));
                *self.held.entry(by.clone()).or_default() += count;
                self.acquired += count;
            }
            State::Dying(_) => {
                self.dying.insert(first);
            }
            State::Acknowledged | State::Archived => self.finished += count,
        }
        self.runs.insert(first, (last, run));
    }

    fn take(&mut self, first: i64) -> Option<(i64, Run)> {
        let (last, run) = self.runs.remove(&first)?;
        let count = Span { first, last }.count();
        match &run.state {
            State::Ready => {
                self.ready.remove(&first);
            }
            State::Delayed { until } => {
                self.due.remove(&(*until, first));
                self.held_back -= count;
            }
            State::Behind { key } => {
                if let Some(firsts) = self.behind.get_mut(key) {
                    firsts.remove(&first);
                    if firsts.is_empty() {
                        self.behind.remove(key);
                    }
                }
                self.held_back -= count;
            }
            State::Acquired { by, until } => {
                self.due.remove(&(*until, first));
                if let Some(held) = self.held.get_mut(by) {
                    *held -= count;
                    if *held == 0 {
                        self.held.remove(by);
                    }
                }
                self.acquired -= count;
            }
            State::Dying(_) => {
                self.dying.remove(&first);
            }
            State::Acknowledged | State::Archived => self.finished -= count,
        }
        Some((last, run))
    }
}
