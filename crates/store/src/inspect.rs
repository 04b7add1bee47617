//! One file of a data directory as values, for people who want to see what is in it.
//!
//! Any version of the file is taken at its word: whose it is and whether it fits to the files beside
//! it is what a [check](crate::check) tells. Nothing is changed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::aborted::{self, Aborted};
use crate::checkpoint::Checkpoint;
use crate::compaction::{self, CompactionFile};
use crate::config::TopicPartition;
use crate::disk::{self, Disk, OsDisk};
use crate::error::{Error, IoContext, Result};
use crate::format::{self, Kind};
use crate::index::Index;
use crate::journal::{Entries, Place};
use crate::producer_state::{ProducerSnapshot, Producers};
use crate::scan::Scan;
use crate::segment::{self, Volume};

/// What a file holds.
#[derive(Debug)]
pub enum Contents {
    /// Record batches.
    Segment(Scan),
    /// The sparse index of a segment.
    Index {
        /// Its entries, ascending.
        entries: Vec<IndexEntry>,
        /// Bytes at the end of the file that are no entries.
        unread: u64,
    },
    /// What a partition's segments cannot tell.
    Checkpoint {
        /// First offset that may be read.
        log_start: i64,
        /// Leader epochs with the offset of their first record, ascending.
        epochs: Vec<(i32, i64)>,
    },
    /// A recovery point: the producers that were known at its offset.
    RecoveryPoint(Vec<ProducerSnapshot>),
    /// The aborted transactions of a segment, in the order of their markers.
    Aborted(Vec<Aborted>),
    /// How far a partition is compacted.
    Compaction {
        /// Offset below which every record was looked at.
        clean_to: i64,
        /// The last generation that came to stand.
        generation: u32,
        /// Files that it replaced and that may not be removed yet.
        replaced: Vec<PathBuf>,
    },
    /// Runs of batches that were synced here before their segments were, in the order of the entries.
    Journal(Vec<JournalPart>),
    /// The mark of a clean shutdown.
    Clean,
}

/// A run of batches in an entry of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalPart {
    /// Sequence number of the entry, which counts as a whole.
    pub sequence: u64,
    /// Byte at which the entry begins.
    pub entry_position: u64,
    /// The partition that the batches belong to.
    pub partition: TopicPartition,
    /// Base offset of the segment that they belong to.
    pub base_offset: i64,
    /// Byte of the segment at which they begin.
    pub position: u64,
    /// Bytes of the batches.
    pub size: u64,
}

/// What an index says about the log before one of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// Every batch before has smaller offsets, every batch after none below; less the base offset of
    /// the segment.
    pub relative_offset: u32,
    /// Byte in the log at which a batch begins, or the end.
    pub position: u32,
    /// Greatest timestamp before, in ms, or −1.
    pub max_timestamp: i64,
}

/// Opens a file; its name says what it should be. What has no name of ours is taken for a segment.
/// Blocks.
///
/// # Errors
/// [`Error::Io`], and [`Error::Corrupt`] if it is not what its name says. A segment is read, and may be
/// found to be damaged, only as it is walked.
pub fn open(path: &Path) -> Result<Contents> {
    let Some(kind) = kind(path) else {
        return Scan::open(path).on("open", path).map(Contents::Segment);
    };
    if kind == Kind::Journal {
        return journal(path);
    }
    let bytes = disk::read_file(&OsDisk, path)
        .and_then(|bytes| bytes.ok_or_else(|| io::ErrorKind::NotFound.into()))
        .on("read", path)?;
    read(kind, &bytes).map_err(|reason| Error::Corrupt {
        file: path.to_owned(),
        position: 0,
        reason,
    })
}

fn kind(path: &Path) -> Option<Kind> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let name = path.file_name().and_then(|name| name.to_str());
    match (extension, name) {
        (Some("index"), _) => Some(Kind::Index),
        (Some("snapshot"), _) => Some(Kind::Producers),
        (Some(segment::ABORTED), _) => Some(Kind::Aborted),
        (Some("journal"), _) => Some(Kind::Journal),
        (_, Some("checkpoint")) => Some(Kind::Checkpoint),
        (_, Some(compaction::NAME)) => Some(Kind::Compaction),
        (_, Some("clean")) => Some(Kind::Clean),
        _ => None,
    }
}

fn read(kind: Kind, bytes: &[u8]) -> Result<Contents, String> {
    let (body, crc) = format::split(kind, format::cluster_id(bytes), bytes)?;
    // The blocks of an index have checksums of their own.
    if kind != Kind::Index && crc32c::crc32c(body) != crc {
        return Err("the body's checksum does not match".into());
    }
    let contents = match kind {
        Kind::Index => Some(index(body)),
        Kind::Checkpoint => {
            Checkpoint::decode(body).map(|checkpoint| self::checkpoint(&checkpoint))
        }
        Kind::Producers => {
            Producers::decode(body).map(|producers| Contents::RecoveryPoint(producers.describe()))
        }
        Kind::Aborted => aborted::decode(body).map(|list| {
            let transactions = list.into_iter().map(|entry| entry.aborted);
            Contents::Aborted(transactions.collect())
        }),
        Kind::Compaction => CompactionFile::decode(body).map(|file| Contents::Compaction {
            clean_to: file.clean_to,
            generation: file.generation,
            replaced: file.replaced_files(),
        }),
        Kind::Clean => Some(Contents::Clean),
        Kind::Journal => return Err("a journal is read entry by entry".into()),
    };
    contents.ok_or_else(|| format!("a body of {} bytes has the wrong length", body.len()))
}

/// The entries of a file of the journal, up to the first that is torn or left from an earlier round.
fn journal(path: &Path) -> Result<Contents> {
    let disk = Arc::new(OsDisk);
    let file = disk.open_to_read(path).on("open", path)?;
    let mut header = [0; format::HEADER_LEN];
    file.read_at(&mut header, 0).on("read", path)?;
    let volume = Volume {
        disk,
        cluster_id: format::cluster_id(&header),
    };
    let mut entries = Entries::open(&volume, path)?.ok_or_else(|| Error::Corrupt {
        file: path.to_owned(),
        position: 0,
        reason: "it has no sound header".into(),
    })?;
    let mut found = Vec::new();
    loop {
        let (entry_position, sequence) = (entries.position(), entries.sequence());
        let Some(parts) = entries.next()? else {
            return Ok(Contents::Journal(found));
        };
        let part = |(place, batches): (Place, &[u8])| JournalPart {
            sequence,
            entry_position,
            partition: place.partition,
            base_offset: place.base_offset,
            position: place.position,
            size: batches.len() as u64,
        };
        found.extend(parts.into_iter().map(part));
    }
}

fn checkpoint(checkpoint: &Checkpoint) -> Contents {
    Contents::Checkpoint {
        log_start: checkpoint.log_start,
        epochs: checkpoint.epochs.pairs().to_vec(),
    }
}

fn index(blocks: &[u8]) -> Contents {
    let index = Index::decode(blocks, u64::MAX);
    let unread = blocks.len() as u64 - index.saved_len();
    let entries = index.into_entries().into_iter().map(|entry| IndexEntry {
        relative_offset: entry.relative_offset,
        position: entry.position,
        max_timestamp: entry.max_timestamp,
    });
    Contents::Index {
        entries: entries.collect(),
        unread,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use uuid::Uuid;

    use super::*;
    use crate::epochs::Epochs;

    #[test]
    fn a_file_is_shown_whosever_it_is_and_only_if_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        let checkpoint = Checkpoint {
            log_start: 17,
            epochs: Epochs::from_pairs([(0, 0), (3, 42)]),
        };
        checkpoint
            .save(&OsDisk, dir.path(), Uuid::from_u128(7))
            .unwrap();
        let good = fs::read(&path).unwrap();
        let Ok(Contents::Checkpoint { log_start, epochs }) = open(&path) else {
            panic!("a checkpoint expected");
        };
        assert_eq!((log_start, epochs), (17, vec![(0, 0), (3, 42)]));
        for len in 0..good.len() {
            fs::write(&path, &good[..len]).unwrap();
            assert!(matches!(open(&path), Err(Error::Corrupt { .. })), "{len}");
        }
        fs::rename(&path, dir.path().join("00000000000000000000.snapshot")).unwrap();
        assert!(matches!(open(&path), Err(Error::Io { .. })));
    }
}
