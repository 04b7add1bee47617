//! Whatever is done to a queue, it does what a plain list of messages would, and what is written down of it brings it
//! back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;

use millstream_queue::{
    Acquired, Candidate, Cause, Change, Consumer, Deliveries, Demand, Fate, Limits, Span, Verdict,
};
use proptest::prelude::*;

/// Messages in the log.
const MESSAGES: i64 = 40;

const LIMITS: Limits = Limits {
    deliveries: 3,
    in_flight: 12,
    held_back: 8,
};

#[derive(Debug, Clone, PartialEq)]
enum Message {
    Waiting,
    Delayed(i64),
    Behind(u64),
    Held(usize, i64),
    Dying,
    Acknowledged,
    Archived,
}

/// The list.
#[derive(Debug, Clone)]
struct Model {
    messages: Vec<(Message, u16)>,
    /// Messages that were delayed.
    waited: BTreeSet<usize>,
    /// Messages that were looked at.
    end: usize,
    keys: u64,
}

impl Model {
    fn new(keys: u64) -> Self {
        Self {
            messages: vec![(Message::Waiting, 0); MESSAGES as usize],
            waited: BTreeSet::new(),
            end: 0,
            keys,
        }
    }

    fn count(&self, is: impl Fn(&Message) -> bool) -> u64 {
        self.messages.iter().filter(|(m, _)| is(m)).count() as u64
    }

    fn key(&self, offset: usize) -> Option<u64> {
        (self.keys > 0).then(|| offset as u64 % self.keys)
    }

    fn is_busy(&self, key: Option<u64>) -> bool {
        key.is_some()
            && self.messages.iter().enumerate().any(|(i, (m, _))| {
                self.key(i) == key && matches!(m, Message::Held(..) | Message::Dying)
            })
    }

    fn next_offset(&self) -> Option<i64> {
        if self.in_flight() >= LIMITS.in_flight {
            return None;
        }
        let seen = &self.messages[..self.end];
        let ready = seen.iter().position(|(m, _)| *m == Message::Waiting);
        let fresh = (self.held_back() < LIMITS.held_back).then_some(self.end);
        ready.or(fresh).map(|offset| offset as i64)
    }

    fn in_flight(&self) -> u64 {
        self.count(|m| matches!(m, Message::Held(..)))
    }

    fn held_back(&self) -> u64 {
        self.count(|m| matches!(m, Message::Delayed(_) | Message::Behind(_)))
    }

    /// One message after the other.
    fn acquire(
        &mut self,
        who: usize,
        at_most: u64,
        due_ms: &dyn Fn(usize) -> i64,
        now: i64,
    ) -> Vec<(i64, u16)> {
        let Some(from) = self.next_offset() else {
            return Vec::new();
        };
        let (mut taken, mut mine) = (Vec::new(), BTreeSet::new());
        for offset in from as usize..self.messages.len() {
            if taken.len() as u64 >= at_most || self.in_flight() >= LIMITS.in_flight {
                break;
            }
            self.end = self.end.max(offset + 1);
            let key = self.key(offset);
            let busy = self.is_busy(key) && !key.is_some_and(|key| mine.contains(&key));
            let (message, count) = &mut self.messages[offset];
            let is_mine = matches!(message, Message::Behind(key) if mine.contains(key));
            if *message != Message::Waiting && !is_mine {
                continue;
            }
            let due = due_ms(offset);
            let delayed = *count == 0 && due > now && !self.waited.contains(&offset);
            if delayed || busy {
                *message = match key {
                    Some(key) if !delayed => Message::Behind(key),
                    _ => Message::Delayed(due),
                };
                if self.held_back() >= LIMITS.held_back {
                    break;
                }
                continue;
            }
            let last = *count + 1 >= LIMITS.deliveries;
            if last && !taken.is_empty() {
                break;
            }
            *count += 1;
            *message = Message::Held(who, now + 10);
            taken.push((offset as i64, *count));
            mine.extend(key);
            if last {
                break;
            }
        }
        taken
    }

    fn holds(&self, who: usize, offset: i64) -> bool {
        let message = usize::try_from(offset)
            .ok()
            .and_then(|i| self.messages.get(i));
        message.is_some_and(|(m, _)| matches!(m, Message::Held(by, _) if *by == who))
    }

    fn release(&mut self, offset: usize) {
        let (message, count) = &mut self.messages[offset];
        *message = if *count >= LIMITS.deliveries {
            Message::Dying
        } else {
            Message::Waiting
        };
    }

    fn busy(&self) -> BTreeSet<u64> {
        let keys = 0..self.keys;
        keys.filter(|key| self.is_busy(Some(*key))).collect()
    }

    /// Lets go the first of those that waited for keys that were busy and are free.
    fn free(&mut self, before: &BTreeSet<u64>) {
        for key in before.difference(&self.busy()) {
            let mut messages = self.messages.iter_mut();
            if let Some(first) = messages.find(|(message, _)| *message == Message::Behind(*key)) {
                first.0 = Message::Waiting;
            }
        }
    }

    fn expire(&mut self, now: i64) {
        for offset in 0..self.messages.len() {
            match self.messages[offset].0 {
                Message::Held(_, until) if until <= now => self.release(offset),
                Message::Delayed(until) if until <= now => {
                    self.messages[offset].0 = Message::Waiting;
                    self.waited.insert(offset);
                }
                _ => {}
            }
        }
    }

    fn restart(&mut self) {
        self.waited.clear();
        for (message, count) in &mut self.messages {
            if matches!(message, Message::Held(..) | Message::Dying) {
                *count -= 1;
            }
            if !matches!(message, Message::Acknowledged | Message::Archived) {
                *message = Message::Waiting;
            }
        }
    }
}

/// What is written down.
#[derive(Debug, Default)]
struct Log(Vec<(i64, Vec<Change>)>);

#[derive(Debug, Clone)]
enum Step {
    Acquire {
        who: usize,
        at_most: u64,
        delay: i64,
    },
    Settle {
        who: usize,
        span: Span,
        verdict: Verdict,
    },
    SettleAll {
        who: usize,
        verdict: Verdict,
    },
    Pass(i64),
    Leave(usize),
    Bury,
    Restart {
        snapshot: bool,
    },
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => Just(Verdict::Acknowledge),
        2 => Just(Verdict::Release),
        1 => Just(Verdict::Reject),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3usize, 1..9u64, prop_oneof![3 => Just(0i64), 1 => 1..30i64])
            .prop_map(|(who, at_most, delay)| Step::Acquire { who, at_most, delay }),
        4 => (0..3usize, 0..MESSAGES, 0..4i64, verdict()).prop_map(|(who, first, more, verdict)| Step::Settle {
            who,
            span: Span::new(first, first + more).unwrap(),
            verdict,
        }),
        3 => (0..3usize, verdict()).prop_map(|(who, verdict)| Step::SettleAll { who, verdict }),
        2 => (1..15i64).prop_map(Step::Pass),
        1 => (0..3usize).prop_map(Step::Leave),
        2 => Just(Step::Bury),
        1 => any::<bool>().prop_map(|snapshot| Step::Restart { snapshot }),
    ]
}

/// Queue and list side by side.
struct Both {
    queue: Deliveries,
    model: Model,
    log: Log,
    consumers: Vec<Consumer>,
    now: i64,
}

impl Both {
    fn new(keys: u64) -> Self {
        let mut queue = Deliveries::new(0);
        queue.set_limits(LIMITS);
        Self {
            queue,
            model: Model::new(keys),
            log: Log::default(),
            consumers: ["a", "b", "c"].map(Arc::from).to_vec(),
            now: 0,
        }
    }

    fn write(&mut self, changes: Vec<Change>) {
        self.log.0.push((self.queue.start(), changes));
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Acquire {
                who,
                at_most,
                delay,
            } => self.acquire(*who, *at_most, *delay),
            Step::Settle { who, span, verdict } => self.settle(*who, &[(*span, *verdict)]),
            Step::SettleAll { who, verdict } => {
                let held = (0..MESSAGES).filter(|offset| self.model.holds(*who, *offset));
                let all: Vec<_> = held.map(|offset| (Span::one(offset), *verdict)).collect();
                self.settle(*who, &all);
            }
            Step::Pass(ms) => {
                self.now += ms;
                let changes = self.queue.expire(self.now);
                self.write(changes);
                self.model.expire(self.now);
            }
            Step::Leave(who) => {
                let consumer = self.consumers[*who].clone();
                let changes = self.queue.release_all(&consumer);
                self.write(changes);
                for offset in 0..MESSAGES {
                    if self.model.holds(*who, offset) {
                        self.model.release(offset as usize);
                    }
                }
            }
            Step::Bury => self.bury(),
            Step::Restart { snapshot } => self.restart(*snapshot),
        }
    }

    fn acquire(&mut self, who: usize, at_most: u64, delay: i64) {
        let due = |offset: usize| {
            if offset.is_multiple_of(3) {
                self.now + delay
            } else {
                0
            }
        };
        let keys = self.model.clone();
        let Some(from) = self.queue.next_offset() else {
            assert_eq!(self.model.next_offset(), None);
            return;
        };
        let candidates = (from..MESSAGES).map(|offset| Candidate {
            span: Span::one(offset),
            key: keys.key(offset as usize),
            due_ms: due(offset as usize),
        });
        let demand = Demand {
            by: &self.consumers[who],
            enough: at_most,
            at_most,
            has_others: false,
            until_ms: self.now + 10,
            now_ms: self.now,
        };
        let given = self.queue.acquire(demand, from, MESSAGES, candidates);
        let each = |acquired: Acquired| {
            (acquired.span.first..=acquired.span.last)
                .map(move |offset| (offset, acquired.deliveries))
        };
        let given: Vec<_> = given.into_iter().flat_map(each).collect();
        assert_eq!(given, self.model.acquire(who, at_most, &due, self.now));
    }

    fn settle(&mut self, who: usize, verdicts: &[(Span, Verdict)]) {
        let consumer = self.consumers[who].clone();
        let result = self.queue.settle(&consumer, verdicts);
        let all = verdicts.iter().flat_map(|(span, _)| span.first..=span.last);
        let held = all.clone().all(|offset| self.model.holds(who, offset));
        assert_eq!(result.is_ok(), held);
        let Ok(changes) = result else { return };
        self.write(changes);
        for (span, verdict) in verdicts {
            for offset in span.first as usize..=span.last as usize {
                match verdict {
                    Verdict::Acknowledge => self.model.messages[offset].0 = Message::Acknowledged,
                    Verdict::Release => self.model.release(offset),
                    _ => self.model.messages[offset].0 = Message::Dying,
                }
            }
        }
    }

    fn bury(&mut self) {
        let dying: Vec<_> = self.queue.dying().collect();
        for one in dying {
            assert!(one.cause == Cause::Rejected || one.attempts.count == LIMITS.deliveries);
            let changes = self.queue.bury(one.span);
            self.write(changes);
        }
        for (message, _) in &mut self.model.messages {
            if *message == Message::Dying {
                *message = Message::Archived;
            }
        }
    }

    fn restart(&mut self, snapshot: bool) {
        let mut queue = Deliveries::new(0);
        queue.set_limits(LIMITS);
        if snapshot {
            self.log.0 = vec![(self.queue.start(), self.queue.snapshot())];
        }
        for (start, changes) in &self.log.0 {
            queue.apply(*start, changes);
        }
        self.queue = queue;
        self.model.restart();
        // What was looked at and left as it was is looked at again.
        self.model.end = self.queue.end() as usize;
    }

    fn check(&self) {
        let finished = |m: &Message| matches!(m, Message::Acknowledged | Message::Archived);
        let model = &self.model;
        let start = model.messages.iter().position(|(m, _)| !finished(m));
        let start = start
            .unwrap_or(model.messages.len())
            .min(model.end.max(self.queue.start() as usize));
        assert_eq!(self.queue.start(), start as i64);
        let counts = self.queue.counts();
        assert_eq!(counts.acquired, model.in_flight());
        assert_eq!(counts.held_back, model.held_back());
        assert_eq!(counts.finished + start as u64, model.count(finished));
        assert_eq!(self.queue.next_offset(), model.next_offset());
        let rows = self
            .queue
            .finished()
            .flat_map(|span| span.first..=span.last);
        let above = (start as i64..MESSAGES).filter(|i| finished(&model.messages[*i as usize].0));
        assert!(rows.eq(above));
        for change in self.queue.snapshot() {
            for offset in change.span.first as usize..=change.span.last as usize {
                let (message, _) = &model.messages[offset];
                assert_eq!(
                    change.fate == Fate::Acknowledged,
                    *message == Message::Acknowledged
                );
                assert_eq!(change.fate == Fate::Archived, *message == Message::Archived);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 2_000 } else { 20_000 }))]

    #[test]
    fn a_queue_does_what_a_plain_list_would(
        keys in prop_oneof![Just(0u64), 1..6u64],
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut both = Both::new(keys);
        for step in &steps {
            let busy = both.model.busy();
            both.run(step);
            if !matches!(step, Step::Restart { .. }) {
                both.model.free(&busy);
            }
            both.check();
        }
    }
}
