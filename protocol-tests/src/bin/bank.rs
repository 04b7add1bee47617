//! The bank-transfer test: exactly-once delivery, proven while workers and server are killed.
//!
//! `cargo run -p millstream-protocol-tests --bin bank -- [--seconds N] [--seed N] [--workers N]
//! [--protocol classic|consumer] [--bootstrap ADDRESS] [--worker PROGRAM ARGUMENT…]` prints its seed, a line a minute and
//! its verdict; it ends with 0 if every promise was kept, and with 1 otherwise. With `--bootstrap` it uses a broker
//! that runs already, and kills workers only. `--worker` takes the rest of the line as the worker's command; without it
//! the workers are this program, with librdkafka.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a proof fails by panicking and prints what it found"
)]

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use millstream_protocol_tests::bank::{Job, Line, Plan, bank, work};
use millstream_protocol_tests::dice::Dice;

/// As the first argument: this process is a worker.
const WORK: &str = "work";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).peekable();
    if arguments.next_if_eq(WORK).is_some() {
        return labour(&job(arguments));
    }
    let plan = plan(arguments);
    println!("seed {}, {:?} of load", plan.seed, plan.length);
    match bank(&plan, |line| println!("{line}")) {
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

fn labour(job: &Job) -> ExitCode {
    match work(job) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{}", Line::Fell(error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn job(mut arguments: impl Iterator<Item = String>) -> Job {
    let mut next = || arguments.next().expect("a worker has seven arguments");
    let number = |text: String| text.parse().expect("a life and a seed are numbers");
    Job {
        bootstrap: next(),
        bank: next(),
        name: next(),
        life: number(next()) as usize,
        seed: number(next()),
        protocol: next(),
        membership: next(),
    }
}

fn plan(mut arguments: impl Iterator<Item = String>) -> Plan {
    let own = env::current_exe().expect("this program has a path");
    let mut plan = Plan {
        seed: Dice::fresh().between(0, 1_000_000),
        length: Duration::from_secs(600),
        blows: 200..3_000,
        workers: 4,
        worker: vec![own.into(), WORK.into()],
        protocol: "classic".to_owned(),
        bootstrap: None,
    };
    while let Some(argument) = arguments.next() {
        if argument == "--worker" {
            plan.worker = arguments.map(OsString::from).collect();
            break;
        }
        let value = arguments.next();
        let value = value.unwrap_or_else(|| panic!("{argument} needs a value"));
        let number = || {
            let number = value.parse::<u64>().ok();
            number.unwrap_or_else(|| panic!("{argument} needs a number, not {value}"))
        };
        match argument.as_str() {
            "--seconds" => plan.length = Duration::from_secs(number()),
            "--seed" => plan.seed = number(),
            "--workers" => plan.workers = number() as usize,
            "--protocol" => plan.protocol = value,
            "--bootstrap" => plan.bootstrap = Some(value),
            other => panic!("{other} is no option"),
        }
    }
    plan
}
