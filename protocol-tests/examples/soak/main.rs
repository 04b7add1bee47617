//! Half an hour of mixed load with kills, and a verdict on every record.
//!
//! `cargo run --release -p millstream-protocol-tests --example soak -- [--minutes N] [--seed N] [--check-each]` prints
//! its seed, a line a minute and its verdict; it ends with 0 if every promise was kept, and with 1 otherwise.
//! `--check-each` runs `millstream check` before each start as well, not only in the end.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a proof fails by panicking and prints what it found"
)]

use std::process::ExitCode;
use std::time::Duration;

use millstream_protocol_tests::dice::Dice;
use millstream_protocol_tests::soak::{Plan, soak};

fn main() -> ExitCode {
    let plan = plan(std::env::args().skip(1));
    println!("seed {}, {:?} of load", plan.seed, plan.length);
    match soak(&plan, |line| println!("{line}")) {
        Ok(tally) => {
            println!("kept every promise: {tally:?}");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("BROKEN, seed {}: {broken}", plan.seed);
            ExitCode::FAILURE
        }
    }
}

fn plan(mut arguments: impl Iterator<Item = String>) -> Plan {
    let mut plan = Plan {
        seed: Dice::fresh().between(0, 1_000_000),
        length: Duration::from_secs(30 * 60),
        lives: 500..20_000,
        checks_each: false,
    };
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next();
            let number = value.and_then(|value| value.parse::<u64>().ok());
            number.unwrap_or_else(|| panic!("{argument} needs a number"))
        };
        match argument.as_str() {
            "--minutes" => plan.length = Duration::from_secs(60 * number()),
            "--seed" => plan.seed = number(),
            "--check-each" => plan.checks_each = true,
            other => panic!("{other} is no option"),
        }
    }
    plan
}
