//! The millstream binary: the command line, and one line on standard error when something fails.

mod check;
mod cli;
mod client;
mod clock;
mod connection;
mod dump;
mod endpoint;
mod error;
mod files;
mod frame;
mod guests;
mod logging;
mod memory;
mod outbox;
mod ping;
mod queue;
mod serve;
mod server;
mod settings;
mod stop;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "millstream: {error}");
            error.exit_code()
        }
    }
}
