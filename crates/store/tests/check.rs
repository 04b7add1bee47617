//! A check finds every kind of damage, takes no crash for damage, and changes nothing.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_batch::{Batch, Builder, Codec, Marker, Outcome};
use millstream_store::check::{Depth, Finding, Severity, Summary, check_on};
use millstream_store::disk::Disk;
use millstream_store::disk::faulty::{Fault, FaultyDisk, Op, Survives};
use millstream_store::{Ack, AppendMode, Error, LogConfig, StoreOptions, TopicPartition};
use support::{DATA, ID, append, batch, no_tail, numbered, open, segments_of, segments_only};

/// Whatever was written, synced or not.
const ALL: Survives = Survives::Torn(1 << 20);

/// Checks, and makes sure that nothing was changed.
fn check(disk: &FaultyDisk, depth: Depth) -> (Summary, Vec<Finding>) {
    let (before, syncs) = (contents(disk), disk.syncs());
    let mut findings = Vec::new();
    let mut tell = |finding: &Finding| findings.push(finding.clone());
    let summary = check_on(Arc::new(disk.clone()), Path::new(DATA), depth, &mut tell).unwrap();
    assert_eq!((contents(disk), disk.syncs()), (before, syncs));
    (summary, findings)
}

/// Files and directories below the data directory, and the bytes of the files.
fn contents(disk: &FaultyDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = disk.files().into_iter();
    files
        .map(|path| (path.clone(), read(disk, &path)))
        .collect()
}

fn read(disk: &FaultyDisk, path: &Path) -> Vec<u8> {
    let file = disk.open(path).unwrap();
    let mut bytes = vec![0; file.size().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// The files of the only partition with this extension, in order.
fn files(disk: &FaultyDisk, extension: &str) -> Vec<PathBuf> {
    let mut files = disk.files();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files
}

/// A store of one partition with `batches` of two records, in segments of about three.
async fn produced(
    disk: &FaultyDisk,
    options: StoreOptions,
    batches: i32,
) -> millstream_store::Store {
    let store = open(disk, options).unwrap();
    let partition = store.create_partition(ID, segments_of(250)).unwrap();
    for i in 0..batches {
        append(&partition, numbered(5, 0, i * 2, 2)).await.unwrap();
    }
    store
}

/// The same, closed cleanly.
async fn closed(batches: i32) -> FaultyDisk {
    let disk = FaultyDisk::default();
    produced(&disk, segments_only(), batches)
        .await
        .close()
        .unwrap();
    disk.crash(ALL)
}

fn has(findings: &[Finding], severity: Severity, file: &Path, position: u64) -> bool {
    findings
        .iter()
        .any(|found| found.severity == severity && found.file == file && found.position == position)
}

#[tokio::test]
async fn what_was_closed_cleanly_is_sound_and_counted() {
    let disk = closed(20).await;
    let (summary, findings) = check(&disk, Depth { records: true });
    assert_eq!(findings, []);
    assert!(summary.clean);
    assert_eq!((summary.batches, summary.records), (20, 40));
    assert_eq!(summary.partitions, 1);
    let logs = files(&disk, "log");
    assert_eq!(summary.segments, logs.len() as u64);
    let bytes: usize = logs.iter().map(|log| read(&disk, log).len()).sum();
    assert_eq!(summary.bytes, bytes as u64);
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_a_segment_is_found() {
    let disk = closed(9).await;
    for log in files(&disk, "log") {
        let good = read(&disk, &log);
        let size = good.len() / 3;
        for at in 0..good.len() {
            disk.damage(&log, |bytes| bytes[at] ^= 1 << (at % 8));
            let (summary, findings) = check(&disk, Depth::default());
            assert!(summary.damage > 0, "byte {at} of {}", log.display());
            // A wrong base offset shows by what stands beside it, too.
            let position = (at - at % size) as u64;
            let named = has(&findings, Severity::Damage, &log, position);
            assert!(at % size < 8 || named, "byte {at}: {findings:?}");
            disk.damage(&log, |bytes| *bytes = good.clone());
        }
    }
    assert_eq!(check(&disk, Depth::default()).1, []);
}

#[tokio::test]
async fn what_is_lost_is_told_by_its_offsets() {
    let disk = closed(9).await;
    let logs = files(&disk, "log");
    let size = read(&disk, &logs[1]).len() / 3;
    disk.damage(&logs[1], |bytes| bytes[size + 70] ^= 1);
    let (_, findings) = check(&disk, Depth::default());
    let [found] = &findings[..] else {
        panic!("{findings:?}")
    };
    let end = format!(
        "; offsets 8 to 9 are lost, the log goes on at byte {}",
        2 * size
    );
    assert!(found.what.ends_with(&end), "{}", found.what);
    assert_eq!(found.partition, Some(ID));

    disk.damage(&logs[1], |bytes| bytes.truncate(2 * size - 1));
    let (summary, findings) = check(&disk, Depth::default());
    assert_eq!((summary.damage, summary.notes), (1, 1), "{findings:?}");
}

#[tokio::test]
async fn a_flipped_bit_in_any_small_file_is_found() {
    let disk = FaultyDisk::default();
    drop(produced(&disk, segments_only(), 9).await);
    // The crash makes a second leader epoch, and so a checkpoint.
    let store = open(&disk, segments_only()).unwrap();
    append(&store.partition(&ID).unwrap(), batch(1, 1))
        .await
        .unwrap();
    store.close().unwrap();
    let disk = disk.crash(ALL);
    assert_eq!(check(&disk, Depth::default()).1, []);
    let named = |name: &str| disk.files().into_iter().find(|path| path.ends_with(name));
    let small = [
        named("clean").unwrap(),
        named("checkpoint").unwrap(),
        files(&disk, "snapshot").remove(0),
    ];
    let indexes = files(&disk, "index")
        .into_iter()
        .map(|path| (path, Severity::Crash));
    let small = small.into_iter().map(|path| (path, Severity::Damage));
    for (path, severity) in small.chain(indexes) {
        let good = read(&disk, &path);
        for at in 0..good.len() {
            disk.damage(&path, |bytes| bytes[at] ^= 4);
            let (_, findings) = check(&disk, Depth::default());
            let found = findings.iter().find(|found| found.file == path);
            let found = found.map(|found| found.severity);
            assert_eq!(found, Some(severity), "byte {at} of {}", path.display());
            disk.damage(&path, |bytes| *bytes = good.clone());
        }
    }
}

#[tokio::test]
async fn files_that_are_gone_are_missed() {
    let gone = async |choose: fn(&FaultyDisk) -> Vec<PathBuf>| {
        let disk = closed(12).await;
        for path in choose(&disk) {
            disk.remove_file(&path).unwrap();
        }
        let (summary, findings) = check(&disk, Depth::default());
        assert!(!findings.is_empty());
        (summary.damage, summary.notes)
    };
    assert_eq!(gone(|disk| files(disk, "snapshot")).await, (1, 0));
    assert_eq!(gone(|disk| files(disk, "log").split_off(3)).await, (1, 1));
    assert_eq!(
        gone(|disk| files(disk, "log").drain(1..2).collect()).await,
        (0, 2)
    );
    assert_eq!(gone(|disk| files(disk, "log")).await.0, 1);
}

#[tokio::test]
async fn an_index_entry_that_is_sound_and_wrong_is_damage() {
    let disk = closed(9).await;
    let index = files(&disk, "index").remove(0);
    // A relative offset, a position and a timestamp of the first entry.
    for (at, bit) in [(43, 2), (47, 1), (48, 0x80)] {
        let good = read(&disk, &index);
        disk.damage(&index, |bytes| {
            bytes[at] ^= bit;
            let crc = crc32c::crc32c(&bytes[40..]).to_be_bytes();
            bytes[36..40].copy_from_slice(&crc);
        });
        let (_, findings) = check(&disk, Depth::default());
        assert!(has(&findings, Severity::Damage, &index, 0), "{findings:?}");
        disk.damage(&index, |bytes| *bytes = good.clone());
    }
}

#[tokio::test]
async fn records_that_were_sent_wrong_are_found_on_request() {
    let plain = batch(2, 30);
    let mut bytes = bytes::BytesMut::from(plain.bytes());
    bytes[22] |= Codec::Zstd as u8;
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let disk = FaultyDisk::default();
    let store = open(&disk, segments_only()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    append(&partition, Batch::parse(bytes).unwrap())
        .await
        .unwrap();
    let packed = Builder::new()
        .compression(Codec::Zstd)
        .record(0, None, None);
    append(&partition, packed.build().unwrap()).await.unwrap();
    store.close().unwrap();
    assert_eq!(check(&disk, Depth::default()).1, []);
    let (_, findings) = check(&disk, Depth { records: true });
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(has(&findings, Severity::Damage, &files(&disk, "log")[0], 0));
}

#[tokio::test]
async fn no_crash_is_taken_for_damage_and_what_is_told_is_what_recovery_cuts() {
    let eager = || StoreOptions {
        recovery_point_bytes: 500,
        ..segments_only()
    };
    let whole = FaultyDisk::default();
    produced(&whole, eager(), 12).await.close().unwrap();
    for operations in 0..whole.count(Op::Any) {
        let disk = FaultyDisk::default();
        disk.inject(Fault::from(Op::Any, operations));
        let Ok(store) = open(&disk, eager()) else {
            continue;
        };
        if let Ok(partition) = store.create_partition(ID, segments_of(250)) {
            for i in 0..12 {
                let _ = append(&partition, numbered(5, 0, i * 2, 2)).await;
            }
        }
        drop(store);
        for survives in [
            Survives::Synced,
            Survives::Written,
            Survives::Torn(1),
            Survives::Torn(70),
        ] {
            let context = format!("operation {operations}, {survives:?}");
            check_prediction(&disk.crash(survives), &context);
        }
    }
}

/// Checks what a crash left, opens and closes it, and compares.
fn check_prediction(disk: &FaultyDisk, context: &str) {
    let (summary, findings) = check(disk, Depth::default());
    assert_eq!(
        (summary.damage, summary.notes),
        (0, 0),
        "{context}: {findings:?}"
    );
    let gone: u64 = findings.iter().filter_map(cut).sum();
    open(disk, no_tail()).unwrap().close().unwrap();
    let (left, findings) = check(disk, Depth::default());
    // An index that was torn stays so until it is written anew.
    assert_eq!((left.damage, left.notes), (0, 0), "{context}");
    assert_eq!(findings.iter().find_map(cut), None, "{context}");
    let expected = (summary.batches, summary.records, summary.bytes - gone);
    assert_eq!(
        (left.batches, left.records, left.bytes),
        expected,
        "{context}"
    );
}

/// How many bytes of a log the next start is said to take away.
fn cut(finding: &Finding) -> Option<u64> {
    let log = finding.file.extension()? == "log";
    let (before, _) = finding.what.split_once(" bytes").filter(|_| log)?;
    before.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn what_the_journal_puts_back_is_no_torn_tail() {
    let run = async |syncs| {
        let disk = FaultyDisk::default();
        let store = open(&disk, no_tail()).unwrap();
        let ids = [0, 1, 2].map(|index| TopicPartition { index, ..ID });
        let config = Arc::new(segments_of(300));
        store.create_partitions(&ids, &config).unwrap();
        disk.fail_after_syncs(syncs);
        let partitions = ids.map(|id| store.partition(&id).unwrap());
        for records in 1..8 {
            let batches = partitions
                .iter()
                .map(|p| (Arc::clone(p), batch(records, 20)));
            let Ok(appended) = store.append_all(batches.collect(), 0) else {
                break;
            };
            for (partition, appended) in partitions.iter().zip(appended) {
                let _ = partition.wait(appended.next_offset(), Ack::Durable).await;
            }
        }
        disk
    };
    let mut refilled = 0;
    for syncs in 0..run(u64::MAX - 1).await.syncs() {
        let disk = run(syncs).await;
        for survives in [Survives::Synced, Survives::Written, Survives::Torn(70)] {
            let left = disk.crash(survives);
            let journal = Path::new(DATA).join("journal");
            refilled += u32::from(has(
                &check(&left, Depth::default()).1,
                Severity::Crash,
                &journal,
                0,
            ));
            check_prediction(&left, &format!("sync {syncs}, {survives:?}"));
        }
    }
    assert!(refilled > 0);
}

#[tokio::test]
async fn damage_below_the_recovery_point_is_damage_after_a_crash_too() {
    let disk = closed(9).await;
    disk.remove_file(&Path::new(DATA).join("clean")).unwrap();
    assert_eq!(check(&disk, Depth::default()).1, []);
    let logs = files(&disk, "log");
    disk.damage(&logs[2], |bytes| bytes[100] ^= 1);
    let (summary, findings) = check(&disk, Depth::default());
    assert_eq!((summary.damage, summary.crash), (1, 0), "{findings:?}");
}

#[tokio::test]
async fn what_the_disk_cannot_read_is_damage_and_the_rest_is_checked() {
    let disk = closed(9).await;
    for op in [Op::Open, Op::Read] {
        let before = disk.count(op);
        let sound = check(&disk, Depth::default()).0;
        // The contents are read twice to be compared, and the lock is what is opened first, without
        // which there is no check.
        let contents = disk.files().len() as u64;
        let asked = disk.count(op) - before - 2 * contents;
        for n in 1..asked {
            disk.inject(Fault::once(op, n));
            let mut damage = Vec::new();
            let mut tell = |finding: &Finding| damage.push(finding.clone());
            let disk = Arc::new(disk.clone());
            let summary = check_on(disk, Path::new(DATA), Depth::default(), &mut tell).unwrap();
            assert!(summary.damage > 0, "{op:?} {n}");
            assert!(damage[0].what.starts_with("cannot "), "{damage:?}");
            assert!(summary.bytes <= sound.bytes, "{op:?} {n}");
        }
    }
}

#[tokio::test]
async fn leftovers_and_strangers_are_told_apart() {
    let disk = closed(3).await;
    let log = files(&disk, "log").remove(0);
    let dir = log.parent().unwrap();
    let put = |path: PathBuf| {
        let file = disk.create(&path).unwrap();
        file.write_at(&mut [IoSlice::new(b"x")], 0).unwrap();
        path
    };
    let crash = [
        put(dir.join("checkpoint.new")),
        put(dir
            .with_added_extension("deleted")
            .join("00000000000000000000.log")),
    ];
    let notes = [
        put(dir.join("notes.txt")),
        put(Path::new(DATA).join("lost+found")),
        put(dir.join("00000000000000000100.index")),
    ];
    disk.create_dir(&dir.with_added_extension("deleted"))
        .unwrap();
    let (summary, findings) = check(&disk, Depth::default());
    assert_eq!(summary.damage, 0, "{findings:?}");
    assert_eq!((summary.crash, summary.notes), (2, 3), "{findings:?}");
    let told: Vec<_> = findings.iter().map(|found| &found.file).collect();
    assert!(told.contains(&&crash[0]), "{told:?}");
    assert!(notes.iter().all(|note| told.contains(&note)), "{told:?}");
}

#[test]
fn a_directory_without_data_is_no_data_directory() {
    let disk = FaultyDisk::default();
    let error = check_on(
        Arc::new(disk),
        Path::new(DATA),
        Depth::default(),
        &mut |_| (),
    );
    assert!(matches!(error.unwrap_err(), Error::Io { .. }));
}

/// A partition with an aborted transaction in each of some segments, closed cleanly.
async fn with_aborted() -> FaultyDisk {
    let disk = FaultyDisk::default();
    let store = produced(&disk, segments_only(), 2).await;
    let partition = store.partition(&ID).unwrap();
    for round in 0..6 {
        let sent = Builder::new().producer(9, round, 0).transactional();
        let sent = sent.record(1_000, None, Some(b"x")).build().unwrap();
        append(&partition, sent).await.unwrap();
        let marker = Marker {
            producer_id: 9,
            producer_epoch: round + 1,
            coordinator_epoch: 0,
            outcome: Outcome::Abort,
        };
        let marker = marker.batch(1_000).unwrap();
        let appended = partition.append(marker, AppendMode::Internal, 0).unwrap();
        let durable = partition.wait(appended.next_offset(), Ack::Durable);
        durable.await.unwrap();
    }
    store.close().unwrap();
    disk.crash(ALL)
}

#[tokio::test]
async fn a_list_of_aborted_transactions_that_is_lost_or_wrong_is_found() {
    let disk = with_aborted().await;
    assert_eq!(check(&disk, Depth::default()).1, []);
    let lists = files(&disk, "aborted");
    assert!(lists.len() > 1, "{lists:?}");
    for list in &lists {
        let good = read(&disk, list);
        disk.damage(list, |bytes| *bytes.last_mut().unwrap() ^= 1);
        let (summary, findings) = check(&disk, Depth::default());
        assert!(has(&findings, Severity::Crash, list, 0), "{findings:?}");
        assert_eq!(summary.damage, 0, "it is made anew");
        disk.damage(list, |bytes| *bytes = good.clone());
    }
    let (first, second) = (read(&disk, &lists[0]), read(&disk, &lists[1]));
    disk.damage(&lists[0], |bytes| *bytes = second.clone());
    let (_, findings) = check(&disk, Depth::default());
    assert!(
        has(&findings, Severity::Damage, &lists[0], 0),
        "{findings:?}"
    );
    disk.damage(&lists[0], |bytes| *bytes = first.clone());
    disk.remove_file(&lists[1]).unwrap();
    let (_, findings) = check(&disk, Depth::default());
    assert!(
        has(&findings, Severity::Damage, &lists[1], 0),
        "{findings:?}"
    );
}
