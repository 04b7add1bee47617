//! Checks a data directory: what the store finds, as lines for people or for machines.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use millstream_broker::catalog::topic_names;
use millstream_store::check::{Depth, Finding, Severity, Summary, check};
use serde_json::json;
use uuid::Uuid;

use crate::error::Error;

/// What to check, and how to tell.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The data directory, as in log.dirs.
    #[arg(value_name = "DATA_DIR")]
    data: PathBuf,
    /// Decompress and read every record, too. This finds what a producer sent wrong; what the disk
    /// did is found without.
    #[arg(long)]
    records: bool,
    /// One JSON object for each finding, and one with the summary at the end.
    #[arg(long)]
    json: bool,
}

/// Checks the directory and prints what is found; the exit code is 1 if anything is damaged.
///
/// # Errors
/// When it cannot be checked.
pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Error> {
    let data = args.data.as_path();
    let names = topic_names(data);
    let depth = Depth {
        records: args.records,
    };
    let mut out = io::stdout().lock();
    let summary = check(data, depth, &mut |finding| {
        let line = match args.json {
            true => finding_json(finding, data, &names).to_string(),
            false => finding_line(finding, data, &names),
        };
        // Whoever stopped listening still gets the exit code.
        let _ = writeln!(out, "{line}");
    })
    .map_err(Error::Unchecked)?;
    let lines = match args.json {
        true => summary_json(&summary).to_string(),
        false => summary_lines(&summary, data),
    };
    let _ = writeln!(out, "{lines}");
    Ok(ExitCode::from(u8::from(summary.damage > 0)))
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Damage => "damage",
        Severity::Crash => "crash",
        Severity::Note => "note",
    }
}

/// The file below the data directory.
fn relative<'a>(file: &'a Path, data: &Path) -> std::path::Display<'a> {
    file.strip_prefix(data).unwrap_or(file).display()
}

fn finding_line(finding: &Finding, data: &Path, names: &BTreeMap<Uuid, String>) -> String {
    let (kind, file) = (word(finding.severity), relative(&finding.file, data));
    let Finding { position, what, .. } = finding;
    let partition = finding.partition.map(|id| match names.get(&id.topic_id) {
        Some(name) => format!("{name}-{}: ", id.index),
        None => String::new(),
    });
    let partition = partition.unwrap_or_default();
    format!("{kind}: {partition}{file} byte {position}: {what}")
}

fn finding_json(
    finding: &Finding,
    data: &Path,
    names: &BTreeMap<Uuid, String>,
) -> serde_json::Value {
    let partition = finding.partition;
    json!({
        "severity": word(finding.severity),
        "topic": partition.and_then(|id| names.get(&id.topic_id)),
        "topic_id": partition.map(|id| id.topic_id.to_string()),
        "partition": partition.map(|id| id.index),
        "file": relative(&finding.file, data).to_string(),
        "position": finding.position,
        "what": finding.what,
    })
}

fn summary_json(summary: &Summary) -> serde_json::Value {
    json!({"summary": {
        "cluster_id": summary.cluster_id.to_string(),
        "clean": summary.clean,
        "partitions": summary.partitions,
        "segments": summary.segments,
        "batches": summary.batches,
        "records": summary.records,
        "bytes": summary.bytes,
        "damage": summary.damage,
        "crash": summary.crash,
        "notes": summary.notes,
    }})
}

fn summary_lines(summary: &Summary, data: &Path) -> String {
    let closed = match summary.clean {
        true => "closed cleanly",
        false => "not closed cleanly",
    };
    let verdict = match (summary.damage, summary.crash, summary.notes) {
        (0, 0, 0) => "sound".into(),
        (0, 0, notes) => format!("sound; notes: {notes}"),
        (0, crash, notes) => format!("no damage; left by a crash: {crash}; notes: {notes}"),
        (damage, crash, notes) => {
            format!("DAMAGED in {damage} places; left by a crash: {crash}; notes: {notes}")
        }
    };
    format!(
        "{}: cluster {}, {closed}\n\
         {} partitions, {} segments, {} batches, {} records, {} bytes\n{verdict}",
        data.display(),
        summary.cluster_id,
        summary.partitions,
        summary.segments,
        summary.batches,
        summary.records,
        summary.bytes,
    )
}
