//! Whatever is done to a store and whatever fails below it: what was acknowledged or seen is there
//! afterwards, once, and nothing else is; of what went to several partitions at once there is all or nothing, a
//! transaction is told to be open, committed or aborted as its marker has it, and of a compacted log there is at least the last record of each key, and of any log all that nobody called dead.
//!
//! A hundred runs of several lives each, or as many as fit into `MILLSTREAM_FAULTS_SECONDS`. The seed is printed;
//! `MILLSTREAM_FAULTS_SEED` begins with it. The same seed draws the same steps and the same faults;
//! the threads of the store race as they like, so that a rare failure may take some repetitions.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]
#![allow(clippy::panic, reason = "helpers of a test fail like the test")]
#![allow(
    clippy::print_stdout,
    reason = "whoever runs it for an hour needs the seed"
)]

mod bond;
mod clients;
mod dice;
mod history;
mod life;
mod sent;
mod steps;
#[path = "../support/mod.rs"]
mod support;
mod transactions;

use std::time::{Duration, Instant};

use dice::Dice;
use life::Run;

/// Runs where no time is given.
const RUNS: u64 = 100;

/// A number from the environment.
fn given(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap())
}

/// Tells how to repeat a run that fails.
struct Repeat {
    seed: u64,
    run: Run,
}

impl Drop for Repeat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.run.trace.join("\n"));
            println!("failed: MILLSTREAM_FAULTS_SEED={}", self.seed);
        }
    }
}

#[test]
fn what_was_acknowledged_or_seen_survives_every_fault() {
    let first = given("MILLSTREAM_FAULTS_SEED").unwrap_or_else(Dice::fresh_seed);
    let time = given("MILLSTREAM_FAULTS_SECONDS").map(Duration::from_secs);
    println!("MILLSTREAM_FAULTS_SEED={first}");
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    let begun = Instant::now();
    let is_over = |runs| time.map_or(runs >= RUNS, |time| begun.elapsed() >= time);
    let mut runs = 0;
    while !is_over(runs) {
        let seed = first + runs;
        let run = Run::new(seed);
        let mut repeat = Repeat { seed, run };
        let lives = repeat.run.dice.between(2, 8);
        for _ in 0..lives {
            runtime.block_on(repeat.run.live());
        }
        runs += 1;
    }
    println!("{runs} runs in {:?}", begun.elapsed());
}
