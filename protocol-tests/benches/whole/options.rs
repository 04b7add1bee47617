//! What the command line asks for.

use std::net::SocketAddr;
use std::time::Duration;

/// Which scenarios to run, and how.
#[derive(Debug)]
pub(crate) struct Options {
    /// How long one run of a scenario is measured, after its warm-up.
    pub(crate) length: Duration,
    /// How many times each scenario is run; figures are medians.
    pub(crate) runs: usize,
    /// A server that runs already, instead of Millstream.
    pub(crate) peer: Option<SocketAddr>,
    words: Vec<String>,
}

impl Options {
    /// Reads the arguments. Cargo adds `--bench`, which says nothing here.
    pub(crate) fn from_arguments(arguments: impl Iterator<Item = String>) -> Self {
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        let mut options = Self {
            length: Duration::from_secs(5),
            runs: 3,
            peer: None,
            words: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .unwrap_or_else(|| panic!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--seconds" => {
                    let seconds = value().parse().expect("--seconds is a number");
                    options.length = Duration::from_secs(seconds);
                }
                "--runs" => options.runs = value().parse().expect("--runs is a number"),
                "--peer" => options.peer = Some(value().parse().expect("--peer is HOST:PORT")),
                word => options.words.push(word.to_owned()),
            }
        }
        options
    }

    /// Whether the scenario called `name` was asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word))
    }
}
