//! Fetch sessions (KIP-227): what a client has told once about the partitions it reads, so that it need not repeat it.
//!
//! A session is opened by a full request (epoch 0), which lists every partition; later requests (epoch 1, 2, …) list
//! only changes and are answered only with partitions that have something to say. The sessions are a cache: any may
//! be forgotten at any time, and its client then begins anew.
//!
//! This module reads no log and owns no clock; it decides which partitions a request is about and which of them the
//! answer must mention.

mod session;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session::Session;
pub(crate) use session::{News, Position, Seen};

use crate::topic_key::TopicKey;

/// Epoch of a request that opens a session.
pub(crate) const INITIAL_EPOCH: i32 = 0;
/// Epoch of a request that closes its session, or wants none.
pub(crate) const FINAL_EPOCH: i32 = -1;

/// A session that was used within this time gives way to a larger one only.
const BUSY_MS: i64 = 120_000;
/// Partitions of one request, listed or remembered: far more than clients read, and few enough for their answer.
pub(crate) const MAX_PARTITIONS: usize = 100_000;
/// Partitions in all sessions together, about 100 bytes each. A session that would exceed it is not opened.
const MAX_REMEMBERED: usize = 500_000;

/// Why a request cannot be served within its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The session was never opened, or is forgotten.
    #[error("fetch session {0} is unknown")]
    NotFound(i32),
    /// A request was lost or repeated.
    #[error("fetch session {id} expects epoch {expected}, not {actual}")]
    Epoch {
        /// Which session.
        id: i32,
        /// The epoch that is next.
        expected: i32,
        /// The epoch in the request.
        actual: i32,
    },
    /// The session names topics in one way, the request in the other.
    #[error("fetch session {0} was opened with the other kind of topic names")]
    TopicIds(i32),
    /// More partitions than one request may be about.
    #[error("a fetch of {0} partitions exceeds the allowed {MAX_PARTITIONS}")]
    TooManyPartitions(usize),
}

/// What a Fetch request says about its session and its partitions.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) session_id: i32,
    pub(crate) epoch: i32,
    /// Whether this version of the request names topics by id.
    pub(crate) by_id: bool,
    pub(crate) positions: Vec<Position>,
    pub(crate) forgotten: Vec<(TopicKey, i32)>,
}

/// All sessions of the broker.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    slots: usize,
    sessions: Mutex<HashMap<i32, Arc<Mutex<Session>>>>,
}

/// One request within, or without, its session.
#[derive(Debug)]
pub(crate) struct Fetching {
    /// What to read, in the order in which to read it.
    pub(crate) positions: Vec<Position>,
    id: i32,
    full: bool,
    session: Option<Arc<Mutex<Session>>>,
}

impl FetchSessions {
    /// Room for `slots` sessions at once.
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots,
            sessions: Mutex::default(),
        }
    }

    /// Finds out what `request` is about. `random` gives numbers for the ids of new sessions.
    pub(crate) fn begin(
        &self,
        request: Request,
        random: impl FnMut() -> i32,
        now_ms: i64,
    ) -> Result<Fetching, SessionError> {
        match request.epoch {
            FINAL_EPOCH => {
                self.forget(request.session_id);
                Ok(Fetching::without_session(request.positions))
            }
            INITIAL_EPOCH => {
                self.forget(request.session_id);
                Ok(self.open(request, random, now_ms))
            }
            _ => self.proceed(&request, now_ms),
        }
    }

    fn open(&self, request: Request, random: impl FnMut() -> i32, now_ms: i64) -> Fetching {
        let mut sessions = lock(&self.sessions);
        if request.positions.is_empty()
            || !self.make_room(&mut sessions, request.positions.len(), now_ms)
        {
            return Fetching::without_session(request.positions);
        }
        let id = unused_id(&sessions, random);
        let session = Session::new(request.by_id, &request.positions, now_ms);
        let session = Arc::new(Mutex::new(session));
        sessions.insert(id, Arc::clone(&session));
        Fetching {
            positions: request.positions,
            id,
            full: true,
            session: Some(session),
        }
    }

    fn proceed(&self, request: &Request, now_ms: i64) -> Result<Fetching, SessionError> {
        let id = request.session_id;
        let found = lock(&self.sessions).get(&id).cloned();
        let session = found.ok_or(SessionError::NotFound(id))?;
        let (positions, grown) = lock(&session).advance(request, now_ms)?;
        if positions.is_empty() {
            self.forget(id);
            return Ok(Fetching::without_session(positions));
        }
        if positions.len() > MAX_PARTITIONS {
            self.forget(id);
            return Err(SessionError::TooManyPartitions(positions.len()));
        }
        if grown && held(&lock(&self.sessions)) > MAX_REMEMBERED {
            self.forget(id);
            return Err(SessionError::NotFound(id));
        }
        Ok(Fetching {
            positions,
            id,
            full: false,
            session: Some(session),
        })
    }

    fn forget(&self, id: i32) {
        lock(&self.sessions).remove(&id);
    }

    /// Whether there is, after forgetting at most one session, room for one of `size` partitions.
    fn make_room(
        &self,
        sessions: &mut HashMap<i32, Arc<Mutex<Session>>>,
        size: usize,
        now_ms: i64,
    ) -> bool {
        let held = held(sessions);
        if sessions.len() < self.slots && held + size <= MAX_REMEMBERED {
            return true;
        }
        let weakest = sessions
            .iter()
            .map(|(&id, session)| (lock(session).worth(now_ms - BUSY_MS), id))
            .min();
        match weakest {
            Some((worth, id)) if worth < (true, size) && self.slots > 0 => {
                sessions.remove(&id);
                held + size <= MAX_REMEMBERED + worth.1
            }
            _ => false,
        }
    }

    /// Number of sessions that are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.sessions).len()
    }
}

impl Fetching {
    fn without_session(positions: Vec<Position>) -> Self {
        Self {
            positions,
            id: 0,
            full: true,
            session: None,
        }
    }

    /// The session's id for the answer; 0 without a session.
    pub(crate) fn session_id(&self) -> i32 {
        self.id
    }

    /// Whether the answer must mention a partition for which `seen` is what there is to say.
    pub(crate) fn answers(&self, position: &Position, seen: Seen) -> bool {
        let changed = self
            .session
            .as_ref()
            .is_none_or(|session| lock(session).note(position, seen));
        self.full || changed
    }
}

/// Partitions in all sessions together.
fn held(sessions: &HashMap<i32, Arc<Mutex<Session>>>) -> usize {
    sessions.values().map(|session| lock(session).len()).sum()
}

fn unused_id(sessions: &HashMap<i32, Arc<Mutex<Session>>>, mut random: impl FnMut() -> i32) -> i32 {
    loop {
        let id = random() & i32::MAX;
        if id != 0 && !sessions.contains_key(&id) {
            return id;
        }
    }
}

/// A panic elsewhere leaves at worst a stale cache entry behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
