//! One fetch session: its partitions, in the order in which they are to be read next, and what its client knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Request, SessionError};
use crate::topic_key::TopicKey;

/// Where and how a client reads one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) topic: TopicKey,
    /// The name that a topic named by id was found under, so that its successor by that name is told from no topic.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) partition: i32,
    /// First offset wanted.
    pub(crate) offset: i64,
    /// Epoch of the leader that the client believes in; −1 if it does not say.
    pub(crate) leader_epoch: i32,
    /// Epoch of the last record that the client has; −1 if it does not say.
    pub(crate) last_fetched_epoch: i32,
    /// Most bytes wanted of this partition.
    pub(crate) max_bytes: i32,
}

/// What an answer would say about one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) high_watermark: i64,
    pub(crate) log_start: i64,
    /// Whether there are records, or an error, or anything else that must be told in any case.
    pub(crate) news: Option<News>,
}

/// What must be told in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    Records,
    Error,
}

#[derive(Debug)]
struct Entry {
    position: Position,
    /// High watermark and log start as the client was last told.
    told: Option<(i64, i64)>,
}

#[derive(Debug)]
pub(super) struct Session {
    by_id: bool,
    next_epoch: i32,
    last_used_ms: i64,
    /// Partitions by turn: whoever was answered goes to the end, so that none starves.
    turns: BTreeMap<u64, Entry>,
    turn_of: HashMap<(TopicKey, i32), u64>,
    next_turn: u64,
}

impl Session {
    pub(super) fn new(by_id: bool, positions: &[Position], now_ms: i64) -> Self {
        let mut session = Self {
            by_id,
            next_epoch: 1,
            last_used_ms: now_ms,
            turns: BTreeMap::new(),
            turn_of: HashMap::new(),
            next_turn: 0,
        };
        for position in positions {
            session.place(position.clone());
        }
        session
    }

    /// Number of partitions.
    pub(super) fn len(&self) -> usize {
        self.turns.len()
    }

    /// What the session is worth keeping for: recent use first, then its size.
    pub(super) fn worth(&self, busy_since_ms: i64) -> (bool, usize) {
        (self.last_used_ms > busy_since_ms, self.len())
    }

    /// Takes in an incremental request; returns every position of the session, first the one whose turn it is, and
    /// whether there are more of them than before.
    pub(super) fn advance(
        &mut self,
        request: &Request,
        now_ms: i64,
    ) -> Result<(Vec<Position>, bool), SessionError> {
        let id = request.session_id;
        if request.epoch != self.next_epoch {
            return Err(SessionError::Epoch {
                id,
                expected: self.next_epoch,
                actual: request.epoch,
            });
        }
        if request.by_id != self.by_id {
            return Err(SessionError::TopicIds(id));
        }
        self.next_epoch = self.next_epoch.checked_add(1).unwrap_or(1);
        self.last_used_ms = now_ms;
        let before = self.len();
        for forgotten in &request.forgotten {
            self.remove(forgotten);
        }
        for position in &request.positions {
            self.place(position.clone());
        }
        let positions = self.turns.values().map(|entry| entry.position.clone());
        Ok((positions.collect(), self.len() > before))
    }

    /// Remembers what the client is being told; returns whether it must be told at all.
    pub(super) fn note(&mut self, position: &Position, seen: Seen) -> bool {
        let key = (position.topic.clone(), position.partition);
        let Some(entry) = self
            .turn_of
            .get(&key)
            .and_then(|turn| self.turns.get_mut(turn))
        else {
            return true;
        };
        let now = (seen.high_watermark, seen.log_start);
        let tell = seen.news.is_some() || entry.told != Some(now);
        // After an error the client is told again when all is well.
        entry.told = (seen.news != Some(News::Error)).then_some(now);
        if seen.news == Some(News::Records) {
            self.end_turn(key);
        }
        tell
    }

    fn place(&mut self, position: Position) {
        let key = (position.topic.clone(), position.partition);
        match self
            .turn_of
            .get(&key)
            .and_then(|turn| self.turns.get_mut(turn))
        {
            Some(entry) => {
                let name = position.name.or(entry.position.name.take());
                entry.position = Position { name, ..position };
            }
            None => {
                let told = None;
                self.append(key, Entry { position, told });
            }
        }
    }

    fn append(&mut self, key: (TopicKey, i32), entry: Entry) {
        self.turn_of.insert(key, self.next_turn);
        self.turns.insert(self.next_turn, entry);
        self.next_turn += 1;
    }

    fn remove(&mut self, key: &(TopicKey, i32)) -> Option<Entry> {
        let turn = self.turn_of.remove(key)?;
        self.turns.remove(&turn)
    }

    fn end_turn(&mut self, key: (TopicKey, i32)) {
        if let Some(entry) = self.remove(&key) {
            self.append(key, entry);
        }
    }
}
