//! Real input: every flight that left New York in 2013, through each codec, to two groups and from a point in time.
//!
//! `protocol-tests/flights.sh` fetches the data and runs this with the path of its table; with a second argument,
//! the address of a server that already runs, it uses that one. Panics when anything is missing, changed, doubled or
//! out of order.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a proof fails by panicking and prints what it found"
)]

mod flight;
mod proof;
mod tally;

use std::path::PathBuf;
use std::time::Instant;

use millstream_protocol_tests::server::Server;

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let table: PathBuf = arguments.next().expect("the path of flights.csv").into();
    let flights = flight::read(&table);
    println!("{} flights in {}", flights.len(), table.display());
    let server = arguments.next().is_none().then(Server::start);
    let given = std::env::args().nth(2);
    let bootstrap = server
        .as_ref()
        .map(Server::bootstrap)
        .or(given)
        .expect("a server");
    for codec in CODECS {
        let begin = Instant::now();
        let found = proof::prove(&bootstrap, codec, &flights);
        println!(
            "{codec:>6}: {found} in {:.1} s",
            begin.elapsed().as_secs_f64()
        );
    }
}
