//! A dead letter: a message with headers, behind its own, that say where it came from and why it is here.

use millstream_batch::{Record, RecordHeader};

/// The header that names the queue, and with which what is said about the death begins.
const TOPIC: &[u8] = b"queue.dead.topic";
/// The header that names the partition of the queue.
const PARTITION: &[u8] = b"queue.dead.partition";

/// A message as it was before it died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter<'a> {
    /// Where it came from, if that can be told: topic and partition.
    pub(super) source: Option<(&'a str, i32)>,
    /// Without what was said about its death.
    pub(super) message: Record<'a>,
}

/// Reads a letter. One that died more than once goes back by one death.
pub(super) fn read(mut record: Record<'_>) -> Letter<'_> {
    let begin = record
        .headers
        .iter()
        .rposition(|header| header.key == TOPIC);
    let death = begin.map_or(Vec::new(), |begin| record.headers.split_off(begin));
    Letter {
        source: text(&death, TOPIC).zip(text(&death, PARTITION).and_then(|text| text.parse().ok())),
        message: record,
    }
}

fn text<'a>(headers: &[RecordHeader<'a>], key: &[u8]) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.key == key)?;
    std::str::from_utf8(header.value?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(headers: &[(&'a str, Option<&'a str>)]) -> Record<'a> {
        let header = |(key, value): &(&'a str, Option<&'a str>)| RecordHeader {
            key: key.as_bytes(),
            value: value.map(str::as_bytes),
        };
        Record {
            offset: 7,
            timestamp: 9,
            key: None,
            value: Some(b"job"),
            headers: headers.iter().map(header).collect(),
        }
    }

    #[test]
    fn a_letter_tells_where_it_came_from_and_loses_what_was_added() {
        let own = ("trace", Some("1"));
        let first = [
            ("queue.dead.topic", Some("jobs")),
            ("queue.dead.partition", Some("3")),
            ("queue.dead.reason", Some("rejected")),
        ];
        let letter = read(record(&[&[own][..], &first].concat()));
        assert_eq!(letter.source, Some(("jobs", 3)));
        assert_eq!(letter.message, record(&[own]));

        let second = [
            ("queue.dead.topic", Some("graveyard")),
            ("queue.dead.partition", Some("0")),
        ];
        let letter = read(record(&[&[own][..], &first, &second].concat()));
        assert_eq!(letter.source, Some(("graveyard", 0)));
        assert_eq!(letter.message, record(&[&[own][..], &first].concat()));
    }

    #[test]
    fn what_tells_no_source_has_none() {
        let table: [&[(&str, Option<&str>)]; 4] = [
            &[],
            &[("queue.dead.topic", Some("jobs"))],
            &[
                ("queue.dead.topic", None),
                ("queue.dead.partition", Some("1")),
            ],
            &[
                ("queue.dead.topic", Some("jobs")),
                ("queue.dead.partition", Some("x")),
            ],
        ];
        for headers in table {
            assert_eq!(read(record(headers)).source, None, "{headers:?}");
        }
    }
}
