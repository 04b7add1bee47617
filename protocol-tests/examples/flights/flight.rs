//! The table of flights as records: one JSON object each, keyed by carrier, at the scheduled departure.

use std::fs;
use std::path::Path;

use millstream_protocol_tests::clients::Record;
use serde_json::{Map, Value};

/// Rows that the data set is known to have.
const ROWS: usize = 336_776;
/// The columns that the record's key and timestamp are made of.
const CARRIER: &str = "carrier";
const HOUR: &str = "time_hour";
const MINUTE: &str = "minute";

/// Reads the table and makes a record of each row; they come in the order of their departures, as events do.
pub(crate) fn read(table: &Path) -> Vec<Record> {
    let text =
        fs::read_to_string(table).unwrap_or_else(|error| panic!("{}: {error}", table.display()));
    let mut lines = text.lines();
    let columns: Vec<&str> = lines
        .next()
        .expect("a line of column names")
        .split(',')
        .collect();
    let mut flights: Vec<Record> = lines.map(|line| record(&columns, line)).collect();
    flights.sort_by_key(|flight| flight.timestamp);
    assert_eq!(flights.len(), ROWS, "rows of {}", table.display());
    flights
}

fn record(columns: &[&str], line: &str) -> Record {
    let cells = columns.iter().zip(line.split(','));
    let flight: Map<String, Value> = cells
        .map(|(name, cell)| ((*name).to_owned(), value(cell)))
        .collect();
    let text = |column: &str| {
        flight[column]
            .as_str()
            .unwrap_or_else(|| panic!("{column} in {line}"))
    };
    let minute = flight[MINUTE]
        .as_i64()
        .unwrap_or_else(|| panic!("{MINUTE} in {line}"));
    let departure = hour(text(HOUR)) + minute * 60_000;
    Record::new(text(CARRIER), Value::Object(flight.clone()).to_string()).at(departure)
}

/// Numbers as numbers, missing cells as null, everything else as text.
fn value(cell: &str) -> Value {
    match cell {
        "" | "NA" => Value::Null,
        cell => cell
            .parse::<i64>()
            .map_or_else(|_| Value::from(cell), Value::from),
    }
}

/// The milliseconds since 1970 of an hour that is written like `2013-01-01T10:00:00Z`.
fn hour(text: &str) -> i64 {
    let part = |range| text.get(range).and_then(|digits: &str| digits.parse().ok());
    let parts = (part(0..4), part(5..7), part(8..10), part(11..13));
    let (Some(year), Some(month), Some(day), Some(hour)) = parts else {
        panic!("{text} is no hour")
    };
    (24 * days(year, month, day) + hour) * 3_600_000
}

/// Days since 1970 in the Gregorian calendar. The year begins in March here, so that a leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let of_month = (153 * month + 2) / 5;
    365 * year + year / 4 - year / 100 + year / 400 + of_month + day - 1 - 719_468
}
