//! The lines of a dump: each is a kind and named values, and so text and JSON say the same.

use std::fmt;
use std::path::Path;

use millstream_store::inspect::{IndexEntry, JournalPart};
use millstream_store::scan::{
    Damage, Header, Marker, Outcome, Record, RecordHeader, TimestampType,
};
use millstream_store::{Aborted, ProducerSnapshot};
use serde_json::{Value, json};

/// One line.
pub(super) struct Line {
    kind: &'static str,
    /// Names and values in the order of the text; null where there is none.
    fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// The header of a batch whose checksum is right.
    pub(super) fn batch(position: u64, header: &Header) -> Self {
        let producer = |value: Value| match header.has_producer() {
            true => value,
            false => Value::Null,
        };
        let time = match header.timestamp_type() {
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        };
        let fields = vec![
            ("base_offset", json!(header.base_offset)),
            ("last_offset", json!(header.last_offset())),
            ("position", json!(position)),
            ("size", json!(header.size())),
            ("records", json!(header.count)),
            ("codec", json!(header.codec().to_string())),
            ("timestamp_type", json!(time)),
            ("base_timestamp", json!(header.base_timestamp)),
            ("max_timestamp", json!(header.max_timestamp)),
            ("leader_epoch", json!(header.leader_epoch)),
            ("producer_id", producer(json!(header.producer_id))),
            ("producer_epoch", producer(json!(header.producer_epoch))),
            ("base_sequence", producer(json!(header.base_sequence))),
            ("transactional", flag(header.is_transactional())),
            ("control", flag(header.is_control())),
            ("delete_horizon", json!(header.delete_horizon())),
            ("crc", json!(header.crc)),
        ];
        Line {
            kind: "batch",
            fields,
        }
    }

    /// A record.
    pub(super) fn record(record: &Record<'_>) -> Self {
        let header = |header: &RecordHeader<'_>| json!([bytes(header.key), optional(header.value)]);
        let headers: Vec<Value> = record.headers.iter().map(header).collect();
        Line {
            kind: "record",
            fields: vec![
                ("offset", json!(record.offset)),
                ("timestamp", json!(record.timestamp)),
                ("key", optional(record.key)),
                ("value", optional(record.value)),
                ("headers", json!(headers)),
            ],
        }
    }

    /// The end of a transaction, at this offset.
    pub(super) fn marker(offset: i64, marker: &Marker) -> Self {
        let outcome = match marker.outcome {
            Outcome::Commit => "commit",
            Outcome::Abort => "abort",
        };
        Line {
            kind: "marker",
            fields: vec![
                ("offset", json!(offset)),
                ("outcome", json!(outcome)),
                ("producer_id", json!(marker.producer_id)),
                ("producer_epoch", json!(marker.producer_epoch)),
                ("coordinator_epoch", json!(marker.coordinator_epoch)),
            ],
        }
    }

    /// A transaction that was aborted.
    pub(super) fn aborted(aborted: &Aborted) -> Self {
        Line {
            kind: "aborted",
            fields: vec![
                ("producer_id", json!(aborted.producer_id)),
                ("first_offset", json!(aborted.first_offset)),
                ("last_offset", json!(aborted.last_offset)),
            ],
        }
    }

    /// Bytes that are no batch.
    pub(super) fn damage(damage: &Damage) -> Self {
        Line {
            kind: "damage",
            fields: vec![
                ("position", json!(damage.bytes.start)),
                ("size", json!(damage.bytes.end - damage.bytes.start)),
                ("reason", json!(damage.reason.to_string())),
                ("next_offset", json!(damage.next_offset)),
            ],
        }
    }

    /// Records that cannot be read although the checksum of their batch is right.
    pub(super) fn unreadable(position: u64, reason: &dyn fmt::Display) -> Self {
        Line {
            kind: "unreadable_records",
            fields: vec![
                ("position", json!(position)),
                ("reason", json!(reason.to_string())),
            ],
        }
    }

    /// An entry of the index of a segment that begins at `base_offset`.
    pub(super) fn index_entry(base_offset: i64, entry: &IndexEntry) -> Self {
        let offset = base_offset.saturating_add(entry.relative_offset.into());
        Line {
            kind: "index_entry",
            fields: vec![
                ("offset", json!(offset)),
                ("position", json!(entry.position)),
                ("max_timestamp", json!(entry.max_timestamp)),
            ],
        }
    }

    /// Bytes at the end of an index that are no entries.
    pub(super) fn unread(bytes: u64) -> Self {
        Line {
            kind: "damage",
            fields: vec![
                ("size", json!(bytes)),
                ("reason", json!("no sound block of entries begins there")),
            ],
        }
    }

    /// The log start in a checkpoint.
    pub(super) fn checkpoint(log_start: i64) -> Self {
        Line {
            kind: "checkpoint",
            fields: vec![("log_start", json!(log_start))],
        }
    }

    /// A leader epoch in a checkpoint.
    pub(super) fn epoch(epoch: i32, start_offset: i64) -> Self {
        Line {
            kind: "leader_epoch",
            fields: vec![
                ("epoch", json!(epoch)),
                ("start_offset", json!(start_offset)),
            ],
        }
    }

    /// How far a log is compacted.
    pub(super) fn compaction(clean_to: i64, generation: u32) -> Self {
        Line {
            kind: "compaction",
            fields: vec![
                ("clean_to", json!(clean_to)),
                ("generation", json!(generation)),
            ],
        }
    }

    /// A file that compaction replaced.
    pub(super) fn replaced(file: &Path) -> Self {
        Line {
            kind: "replaced",
            fields: vec![("file", json!(file.to_string_lossy()))],
        }
    }

    /// A run of batches in the journal.
    pub(super) fn journal_part(part: &JournalPart) -> Self {
        Line {
            kind: "journal_part",
            fields: vec![
                ("sequence", json!(part.sequence)),
                ("entry_position", json!(part.entry_position)),
                ("topic_id", json!(part.partition.topic_id.to_string())),
                ("partition", json!(part.partition.index)),
                ("base_offset", json!(part.base_offset)),
                ("position", json!(part.position)),
                ("size", json!(part.size)),
            ],
        }
    }

    /// A producer in a recovery point.
    pub(super) fn producer(producer: &ProducerSnapshot) -> Self {
        let coordinator_epoch = Some(producer.coordinator_epoch).filter(|&epoch| epoch >= 0);
        Line {
            kind: "producer",
            fields: vec![
                ("producer_id", json!(producer.producer_id)),
                ("producer_epoch", json!(producer.epoch)),
                ("last_sequence", json!(producer.last_sequence)),
                ("last_timestamp", json!(producer.last_timestamp)),
                ("coordinator_epoch", json!(coordinator_epoch)),
                ("transaction_start", json!(producer.transaction_start)),
            ],
        }
    }

    /// The mark of a clean shutdown.
    pub(super) fn clean() -> Self {
        Line {
            kind: "clean",
            fields: Vec::new(),
        }
    }

    /// The line as an object; its kind is the `type`.
    pub(super) fn to_json(&self) -> Value {
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| ((*name).to_owned(), value.clone()));
        let kind = ("type".to_owned(), json!(self.kind));
        Value::Object([kind].into_iter().chain(fields).collect())
    }
}

impl fmt::Display for Line {
    /// The kind, then `name=value` for each value there is, in the notation of JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        let shown = |value: &Value| !value.is_null() && *value != json!([]);
        let mut fields = self.fields.iter().filter(|(_, value)| shown(value));
        fields.try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// True, or nothing.
fn flag(set: bool) -> Value {
    match set {
        true => json!(true),
        false => Value::Null,
    }
}

fn optional(value: Option<&[u8]>) -> Value {
    value.map_or(Value::Null, bytes)
}

/// Text where it is text, and hexadecimal digits where it is not.
fn bytes(bytes: &[u8]) -> Value {
    let digits = || bytes.iter().map(|byte| format!("{byte:02x}"));
    str::from_utf8(bytes).map_or_else(
        |_| json!({"hex": digits().collect::<String>()}),
        |text| json!(text),
    )
}
