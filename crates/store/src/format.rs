//! The header that every file of our own formats begins with.
//!
//! ```text
//! 0      4        6          8             24         28           32
//! +------+--------+----------+-------------+----------+------------+
//! | kind | format | reserved | cluster id  | body crc | header crc |
//! +------+--------+----------+-------------+----------+------------+
//! | body ...
//! ```
//!
//! Integers are big-endian, checksums CRC-32C. The header's covers bytes 0..28; the body's covers
//! everything after the header, or is zero where the body carries its own. Segment files have no
//! such header: they hold Kafka record batches and nothing else.

use std::path::Path;

use uuid::Uuid;

use crate::disk::{self, Disk};
use crate::error::{Error, IoContext, Result};

/// The format this build writes, and the newest it reads.
pub(crate) const FORMAT_VERSION: u16 = 1;

/// Bytes before the body.
pub(crate) const HEADER_LEN: usize = 32;

/// What a file is: its first four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The sparse index of a segment.
    Index,
    /// Log start and leader epochs of a partition.
    Checkpoint,
    /// Producer states up to an offset.
    Producers,
    /// The mark of a clean shutdown.
    Clean,
    /// Groups of appends that were synced in one place for many partitions.
    Journal,
    /// How far a partition is compacted.
    Compaction,
    /// The aborted transactions of a segment.
    Aborted,
}

impl Kind {
    fn magic(self) -> [u8; 4] {
        match self {
            Kind::Index => *b"MSix",
            Kind::Checkpoint => *b"MScp",
            Kind::Producers => *b"MSps",
            Kind::Clean => *b"MScl",
            Kind::Journal => *b"MSjl",
            Kind::Compaction => *b"MSco",
            Kind::Aborted => *b"MSab",
        }
    }
}

/// A header for a body with this checksum (zero if the body has its own).
pub(crate) fn header(kind: Kind, cluster_id: Uuid, body_crc: u32) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..4].copy_from_slice(&kind.magic());
    header[4..6].copy_from_slice(&FORMAT_VERSION.to_be_bytes());
    header[8..24].copy_from_slice(cluster_id.as_bytes());
    header[24..28].copy_from_slice(&body_crc.to_be_bytes());
    let crc = crc32c::crc32c(&header[..28]);
    header[28..].copy_from_slice(&crc.to_be_bytes());
    header
}

/// Whose a file says that it is; nobody's if it is too short to say so.
pub(crate) fn cluster_id(bytes: &[u8]) -> Uuid {
    let id = bytes.get(8..24).and_then(|id| Uuid::from_slice(id).ok());
    id.unwrap_or_default()
}

/// Checks a header and splits it off: the body and the checksum it should have, or what is wrong.
pub(crate) fn split(kind: Kind, cluster_id: Uuid, bytes: &[u8]) -> Result<(&[u8], u32), String> {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return Err(format!("{} bytes are too short for a header", bytes.len()));
    };
    let mut header = &header[..];
    let crc = crc32c::crc32c(&header[..28]);
    let magic: [u8; 4] = take(&mut header).unwrap_or_default();
    let version = u16::from_be_bytes(take(&mut header).unwrap_or_default());
    let _reserved: [u8; 2] = take(&mut header).unwrap_or_default();
    let cluster = Uuid::from_bytes(take(&mut header).unwrap_or_default());
    let body_crc = u32::from_be_bytes(take(&mut header).unwrap_or_default());
    if u32::from_be_bytes(take(&mut header).unwrap_or_default()) != crc {
        return Err("the header's checksum does not match".into());
    }
    if magic != kind.magic() {
        return Err(format!("it begins with {magic:?}, not {:?}", kind.magic()));
    }
    if version > FORMAT_VERSION {
        return Err(format!(
            "format version {version}, this build reads up to {FORMAT_VERSION}"
        ));
    }
    if cluster != cluster_id {
        return Err(format!("it belongs to cluster {cluster}, not {cluster_id}"));
    }
    Ok((body, body_crc))
}

/// Takes the next fixed-size field, or `None` at the end.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (field, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*field)
}

/// Replaces a small file: header, checksum and body, all or nothing.
pub(crate) fn save(
    disk: &dyn Disk,
    path: &Path,
    kind: Kind,
    cluster: Uuid,
    body: &[u8],
) -> Result<()> {
    disk::replace_file(disk, path, &whole(kind, cluster, body)).on("write", path)
}

/// Writes beside a small file what is to replace it; [`disk::install_file`] does so.
pub(crate) fn stage(
    disk: &dyn Disk,
    path: &Path,
    kind: Kind,
    cluster: Uuid,
    body: &[u8],
) -> Result<()> {
    disk::stage_file(disk, path, &whole(kind, cluster, body)).on("write", path)
}

/// A small file: header, checksum and body.
fn whole(kind: Kind, cluster: Uuid, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(kind, cluster, crc32c::crc32c(body)).to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// The checked body of a file written by [`save`]; `None` if there is no such file.
pub(crate) fn load(
    disk: &dyn Disk,
    path: &Path,
    kind: Kind,
    cluster: Uuid,
) -> Result<Option<Vec<u8>>> {
    let Some(bytes) = disk::read_file(disk, path).on("read", path)? else {
        return Ok(None);
    };
    let corrupt = |reason| Error::Corrupt {
        file: path.to_owned(),
        position: 0,
        reason,
    };
    let (body, crc) = split(kind, cluster, &bytes).map_err(corrupt)?;
    if crc32c::crc32c(body) != crc {
        return Err(corrupt("the body's checksum does not match".into()));
    }
    Ok(Some(body.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::OsDisk;

    #[test]
    fn a_saved_body_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let cluster = Uuid::from_u128(7);
        assert!(
            load(&OsDisk, &path, Kind::Checkpoint, cluster)
                .unwrap()
                .is_none()
        );
        save(&OsDisk, &path, Kind::Checkpoint, cluster, b"body").unwrap();
        assert_eq!(
            load(&OsDisk, &path, Kind::Checkpoint, cluster)
                .unwrap()
                .unwrap(),
            b"body"
        );
    }

    #[test]
    fn any_changed_byte_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let cluster = Uuid::from_u128(7);
        save(&OsDisk, &path, Kind::Checkpoint, cluster, b"body").unwrap();
        let good = std::fs::read(&path).unwrap();
        for i in 0..good.len() {
            let mut bad = good.clone();
            bad[i] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            let error = load(&OsDisk, &path, Kind::Checkpoint, cluster).unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "byte {i}: {error}");
        }
    }

    #[test]
    fn a_file_of_another_cluster_kind_or_version_is_refused() {
        let cluster = Uuid::from_u128(7);
        let bytes = header(Kind::Index, cluster, 0);
        assert!(split(Kind::Index, cluster, &bytes).is_ok());
        assert!(split(Kind::Checkpoint, cluster, &bytes).is_err());
        assert!(split(Kind::Index, Uuid::from_u128(8), &bytes).is_err());
        let mut newer = bytes;
        newer[5] = 2;
        let crc = crc32c::crc32c(&newer[..28]);
        newer[28..].copy_from_slice(&crc.to_be_bytes());
        assert!(
            split(Kind::Index, cluster, &newer)
                .unwrap_err()
                .contains("version 2")
        );
    }
}
