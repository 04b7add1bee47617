//! Share sessions (KIP-932): which partitions a member of a share group fetches from, told once and then only changed.
//!
//! A session is opened with epoch 0 and lives as long as its connection. It never holds messages: those are held in the
//! name of the member.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use millstream_queue::Consumer;
use parking_lot::Mutex;

use super::key::Key;
use crate::ConnectionContext;

/// Epoch of a request that opens a session.
pub(crate) const INITIAL_EPOCH: i32 = 0;
/// Epoch of a request that closes its session.
pub(crate) const FINAL_EPOCH: i32 = -1;
/// Partitions of one session.
const MAX_PARTITIONS: usize = 10_000;

/// Why a request cannot be served within its session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareSessionError {
    /// The member has no session.
    #[error("member {0:?} has no share session")]
    NotFound(Arc<str>),
    /// A request was lost or repeated.
    #[error("the share session of member {member:?} expects epoch {expected}, not {actual}")]
    Epoch {
        /// Whose session.
        member: Arc<str>,
        /// The epoch that is next.
        expected: i32,
        /// The epoch in the request.
        actual: i32,
    },
    /// There are as many sessions as there may be.
    #[error("there are {0} share sessions, which is the limit")]
    Limit(usize),
    /// More partitions than a session may have.
    #[error("a share session of {0} partitions exceeds the allowed {MAX_PARTITIONS}")]
    TooManyPartitions(usize),
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    /// The group.
    pub(crate) group: Arc<str>,
    /// The id that the member has given itself.
    pub(crate) id: Consumer,
}

#[derive(Debug)]
struct Session {
    /// The epoch that the next request has to have.
    next_epoch: i32,
    keys: Vec<Key>,
    connection: Weak<ConnectionContext>,
}

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<Member, Session>,
    /// How many sessions fetch from a partition for a group.
    readers: HashMap<Key, usize>,
}

/// All sessions of the broker.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Table>);

impl Sessions {
    /// Opens a session on `keys`, in place of the one that the member may have.
    pub(crate) fn open(
        &self,
        member: &Member,
        keys: Vec<Key>,
        connection: &Arc<ConnectionContext>,
        limit: usize,
    ) -> Result<(), ShareSessionError> {
        check_count(keys.len())?;
        let mut table = self.0.lock();
        table.remove(member);
        if table.sessions.len() >= limit {
            return Err(ShareSessionError::Limit(limit));
        }
        keys.iter().for_each(|key| table.count(key));
        let session = Session {
            next_epoch: 1,
            keys,
            connection: Arc::downgrade(connection),
        };
        table.sessions.insert(member.clone(), session);
        Ok(())
    }

    /// The next request of a session, which adds and forgets partitions. Returns all that the session has now.
    pub(crate) fn proceed(
        &self,
        member: &Member,
        epoch: i32,
        added: Vec<Key>,
        forgotten: &[Key],
    ) -> Result<Vec<Key>, ShareSessionError> {
        let table = &mut *self.0.lock();
        let session = table.advance(member, epoch)?;
        let before = session.keys.clone();
        let forgotten: HashSet<&Key> = forgotten.iter().collect();
        let kept = before.iter().filter(|key| !forgotten.contains(key));
        let mut keys: Vec<Key> = kept.cloned().collect();
        let known: HashSet<Key> = keys.iter().cloned().collect();
        keys.extend(added.into_iter().filter(|key| !known.contains(key)));
        check_count(keys.len())?;
        session.keys.clone_from(&keys);
        keys.iter().for_each(|key| table.count(key));
        before.iter().for_each(|key| table.discount(key));
        Ok(keys)
    }

    /// Ends a session; returns the partitions that it had.
    pub(crate) fn close(&self, member: &Member) -> Result<Vec<Key>, ShareSessionError> {
        let removed = self.0.lock().remove(member);
        removed.ok_or_else(|| ShareSessionError::NotFound(Arc::clone(&member.id)))
    }

    /// Ends the sessions whose connection is gone.
    pub(super) fn close_stale(&self) -> Vec<(Member, Vec<Key>)> {
        let mut table = self.0.lock();
        let is_stale = |(member, session): (&Member, &Session)| {
            (session.connection.strong_count() == 0).then(|| member.clone())
        };
        let stale: Vec<Member> = table.sessions.iter().filter_map(is_stale).collect();
        stale
            .into_iter()
            .filter_map(|member| table.remove(&member).map(|keys| (member, keys)))
            .collect()
    }

    /// Whether any member of a group has a session.
    pub(super) fn has_any(&self, group: &str) -> bool {
        let table = self.0.lock();
        table.sessions.keys().any(|member| &*member.group == group)
    }

    /// How many sessions fetch from a partition for a group.
    pub(super) fn readers(&self, key: &Key) -> u64 {
        self.0
            .lock()
            .readers
            .get(key)
            .map_or(0, |count| *count as u64)
    }
}

impl Table {
    fn advance(&mut self, member: &Member, epoch: i32) -> Result<&mut Session, ShareSessionError> {
        let session = self
            .sessions
            .get_mut(member)
            .ok_or_else(|| ShareSessionError::NotFound(Arc::clone(&member.id)))?;
        if session.next_epoch != epoch {
            return Err(ShareSessionError::Epoch {
                member: Arc::clone(&member.id),
                expected: session.next_epoch,
                actual: epoch,
            });
        }
        session.next_epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        Ok(session)
    }

    fn remove(&mut self, member: &Member) -> Option<Vec<Key>> {
        let session = self.sessions.remove(member)?;
        session.keys.iter().for_each(|key| self.discount(key));
        Some(session.keys)
    }

    fn count(&mut self, key: &Key) {
        *self.readers.entry(key.clone()).or_default() += 1;
    }

    fn discount(&mut self, key: &Key) {
        if let Some(count) = self.readers.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.readers.remove(key);
            }
        }
    }
}

fn check_count(partitions: usize) -> Result<(), ShareSessionError> {
    match partitions {
        ..=MAX_PARTITIONS => Ok(()),
        count => Err(ShareSessionError::TooManyPartitions(count)),
    }
}
