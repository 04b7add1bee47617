//! What a check has to say: findings one by one, and what they amount to.

use std::path::{Path, PathBuf};

use millstream_batch::Header;
use uuid::Uuid;

use crate::config::TopicPartition;
use crate::error::{Error, Result};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing has to be wrong.
    Note,
    /// What a crash leaves, and the next opening puts right.
    Crash,
    /// Bytes that were kept and are lost or wrong.
    Damage,
}

/// One thing that is not as in a log that was closed cleanly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The partition that it concerns, if it is one.
    pub partition: Option<TopicPartition>,
    /// The file or directory.
    pub file: PathBuf,
    /// Where in the file.
    pub position: u64,
    /// What is there.
    pub what: String,
}

/// What a check has seen and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Whose data it is.
    pub cluster_id: Uuid,
    /// Whether the directory was closed cleanly.
    pub clean: bool,
    /// Partitions, the deleted ones left out.
    pub partitions: u64,
    /// Segments.
    pub segments: u64,
    /// Whole batches.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Findings of [`Severity::Note`].
    pub notes: u64,
    /// Findings of [`Severity::Crash`].
    pub crash: u64,
    /// Findings of [`Severity::Damage`].
    pub damage: u64,
}

/// Takes findings as they come.
pub(super) struct Report<'a> {
    pub(super) summary: Summary,
    partition: Option<TopicPartition>,
    tell: &'a mut dyn FnMut(&Finding),
}

impl<'a> Report<'a> {
    pub(super) fn new(summary: Summary, tell: &'a mut dyn FnMut(&Finding)) -> Self {
        Report {
            summary,
            partition: None,
            tell,
        }
    }

    /// From here on, what is found is about this partition, or about none.
    pub(super) fn about(&mut self, partition: Option<TopicPartition>) {
        self.partition = partition;
    }

    pub(super) fn note(&mut self, file: &Path, what: String) {
        self.find(Severity::Note, file, 0, what);
    }

    pub(super) fn crash(&mut self, file: &Path, position: u64, what: String) {
        self.find(Severity::Crash, file, position, what);
    }

    pub(super) fn damage(&mut self, file: &Path, position: u64, what: String) {
        self.find(Severity::Damage, file, position, what);
    }

    /// The value, or what an error says about a file. Only what keeps the check itself from being made
    /// is passed on.
    pub(super) fn sound<T>(&mut self, read: Result<T>) -> Result<Option<T>> {
        match read {
            Ok(value) => return Ok(Some(value)),
            Err(Error::Corrupt {
                file,
                position,
                reason,
            }) => self.damage(&file, position, reason),
            Err(Error::Io {
                action,
                path,
                source,
            }) if source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                self.damage(&path, 0, format!("cannot {action} it: {source}"));
            }
            Err(error) => return Err(error),
        }
        Ok(None)
    }

    /// Counts a whole batch.
    pub(super) fn count(&mut self, header: &Header) {
        self.summary.batches += 1;
        self.summary.records += u64::try_from(header.count).unwrap_or(0);
    }

    fn find(&mut self, severity: Severity, file: &Path, position: u64, what: String) {
        let counter = match severity {
            Severity::Note => &mut self.summary.notes,
            Severity::Crash => &mut self.summary.crash,
            Severity::Damage => &mut self.summary.damage,
        };
        *counter += 1;
        (self.tell)(&Finding {
            severity,
            partition: self.partition,
            file: file.to_owned(),
            position,
            what,
        });
    }
}
