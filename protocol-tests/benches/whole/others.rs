//! How much of the machine somebody else used meanwhile: without it no figure can be judged.

use std::fs;
use std::time::Instant;

/// Linux shows times in `/proc` in ticks, of which there are 100 a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// The beginning of a measurement.
#[derive(Debug)]
pub(crate) struct Others {
    since: Instant,
    ticks: u64,
}

impl Others {
    /// Begins.
    pub(crate) fn watch() -> Self {
        let (since, ticks) = (Instant::now(), others());
        Self { since, ticks }
    }

    /// What processes other than this one and its children have used since, in percent of one core.
    pub(crate) fn share(&self) -> f64 {
        let ticks = others().saturating_sub(self.ticks) as f64;
        100.0 * ticks / TICKS_PER_SECOND / self.since.elapsed().as_secs_f64()
    }
}

/// All cores' busy ticks, without this process and the children that it has waited for.
fn others() -> u64 {
    let machine = read("/proc/stat");
    let all = numbers(
        machine
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("cpu"),
    );
    // User, nice, system; idle and waiting for a disk; interrupts of both kinds, and what the host took.
    let busy: u64 = [0, 1, 2, 5, 6, 7]
        .iter()
        .filter_map(|column| all.get(*column))
        .sum();
    let own = read("/proc/self/stat");
    let own = numbers(own.rsplit_once(')').map_or("", |(_name, fields)| fields));
    // Behind the name and the state, which is no number, come ten fields, then the own times and the children's.
    let own: u64 = own.iter().skip(10).take(4).sum();
    busy.saturating_sub(own)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn numbers(text: &str) -> Vec<u64> {
    let signed = text
        .split_whitespace()
        .filter_map(|field| field.parse::<i64>().ok());
    signed
        .map(|number| u64::try_from(number).unwrap_or(0))
        .collect()
}
