//! Prints rows of named cells: as a table for people, or as one JSON object for each row.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::Output;

/// What stands in one place of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// A name.
    Text(String),
    /// A number.
    Count(i64),
    /// A time that has passed, in milliseconds.
    Age(i64),
    /// There is nothing to tell.
    Unknown,
}

/// Cells in the order of a table, each with its name. That of an age ends in `_ms`.
pub(super) type Row = Vec<(&'static str, Cell)>;

impl From<Option<i64>> for Cell {
    fn from(count: Option<i64>) -> Self {
        count.map_or(Self::Unknown, Self::Count)
    }
}

impl Cell {
    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Count(number) | Self::Age(number) => json!(number),
            Self::Unknown => Value::Null,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(number) => number.to_string(),
            Self::Age(ms) => age(*ms),
            Self::Unknown => "-".to_owned(),
        }
    }
}

/// A time in the two largest of its units.
fn age(ms: i64) -> String {
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1_000, "s"),
        (1, "ms"),
    ];
    let ms = ms.max(0);
    let largest = units
        .iter()
        .position(|(size, _)| ms >= *size)
        .unwrap_or(units.len() - 1);
    let mut left = ms;
    let mut parts = Vec::new();
    for (size, unit) in &units[largest..(largest + 2).min(units.len())] {
        parts.push(format!("{} {unit}", left / size));
        left %= size;
    }
    parts.join(" ")
}

/// Prints the rows. In a table, neighbours with the same names share their headings.
///
/// # Errors
/// Those of `out`.
pub(super) fn show(rows: &[Row], output: Output, out: &mut impl Write) -> io::Result<()> {
    if output == Output::Json {
        return rows.iter().try_for_each(|row| {
            let fields = row
                .iter()
                .map(|(name, cell)| ((*name).to_owned(), cell.json()));
            writeln!(out, "{}", Value::Object(fields.collect::<Map<_, _>>()))
        });
    }
    let tables = rows.chunk_by(|a, b| names(a).eq(names(b)));
    for (index, table) in tables.enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        print(table, out)?;
    }
    Ok(())
}

fn names(row: &Row) -> impl Iterator<Item = &'static str> {
    row.iter().map(|(name, _)| *name)
}

fn print(table: &[Row], out: &mut impl Write) -> io::Result<()> {
    let heading = |name: &str| {
        name.trim_end_matches("_ms")
            .replace('_', " ")
            .to_uppercase()
    };
    let head = table
        .first()
        .into_iter()
        .map(|row| names(row).map(heading).collect());
    let body = table
        .iter()
        .map(|row| row.iter().map(|(_, cell)| cell.text()).collect());
    let lines: Vec<Vec<String>> = head.chain(body).collect();
    for line in &lines {
        let mut text = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0);
            text.push_str(&format!("{cell:<width$}  "));
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(rows: &[Row], output: Output) -> String {
        let mut out = Vec::new();
        show(rows, output, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_are_tables_for_people_and_objects_for_programs() {
        let queue = |name: &str, waiting, oldest| {
            vec![
                ("queue", Cell::Text(name.to_owned())),
                ("in_flight", waiting),
                ("oldest_ms", oldest),
            ]
        };
        let rows = [
            queue("jobs", Cell::Count(12), Cell::Age(61_000)),
            queue("a", Cell::Unknown, Cell::Unknown),
            vec![("partition", Cell::Count(0))],
        ];
        let expected = "\
QUEUE  IN FLIGHT  OLDEST
jobs   12         1 min 1 s
a      -          -

PARTITION
0
";
        assert_eq!(printed(&rows, Output::Text), expected);
        let json = printed(&rows[..2], Output::Json);
        let first: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
        assert_eq!(
            first,
            json!({"queue": "jobs", "in_flight": 12, "oldest_ms": 61_000})
        );
        assert!(json.lines().nth(1).unwrap().contains("\"in_flight\":null"));
    }

    #[test]
    fn an_age_is_told_in_its_two_largest_units() {
        let table = [
            (-5, "0 ms"),
            (999, "999 ms"),
            (1_500, "1 s 500 ms"),
            (3_600_000, "1 h 0 min"),
            (90_061_000, "1 d 1 h"),
        ];
        for (ms, expected) in table {
            assert_eq!(age(ms), expected);
        }
    }
}
