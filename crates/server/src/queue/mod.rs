//! `millstream queue`: makes, shows and empties queues, as a client of a running server.
//!
//! What a queue is, the server decides; nothing here looks into a data directory.

mod ask;
mod create;
mod empty;
mod letter;
mod redrive;
mod show;
mod standing;

use std::io;

use clap::{Args, Subcommand, ValueEnum};

use crate::error::Error;
use ask::Server;
use create::CreateArgs;
use redrive::RedriveArgs;

/// What to do with queues, and where.
#[derive(Debug, Args)]
pub(crate) struct QueueArgs {
    #[command(subcommand)]
    command: QueueCommand,
    /// Host of a listener of the server, and its port unless that is 9092.
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:9092"
    )]
    bootstrap_server: String,
    /// What is printed.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// One object for each line.
    Json,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Make a queue.
    Create(CreateArgs),
    /// Show all queues, each with its numbers.
    List,
    /// Show one queue, partition by partition.
    Describe {
        /// Its name.
        queue: String,
    },
    /// Remove every message that is in a queue now.
    Purge {
        /// Its name.
        queue: String,
    },
    /// Send dead letters back to the queues that they came from.
    ///
    /// A message goes to the end of its queue, in the partition that it came from, as if it had just been sent. It is
    /// removed from the dead letters when it is durable there; ended in between, it is in both.
    Redrive(RedriveArgs),
    /// Remove a queue with all its messages.
    Delete {
        /// Its name.
        queue: String,
    },
}

/// Does what the command line says.
///
/// # Errors
/// With the one line that says why it could not be done.
pub(crate) fn run(args: &QueueArgs) -> Result<(), Error> {
    let server = &mut Server::connect(&args.bootstrap_server)?;
    let said = match &args.command {
        QueueCommand::Create(create) => create::create(server, create)?,
        QueueCommand::List => standing::all(server)?,
        QueueCommand::Describe { queue } => standing::of(server, queue)?,
        QueueCommand::Purge { queue } => empty::purge(server, queue)?,
        QueueCommand::Redrive(redrive) => redrive::redrive(server, redrive)?,
        QueueCommand::Delete { queue } => empty::delete(server, queue)?,
    };
    match show::show(&said, args.output, &mut io::stdout().lock()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(Error::Print),
    }
}
