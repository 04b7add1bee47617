//! The promises about a full disk, on file systems that are really full. They are mounted for it, which
//! takes root; the same promises are kept over a faulty disk in `full_disk.rs`, for everybody.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]
#![allow(
    clippy::print_stderr,
    reason = "who runs it must know what was not tested"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use millstream_store::{Error, LogConfig, Store, StoreOptions};
use support::{ID, append, bases, batch, no_tail, read_all, segments_of};
use tempfile::TempDir;

/// A small file system, unmounted at the end.
struct Mounted {
    dir: TempDir,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run("umount", &[self.data().to_str().unwrap()]);
    }
}

impl Mounted {
    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Mounts 24 MiB of one kind, or tells that it cannot.
    fn new(kind: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let (image, data) = (dir.path().join("image"), dir.path().join("data"));
        std::fs::create_dir(&data).unwrap();
        let (image, data) = (image.to_str().unwrap(), data.to_str().unwrap());
        let is_mounted = match kind {
            "tmpfs" => run("mount", &["-t", "tmpfs", "-o", "size=24m", "none", data]),
            _ => {
                run("truncate", &["-s", "24M", image])
                    && run("mkfs.ext4", &["-q", "-m", "0", image])
                    && run("mount", &["-o", "loop", image, data])
            }
        };
        if !is_mounted {
            eprintln!("SKIPPED: no {kind} can be mounted here");
        }
        is_mounted.then_some(Mounted { dir })
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn open(dir: &Path) -> Store {
    let options = StoreOptions {
        reserve_bytes: 4 << 20,
        ..no_tail()
    };
    Store::open(dir, options, 0).unwrap()
}

/// Appends until the disk is full, and fills what the last batch left of it.
async fn fill(store: &Store, dir: &Path) -> i64 {
    let partition = store.partition(&ID).unwrap();
    loop {
        match append(&partition, batch(1, 100_000)).await {
            Ok(_) => {}
            Err(error) => {
                assert!(matches!(error, Error::StorageFull { .. }), "{error}");
                break;
            }
        }
    }
    let filler = std::fs::write(dir.join("filler"), vec![7; 30 << 20]);
    assert_eq!(filler.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    partition.offsets().high_watermark
}

async fn append_at_last(store: &Store) {
    let partition = store.partition(&ID).unwrap();
    let trying = async {
        while append(&partition, batch(1, 1_000)).await.is_err() {
            store.maintain(0).await;
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, trying).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_is_really_full_is_read_freed_and_written_again() {
    for kind in ["tmpfs", "ext4"] {
        let Some(mounted) = Mounted::new(kind) else {
            continue;
        };
        let dir = mounted.data();
        let store = open(&dir);
        store.create_partition(ID, segments_of(1 << 20)).unwrap();
        let held = fill(&store, &dir).await;
        let partition = store.partition(&ID).unwrap();
        assert_eq!(bases(&read_all(&partition).await).len() as i64, held);

        // As after a crash, on a disk that is still full.
        drop((store, partition));
        let store = open(&dir);
        let partition = store.partition(&ID).unwrap();
        assert_eq!(bases(&read_all(&partition).await).len() as i64, held);
        partition.delete_records(held).await.unwrap();
        assert_eq!(partition.size(), 0, "{kind}");
        append_at_last(&store).await;

        // Retention finds the disk full again, and then a deletion does.
        fill(&store, &dir).await;
        partition.set_config(LogConfig {
            retention_ms: Some(1),
            ..segments_of(1 << 20)
        });
        store.maintain(1_000_000).await;
        assert_eq!(partition.size(), 0, "{kind}");
        partition.set_config(segments_of(1 << 20));
        append_at_last(&store).await;
        fill(&store, &dir).await;
        store.delete_partition(&ID).unwrap();
        store.create_partition(ID, segments_of(1 << 20)).unwrap();
        append_at_last(&store).await;
        store.close().unwrap();
    }
}
