//! One line for each scenario: medians over its runs, and how far the runs lay apart.

use std::time::Duration;

use crate::load::Outcome;
use crate::options::Options;
use crate::others::Others;
use crate::scenarios::Scenario;

/// The printed table.
#[derive(Debug)]
pub(crate) struct Report;

impl Report {
    /// Prints what the figures depend on, and the head of the table.
    pub(crate) fn begin(options: &Options) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        println!(
            "{cores} cores, {} runs of {:?} each, medians; MB = 10^6 bytes",
            options.runs, options.length
        );
        println!(
            "| scenario | MB/s (lowest–highest) | requests/s | p50 ms | p99 ms | max ms | CPU s/GB | CPU % | RSS MB | others' CPU % |"
        );
        println!("|--|--|--|--|--|--|--|--|--|--|");
        Self
    }

    /// Runs `scenario` and prints its line.
    pub(crate) fn print(&self, scenario: &Scenario, options: &Options) {
        let others = Others::watch();
        let outcomes = scenario.outcomes(options);
        let of = |figure: fn(&Outcome) -> Option<f64>| Figures::of(&outcomes, figure);
        let rate = of(|o| (o.bytes > 0).then(|| o.bytes as f64 / 1e6 / o.length.as_secs_f64()));
        let cells = [
            rate.spread(),
            of(requests_per_second).median(0),
            of(|o| percentile(o, 0.50)).median(3),
            of(|o| percentile(o, 0.99)).median(3),
            of(|o| percentile(o, 1.00)).median(1),
            of(cpu_per_gigabyte).median(2),
            of(cpu_share).median(2),
            of(|o| o.usage.map(|usage| usage.resident as f64 / 1e6)).median(1),
            format!("{:.0}", others.share()),
        ];
        println!("| {} | {} |", scenario.name, cells.join(" | "));
    }
}

fn requests_per_second(outcome: &Outcome) -> Option<f64> {
    let several = outcome.latencies.len() > 1;
    several.then(|| outcome.latencies.len() as f64 / outcome.length.as_secs_f64())
}

fn percentile(outcome: &Outcome, share: f64) -> Option<f64> {
    let last = outcome.latencies.len().checked_sub(1)?;
    let latency = outcome.latencies[(last as f64 * share) as usize];
    Some(milliseconds(latency))
}

fn cpu_per_gigabyte(outcome: &Outcome) -> Option<f64> {
    let gigabytes = (outcome.bytes > 0).then(|| outcome.bytes as f64 / 1e9)?;
    outcome
        .usage
        .map(|usage| usage.cpu.as_secs_f64() / gigabytes)
}

fn cpu_share(outcome: &Outcome) -> Option<f64> {
    outcome
        .usage
        .map(|usage| 100.0 * usage.cpu.as_secs_f64() / outcome.length.as_secs_f64())
}

fn milliseconds(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}

/// One figure of every run that has it, ascending.
struct Figures(Vec<f64>);

impl Figures {
    fn of(outcomes: &[Outcome], figure: fn(&Outcome) -> Option<f64>) -> Self {
        let mut figures: Vec<f64> = outcomes.iter().filter_map(figure).collect();
        figures.sort_unstable_by(f64::total_cmp);
        Self(figures)
    }

    fn median(&self, decimals: usize) -> String {
        let median = self.0.get(self.0.len() / 2);
        median.map_or_else(|| "–".to_owned(), |median| format!("{median:.decimals$}"))
    }

    fn spread(&self) -> String {
        match self.0.as_slice() {
            [] => self.median(0),
            [lowest, .., highest] => format!("{} ({lowest:.0}–{highest:.0})", self.median(0)),
            [_single] => self.median(0),
        }
    }
}
