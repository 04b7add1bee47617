//! The teller: makes transfers, never so many that the workers fall far behind.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::entry::{Transfer, place};
use super::{TRANSFERS, full_name};
use crate::clients::{Acknowledged, Producer, Record};
use crate::dice::Dice;

/// Transfers that may be under way.
const BACKLOG: u64 = 500;

/// Makes transfers until told to stop, and returns where each was stored. `entries` counts those of the
/// ledger: two for each transfer that is done with.
///
/// # Panics
/// When a transfer is refused: its producer tries for ever.
pub(super) fn trade(
    bootstrap: &str,
    bank: &str,
    seed: u64,
    stop: &AtomicBool,
    entries: &AtomicU64,
) -> Vec<(Transfer, Acknowledged)> {
    let settings = [("enable.idempotence", "true"), ("message.timeout.ms", "0")];
    let mut producer = Producer::new(bootstrap, &full_name(bank, TRANSFERS), &settings);
    let mut dice = Dice::new(!seed);
    let mut made = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let room = entries.load(Ordering::Relaxed) / 2 + BACKLOG > made.len() as u64;
        for _ in 0..if room { dice.between(1, 30) } else { 0 } {
            let transfer = Transfer::of(seed, made.len() as u64);
            let record = Record::new(transfer.from.to_string(), transfer.value());
            producer.send(&record.to_partition(place(transfer.id)));
            made.push(transfer);
        }
        thread::park_timeout(Duration::from_millis(dice.between(1, 60)));
    }
    producer.flush();
    let answers = producer.answers().into_values();
    let stored = answers.map(|answer| answer.expect("a transfer is stored"));
    made.into_iter().zip(stored).collect()
}
