//! Every fault is found where it was planted, and nothing is found where there is none.

mod model;

use proptest::prelude::*;

use super::*;
use model::{play, step};

fn partition() -> Partition {
    Partition::new("t", 0)
}

/// Two plain records at offsets 0 and 3, a committed transaction at 1 and an aborted one at 2, as they are to be seen.
fn clean() -> History {
    let transaction = |commit_asked, outcome| Transaction {
        commit_asked,
        outcome,
    };
    let send = |value: &str, transaction, offset| Send {
        producer: 0,
        transaction,
        partition: partition(),
        value: value.to_owned(),
        outcome: Outcome::Done,
        offset: Some(offset),
    };
    History {
        transactions: vec![
            transaction(Some(10), Outcome::Done),
            transaction(None, Outcome::Failed),
        ],
        sends: vec![
            send("a", None, 0),
            send("b", Some(0), 1),
            send("c", Some(1), 2),
            send("d", None, 3),
        ],
        readers: vec![
            reader(Isolation::ReadCommitted, &[(0, "a"), (1, "b"), (3, "d")]),
            reader(
                Isolation::ReadUncommitted,
                &[(0, "a"), (1, "b"), (2, "c"), (3, "d")],
            ),
        ],
    }
}

fn reader(isolation: Isolation, reads: &[(i64, &str)]) -> Reader {
    let read = |(offset, value): &(i64, &str)| Read {
        partition: partition(),
        offset: *offset,
        value: (*value).to_owned(),
        at: 20,
    };
    Reader {
        isolation,
        complete: true,
        reads: reads.iter().map(read).collect(),
    }
}

/// What is found after `plant` has spoiled a clean history: kind, offset and value.
fn found(plant: impl FnOnce(&mut History)) -> Vec<(Kind, Option<i64>, String)> {
    let mut history = clean();
    plant(&mut history);
    let faults = check(&history).into_iter();
    faults
        .map(|fault| (fault.kind, fault.offset, fault.value))
        .collect()
}

fn only(kind: Kind, offset: i64, value: &str) -> Vec<(Kind, Option<i64>, String)> {
    vec![(kind, Some(offset), value.to_owned())]
}

#[test]
fn a_clean_history_has_no_fault() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn an_acknowledged_record_that_is_missing_is_found() {
    let lost = found(|history| {
        for reader in &mut history.readers {
            reader.reads.pop();
        }
    });
    assert_eq!(lost[0], only(Kind::Lost, 3, "d")[0]);
    assert_eq!(lost.len(), 2, "one for each reader: {lost:?}");
}

#[test]
fn a_committed_record_that_is_missing_is_found_though_its_send_had_no_answer() {
    let lost = found(|history| {
        history.sends[1].outcome = Outcome::Unknown;
        history.sends[1].offset = None;
        for reader in &mut history.readers {
            reader.reads.remove(1);
        }
    });
    assert_eq!(lost[0], (Kind::Lost, None, "b".to_owned()));
}

#[test]
fn a_record_that_one_reader_passes_is_found() {
    let passed = found(|history| {
        history.sends[1].outcome = Outcome::Unknown;
        history.transactions[0].outcome = Outcome::Unknown;
        let mut hasty = history.readers[0].clone();
        hasty.complete = false;
        hasty.reads.remove(1);
        history.readers.push(hasty);
    });
    assert_eq!(passed, only(Kind::Lost, 1, "b"));
}

#[test]
fn a_record_that_nobody_sent_is_found() {
    let strange = found(|history| {
        let read = reader(Isolation::ReadUncommitted, &[(4, "x")]).reads;
        history.readers[1].reads.extend(read);
    });
    assert_eq!(strange, only(Kind::Stranger, 4, "x"));
}

#[test]
fn a_record_that_was_refused_is_found() {
    let refused = found(|history| {
        history.sends[3].outcome = Outcome::Failed;
    });
    assert_eq!(refused, only(Kind::Stranger, 3, "d"));
}

#[test]
fn an_aborted_read_is_found() {
    let aborted = found(|history| {
        let read = history.readers[1].reads[2].clone();
        history.readers[0].reads.insert(2, read);
    });
    assert_eq!(aborted, only(Kind::AbortedRead, 2, "c"));
}

#[test]
fn a_dirty_read_is_found_before_the_commit_and_where_none_was_asked_for() {
    let early = found(|history| history.readers[0].reads[1].at = 9);
    assert_eq!(early, only(Kind::DirtyRead, 1, "b"));
    let never = found(|history| {
        history.transactions[0] = Transaction::default();
    });
    assert_eq!(never, only(Kind::DirtyRead, 1, "b"));
}

#[test]
fn a_torn_transaction_is_found() {
    let torn = found(|history| {
        history.transactions[0].outcome = Outcome::Unknown;
        let mut other = history.sends[1].clone();
        other.value = "b2".to_owned();
        other.outcome = Outcome::Unknown;
        other.offset = None;
        history.sends.push(other);
    });
    assert_eq!(torn, [(Kind::Torn, None, "b2".to_owned())]);
}

#[test]
fn a_duplicate_is_found_among_reads_and_against_an_acknowledgement() {
    let twice = found(|history| {
        for isolated in &mut history.readers {
            let read = reader(Isolation::ReadCommitted, &[(4, "a")]).reads;
            isolated.reads.extend(read);
        }
    });
    assert_eq!(twice, only(Kind::Duplicate, 4, "a"));
    let elsewhere = found(|history| history.sends[3].offset = Some(5));
    assert_eq!(elsewhere, only(Kind::Duplicate, 3, "d"));
}

#[test]
fn a_broken_order_is_found() {
    let swapped = found(|history| history.sends.swap(0, 3));
    assert!(
        swapped.contains(&only(Kind::OutOfOrder, 0, "a")[0]),
        "{swapped:?}"
    );
    let by_others = found(|history| {
        history.sends.swap(0, 3);
        (history.sends[0].producer, history.sends[3].producer) = (1, 2);
    });
    assert_eq!(by_others, [], "producers have no order between them");
}

#[test]
fn an_offset_that_changes_its_value_is_found() {
    let changed = found(|history| {
        history.sends[3].offset = None;
        history.sends.push(Send {
            value: "e".to_owned(),
            outcome: Outcome::Unknown,
            ..history.sends[3].clone()
        });
        history.readers[1].reads[3].value = "e".to_owned();
    });
    assert!(
        changed.contains(&only(Kind::Changed, 3, "e")[0]),
        "{changed:?}"
    );
}

#[test]
fn an_offset_that_goes_back_is_found() {
    let back = found(|history| {
        let again = history.readers[0].reads[1..].to_vec();
        history.readers[0].reads.extend(again);
    });
    assert_eq!(back, only(Kind::WentBack, 1, "b"));
}

#[test]
fn a_fault_names_partition_offset_and_value() {
    let mut history = clean();
    history.readers[0].reads[1].at = 9;
    let fault = check(&history).remove(0).to_string();
    assert_eq!(
        fault,
        "dirty read: t-0 at offset 1, \"b\": transaction 0 was open for reader 0"
    );
}

proptest! {
    #[test]
    fn a_log_that_keeps_its_promises_is_never_accused(steps in prop::collection::vec(step(), 0..200)) {
        let history = play(&steps);
        prop_assert_eq!(check(&history), []);
    }

    /// Whatever a complete reader is not shown, or shown twice, is found.
    #[test]
    fn a_spoiled_reader_is_always_caught(
        steps in prop::collection::vec(step(), 20..200),
        victim in any::<prop::sample::Index>(),
        twice in any::<bool>(),
    ) {
        let mut history = play(&steps);
        let reader = history.readers.last_mut().expect("there is one");
        prop_assume!(!reader.reads.is_empty());
        let place = victim.index(reader.reads.len());
        let read = reader.reads.remove(place);
        if twice {
            reader.reads.extend([read.clone(), read]);
        }
        prop_assert_ne!(check(&history), []);
    }
}
