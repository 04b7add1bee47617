//! Sessions as tables of requests and what is expected of each.

use super::*;

const QUIET: Seen = Seen {
    high_watermark: 10,
    log_start: 0,
    news: None,
};

fn position(topic: &str, partition: i32) -> Position {
    Position {
        topic: TopicKey::Name(topic.into()),
        name: None,
        partition,
        offset: 5,
        leader_epoch: -1,
        last_fetched_epoch: -1,
        max_bytes: 1_000,
    }
}

fn request(session_id: i32, epoch: i32, positions: Vec<Position>) -> Request {
    Request {
        session_id,
        epoch,
        by_id: false,
        positions,
        forgotten: Vec::new(),
    }
}

fn counter() -> impl FnMut() -> i32 {
    let mut id = 0;
    move || {
        id += 1;
        id
    }
}

fn open(sessions: &FetchSessions, positions: Vec<Position>, now_ms: i64) -> Fetching {
    sessions
        .begin(request(0, INITIAL_EPOCH, positions), counter(), now_ms)
        .unwrap()
}

fn proceed(sessions: &FetchSessions, request: Request) -> Result<Fetching, SessionError> {
    sessions.begin(request, counter(), 0)
}

fn partitions(fetching: &Fetching) -> Vec<i32> {
    fetching.positions.iter().map(|p| p.partition).collect()
}

#[test]
fn a_full_request_opens_a_session_and_is_answered_in_full() {
    let sessions = FetchSessions::new(10);
    let fetching = open(&sessions, vec![position("t", 0)], 0);
    assert_ne!(fetching.session_id(), 0);
    assert!(fetching.answers(&position("t", 0), QUIET));
}

#[test]
fn an_incremental_answer_holds_only_what_changed() {
    let sessions = FetchSessions::new(10);
    let at = position("t", 0);
    let first = open(&sessions, vec![at.clone()], 0);
    assert!(first.answers(&at, QUIET));
    let id = first.session_id();
    let cases = [
        (QUIET, false),
        (
            Seen {
                high_watermark: 11,
                ..QUIET
            },
            true,
        ),
        (
            Seen {
                high_watermark: 11,
                ..QUIET
            },
            false,
        ),
        (
            Seen {
                high_watermark: 11,
                log_start: 3,
                ..QUIET
            },
            true,
        ),
        (
            Seen {
                high_watermark: 11,
                log_start: 3,
                news: Some(News::Records),
            },
            true,
        ),
        (
            Seen {
                high_watermark: -1,
                log_start: -1,
                news: Some(News::Error),
            },
            true,
        ),
        (
            Seen {
                high_watermark: 11,
                log_start: 3,
                ..QUIET
            },
            true,
        ),
        (
            Seen {
                high_watermark: 11,
                log_start: 3,
                ..QUIET
            },
            false,
        ),
    ];
    for (epoch, (seen, told)) in (1..).zip(cases) {
        let fetching = proceed(&sessions, request(id, epoch, vec![])).unwrap();
        assert_eq!(partitions(&fetching), [0]);
        assert_eq!(fetching.answers(&at, seen), told, "epoch {epoch}");
    }
}

#[test]
fn unknown_ids_and_wrong_epochs_are_refused() {
    let sessions = FetchSessions::new(10);
    let id = open(&sessions, vec![position("t", 0)], 0).session_id();
    let refused = |request| proceed(&sessions, request).map(drop);
    assert_eq!(
        refused(request(id + 1, 1, vec![])),
        Err(SessionError::NotFound(id + 1))
    );
    let (expected, actual) = (1, 2);
    assert_eq!(
        refused(request(id, 2, vec![])),
        Err(SessionError::Epoch {
            id,
            expected,
            actual
        })
    );
    let by_id = Request {
        by_id: true,
        ..request(id, 1, vec![])
    };
    assert_eq!(refused(by_id), Err(SessionError::TopicIds(id)));
    assert_eq!(refused(request(id, 1, vec![])), Ok(()));
}

#[test]
fn changes_and_forgotten_partitions_alter_the_session() {
    let sessions = FetchSessions::new(10);
    let id = open(&sessions, vec![position("t", 0), position("t", 1)], 0).session_id();
    let moved = Position {
        offset: 50,
        ..position("t", 1)
    };
    let changed = proceed(
        &sessions,
        request(id, 1, vec![moved.clone(), position("t", 2)]),
    )
    .unwrap();
    assert_eq!(partitions(&changed), [0, 1, 2]);
    assert_eq!(changed.positions[1], moved);
    let forgetting = Request {
        forgotten: vec![
            (TopicKey::Name("t".into()), 0),
            (TopicKey::Name("t".into()), 2),
        ],
        ..request(id, 2, vec![])
    };
    assert_eq!(partitions(&proceed(&sessions, forgetting).unwrap()), [1]);
}

#[test]
fn a_session_that_forgets_everything_ends() {
    let sessions = FetchSessions::new(10);
    let id = open(&sessions, vec![position("t", 0)], 0).session_id();
    let forgetting = Request {
        forgotten: vec![(TopicKey::Name("t".into()), 0)],
        ..request(id, 1, vec![])
    };
    assert_eq!(proceed(&sessions, forgetting).unwrap().session_id(), 0);
    assert_eq!(sessions.len(), 0);
}

#[test]
fn partitions_that_were_answered_wait_for_their_next_turn() {
    let sessions = FetchSessions::new(10);
    let all: Vec<Position> = (0..3).map(|n| position("t", n)).collect();
    let first = open(&sessions, all, 0);
    let records = Seen {
        news: Some(News::Records),
        ..QUIET
    };
    first.answers(&position("t", 0), records);
    first.answers(&position("t", 1), QUIET);
    let next = proceed(&sessions, request(first.session_id(), 1, vec![])).unwrap();
    assert_eq!(partitions(&next), [1, 2, 0]);
}

#[test]
fn the_final_epoch_closes_the_session() {
    let sessions = FetchSessions::new(10);
    let id = open(&sessions, vec![position("t", 0)], 0).session_id();
    let last = proceed(&sessions, request(id, FINAL_EPOCH, vec![position("t", 7)])).unwrap();
    assert_eq!((last.session_id(), partitions(&last)), (0, vec![7]));
    assert_eq!(sessions.len(), 0);
}

#[test]
fn a_full_cache_keeps_busy_sessions_unless_the_new_one_is_larger() {
    let sessions = FetchSessions::new(1);
    let first = open(&sessions, vec![position("t", 0)], 0).session_id();
    assert_ne!(first, 0);
    assert_eq!(
        open(&sessions, vec![position("t", 0)], BUSY_MS - 1).session_id(),
        0
    );
    let larger = vec![position("t", 0), position("t", 1)];
    assert_ne!(open(&sessions, larger, 1).session_id(), 0);
    assert_eq!(
        open(&sessions, vec![position("t", 0)], BUSY_MS).session_id(),
        0
    );
    assert_ne!(
        open(&sessions, vec![position("t", 0)], BUSY_MS + 1).session_id(),
        0
    );
    assert_eq!(sessions.len(), 1);
}

#[test]
fn without_slots_every_request_goes_without_a_session() {
    let sessions = FetchSessions::new(0);
    assert_eq!(open(&sessions, vec![position("t", 0)], 0).session_id(), 0);
}

#[test]
fn sessions_cannot_take_all_memory() {
    let sessions = FetchSessions::new(10);
    let many = |n: usize| (0..).take(n).map(|n| position("t", n)).collect::<Vec<_>>();
    let opened: Vec<i32> = (0..6)
        .map(|_| {
            let request = request(0, INITIAL_EPOCH, many(MAX_PARTITIONS));
            sessions.begin(request, random(), 0).unwrap().session_id()
        })
        .collect();
    assert_eq!(opened.iter().filter(|id| **id != 0).count(), 5);
    assert_eq!(opened.last(), Some(&0));
}

#[test]
fn a_session_that_grows_beyond_all_measure_ends() {
    let sessions = FetchSessions::new(10);
    let id = open(&sessions, vec![position("t", -1)], 0).session_id();
    let more = (0..)
        .take(MAX_PARTITIONS)
        .map(|n| position("t", n))
        .collect();
    assert_eq!(
        proceed(&sessions, request(id, 1, more)).map(drop),
        Err(SessionError::TooManyPartitions(MAX_PARTITIONS + 1))
    );
    assert_eq!(sessions.len(), 0);
}

/// Ids that are never the same twice, over all calls.
fn random() -> impl FnMut() -> i32 {
    use std::sync::atomic::{AtomicI32, Ordering};
    static NEXT: AtomicI32 = AtomicI32::new(1);
    || NEXT.fetch_add(1, Ordering::Relaxed)
}
