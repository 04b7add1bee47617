//! What the records of a bank hold, and what follows from each.

use super::{CREDITS, DEBITS, LEDGER, PARTITIONS, TRANSFERS};
use crate::dice::Dice;

const ACCOUNTS: u64 = 20;

/// Money that goes from one account to another: `id from to amount` as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transfer {
    pub(super) id: u64,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) amount: i64,
}

impl Transfer {
    /// The transfer number `id`, a function of the bank's seed.
    pub(super) fn of(seed: u64, id: u64) -> Self {
        let mut dice = Dice::new(seed ^ id.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let from = dice.between(0, ACCOUNTS);
        Self {
            id,
            from,
            to: (from + dice.between(1, ACCOUNTS)) % ACCOUNTS,
            amount: dice.between(1, 1_000).cast_signed(),
        }
    }

    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut words = value.split(' ');
        Some(Self {
            id: words.next()?.parse().ok()?,
            from: words.next()?.parse().ok()?,
            to: words.next()?.parse().ok()?,
            amount: words.next()?.parse().ok()?,
        })
    }

    pub(super) fn value(&self) -> String {
        format!("{} {} {} {}", self.id, self.from, self.to, self.amount)
    }

    /// What it does to the account that pays, and to the one that is paid.
    pub(super) fn entries(&self) -> [Entry; 2] {
        let entry = |account, amount| Entry {
            id: self.id,
            account,
            amount,
        };
        [entry(self.from, -self.amount), entry(self.to, self.amount)]
    }
}

/// The change of one account: `tag id account amount` as text. The tag tells one try to write it from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// The transfer's.
    pub(super) id: u64,
    pub(super) account: u64,
    pub(super) amount: i64,
}

impl Entry {
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut words = value.split(' ').skip(1);
        Some(Self {
            id: words.next()?.parse().ok()?,
            account: words.next()?.parse().ok()?,
            amount: words.next()?.parse().ok()?,
        })
    }

    pub(super) fn value(&self, tag: &str) -> String {
        format!("{tag} {} {} {}", self.id, self.account, self.amount)
    }
}

/// The partition of what has this number: a transfer's id, an entry's account.
pub(super) const fn place(number: u64) -> i32 {
    (number % PARTITIONS as u64) as i32
}

/// What a worker writes for a record of `topic`: to which topics, and what. None if the record is none of the bank's.
pub(super) fn consequences(topic: &str, value: &str) -> Option<Vec<(&'static str, Entry)>> {
    if topic == TRANSFERS {
        let [debit, credit] = Transfer::parse(value)?.entries();
        return Some(vec![(DEBITS, debit), (CREDITS, credit)]);
    }
    Some(vec![(LEDGER, Entry::parse(value)?)])
}
