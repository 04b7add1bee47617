//! What producers rely on, rule by rule.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

use std::sync::Arc;

use millstream_transactions::{
    Coordinator, Done, Error, Init, Outcome, Producer, State, TopicPartition, Version,
};

const ID: &str = "payments";
const LAST_EPOCH: i16 = i16::MAX - 1;
const NEW: Init = Init {
    timeout_ms: 60_000,
    claimed: None,
    spare: Some(7),
};

fn partition(index: i32) -> TopicPartition {
    TopicPartition {
        topic: "t".into(),
        partition: index,
    }
}

fn producer(epoch: i16) -> Producer {
    Producer { id: 7, epoch }
}

fn claiming(claimed: Producer) -> Init {
    Init {
        claimed: Some(claimed),
        ..NEW
    }
}

/// A coordinator whose only id is at this epoch of producer 7.
fn at_epoch(epoch: i16) -> Coordinator {
    let mut all = Coordinator::new();
    let mut change = all.init(ID, NEW, 0).unwrap().change.unwrap();
    if let Some(entry) = &mut change.entry {
        entry.producer.epoch = epoch;
    }
    all.apply(change);
    all
}

fn begin(all: &mut Coordinator, epoch: i16, version: Version) {
    let partitions = [partition(0), partition(1)];
    let begun = all.add(ID, producer(epoch), version, partitions, 100);
    assert!(begun.unwrap().change.is_some());
}

fn end(
    all: &mut Coordinator,
    epoch: i16,
    outcome: Outcome,
    version: Version,
) -> Result<Done<Producer>, Error> {
    all.end(ID, producer(epoch), outcome, version, Some(8), 200)
}

fn state(all: &Coordinator) -> State {
    all.get(ID).unwrap().state
}

#[test]
fn a_new_id_gets_a_producer_id_that_nobody_has() {
    let mut all = Coordinator::new();
    let without = Init { spare: None, ..NEW };
    assert_eq!(all.init(ID, without, 0), Err(Error::NeedsProducerId));
    assert_eq!(all.init(ID, NEW, 0).unwrap().result, producer(0));
    assert_eq!(state(&all), State::Empty);
}

#[test]
fn whoever_comes_later_fences_whoever_was_there() {
    let mut all = at_epoch(0);
    assert_eq!(all.init(ID, NEW, 1).unwrap().result, producer(1));
    let refused = |epoch| {
        let mut all = at_epoch(1);
        let added = all.add(ID, producer(epoch), Version::V1, [partition(0)], 2);
        added.unwrap_err()
    };
    assert_eq!(refused(0), Error::Fenced);
    assert_eq!(refused(2), Error::Fenced);
    let stranger = Producer { id: 9, epoch: 1 };
    let added = all.add(ID, stranger, Version::V1, [partition(0)], 2);
    assert_eq!(added, Err(Error::UnknownProducer));
    let added = all.add("other", stranger, Version::V1, [partition(0)], 2);
    assert_eq!(added, Err(Error::UnknownProducer));
    assert_eq!(
        end(&mut all, 0, Outcome::Commit, Version::V1),
        Err(Error::Fenced)
    );
    assert_eq!(
        end(&mut all, 0, Outcome::Abort, Version::V2),
        Err(Error::Fenced)
    );
}

#[test]
fn whoever_comes_later_aborts_what_was_begun_and_nothing_is_written_behind_it() {
    for version in [Version::V1, Version::V2] {
        let mut all = at_epoch(4);
        begin(&mut all, 4, version);
        let done = all.init(ID, NEW, 300).unwrap();
        assert_eq!(done.result, producer(5));
        let markers = done.markers.unwrap();
        assert_eq!(
            (markers.producer, markers.outcome),
            (producer(5), Outcome::Abort)
        );
        assert_eq!(markers.partitions, [partition(0), partition(1)]);
        assert_eq!(state(&all), State::Empty);
        assert_eq!(
            end(&mut all, 4, Outcome::Commit, version),
            Err(Error::Fenced)
        );
    }
}

#[test]
fn only_who_has_the_id_goes_on_with_it_and_may_ask_twice() {
    let mut all = at_epoch(3);
    assert_eq!(all.init(ID, claiming(producer(2)), 1), Err(Error::Fenced));
    assert_eq!(all.init(ID, claiming(producer(4)), 1), Err(Error::Fenced));
    let mine = claiming(producer(3));
    assert_eq!(all.init(ID, mine, 1).unwrap().result, producer(4));
    assert_eq!(
        all.init(ID, mine, 2).unwrap(),
        Done {
            result: producer(4),
            change: None,
            markers: None
        }
    );
    begin(&mut all, 4, Version::V1);
    assert_eq!(all.init(ID, mine, 3), Err(Error::Fenced));
}

#[test]
fn an_end_writes_markers_where_the_transaction_wrote_and_may_be_asked_for_again() {
    for outcome in [Outcome::Commit, Outcome::Abort] {
        for (version, after) in [(Version::V1, 2), (Version::V2, 3)] {
            let mut all = at_epoch(2);
            begin(&mut all, 2, version);
            let done = end(&mut all, 2, outcome, version).unwrap();
            let markers = done.markers.unwrap();
            assert_eq!(
                (markers.producer, markers.outcome),
                (producer(after), outcome)
            );
            assert_eq!(markers.partitions, [partition(0), partition(1)]);
            assert_eq!(done.result, producer(after));
            let again = end(&mut all, 2, outcome, version).unwrap();
            assert_eq!(
                (again.result, again.change, again.markers),
                (done.result, None, None)
            );
            let other = match outcome {
                Outcome::Commit => Outcome::Abort,
                Outcome::Abort => Outcome::Commit,
            };
            let otherwise = end(&mut all, 2, other, version);
            assert_eq!(otherwise, Err(Error::InvalidState));
        }
    }
}

#[test]
fn an_answer_to_an_earlier_end_is_none_to_the_next_transaction() {
    let mut all = at_epoch(2);
    begin(&mut all, 2, Version::V2);
    assert!(end(&mut all, 2, Outcome::Commit, Version::V2).is_ok());
    begin(&mut all, 3, Version::V2);
    assert_eq!(
        end(&mut all, 2, Outcome::Commit, Version::V2),
        Err(Error::Fenced)
    );
    assert_eq!(state(&all), State::Ongoing);
}

#[test]
fn nothing_is_not_committed_and_aborted_only_where_that_raises_the_epoch() {
    for (version, outcome) in [
        (Version::V1, Outcome::Commit),
        (Version::V1, Outcome::Abort),
        (Version::V2, Outcome::Commit),
    ] {
        let mut all = at_epoch(2);
        assert_eq!(end(&mut all, 2, outcome, version), Err(Error::InvalidState));
        assert_eq!(state(&all), State::Empty);
    }
    let mut all = at_epoch(2);
    for _ in 0..2 {
        let done = end(&mut all, 2, Outcome::Abort, Version::V2).unwrap();
        assert_eq!((done.result, done.markers), (producer(3), None));
    }
    let done = end(&mut all, 3, Outcome::Abort, Version::V2).unwrap();
    assert_eq!(done.result, producer(4));
}

#[test]
fn when_the_epochs_are_used_up_another_producer_id_goes_on() {
    let fresh = Producer { id: 8, epoch: 0 };
    let mut all = at_epoch(LAST_EPOCH);
    begin(&mut all, LAST_EPOCH, Version::V2);
    let without = all.end(
        ID,
        producer(LAST_EPOCH),
        Outcome::Commit,
        Version::V2,
        None,
        200,
    );
    assert_eq!(without, Err(Error::NeedsProducerId));
    let done = end(&mut all, LAST_EPOCH, Outcome::Commit, Version::V2).unwrap();
    assert_eq!(done.result, fresh);
    assert_eq!(done.markers.unwrap().producer, producer(i16::MAX));
    let again = end(&mut all, LAST_EPOCH, Outcome::Commit, Version::V2).unwrap();
    assert_eq!((again.result, again.change), (fresh, None));

    let mut all = at_epoch(LAST_EPOCH);
    let spare = Init {
        spare: Some(8),
        ..NEW
    };
    assert_eq!(all.init(ID, spare, 1).unwrap().result, fresh);
    let mut all = at_epoch(LAST_EPOCH);
    begin(&mut all, LAST_EPOCH, Version::V1);
    let done = all.init(ID, spare, 1).unwrap();
    assert_eq!(done.result, fresh);
    assert_eq!(done.markers.unwrap().producer, producer(i16::MAX));
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    let mut all = at_epoch(2);
    begin(&mut all, 2, Version::V1);
    all.add(ID, producer(2), Version::V1, [partition(9)], 50_000)
        .unwrap()
        .change
        .unwrap();
    assert_eq!(all.next_due_ms(), Some(60_100), "from its beginning");
    assert_eq!(all.timed_out(60_099), Vec::<Arc<str>>::new());
    assert_eq!(all.timed_out(60_100), [ID.into()]);
    let done = all.abort(ID, 60_100).unwrap();
    let markers = done.markers.unwrap();
    assert_eq!(
        (markers.producer, markers.partitions.len()),
        (producer(3), 3)
    );
    assert_eq!(all.next_due_ms(), None);
    assert_eq!(all.abort(ID, 60_200), None);
    assert_eq!(
        end(&mut all, 2, Outcome::Commit, Version::V1),
        Err(Error::Fenced)
    );
}

#[test]
fn ids_that_nobody_uses_are_forgotten_but_never_a_transaction() {
    let mut all = at_epoch(2);
    assert_eq!(all.unused(999, 1_000), Vec::<Arc<str>>::new());
    assert_eq!(all.unused(1_000, 1_000), [ID.into()]);
    begin(&mut all, 2, Version::V1);
    assert_eq!(all.unused(i64::MAX, 1_000), Vec::<Arc<str>>::new());
    assert_eq!(all.forget(ID).change, None);
    assert!(end(&mut all, 2, Outcome::Abort, Version::V1).is_ok());
    assert_eq!(all.forget(ID).change.unwrap().entry, None);
    assert_eq!(all.get(ID), None);
}

#[test]
fn a_transaction_tells_what_it_writes_to() {
    let mut all = at_epoch(2);
    let outside = all.check(ID, producer(2), &partition(0));
    assert_eq!(outside, Err(Error::NotInTransaction));
    begin(&mut all, 2, Version::V1);
    assert_eq!(all.check(ID, producer(2), &partition(0)), Ok(()));
    assert_eq!(
        all.check(ID, producer(2), &partition(2)),
        Err(Error::NotInTransaction)
    );
    assert_eq!(
        all.check(ID, producer(1), &partition(0)),
        Err(Error::Fenced)
    );
    let again = all
        .add(ID, producer(2), Version::V1, [partition(1)], 300)
        .unwrap();
    assert_eq!(again.change, None, "it is there already");
    assert!(end(&mut all, 2, Outcome::Commit, Version::V1).is_ok());
    assert_eq!(
        all.check(ID, producer(2), &partition(0)),
        Err(Error::NotInTransaction)
    );
}

#[test]
fn who_took_too_long_goes_on_with_the_next_epoch_unless_another_has_come() {
    let mine = claiming(producer(3));
    let aborted = || {
        let mut all = at_epoch(3);
        begin(&mut all, 3, Version::V1);
        let aborted = all.abort(ID, 200).unwrap();
        assert_eq!(aborted.result, producer(4));
        all
    };
    let mut all = aborted();
    for _ in 0..2 {
        assert_eq!(all.init(ID, mine, 300).unwrap().result, producer(4));
    }
    begin(&mut all, 4, Version::V1);
    assert_eq!(all.init(ID, mine, 400), Err(Error::Fenced));

    let mut all = aborted();
    assert_eq!(all.init(ID, NEW, 300).unwrap().result, producer(5));
    assert_eq!(all.init(ID, mine, 400), Err(Error::Fenced));
}
