//! What can go wrong between the command line and a socket.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use millstream_broker::config::InvalidConfig;

/// Everything that this crate reports, in one line each.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A setting is unknown or wrong; `origin` says where it was given.
    #[error("{origin}: {reason}")]
    Setting {
        /// File, environment variable or option.
        origin: String,
        /// What is wrong with it.
        reason: InvalidConfig,
    },
    /// Settings that are fine one by one contradict each other.
    #[error("configuration: {0}")]
    Contradiction(#[from] InvalidConfig),
    /// A `--set` option is not of the form `name=value`.
    #[error("--set {0}: must be name=value")]
    NotAnAssignment(String),
    /// An environment variable is not text.
    #[error("environment variable {0}: its value is not UTF-8")]
    NotText(String),
    /// The configuration file cannot be read.
    #[error("cannot read {path}: {reason}")]
    ConfigFile {
        /// As given.
        path: PathBuf,
        /// From the operating system.
        reason: io::Error,
    },
    /// The configuration file is no TOML, or holds what no setting can be.
    #[error("{path}: {reason}")]
    ConfigSyntax {
        /// As given.
        path: PathBuf,
        /// In the words of the parser.
        reason: String,
    },
    /// A listener's address cannot be used.
    #[error("cannot listen on {listener}: {reason}")]
    Listen {
        /// As configured.
        listener: String,
        /// From the operating system.
        reason: io::Error,
    },
    /// The data directory cannot be opened or closed.
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
    /// A data directory could not be checked, which says nothing about what is in it.
    #[error("not checked: {0}")]
    Unchecked(#[source] millstream_store::Error),
    /// Standard output takes no more.
    #[error("cannot print it: {0}")]
    Print(#[source] io::Error),
    /// The broker cannot start.
    #[error(transparent)]
    Broker(#[from] millstream_broker::Error),
    /// The runtime cannot start.
    #[error("cannot start: {0}")]
    Runtime(io::Error),

    /// A server does not answer as one should.
    #[error("{address}: {reason}")]
    Server {
        /// Where the server should be.
        address: String,
        /// What happened instead.
        reason: String,
    },

    /// A server refused what was asked of it.
    #[error("{what}: {reason}")]
    Refused {
        /// What it was to be done with.
        what: String,
        /// In the server's words, or the name of its error.
        reason: String,
    },
    /// A topic is worked off by nobody.
    #[error("topic {0} is no queue: its queue.enable is false")]
    NoQueue(String),
    /// A message cannot be sent back to where it came from.
    #[error("message {offset} of partition {partition} of {topic} stays: {reason}")]
    Stuck {
        /// The topic that it is in.
        topic: String,
        /// Its partition there.
        partition: i32,
        /// Its offset there.
        offset: i64,
        /// Why.
        reason: String,
    },

    /// The bytes are HTTP.
    #[error("this is HTTP, not the Kafka protocol")]
    Http,
    /// The bytes begin a TLS handshake.
    #[error("this is a TLS hello on a plaintext listener")]
    Tls,
    /// A length below zero.
    #[error("a request cannot be {length} bytes long")]
    NegativeLength {
        /// As sent.
        length: i32,
    },
    /// A length above the bound.
    #[error("a request of {length} bytes is longer than socket.request.max.bytes ({max})")]
    TooLong {
        /// As sent.
        length: i32,
        /// The bound.
        max: usize,
    },
    /// The client went away before a length was whole.
    #[error("the stream ended inside a length, after {got} of 4 bytes")]
    EndInLength {
        /// Bytes that came.
        got: usize,
    },
    /// The client went away before a request was whole.
    #[error("the stream ended inside a request, after {got} of {length} bytes")]
    EndInRequest {
        /// Bytes that came.
        got: usize,
        /// Bytes that were announced.
        length: usize,
    },
    /// The rest of a request did not come in time.
    #[error("the rest of a request did not arrive within socket.request.read.timeout.ms ({ms})")]
    Silent {
        /// The bound in milliseconds.
        ms: u128,
    },
    /// Other requests held all memory for too long.
    #[error(
        "no memory for a request within socket.request.read.timeout.ms ({ms}): \
         queued.max.request.bytes are in use"
    )]
    NoMemory {
        /// The bound in milliseconds.
        ms: u128,
    },
    /// No request came for long.
    #[error("no request for connections.max.idle.ms ({ms})")]
    Idle {
        /// The bound in milliseconds.
        ms: u128,
    },
    /// The client does not take its answers.
    #[error("the client read none of its answer for connections.max.idle.ms ({ms})")]
    Unread {
        /// The bound in milliseconds.
        ms: u128,
    },
    /// There are enough connections.
    #[error("there are already {max} connections ({setting})")]
    TooManyConnections {
        /// The bound.
        max: usize,
        /// The setting that bounds them.
        setting: &'static str,
    },
    /// The socket failed.
    #[error("{0}")]
    Socket(#[from] io::Error),
}

impl Error {
    /// What the process ends with: 2 keeps "could not be checked" apart from "is damaged".
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unchecked(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}
