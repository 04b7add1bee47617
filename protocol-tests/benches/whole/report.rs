//! One line for each scenario: medians over its runs, how far the runs lay apart, and how it stands beside another.

use std::time::Duration;

use crate::load::Outcome;
use crate::options::Options;
use crate::others::Others;
use crate::scenarios::Scenario;

/// The printed table.
pub(crate) struct Report {
    rows: Vec<Row>,
}

/// A scenario, its runs so far, and what others used of the machine during each.
struct Row {
    scenario: &'static Scenario,
    outcomes: Vec<Outcome>,
    others: Vec<f64>,
}

impl Report {
    /// Prints what the figures depend on, and the head of the table.
    pub(crate) fn begin(options: &Options, scenarios: Vec<&'static Scenario>) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        println!(
            "{cores} cores, {} runs of {:?} each, medians; MB = 10^6 bytes",
            options.runs, options.length
        );
        println!(
            "| scenario | MB/s (lowest–highest) | requests/s | p50 ms | p99 ms | p99.9 ms | max ms | CPU s/GB | CPU % | RSS MB | others' CPU % | rate beside | also |"
        );
        println!("|--|--|--|--|--|--|--|--|--|--|--|--|--|");
        let row = |scenario| Row {
            scenario,
            outcomes: Vec::new(),
            others: Vec::new(),
        };
        Self {
            rows: scenarios.into_iter().map(row).collect(),
        }
    }

    /// Runs every scenario as often as the options say, in turn, and prints its line after its last run.
    pub(crate) fn run(&mut self, options: &Options) {
        for round in 1..=options.runs {
            for i in 0..self.rows.len() {
                self.rows[i].measure(options);
                if round == options.runs {
                    println!("{}", self.line(&self.rows[i]));
                }
            }
        }
    }

    fn line(&self, row: &Row) -> String {
        let of = |figure: fn(&Outcome) -> Option<f64>| Figures::of(&row.outcomes, figure);
        let cells = [
            of(rate).spread(),
            of(requests_per_second).median(0),
            of(|o| percentile(o, 0.50)).median(3),
            of(|o| percentile(o, 0.99)).median(3),
            of(|o| percentile(o, 0.999)).median(3),
            of(|o| percentile(o, 1.00)).median(1),
            of(cpu_per_gigabyte).median(2),
            of(cpu_share).median(2),
            of(|o| o.usage.map(|usage| usage.resident as f64 / 1e6)).median(1),
            Figures::new(row.others.clone()).median(0),
            self.beside(row),
            row.notes(),
        ];
        format!("| {} | {} |", row.scenario.name, cells.join(" | "))
    }

    /// The rate in percent of that of the scenario that it is measured beside, if that was run as well.
    fn beside(&self, row: &Row) -> String {
        let other = self
            .rows
            .iter()
            .find(|other| other.scenario.name == row.scenario.beside);
        let share = other.and_then(|other| {
            let (own, other) = (row.rate()?, other.rate()?);
            Some(format!(
                "{:.0} % of {}",
                100.0 * own / other,
                row.scenario.beside
            ))
        });
        share.unwrap_or_else(|| NONE.to_owned())
    }
}

impl Row {
    fn measure(&mut self, options: &Options) {
        let others = Others::watch();
        self.outcomes.push((self.scenario.run)(options));
        self.others.push(others.share());
    }

    fn rate(&self) -> Option<f64> {
        Figures::of(&self.outcomes, rate).middle()
    }

    fn notes(&self) -> String {
        let first = self.outcomes.iter().take(1).flat_map(|first| &first.notes);
        let figures = first.map(|note| {
            let same = self.outcomes.iter().flat_map(|outcome| &outcome.notes);
            let same = same.filter(|other| other.what == note.what);
            let figures = Figures::new(same.map(|note| note.value).collect());
            format!("{} {}", note.what, figures.median(2))
        });
        let notes: Vec<_> = figures.collect();
        match notes.as_slice() {
            [] => NONE.to_owned(),
            notes => notes.join(", "),
        }
    }
}

fn rate(outcome: &Outcome) -> Option<f64> {
    (outcome.bytes > 0).then(|| outcome.bytes as f64 / 1e6 / outcome.length.as_secs_f64())
}

fn requests_per_second(outcome: &Outcome) -> Option<f64> {
    let several = outcome.latencies.len() > 1;
    several.then(|| outcome.latencies.len() as f64 / outcome.length.as_secs_f64())
}

/// The latency that a share of all requests did not go beyond, in milliseconds.
pub(crate) fn percentile(outcome: &Outcome, share: f64) -> Option<f64> {
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

/// A time as the report shows it.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}

/// Stands where there is no figure.
const NONE: &str = "–";

/// One figure of every run that has it, ascending.
struct Figures(Vec<f64>);

impl Figures {
    fn new(mut figures: Vec<f64>) -> Self {
        figures.sort_unstable_by(f64::total_cmp);
        Self(figures)
    }

    fn of(outcomes: &[Outcome], figure: fn(&Outcome) -> Option<f64>) -> Self {
        Self::new(outcomes.iter().filter_map(figure).collect())
    }

    fn middle(&self) -> Option<f64> {
        self.0.get(self.0.len() / 2).copied()
    }

    fn median(&self, decimals: usize) -> String {
        self.middle()
            .map_or_else(|| NONE.to_owned(), |median| format!("{median:.decimals$}"))
    }

    fn spread(&self) -> String {
        match self.0.as_slice() {
            [] => NONE.to_owned(),
            [lowest, .., highest] => format!("{} ({lowest:.0}–{highest:.0})", self.median(0)),
            [_single] => self.median(0),
        }
    }
}
