//! One sync for many partitions, and appends to several that are all there or not at all.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use millstream_batch::{Batch, Batches, Builder};
use millstream_store::disk::Disk as _;
use millstream_store::disk::faulty::{Fault, FaultyDisk, Op, Survives};
use millstream_store::inspect::{self, Contents};
use millstream_store::{
    Ack, AppendMode, Appended, Error, Flush, LogConfig, Partition, Store, TopicPartition,
};
use support::{ID, append, batch, no_tail, open, read_all, segments_of};

/// Partitions of a test, and how many of them take part in an append to several.
const PARTITIONS: i32 = 12;
const BOUND: i32 = 3;

fn id(index: i32) -> TopicPartition {
    TopicPartition { index, ..ID }
}

/// A batch with one record that holds a number.
fn number(n: u64) -> Batch {
    let builder = Builder::new().record(1_000, None, Some(&n.to_be_bytes()));
    builder.build().unwrap()
}

/// The numbers in a partition, in order.
async fn numbers(partition: &Partition) -> Vec<u64> {
    let read = read_all(partition).await;
    let batches = read.iter().flat_map(|bytes| Batches::new(bytes));
    let mut found = Vec::new();
    for batch in batches {
        for record in &batch.unwrap().records(1 << 20).unwrap() {
            found.push(u64::from_be_bytes(
                record.unwrap().value.unwrap().try_into().unwrap(),
            ));
        }
    }
    found
}

fn partitions(store: &Store) -> Vec<Arc<Partition>> {
    (0..PARTITIONS)
        .map_while(|index| store.partition(&id(index)))
        .collect()
}

/// What a run was told is durable.
#[derive(Debug, Default)]
struct Acknowledged {
    /// The numbers in each partition, those of appends to several included.
    numbers: BTreeMap<i32, Vec<u64>>,
    /// Numbers of appends to several, acknowledged or not.
    bound: Vec<u64>,
}

/// Waits for appends; whether all are durable.
async fn all_durable(waiting: &[(Arc<Partition>, Appended)]) -> Vec<bool> {
    let waits = waiting.iter().map(|(partition, appended)| async move {
        partition
            .wait(appended.next_offset(), Ack::Durable)
            .await
            .is_ok()
    });
    join_all(waits).await
}

/// A store with all partitions.
fn store_of(disk: &FaultyDisk, config: LogConfig) -> Store {
    let store = open(disk, no_tail()).unwrap();
    let ids: Vec<_> = (0..PARTITIONS).map(id).collect();
    store.create_partitions(&ids, &Arc::new(config)).unwrap();
    store
}

fn kept_by_the_page_cache() -> LogConfig {
    LogConfig {
        flush: Flush::PageCache,
        ..LogConfig::default()
    }
}

/// Appends a number to each partition, one after the other.
async fn append_to_each(store: &Store, n: u64) {
    for partition in partitions(store) {
        append(&partition, number(n)).await.unwrap();
    }
}

/// Appends to all partitions at once, durably.
async fn append_to_all(store: &Store, batch: impl Fn() -> Batch) {
    let all = partitions(store);
    let batches = all.iter().map(|p| (Arc::clone(p), batch())).collect();
    let appended = store.append_all(batches, 0).unwrap();
    let waiting: Vec<_> = all.into_iter().zip(appended).collect();
    assert!(all_durable(&waiting).await.iter().all(|durable| *durable));
}

/// Opens what is left and checks that each partition holds these numbers.
async fn check_each(left: &FaultyDisk, expected: &[u64]) {
    let store = open(left, no_tail()).unwrap();
    for partition in partitions(&store) {
        assert_eq!(numbers(&partition).await, expected);
    }
}

/// Waves of appends: a number to each partition, and one to several of them; until the disk fails.
async fn run(store: &Store, waves: u64) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    let partitions = partitions(store);
    for wave in 0..waves {
        let (plain, bound) = (wave * 2, wave * 2 + 1);
        let mut waiting = Vec::new();
        for partition in &partitions {
            if let Ok(appended) = partition.append(number(plain), AppendMode::Client, 0) {
                waiting.push((Arc::clone(partition), appended, plain));
            }
        }
        let first = (wave % 4) as usize;
        let some: Vec<_> = partitions[first..first + BOUND as usize].to_vec();
        let batches = some
            .iter()
            .map(|p| (Arc::clone(p), number(bound)))
            .collect();
        if let Ok(appended) = store.append_all(batches, 0) {
            acknowledged.bound.push(bound);
            let all = some.into_iter().zip(appended);
            waiting.extend(all.map(|(partition, appended)| (partition, appended, bound)));
        }
        let (numbers, waits): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .map(|(p, appended, n)| (n, (p, appended)))
            .unzip();
        let durable = all_durable(&waits).await;
        for ((n, (partition, _)), durable) in numbers.iter().zip(&waits).zip(&durable) {
            if *durable {
                let index = partition.id().index;
                acknowledged.numbers.entry(index).or_default().push(*n);
            }
        }
        if !durable.iter().all(|durable| *durable) {
            break;
        }
    }
    acknowledged
}

/// Opens what is left and checks what was promised.
async fn check(disk: &FaultyDisk, acknowledged: &Acknowledged, context: &str) {
    let store = open(disk, no_tail()).unwrap();
    let mut found = BTreeMap::new();
    for partition in partitions(&store) {
        let index = partition.id().index;
        let all = numbers(&partition).await;
        assert!(all.is_sorted(), "{context}: {all:?} in partition {index}");
        found.insert(index, all);
    }
    for (index, expected) in &acknowledged.numbers {
        let all = &found[index];
        let lost: Vec<_> = expected.iter().filter(|n| !all.contains(n)).collect();
        assert!(
            lost.is_empty(),
            "{context}: partition {index} lost {lost:?}"
        );
    }
    for n in &acknowledged.bound {
        let copies = found.values().flatten().filter(|found| *found == n).count();
        let all_or_none = copies == 0 || copies == BOUND as usize;
        assert!(all_or_none, "{context}: {n} is in {copies} partitions");
    }
    for partition in partitions(&store) {
        append(&partition, number(u64::MAX)).await.unwrap();
    }
    store.close().unwrap();
}

async fn run_until(syncs: u64, waves: u64) -> (FaultyDisk, Acknowledged) {
    let disk = FaultyDisk::default();
    let store = store_of(&disk, segments_of(400));
    disk.fail_after_syncs(syncs);
    let acknowledged = run(&store, waves).await;
    (disk, acknowledged)
}

#[tokio::test]
async fn a_crash_at_any_sync_leaves_all_of_an_append_to_several_or_nothing() {
    let (disk, acknowledged) = run_until(u64::MAX - 1, 6).await;
    assert_eq!(acknowledged.bound.len(), 6);
    for syncs in 0..disk.syncs() {
        let (disk, acknowledged) = run_until(syncs, 6).await;
        let kinds = [
            Survives::Synced,
            Survives::Written,
            Survives::Torn(1),
            Survives::Torn(70),
            Survives::Mixed(syncs),
        ];
        for survives in kinds {
            let context = format!("sync {syncs}, {survives:?}");
            check(&disk.crash(survives), &acknowledged, &context).await;
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_sync_of_recovery_leaves_the_journal_for_the_next() {
    let (disk, acknowledged) = run_until(60, 12).await;
    let left = disk.crash(Survives::Synced);
    let whole = left.crash(Survives::Written);
    open(&whole, no_tail()).unwrap();
    for syncs in 0..whole.syncs() {
        let again = left.crash(Survives::Written);
        again.fail_after_syncs(syncs);
        let _ = open(&again, no_tail());
        let context = format!("sync {syncs} of recovery");
        check(&again.crash(Survives::Synced), &acknowledged, &context).await;
    }
}

fn journal_files(disk: &FaultyDisk) -> usize {
    let is_journal = |path: &std::path::PathBuf| path.extension().is_some_and(|x| x == "journal");
    disk.files().into_iter().filter(is_journal).count()
}

#[tokio::test]
async fn what_only_the_journal_has_is_refilled_and_the_journal_removed() {
    let disk = FaultyDisk::default();
    let store = store_of(&disk, LogConfig::default());
    // The segments exist durably before what is counted.
    append_to_each(&store, 0).await;
    let before = disk.syncs();
    append_to_all(&store, || number(1)).await;
    assert!(disk.syncs() - before < PARTITIONS as u64);

    let left = disk.crash(Survives::Synced);
    assert!(journal_files(&left) > 0);
    let store = open(&left, no_tail()).unwrap();
    for partition in partitions(&store) {
        assert_eq!(numbers(&partition).await, [0, 1]);
    }
    assert_eq!(journal_files(&left), 0);
}

#[tokio::test]
async fn a_clean_close_leaves_no_journal() {
    let (disk, _) = run_until(u64::MAX - 1, 0).await;
    let store = open(&disk.crash(Survives::Written), no_tail()).unwrap();
    drop(store);
    let disk = disk.crash(Survives::Written);
    let store = open(&disk, no_tail()).unwrap();
    let acknowledged = run(&store, 5).await;
    assert!(journal_files(&disk) > 0);
    store.close().unwrap();
    drop(store);
    assert_eq!(journal_files(&disk), 0);
    check(
        &disk.crash(Survives::Synced),
        &acknowledged,
        "after a close",
    )
    .await;
}

#[tokio::test]
async fn the_journal_stays_within_its_limit_however_much_goes_through_it() {
    let disk = FaultyDisk::default();
    let store = store_of(&disk, LogConfig::default());
    for wave in 0..200 {
        run_once(&store, wave).await;
    }
    let limit = no_tail().journal_bytes as usize;
    let sizes = disk
        .files()
        .into_iter()
        .filter(|p| p.extension().is_some_and(|x| x == "journal"));
    let total: u64 = sizes
        .map(|path| disk.open(&path).unwrap().size().unwrap())
        .sum();
    assert!((1..=limit as u64).contains(&total), "{total} bytes");
    store.close().unwrap();
}

async fn run_once(store: &Store, n: u64) {
    let partitions = partitions(store);
    let append = |p: &Arc<Partition>| p.append(number(n), AppendMode::Client, 0).unwrap();
    let appended: Vec<_> = partitions.iter().map(append).collect();
    let waiting: Vec<_> = partitions.into_iter().zip(appended).collect();
    assert!(all_durable(&waiting).await.iter().all(|durable| *durable));
}

#[tokio::test]
async fn an_append_to_several_larger_than_a_file_of_the_journal_is_taken_all_the_same() {
    let disk = FaultyDisk::default();
    let store = store_of(&disk, LogConfig::default());
    for _ in 0..3 {
        append_to_all(&store, || batch(1, 2_000)).await;
    }
    let left = disk.crash(Survives::Synced);
    drop(store);
    let store = open(&left, no_tail()).unwrap();
    for partition in partitions(&store) {
        assert_eq!(partition.offsets().log_end, 3);
    }
}

#[tokio::test]
async fn without_room_for_one_there_is_nothing_of_any() {
    let disk = FaultyDisk::default();
    let store = store_of(&disk, LogConfig::default());
    append_to_each(&store, 0).await;
    disk.set_room(Some(300));
    let all = partitions(&store)
        .into_iter()
        .map(|p| (p, number(1)))
        .collect();
    let appended = store.append_all(all, 0).unwrap();
    let mut lacking = 0;
    for (partition, appended) in partitions(&store).into_iter().zip(appended) {
        match partition
            .wait(appended.next_offset(), Ack::Durable)
            .await
            .unwrap_err()
        {
            Error::StorageFull { .. } => lacking += 1,
            Error::Abandoned { .. } => {}
            error => panic!("{error}"),
        }
    }
    assert!(lacking > 0);
    disk.set_room(None);
    for partition in partitions(&store) {
        append(&partition, number(2)).await.unwrap();
        assert_eq!(numbers(&partition).await, [0, 2]);
    }
    let left = disk.crash(Survives::Synced);
    check_each(&left, &[0, 2]).await;
}

#[tokio::test]
async fn with_one_partition_that_takes_no_writes_the_others_are_left_alone() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    store
        .create_partitions(&[id(0), id(1)], &Arc::default())
        .unwrap();
    let (good, gone) = (
        store.partition(&id(0)).unwrap(),
        store.partition(&id(1)).unwrap(),
    );
    store.delete_partition(&id(1)).unwrap();
    let batches = vec![(Arc::clone(&good), number(1)), (gone, number(1))];
    let error = store.append_all(batches, 0).unwrap_err();
    assert!(matches!(error, Error::Deleted { partition } if partition == id(1)));
    assert_eq!(append(&good, number(2)).await.unwrap(), 0);
    assert_eq!(numbers(&good).await, [2]);
}

#[tokio::test]
async fn what_the_page_cache_kept_is_synced_before_an_append_to_several_counts() {
    let disk = FaultyDisk::default();
    let store = store_of(&disk, kept_by_the_page_cache());
    append_to_each(&store, 0).await;
    append_to_all(&store, || number(1)).await;
    check_each(&disk.crash(Survives::Synced), &[0, 1]).await;
}

#[tokio::test]
async fn a_file_of_the_journal_can_be_looked_into() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), no_tail(), 0).unwrap();
    let ids: Vec<_> = (0..PARTITIONS).map(id).collect();
    store.create_partitions(&ids, &Arc::default()).unwrap();
    append_to_all(&store, || number(1)).await;
    append_to_all(&store, || number(2)).await;
    drop(store);
    let journal = std::fs::read_dir(dir.path().join("journal")).unwrap();
    let mut parts = Vec::new();
    for file in journal {
        match inspect::open(&file.unwrap().path()).unwrap() {
            Contents::Journal(found) => parts.extend(found),
            other => panic!("{other:?}"),
        }
    }
    parts.sort_by_key(|part| (part.sequence, part.partition));
    let size = number(1).size() as u64;
    let expected = [(1, 0), (2, size)]
        .into_iter()
        .flat_map(|(sequence, position)| {
            (0..PARTITIONS).map(move |index| (sequence, index, position, size))
        });
    let found = parts.iter().map(|part| {
        (
            part.sequence,
            part.partition.index,
            part.position,
            part.size,
        )
    });
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_partition_whose_earlier_appends_cannot_be_synced_leaves_nothing_in_the_others() {
    let disk = FaultyDisk::default();
    let store = store_of(&disk, kept_by_the_page_cache());
    append_to_each(&store, 0).await;
    disk.inject(Fault::once(Op::Sync, 0));
    let all = partitions(&store);
    let batches = all.iter().map(|p| (Arc::clone(p), number(1))).collect();
    let appended = store.append_all(batches, 0).unwrap();
    let waiting: Vec<_> = all.into_iter().zip(appended).collect();
    let durable = all_durable(&waiting).await;
    let store = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    for partition in partitions(&store) {
        assert!(!numbers(&partition).await.contains(&1), "{durable:?}");
    }
    assert!(!durable.contains(&true));
}

#[tokio::test]
async fn what_goes_on_after_a_failed_sync_of_the_journal_leaves_all_of_an_append_or_nothing() {
    let mut found = BTreeSet::new();
    for syncs in 0.. {
        let disk = FaultyDisk::default();
        let store = store_of(&disk, LogConfig::default());
        let both = [0, 1].map(|index| store.partition(&id(index)).unwrap());
        let [empty, other] = &both;
        append(other, number(0)).await.unwrap();
        disk.fail_after_syncs(syncs);
        let batches = both.each_ref().map(|it| (Arc::clone(it), number(1)));
        let appended = store.append_all(batches.into(), 0).unwrap();
        let waiting: Vec<_> = both.iter().cloned().zip(appended).collect();
        let durable = all_durable(&waiting).await;
        // An empty segment lies below any log start.
        store.maintain(0).await;
        empty.delete_records(0).await.unwrap();
        let after = open(&disk.crash(Survives::Written), no_tail()).unwrap();
        let mut held = Vec::new();
        for partition in &partitions(&after)[..2] {
            held.push(numbers(partition).await.contains(&1));
        }
        assert_eq!(held[0], held[1], "sync {syncs}");
        found.insert(held[0]);
        if durable[0] {
            break;
        }
    }
    assert_eq!(
        found.len(),
        2,
        "it was there at times, and at times it was not"
    );
}
