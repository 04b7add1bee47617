//! Real clients against the real binary: what the tests, the benchmarks and the examples share.
//!
//! A harness fails by panicking with what it saw, so this crate panics where the crates under test never may.
//! It never reaches into the server: everything goes through its command line, its sockets and its signals.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a harness fails by panicking, and shows the server's log on the way out"
)]

pub mod bank;
pub mod binary;
pub mod clients;
pub mod clock;
pub mod dice;
pub mod history;
pub mod member;
pub mod raw;
pub mod server;
pub mod soak;
