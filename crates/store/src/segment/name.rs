//! The names of a segment's files: where it begins and, if compaction made it, which generation it is.
//!
//! `<base offset>.log` was appended to; `<base offset>.<generation>.log` is what compaction left of one or more
//! segments. A name is never given twice to what readers may see.

use std::path::{Path, PathBuf};

/// Names a segment of a partition. Segments of one log are in the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentName {
    /// Offset at which the segment begins.
    pub(crate) base_offset: i64,
    /// 0 for a segment that was appended to; compaction counts on from 1.
    pub(crate) generation: u32,
}

impl SegmentName {
    /// The name of a segment that is appended to.
    pub(crate) fn appended(base_offset: i64) -> Self {
        SegmentName {
            base_offset,
            generation: 0,
        }
    }

    /// The segment's file with this extension; offsets have twenty digits, so that names sort like offsets.
    pub(crate) fn path(self, dir: &Path, extension: &str) -> PathBuf {
        let SegmentName {
            base_offset,
            generation,
        } = self;
        dir.join(match generation {
            0 => format!("{base_offset:020}.{extension}"),
            _ => format!("{base_offset:020}.{generation}.{extension}"),
        })
    }

    /// Reads the name of a file with this extension; `None` if it is another's.
    pub(crate) fn parse(file: &str, extension: &str) -> Option<Self> {
        let stem = file.strip_suffix(extension)?.strip_suffix('.')?;
        let (base_offset, generation) = match stem.split_once('.') {
            Some((base_offset, generation)) => (base_offset, generation.parse().ok()?),
            None => (stem, 0),
        };
        Some(SegmentName {
            base_offset: base_offset.parse().ok()?,
            generation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_offset_and_generation_and_are_read_back() {
        for (base_offset, generation, file) in [
            (0, 0, "00000000000000000000.log"),
            (123, 0, "00000000000000000123.log"),
            (123, 17, "00000000000000000123.17.log"),
            (i64::MAX, u32::MAX, "09223372036854775807.4294967295.log"),
        ] {
            let name = SegmentName {
                base_offset,
                generation,
            };
            assert_eq!(
                name.path(Path::new("/d"), "log"),
                Path::new("/d").join(file)
            );
            assert_eq!(SegmentName::parse(file, "log"), Some(name));
        }
    }

    #[test]
    fn other_files_are_no_segments() {
        for file in [
            "00000000000000000123.index",
            "00000000000000000123.log.new",
            "00000000000000000123.x.log",
            "00000000000000000123.1.2.log",
            "compaction",
            ".log",
            "log",
        ] {
            assert_eq!(SegmentName::parse(file, "log"), None, "{file}");
        }
    }
}
