//! The whole server, measured: the binary as it is shipped, over loopback, beside the bare limits of the machine.
//!
//! `cargo bench -p millstream-protocol-tests -- [--seconds N] [--runs N] [--peer HOST:PORT] [SCENARIO…]` runs the
//! scenarios whose names contain one of the words given, or all, and prints one line for each. They take turns, one
//! run of each after the other, so that what changes on the machine meanwhile meets all of them. `--peer` runs them
//! against another server that speaks the protocol and already runs. The load generator shares the machine with
//! the server: what it costs is part of every figure.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and prints what it measured"
)]

mod cleaning;
mod cold;
mod commits;
mod committed;
mod frames;
mod idle;
mod limits;
mod load;
mod members;
mod opening;
mod options;
mod others;
mod paced;
mod partitions;
mod producer;
mod queues;
mod recovery;
mod report;
mod scenarios;
mod steady;
mod target;
mod traffic;
mod transactions;

use options::Options;
use report::Report;

fn main() {
    let options = Options::from_arguments(std::env::args().skip(1));
    let wanted = scenarios::ALL
        .iter()
        .filter(|scenario| options.wants(scenario.name));
    Report::begin(&options, wanted.collect()).run(&options);
}
