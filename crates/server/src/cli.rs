//! What the command line says.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use millstream_broker::config::{BrokerConfig, page};

use crate::check::CheckArgs;
use crate::dump::DumpArgs;
use crate::error::Error;
use crate::queue::QueueArgs;
use crate::{check, dump, ping, queue, serve};

/// A log server that speaks the Kafka protocol.
///
/// Without a command it serves on 127.0.0.1:9092 with its data in ./data.
#[derive(Debug, Parser)]
#[command(name = "millstream", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    #[command(after_help = settings_help())]
    Serve(ServeArgs),
    /// Check a data directory that no server has open, and change nothing.
    ///
    /// Every byte of every segment is read. One line is printed for each finding (damage, what a crash
    /// left and the next start puts right, or a note), then a summary. The exit code is 0 without
    /// damage, 1 with damage, and 2 if the directory could not be checked.
    Check(CheckArgs),
    /// Print what is in a segment, or in another file of a data directory.
    ///
    /// A line for each batch, and with --records for each record: its kind, then name=value for every
    /// value there is. Damage is told as a line of its own, and the dump goes on at the next whole batch
    /// behind it; the exit code is then 1. A server may have the file open: then it can end in the middle
    /// of a batch that is being written.
    Dump(DumpArgs),
    /// Make, look after and empty the queues of a running server.
    ///
    /// A queue is a topic with one consumer: what that has acknowledged is removed. Everything here is done over the
    /// Kafka protocol.
    Queue(QueueArgs),
    /// Ask a server whether it answers.
    Ping {
        /// Host of one of its listeners, and its port unless that is 9092.
        #[arg(default_value = "127.0.0.1:9092")]
        address: String,
    },
}

/// Where the settings of a server come from.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// TOML file with settings.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One setting; outweighs the environment, which outweighs the file. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) assignments: Vec<String>,
}

/// Does what the command line says, and returns how the process is to end when that is done.
///
/// # Errors
/// With the one line that says why it could not be done.
pub(crate) fn run() -> Result<ExitCode, Error> {
    let cli = Cli::parse();
    let done = match cli.command {
        None => serve::run(&cli.serve),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Check(args)) => return check::run(&args),
        Some(Command::Dump(args)) => return dump::run(&args),
        Some(Command::Queue(args)) => queue::run(&args),
        Some(Command::Ping { address }) => ping::run(&address),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn settings_help() -> String {
    format!(
        "Settings, with their defaults. Each can be given as --set NAME=VALUE, as a variable \
         (MILLSTREAM_ and\nthe name in capitals, with _ for each dot) or in the file, in this \
         order of weight:\n\n{}",
        page::help(BrokerConfig::TABLE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_takes_a_file_and_settings() {
        let line = [
            "millstream",
            "serve",
            "--config",
            "f",
            "--set",
            "a=1",
            "--set",
            "b=2",
        ];
        let Some(Command::Serve(args)) = Cli::parse_from(line).command else {
            panic!()
        };
        assert_eq!(args.config, Some(PathBuf::from("f")));
        assert_eq!(args.assignments, ["a=1", "b=2"]);
    }

    #[test]
    fn serving_needs_no_command() {
        let args = Cli::parse_from(["millstream", "--set", "a=1"]).serve;
        assert_eq!(args.assignments, ["a=1"]);
    }
}
