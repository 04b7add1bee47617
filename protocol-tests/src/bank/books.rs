//! The books in the end: pure arithmetic over what a reader of committed records saw.

use std::collections::BTreeMap;

use super::entry::{Entry, Transfer};
use super::{CREDITS, DEBITS, LEDGER};

/// Compares the entries that were read, each with its topic, with what has to follow from the transfers `0..count`.
///
/// # Errors
/// What is missing, too much or wrong, with the transfer that shows it.
pub(super) fn audit<'a>(
    seed: u64,
    count: u64,
    read: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), String> {
    let mut found: BTreeMap<(&str, Entry), u64> = BTreeMap::new();
    let mut sum = 0;
    for (topic, value) in read {
        let entry = Entry::parse(value).ok_or_else(|| format!("{value:?} in {topic}"))?;
        *found.entry((topic, entry)).or_default() += 1;
        sum += if topic == LEDGER { entry.amount } else { 0 };
    }
    for id in 0..count {
        let [debit, credit] = Transfer::of(seed, id).entries();
        let expected = [
            (DEBITS, debit),
            (CREDITS, credit),
            (LEDGER, debit),
            (LEDGER, credit),
        ];
        for (topic, entry) in expected {
            match found.remove(&(topic, entry)) {
                Some(1) => {}
                Some(times) => return Err(format!("{topic} has {entry:?} {times} times")),
                None => return Err(format!("{topic} has no {entry:?}")),
            }
        }
    }
    if let Some(((topic, entry), _)) = found.first_key_value() {
        return Err(format!("{topic} has {entry:?}, which follows from nothing"));
    }
    match sum {
        0 => Ok(()),
        sum => Err(format!("the sum of the ledger is {sum}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u64 = 5;

    fn all() -> Vec<(&'static str, String)> {
        let each = |id| {
            let [debit, credit] = Transfer::of(7, id).entries();
            let topics = [
                (DEBITS, debit),
                (CREDITS, credit),
                (LEDGER, debit),
                (LEDGER, credit),
            ];
            topics.map(|(topic, entry)| (topic, entry.value("1.1")))
        };
        (0..COUNT).flat_map(each).collect()
    }

    fn verdict(read: &[(&'static str, String)]) -> Result<(), String> {
        audit(
            7,
            COUNT,
            read.iter().map(|(topic, value)| (*topic, value.as_str())),
        )
    }

    #[test]
    fn books_are_in_order_if_everything_is_there_once() {
        assert_eq!(verdict(&all()), Ok(()));
    }

    #[test]
    fn an_entry_that_is_missing_twice_there_or_wrong_is_found() {
        for spoiled in 0..all().len() {
            let mut missing = all();
            let removed = missing.remove(spoiled);
            assert!(verdict(&missing).is_err(), "without {removed:?}");
            let mut twice = all();
            twice.push(removed);
            assert!(verdict(&twice).is_err());
            let mut wrong = all();
            let entry = Entry::parse(&wrong[spoiled].1).unwrap();
            let amount = entry.amount + 1;
            wrong[spoiled].1 = Entry { amount, ..entry }.value("1.1");
            assert!(verdict(&wrong).is_err());
        }
    }

    #[test]
    fn a_transfer_that_nobody_made_is_found() {
        let mut more = all();
        more.push((DEBITS, Transfer::of(7, COUNT).entries()[0].value("1.1")));
        assert!(verdict(&more).is_err());
    }
}
