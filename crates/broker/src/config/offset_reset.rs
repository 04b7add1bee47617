//! Where somebody begins who has no position yet: latest, earliest, or what came within a duration.
//!
//! A duration is written as ISO 8601 has it, in days, hours, minutes and seconds: PnDTnHnMn.nS.

use super::value::{Type, Value};

/// Where to begin in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// At its end.
    Latest,
    /// At its beginning.
    Earliest,
    /// At the first record that is at most that many milliseconds old.
    ByDuration(i64),
}

impl Value for OffsetReset {
    const TYPE: Type = Type::String;
    const SHAPE: &'static str =
        "latest, earliest or by_duration: with a duration such as P3DT12H30M";

    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "latest" => Some(Self::Latest),
            "earliest" => Some(Self::Earliest),
            other => {
                let duration = other.strip_prefix("by_duration:")?;
                milliseconds(duration).map(Self::ByDuration)
            }
        }
    }
}

/// The length of a duration; `None` if it is none, or longer than can be counted.
fn milliseconds(text: &str) -> Option<i64> {
    let text = text.to_ascii_uppercase();
    let text = text.strip_prefix('P')?;
    let (days, time) = match text.split_once('T') {
        Some((days, time)) => (days, Some(time)),
        None => (text, None),
    };
    if text.is_empty() || time.is_some_and(str::is_empty) {
        return None;
    }
    let of_days = sum(days, &[('D', 86_400_000)])?;
    let units = [('H', 3_600_000), ('M', 60_000), ('S', 1_000)];
    of_days.checked_add(sum(time.unwrap_or_default(), &units)?)
}

/// Adds up amounts in units that come in this order, each at most once.
fn sum(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut total: i64 = 0;
    for (unit, factor) in units {
        if let Some((amount, rest)) = text.split_once(*unit) {
            total = total.checked_add(amount_in(amount, *factor)?)?;
            text = rest;
        }
    }
    text.is_empty().then_some(total)
}

/// So many times `factor` milliseconds; only of seconds there may be fractions.
fn amount_in(amount: &str, factor: i64) -> Option<i64> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    if factor != 1_000 && amount.contains('.') {
        return None;
    }
    let thousandths: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    whole.checked_mul(factor)?.checked_add(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_as_iso_8601_has_it() {
        let table = [
            ("PT0S", 0),
            ("P1D", 86_400_000),
            ("pt1h", 3_600_000),
            ("P2DT3H4M5.006S", 183_845_006),
            ("PT0.5S", 500),
            ("PT36H", 129_600_000),
        ];
        for (text, expected) in table {
            let text = format!("by_duration:{text}");
            assert_eq!(
                OffsetReset::parse(&text),
                Some(OffsetReset::ByDuration(expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let wrong = [
            "",
            "P",
            "PT",
            "P1DT",
            "1D",
            "P1H",
            "PT1D",
            "P-1D",
            "-P1D",
            "PT1M1H",
            "PT1.5H",
            "P1Y",
            "PT.5S",
            "PT1S1",
            "P99999999999999999D",
            "PT1\u{664}S",
        ];
        for text in wrong {
            let text = format!("by_duration:{text}");
            assert_eq!(OffsetReset::parse(&text), None, "{text}");
        }
        for text in ["none", "LATEST", "by_duration"] {
            assert_eq!(OffsetReset::parse(text), None, "{text}");
        }
        assert_eq!(
            OffsetReset::parse(" earliest "),
            Some(OffsetReset::Earliest)
        );
    }
}
