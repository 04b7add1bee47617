//! What a partition says of its transactions is what its log says, whatever comes in between.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use millstream_batch::{Batch, BatchRef, Batches, Builder, Marker, Outcome};
use millstream_store::disk::faulty::{FaultyDisk, Survives};
use millstream_store::{
    Aborted, Ack, AppendMode, CompactionConfig, Error, LogConfig, Partition, Store, StoreOptions,
    TopicPartition,
};
use support::{ID, append, no_tail, open, read_all, segments_of};

/// Frequent recovery points, so that crashes meet them, too.
fn eager() -> StoreOptions {
    StoreOptions {
        recovery_point_bytes: 700,
        ..no_tail()
    }
}

/// A transactional batch of one record.
fn sent(producer: i64, epoch: i16, sequence: i32) -> Batch {
    let key = format!("{producer}");
    let value = format!("{epoch}/{sequence}");
    let builder = Builder::new().producer(producer, epoch, sequence);
    let builder = builder.transactional();
    let record = builder.record(1_000, Some(key.as_bytes()), Some(value.as_bytes()));
    record.build().unwrap()
}

fn marker(producer_id: i64, producer_epoch: i16, outcome: Outcome) -> Batch {
    let marker = Marker {
        producer_id,
        producer_epoch,
        coordinator_epoch: 0,
        outcome,
    };
    marker.batch(1_000).unwrap()
}

async fn end(partition: &Arc<Partition>, marker: Batch) -> Result<i64, Error> {
    let appended = partition.append(marker, AppendMode::Internal, 0)?;
    partition.wait(appended.next_offset(), Ack::Durable).await?;
    Ok(appended.base_offset)
}

/// A producer whose transactions end with the epoch they began with, or with the next one.
struct Producer {
    id: i64,
    epoch: i16,
    sequence: i32,
    is_bumped: bool,
}

impl Producer {
    async fn send(&mut self, partition: &Arc<Partition>) -> Result<i64, Error> {
        let sent = append(partition, sent(self.id, self.epoch, self.sequence)).await;
        self.sequence += 1;
        sent
    }

    async fn end(&mut self, partition: &Arc<Partition>, outcome: Outcome) -> Result<i64, Error> {
        if self.is_bumped {
            (self.epoch, self.sequence) = (self.epoch + 1, 0);
        }
        end(partition, marker(self.id, self.epoch, outcome)).await
    }
}

fn producers() -> [Producer; 3] {
    [(1, false), (2, true), (3, false)].map(|(id, is_bumped)| Producer {
        id,
        epoch: 0,
        sequence: 0,
        is_bumped,
    })
}

/// Runs transactions that overlap, of which the third producer's are long, until the disk fails.
async fn transact(partition: &Arc<Partition>, rounds: usize) -> Result<(), Error> {
    let [mut first, mut second, mut third] = producers();
    for round in 0..rounds {
        let outcome = |every: usize| match (round / every).is_multiple_of(2) {
            true => Outcome::Abort,
            false => Outcome::Commit,
        };
        first.send(partition).await?;
        second.send(partition).await?;
        first.send(partition).await?;
        first.end(partition, outcome(1)).await?;
        if round % 4 == 1 {
            third.send(partition).await?;
        }
        second.end(partition, outcome(2)).await?;
        if round % 4 == 3 {
            third.end(partition, outcome(4)).await?;
        }
    }
    Ok(())
}

/// The transactions of a log that are open, by producer, and those that were aborted.
fn told_by(log: &[Bytes]) -> (BTreeMap<i64, i64>, Vec<Aborted>) {
    let (mut open, mut aborted) = (BTreeMap::new(), Vec::new());
    for batch in log {
        let batch = BatchRef::first(batch).unwrap();
        let (producer_id, offset) = (batch.header.producer_id, batch.header.base_offset);
        match Marker::of(batch).unwrap() {
            Some(marker) => {
                let first_offset = open.remove(&producer_id);
                if let Some(first_offset) =
                    first_offset.filter(|_| marker.outcome == Outcome::Abort)
                {
                    aborted.push(Aborted {
                        producer_id,
                        first_offset,
                        last_offset: offset,
                    });
                }
            }
            None if batch.header.is_transactional() => {
                open.entry(producer_id).or_insert(offset);
            }
            None => {}
        }
    }
    (open, aborted)
}

/// Those that have anything in a range, as a partition is to list them.
fn within(aborted: &[Aborted], range: &Range<i64>) -> Vec<Aborted> {
    let touches = |it: &&Aborted| it.last_offset >= range.start && it.first_offset < range.end;
    let mut found: Vec<Aborted> = aborted.iter().filter(touches).copied().collect();
    found.sort_by_key(|it| it.first_offset);
    found
}

/// Compares what a partition says with what its log does; tells how many transactions were aborted.
async fn check(partition: &Arc<Partition>, context: &str) -> usize {
    let offsets = partition.offsets();
    let (open, aborted) = told_by(&read_all(partition).await);
    let told = partition.open_transactions();
    let told: BTreeMap<i64, i64> = told
        .iter()
        .map(|it| (it.producer_id, it.first_offset))
        .collect();
    assert_eq!(told, open, "{context}");
    let undecided = open.values().min().copied();
    let stable = undecided.unwrap_or(offsets.high_watermark);
    assert_eq!(offsets.last_stable, stable, "{context}");
    for from in offsets.log_start..=offsets.high_watermark {
        for until in [from + 1, from + 4, offsets.high_watermark] {
            let found = partition.aborted(from..until).await.unwrap();
            assert_eq!(
                found,
                within(&aborted, &(from..until)),
                "{context}: {from}..{until}"
            );
        }
    }
    aborted.len()
}

/// What a consumer sees that reads only what is committed, in pieces of a few batches.
async fn committed(partition: &Arc<Partition>) -> Vec<(i64, String)> {
    let offsets = partition.offsets();
    let (mut from, mut seen) = (offsets.log_start, Vec::new());
    while from < offsets.last_stable {
        let read = partition
            .read(from, 250, offsets.last_stable, true)
            .await
            .unwrap();
        let batches = read.iter().flat_map(|bytes| Batches::new(bytes));
        let batches: Vec<BatchRef<'_>> = batches.map(Result::unwrap).collect();
        let until = batches.last().unwrap().header.next_offset();
        let mut aborted = partition
            .aborted(from..until)
            .await
            .unwrap()
            .into_iter()
            .peekable();
        let mut skipped = HashSet::new();
        for batch in batches {
            let header = batch.header;
            while let Some(begun) = aborted.next_if(|it| it.first_offset <= header.last_offset()) {
                skipped.insert(begun.producer_id);
            }
            if header.is_control() {
                skipped.remove(&header.producer_id);
            } else if !header.is_transactional() || !skipped.contains(&header.producer_id) {
                for record in &batch.records(1 << 10).unwrap() {
                    let record = record.unwrap();
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    let (key, value) = (record.key.unwrap(), record.value.unwrap());
                    seen.push((record.offset, format!("{}={}", text(key), text(value))));
                }
            }
        }
        from = until;
    }
    seen
}

/// Compacts whatever is dirty, into one segment.
fn compacted() -> LogConfig {
    LogConfig {
        compaction: Some(CompactionConfig {
            min_dirty_ratio: 0.0,
            delete_retention_ms: 0,
            ..CompactionConfig::default()
        }),
        ..segments_of(1 << 20)
    }
}

fn lists(disk: &FaultyDisk) -> Vec<PathBuf> {
    let is_list = |path: &PathBuf| path.extension().is_some_and(|x| x == "aborted");
    disk.files().into_iter().filter(is_list).collect()
}

async fn filled(disk: &FaultyDisk, rounds: usize) -> (Store, Arc<Partition>) {
    let store = open(disk, eager()).unwrap();
    let partition = store.create_partition(ID, segments_of(400)).unwrap();
    transact(&partition, rounds).await.unwrap();
    (store, partition)
}

#[tokio::test]
async fn what_is_open_and_what_was_aborted_is_as_the_log_says_also_after_a_restart() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, 10).await;
    let aborted = check(&partition, "as appended").await;
    assert!(aborted > 8, "{aborted} are too few");
    assert!(partition.open_transactions().len() == 1);
    let seen = committed(&partition).await;
    store.close().unwrap();
    drop((store, partition));
    let store = open(&disk, eager()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(check(&partition, "opened again").await, aborted);
    assert_eq!(committed(&partition).await, seen);
}

#[tokio::test]
async fn a_crash_at_any_sync_changes_nothing_that_is_said_of_what_is_left() {
    let run_until = async |syncs| {
        let disk = FaultyDisk::default();
        disk.fail_after_syncs(syncs);
        if let Ok(store) = open(&disk, eager()) {
            if let Ok(partition) = store.create_partition(ID, segments_of(400)) {
                let _ = transact(&partition, 6).await;
            }
            let _ = store.close();
        }
        disk
    };
    for syncs in 0..run_until(u64::MAX - 1).await.syncs() {
        let disk = run_until(syncs).await;
        for survives in [Survives::Synced, Survives::Written, Survives::Torn(70)] {
            let context = format!("sync {syncs}, {survives:?}");
            let disk = disk.crash(survives);
            let store = open(&disk, eager()).unwrap();
            let Some(partition) = store.partition(&ID) else {
                continue;
            };
            check(&partition, &context).await;
            store.close().unwrap();
            drop((store, partition));
            let store = open(&disk, eager()).unwrap();
            check(
                &store.partition(&ID).unwrap(),
                &format!("{context}, opened again"),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn what_a_consumer_of_committed_records_sees_outlives_compaction() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, 13).await;
    let [mut first, mut second, _] = producers();
    let mut seen = committed(&partition).await;
    let last_of = |seen: &[(i64, String)], key: &str| {
        let of_key = seen.iter().rfind(|(_, pair)| pair.starts_with(key));
        of_key.cloned()
    };
    (first.epoch, second.epoch) = (1, 100);
    for now_ms in 0..8 {
        // The first one's last transaction was aborted. It goes on, which must not be taken for part of that once the marker
        // is gone; then the second keeps the log dirty.
        partition.set_config(segments_of(130));
        let next = if now_ms == 0 { &mut first } else { &mut second };
        let offset = next.send(&partition).await.unwrap();
        let (id, epoch, sequence) = (next.id, next.epoch, next.sequence - 1);
        next.end(&partition, Outcome::Commit).await.unwrap();
        seen.push((offset, format!("{id}={epoch}/{sequence}")));
        partition.set_config(compacted());
        store.compact(now_ms).await;
        let left = committed(&partition).await;
        assert!(
            left.iter().all(|it| seen.contains(it)),
            "{left:?} of {seen:?}"
        );
        for key in ["1=", "2=", "3="] {
            assert_eq!(last_of(&left, key), last_of(&seen, key), "round {now_ms}");
        }
    }
    let before = committed(&partition).await;
    store.close().unwrap();
    drop((store, partition));
    let store = open(&disk, eager()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(committed(&partition).await, before);
}

/// The last committed value of each key and its offset.
async fn latest(partition: &Arc<Partition>) -> BTreeMap<String, (i64, String)> {
    let seen = committed(partition).await.into_iter();
    let entry = |(offset, pair): (i64, String)| {
        let (key, value) = pair.split_once('=').unwrap();
        (key.to_owned(), (offset, value.to_owned()))
    };
    seen.map(entry).collect()
}

#[tokio::test]
async fn a_crash_at_any_sync_of_a_compaction_shows_nothing_that_was_aborted() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, 12).await;
    let expected = latest(&partition).await;
    store.close().unwrap();
    drop((store, partition));
    let compact_until = async |syncs| {
        let disk = disk.crash(Survives::Written);
        let store = open(&disk, eager()).unwrap();
        let partition = store.partition(&ID).unwrap();
        partition.set_config(compacted());
        disk.fail_after_syncs(syncs);
        let before = disk.syncs();
        for now_ms in 0..3 {
            store.compact(now_ms).await;
        }
        (disk.syncs() - before, disk)
    };
    let (all, _) = compact_until(u64::MAX - 1).await;
    assert!(all > 8, "{all} syncs");
    for syncs in 0..all {
        let (_, disk) = compact_until(syncs).await;
        for survives in [Survives::Synced, Survives::Written, Survives::Torn(70)] {
            let context = format!("sync {syncs}, {survives:?}");
            let store = open(&disk.crash(survives), eager()).unwrap();
            let partition = store.partition(&ID).unwrap();
            assert_eq!(latest(&partition).await, expected, "{context}");
        }
    }
}

#[tokio::test]
async fn lists_go_with_their_segments_and_a_transaction_may_begin_below_the_log() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, 12).await;
    let (open, aborted) = told_by(&read_all(&partition).await);
    let (before, end) = (lists(&disk).len(), partition.offsets().high_watermark);
    let cut = aborted[aborted.len() / 2];
    let log_start = cut.first_offset + 1;
    partition.delete_records(log_start).await.unwrap();
    let found = partition.aborted(log_start..end).await.unwrap();
    assert_eq!(found, within(&aborted, &(log_start..end)));
    assert!(found.contains(&cut));
    let below = partition.aborted(0..end).await;
    assert!(matches!(below, Err(Error::OffsetOutOfRange { .. })));
    assert!(lists(&disk).len() < before, "{:?}", lists(&disk));

    partition.delete_records(end).await.unwrap();
    assert_eq!(lists(&disk), [] as [PathBuf; 0]);
    assert_eq!(partition.aborted(end..end + 1).await.unwrap(), []);
    assert_eq!(partition.open_transactions().len(), open.len());
    assert_eq!(partition.offsets().last_stable, end);
    drop(store);
}

#[tokio::test]
async fn a_list_that_is_damaged_is_made_anew_from_the_log() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, 12).await;
    let aborted = check(&partition, "as appended").await;
    store.close().unwrap();
    drop((store, partition));
    for path in lists(&disk) {
        disk.damage(&path, |bytes| *bytes.last_mut().unwrap() ^= 1);
    }
    let store = open(&disk, eager()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(check(&partition, "with damaged lists").await, aborted);
}

#[tokio::test]
async fn a_marker_that_finds_no_room_leaves_its_transaction_open() {
    let disk = FaultyDisk::default();
    let options = StoreOptions {
        reserve_bytes: 0,
        ..no_tail()
    };
    let store = open(&disk, options).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    append(&partition, sent(1, 0, 0)).await.unwrap();
    disk.set_room(Some(0));
    let refused = end(&partition, marker(1, 1, Outcome::Abort)).await;
    assert!(
        matches!(refused, Err(Error::StorageFull { .. })),
        "{refused:?}"
    );
    let open = partition.transaction(1).unwrap();
    assert_eq!((open.first_offset, open.epoch), (0, 0));
    assert_eq!(partition.offsets().last_stable, 0);
    disk.set_room(None);
    append(&partition, sent(1, 0, 1)).await.unwrap();
    end(&partition, marker(1, 1, Outcome::Abort)).await.unwrap();
    assert_eq!(check(&partition, "ended at last").await, 1);
}

#[tokio::test]
async fn markers_of_several_partitions_count_together() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partitions: Vec<_> = (0..3)
        .map(|index| {
            let id = TopicPartition { index, ..ID };
            store.create_partition(id, LogConfig::default()).unwrap()
        })
        .collect();
    for partition in &partitions {
        append(partition, sent(1, 0, 0)).await.unwrap();
    }
    let all = |epoch| {
        let marker = || marker(1, epoch, Outcome::Abort);
        let markers = partitions.iter().map(|it| (Arc::clone(it), marker()));
        markers.collect::<Vec<_>>()
    };
    let appended = store.append_all(all(1), 0).unwrap();
    partitions[0]
        .wait(appended[0].next_offset(), Ack::Durable)
        .await
        .unwrap();
    for partition in &partitions {
        assert_eq!(partition.offsets().last_stable, 2);
        assert_eq!(check(partition, "after all markers").await, 1);
        let stale = append(partition, sent(1, 0, 1)).await;
        assert!(matches!(
            stale,
            Err(Error::InvalidProducerEpoch { current: 1, .. })
        ));
    }
    let stale = store.append_all(all(0), 0);
    assert!(matches!(
        stale,
        Err(Error::InvalidProducerEpoch { current: 1, .. })
    ));
    assert_eq!(partitions[2].offsets().log_end, 2, "nothing is appended");
}

#[tokio::test]
async fn a_partition_without_aborted_transactions_has_no_list() {
    let disk = FaultyDisk::default();
    let store = open(&disk, eager()).unwrap();
    let partition = store.create_partition(ID, segments_of(400)).unwrap();
    for sequence in 0..20 {
        append(&partition, sent(1, 0, sequence)).await.unwrap();
        end(&partition, marker(1, 0, Outcome::Commit))
            .await
            .unwrap();
    }
    assert_eq!(check(&partition, "all committed").await, 0);
    store.close().unwrap();
    assert_eq!(lists(&disk), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn damage_below_an_open_transaction_shows_nothing_of_it_as_committed() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(1 << 20)).unwrap();
    let first = append(&partition, sent(1, 0, 0)).await.unwrap();
    let log = sent(1, 0, 0).size();
    append(&partition, sent(1, 0, 1)).await.unwrap();
    drop(partition);
    store.close().unwrap();
    drop(store);

    let store = open(&disk, no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    end(&partition, marker(1, 0, Outcome::Abort)).await.unwrap();
    assert_eq!(partition.offsets().last_stable, 3);
    let crashed = disk.crash(Survives::Written);
    let name = format!("topics/{}/{}/{first:020}.log", ID.topic_id, ID.index);
    // The second batch, which the recovery point covers, and the marker are gone.
    crashed.damage(&PathBuf::from("/data").join(name), |bytes| {
        bytes.truncate(log);
    });
    let store = open(&crashed, no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert!(partition.write_error().is_some(), "it is damaged");
    assert_eq!(partition.offsets().last_stable, first);
}
