//! What consumers of a queue can count on, one promise at a time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use millstream_queue::{
    Acquired, Candidate, Consumer, Deliveries, Demand, Limits, NotHeld, Span, Verdict,
};

fn queue() -> Deliveries {
    Deliveries::new(0)
}

fn consumer(name: &str) -> Consumer {
    Arc::from(name)
}

fn span(first: i64, last: i64) -> Span {
    Span::new(first, last).unwrap()
}

/// What somebody wants at the moment 0, for 30 ms.
fn demand(by: &Consumer, enough: u64, at_most: u64) -> Demand<'_> {
    Demand {
        by,
        enough,
        at_most,
        has_others: false,
        until_ms: 30,
        now_ms: 0,
    }
}

/// Hands out messages of a log that has batches of ten.
fn acquire(queue: &mut Deliveries, by: &Consumer, enough: u64, at_most: u64) -> Vec<Acquired> {
    let from = queue.next_offset().unwrap();
    let demand = demand(by, enough, at_most);
    let batches = (from / 10..1_000).map(|batch| Candidate {
        span: span(batch * 10, batch * 10 + 9),
        key: None,
        due_ms: 0,
    });
    queue.acquire(demand, from, 10_000, batches)
}

#[test]
fn a_batch_that_was_begun_is_handed_out_whole_if_there_is_room() {
    let (mut queue, a) = (queue(), consumer("a"));
    let given = acquire(&mut queue, &a, 15, 100);
    assert_eq!(
        given,
        [Acquired {
            span: span(0, 19),
            deliveries: 1
        }]
    );
    let given = acquire(&mut queue, &a, 5, 5);
    assert_eq!(given[0].span, span(20, 24));
}

#[test]
fn what_is_not_in_the_log_counts_as_finished() {
    let (mut queue, a) = (queue(), consumer("a"));
    let demand = demand(&a, 10, 10);
    let there = [span(3, 4), span(8, 8)];
    let candidates = there.map(|span| Candidate {
        span,
        key: None,
        due_ms: 0,
    });
    let given = queue.acquire(demand, 0, 12, candidates);
    assert_eq!(given.iter().map(|one| one.span).collect::<Vec<_>>(), there);
    assert_eq!((queue.start(), queue.end()), (3, 12));
    assert_eq!(queue.counts().finished, 6);
}

#[test]
fn a_refused_acknowledgement_changes_nothing() {
    let (mut queue, a, b) = (queue(), consumer("a"), consumer("b"));
    acquire(&mut queue, &a, 10, 10);
    let accept = Verdict::Acknowledge;
    let refused = [
        (&b, vec![(span(0, 1), accept)], span(0, 1)),
        (&a, vec![(span(5, 12), accept)], span(5, 12)),
        (&a, vec![(span(-3, 2), accept)], span(-3, 2)),
        (&a, vec![(span(0, i64::MAX), accept)], span(0, i64::MAX)),
        (
            &a,
            vec![(span(0, 5), accept), (span(5, 6), Verdict::Release)],
            span(5, 6),
        ),
    ];
    let before = (queue.counts(), queue.snapshot());
    for (who, verdicts, named) in refused {
        assert_eq!(queue.settle(who, &verdicts), Err(NotHeld(named)));
        assert_eq!((queue.counts(), queue.snapshot()), before);
    }
    queue.settle(&a, &[(span(0, 1), accept)]).unwrap();
    let twice = queue.settle(&a, &[(span(0, 1), accept)]);
    assert_eq!(twice, Err(NotHeld(span(0, 1))));
}

#[test]
fn a_renewed_message_outlives_its_first_lock() {
    let (mut queue, a) = (queue(), consumer("a"));
    acquire(&mut queue, &a, 10, 10);
    let renew = Verdict::Renew { until_ms: 50 };
    queue.settle(&a, &[(span(2, 2), renew)]).unwrap();
    assert_eq!(queue.next_deadline(), Some(30));
    queue.expire(49);
    assert_eq!((queue.held("a"), queue.next_deadline()), (1, Some(50)));
    queue.expire(50);
    assert_eq!((queue.held("a"), queue.next_deadline()), (0, None));
    assert_eq!(queue.next_offset(), Some(0));
}

#[test]
fn no_more_is_in_flight_than_allowed() {
    let (mut queue, a) = (queue(), consumer("a"));
    queue.set_limits(Limits {
        in_flight: 25,
        ..Limits::default()
    });
    let given = acquire(&mut queue, &a, 100, 100);
    assert_eq!(given[0].span, span(0, 24));
    assert_eq!(queue.next_offset(), None);
    queue
        .settle(&a, &[(span(7, 7), Verdict::Acknowledge)])
        .unwrap();
    assert_eq!(queue.next_offset(), Some(25));
}

#[test]
fn one_message_that_nobody_works_off_holds_up_no_other() {
    let (mut queue, a, b) = (queue(), consumer("a"), consumer("b"));
    acquire(&mut queue, &a, 1, 1);
    let mut done = 0;
    for _ in 0..900 {
        let given = acquire(&mut queue, &b, 10, 10);
        done += given.iter().map(|one| one.span.count()).sum::<u64>();
        let verdicts = given.iter().map(|one| (one.span, Verdict::Acknowledge));
        queue.settle(&b, &verdicts.collect::<Vec<_>>()).unwrap();
    }
    assert_eq!((queue.start(), done), (0, 9_000));
    assert_eq!(queue.finished().collect::<Vec<_>>(), [span(1, 9_000)]);
    assert_eq!(queue.snapshot().len(), 1);
}

#[test]
fn who_holds_back_as_much_as_allowed_looks_no_further() {
    let (mut queue, a) = (queue(), consumer("a"));
    queue.set_limits(Limits {
        held_back: 3,
        ..Limits::default()
    });
    let demand = demand(&a, 10, 10);
    let delayed = (0..10).map(|offset| Candidate {
        span: Span::one(offset),
        key: None,
        due_ms: 20 + offset,
    });
    assert_eq!(queue.acquire(demand, 0, 10, delayed), []);
    assert_eq!(queue.next_offset(), None);
    queue.expire(20);
    assert_eq!(queue.next_offset(), Some(0));
}

#[test]
fn a_message_on_its_last_delivery_comes_alone() {
    let (mut queue, a) = (queue(), consumer("a"));
    queue.set_limits(Limits {
        deliveries: 2,
        ..Limits::default()
    });
    acquire(&mut queue, &a, 3, 3);
    queue.release_all(&a);
    let given = acquire(&mut queue, &a, 10, 10);
    assert_eq!(
        given,
        [Acquired {
            span: span(0, 0),
            deliveries: 2
        }]
    );
    queue.release_all(&a);
    assert_eq!(
        queue.dying().map(|one| one.span).collect::<Vec<_>>(),
        [span(0, 0)]
    );
    queue.bury(span(0, 0));
    assert_eq!(queue.start(), 1);
}

#[test]
fn messages_of_one_key_wait_for_each_other_and_others_go_on() {
    let (mut queue, a, b) = (queue(), consumer("a"), consumer("b"));
    let keys = [1, 2, 1, 3, 1];
    let take = |queue: &mut Deliveries, by: &Consumer, at_most| -> Vec<i64> {
        let from = queue.next_offset().unwrap();
        let demand = demand(by, at_most, at_most);
        let rest = (from..keys.len() as i64).map(|offset| Candidate {
            span: Span::one(offset),
            key: Some(keys[offset as usize]),
            due_ms: 0,
        });
        let given = queue.acquire(demand, from, keys.len() as i64, rest);
        given
            .into_iter()
            .flat_map(|one| one.span.first..=one.span.last)
            .collect()
    };
    assert_eq!(take(&mut queue, &a, 1), [0]);
    assert_eq!(take(&mut queue, &b, 5), [1, 3]);
    queue.release_all(&a);
    assert_eq!(take(&mut queue, &b, 5), [0, 2, 4]);
}
