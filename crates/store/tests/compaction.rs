//! Compaction keeps the last value of each key, under its old offset, whatever comes in between.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use millstream_batch::{Batch, Builder, Codec, Marker, NO_SEQUENCE, Outcome, records};
use millstream_store::disk::faulty::{FaultyDisk, Survives};
use millstream_store::{
    Ack, AppendMode, CompactionConfig, LogConfig, Partition, Store, StoreOptions, TopicPartition,
};
use support::{ID, append, headers, no_tail, open, open_logs, read_all, segments_of};

const LIMIT: usize = 1 << 20;

/// Compacts whatever is dirty; tombstones may go 1,000 ms after they were looked at.
fn compacted(segment_bytes: u32) -> LogConfig {
    LogConfig {
        retention_ms: None,
        compaction: Some(CompactionConfig {
            min_dirty_ratio: 0.0,
            delete_retention_ms: 1_000,
            ..CompactionConfig::default()
        }),
        ..segments_of(segment_bytes)
    }
}

fn options() -> StoreOptions {
    StoreOptions {
        default_config: compacted(400).into(),
        ..no_tail()
    }
}

/// A batch of records with these keys and values.
fn keyed(pairs: &[(&str, Option<&str>)]) -> Builder {
    let mut builder = Builder::new();
    for (key, value) in pairs {
        builder.push(1_000, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    }
    builder
}

async fn put(partition: &Arc<Partition>, key: &str, value: &str) -> i64 {
    let batch = keyed(&[(key, Some(value))]).build().unwrap();
    append(partition, batch).await.unwrap()
}

/// Offset, key and value of every record there is.
async fn content(partition: &Partition) -> Vec<(i64, String, Option<String>)> {
    let mut found = Vec::new();
    for batch in read_all(partition).await {
        for record in &records(&batch, LIMIT).unwrap() {
            let record = record.unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let key = record.key.map(text).unwrap_or_default();
            found.push((record.offset, key, record.value.map(text)));
        }
    }
    found
}

fn logs(disk: &FaultyDisk) -> usize {
    let is_log = |path: &std::path::PathBuf| path.extension().is_some_and(|x| x == "log");
    disk.files().into_iter().filter(is_log).count()
}

/// Two rounds: an active segment that holds little is closed only once appends pause.
async fn compact(store: &Store, now_ms: i64) {
    store.compact(now_ms).await;
    store.compact(now_ms).await;
}

/// The same after every batch went into a segment of its own: they become one.
async fn compact_apart(store: &Store, partition: &Partition, now_ms: i64) {
    let apart = partition.config();
    partition.set_config(compacted(1 << 20));
    compact(store, now_ms).await;
    partition.set_config(LogConfig::clone(&apart));
}

#[tokio::test]
async fn the_last_value_of_each_key_stays_under_its_offset() {
    let disk = FaultyDisk::default();
    let store = open(&disk, options()).unwrap();
    let partition = store.create_partition(ID, compacted(400)).unwrap();
    for round in 0..20 {
        for key in ["a", "b", "c"] {
            put(&partition, key, &format!("{key}{round}")).await;
        }
    }
    let before = partition.offsets();
    compact_apart(&store, &partition, 0).await;
    let found = content(&partition).await;
    let last_round = found.iter().filter(|(offset, ..)| *offset >= 57);
    let expected = [(57, "a"), (58, "b"), (59, "c")];
    let told: Vec<_> = last_round.map(|(at, key, _)| (*at, key.as_str())).collect();
    assert_eq!(told, expected);
    assert_eq!(
        found.len(),
        3 + 5,
        "only the active segment is as it was: {found:?}"
    );
    assert_eq!(partition.offsets(), before);
    assert_eq!(logs(&disk), 2);
    assert_eq!(put(&partition, "a", "new").await, 60);

    store.close().unwrap();
    drop((store, partition));
    let store = open(&disk, options()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(partition.offsets().log_start, 0);
    let mut expected = found;
    expected.push((60, "a".into(), Some("new".into())));
    assert_eq!(content(&partition).await, expected);
}

#[tokio::test]
async fn a_log_that_falls_idle_is_compacted_to_its_end() {
    let disk = FaultyDisk::default();
    let store = open(&disk, options()).unwrap();
    let partition = store.create_partition(ID, compacted(1 << 30)).unwrap();
    for round in 0..200 {
        put(&partition, "group", &format!("offset {round}")).await;
    }
    store.compact(0).await;
    assert_eq!(
        content(&partition).await.len(),
        200,
        "it has just been busy"
    );
    store.compact(0).await;
    let expected = [(199, "group".to_owned(), Some("offset 199".to_owned()))];
    assert_eq!(content(&partition).await, expected);
    assert_eq!(logs(&disk), 1);
    assert!(partition.size() < 200, "{} bytes left", partition.size());

    put(&partition, "group", "offset 200").await;
    compact(&store, 0).await;
    assert_eq!(
        content(&partition).await.len(),
        2,
        "too little to be worth it"
    );
    assert_eq!(logs(&disk), 2);
}

#[tokio::test]
async fn tombstones_stay_for_their_time_and_then_go() {
    let disk = FaultyDisk::default();
    let store = open(&disk, options()).unwrap();
    let partition = store.create_partition(ID, compacted(100)).unwrap();
    put(&partition, "a", "1").await;
    append(&partition, keyed(&[("a", None)]).build().unwrap())
        .await
        .unwrap();
    put(&partition, "b", "1").await;
    put(&partition, "c", "1").await;
    compact_apart(&store, &partition, 5_000).await;
    let keys = |found: Vec<(i64, String, Option<String>)>| -> Vec<(i64, bool)> {
        found
            .iter()
            .map(|(at, _, value)| (*at, value.is_some()))
            .collect()
    };
    assert_eq!(
        keys(content(&partition).await),
        [(1, false), (2, true), (3, true)]
    );
    let horizon = headers(&read_all(&partition).await)[0].delete_horizon();
    assert_eq!(horizon, Some(6_000));
    for (now_ms, expected) in [
        (5_999, &[(1, false), (2, true), (3, true), (4, true)][..]),
        (6_000, &[(2, true), (3, true), (5, true)]),
    ] {
        put(&partition, "d", "1").await;
        put(&partition, "e", "1").await;
        compact_apart(&store, &partition, now_ms).await;
        let found = keys(content(&partition).await);
        assert!(
            expected.iter().all(|one| found.contains(one)),
            "{now_ms}: {found:?}"
        );
        assert_eq!(found.contains(&(1, false)), now_ms < 6_000);
    }
}

#[tokio::test]
async fn records_without_a_key_and_batches_that_cannot_be_read_are_told_apart() {
    let disk = FaultyDisk::default();
    let store = open(&disk, options()).unwrap();
    let partition = store.create_partition(ID, compacted(100)).unwrap();
    let keyless = Builder::new().record(1, None, Some(b"x")).build().unwrap();
    append(&partition, keyless).await.unwrap();
    put(&partition, "a", "1").await;
    put(&partition, "b", "1").await;
    compact_apart(&store, &partition, 0).await;
    let found: Vec<i64> = content(&partition).await.iter().map(|r| r.0).collect();
    assert_eq!(found, [1, 2]);
    assert_eq!(partition.offsets().log_start, 0);
    let from_start = partition.read(0, LIMIT, 3, true).await.unwrap();
    assert_eq!(headers(&from_start)[0].base_offset, 1);
}

#[tokio::test]
async fn what_a_producer_sent_last_is_known_after_its_records_have_gone() {
    let disk = FaultyDisk::default();
    let store = open(&disk, options()).unwrap();
    let partition = store.create_partition(ID, compacted(100)).unwrap();
    let numbered = |sequence: i32| -> Batch {
        keyed(&[("a", Some("from the producer"))])
            .producer(7, 0, sequence)
            .build()
            .unwrap()
    };
    for sequence in 0..3 {
        append(&partition, numbered(sequence)).await.unwrap();
    }
    put(&partition, "a", "last").await;
    put(&partition, "b", "active").await;
    compact_apart(&store, &partition, 0).await;
    let left = headers(&read_all(&partition).await);
    let told: Vec<_> = left.iter().map(|h| (h.base_offset, h.count)).collect();
    assert_eq!(told, [(2, 0), (3, 1), (4, 1)]);
    assert_eq!(left[0].last_sequence(), 2);

    // Without its recovery points, too.
    let crashed = disk.crash(Survives::Synced);
    for path in crashed.files() {
        if path.extension().is_some_and(|x| x == "snapshot") {
            crashed.damage(&path, Vec::clear);
        }
    }
    let store = open(&crashed, options()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(append(&partition, numbered(2)).await.unwrap(), 2);
    assert_eq!(append(&partition, numbered(3)).await.unwrap(), 5);
}

/// A batch of a transaction that the broker writes, so that no trace is kept of it for its sequence.
fn transactional(producer: i64, key: &str, value: &str) -> Batch {
    keyed(&[(key, Some(value))])
        .producer(producer, 0, NO_SEQUENCE)
        .transactional()
        .build()
        .unwrap()
}

fn marker(producer_id: i64, outcome: Outcome) -> Batch {
    let marker = Marker {
        producer_id,
        producer_epoch: 0,
        coordinator_epoch: 0,
        outcome,
    };
    marker.batch(1_000).unwrap()
}

#[tokio::test]
async fn what_was_aborted_goes_and_never_hides_what_was_committed() {
    let disk = FaultyDisk::default();
    let store = open(&disk, options()).unwrap();
    let partition = store.create_partition(ID, compacted(130)).unwrap();
    let internal = async |batch| {
        let appended = partition.append(batch, AppendMode::Internal, 0).unwrap();
        partition
            .wait(appended.next_offset(), Ack::Durable)
            .await
            .unwrap();
    };
    internal(transactional(1, "a", "committed")).await; // 0
    internal(marker(1, Outcome::Commit)).await; // 1
    internal(transactional(2, "a", "aborted")).await; // 2
    internal(transactional(3, "b", "committed")).await; // 3
    internal(marker(2, Outcome::Abort)).await; // 4
    internal(marker(3, Outcome::Commit)).await; // 5
    internal(transactional(4, "a", "open")).await; // 6
    put(&partition, "c", "1").await; // 7
    put(&partition, "d", "1").await; // 8
    let offsets = async || -> Vec<i64> {
        let left = headers(&read_all(&partition).await);
        left.iter().map(|header| header.base_offset).collect()
    };
    compact_apart(&store, &partition, 0).await;
    assert_eq!(offsets().await, [0, 1, 3, 4, 5, 6, 7, 8]);
    internal(marker(4, Outcome::Abort)).await; // 9
    put(&partition, "e", "1").await; // 10
    compact_apart(&store, &partition, 0).await;
    assert_eq!(offsets().await, [0, 1, 3, 4, 5, 7, 8, 9, 10]);
    put(&partition, "f", "1").await; // 11
    put(&partition, "g", "1").await; // 12
    compact_apart(&store, &partition, 2_000).await;
    assert_eq!(
        offsets().await,
        [0, 1, 3, 5, 7, 8, 9, 10, 11, 12],
        "the marker of offset 4 has outlived its transaction for a second"
    );
}

#[tokio::test]
async fn readers_go_on_while_the_files_they_hold_are_replaced() {
    let disk = FaultyDisk::default();
    let store = open(&disk, options()).unwrap();
    let partition = store.create_partition(ID, compacted(400)).unwrap();
    for round in 0..60 {
        put(&partition, &format!("k{}", round % 5), "v").await;
    }
    let reader = tokio::spawn({
        let partition = Arc::clone(&partition);
        async move {
            for _ in 0..200 {
                let (mut from, end) = (0, partition.offsets().high_watermark);
                while from < end {
                    let read = partition.read(from, 100, end, true).await.unwrap();
                    let next = headers(&read)
                        .last()
                        .map(millstream_batch::Header::next_offset);
                    from = next.expect("there is always more below the end");
                }
            }
        }
    });
    for round in 0..20 {
        for key in 0..5 {
            put(&partition, &format!("k{key}"), &format!("v{round}")).await;
        }
        store.compact(0).await;
        store.maintain(0).await;
    }
    reader.await.unwrap();
}

#[tokio::test]
async fn what_was_replaced_takes_no_room_even_if_the_journal_still_knows_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options(), 0).unwrap();
    let ids = [0, 1].map(|index| TopicPartition { index, ..ID });
    let partitions = ids.map(|id| store.create_partition(id, compacted(400)).unwrap());
    for _ in 0..20 {
        // To both at once, which goes through the journal.
        let batch = || keyed(&[("k", Some("v"))]).build().unwrap();
        let batches = partitions.iter().map(|it| (Arc::clone(it), batch()));
        let appended = store.append_all(batches.collect(), 0).unwrap();
        for (partition, appended) in partitions.iter().zip(appended) {
            let durable = partition.wait(appended.next_offset(), Ack::Durable);
            durable.await.unwrap();
        }
    }
    compact(&store, 0).await;
    let standing = |id: &TopicPartition| {
        let topic = dir.path().join("topics").join(id.topic_id.to_string());
        let files = std::fs::read_dir(topic.join(id.index.to_string())).unwrap();
        let paths = files.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|x| x == "log"))
            .count()
    };
    let standing: usize = ids.iter().map(standing).sum();
    assert!(open_logs(dir.path()) <= standing);
}

#[tokio::test]
async fn deleted_records_do_not_come_back_with_compaction() {
    let disk = FaultyDisk::default();
    let store = open(&disk, options()).unwrap();
    let partition = store.create_partition(ID, compacted(200)).unwrap();
    for round in 0..20 {
        put(&partition, &format!("key {round}"), "v").await;
    }
    compact(&store, 0).await;
    partition.delete_records(11).await.unwrap();
    for round in 0..10 {
        put(&partition, &format!("more {round}"), "v").await;
    }
    compact(&store, 0).await;
    let store = open(&disk.crash(Survives::Synced), options()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(partition.offsets().log_start, 11);
    let found = content(&partition).await;
    let expected: Vec<i64> = (11..30).collect();
    let offsets: Vec<i64> = found
        .iter()
        .map(|record| record.0)
        .filter(|&at| at >= 11)
        .collect();
    assert_eq!(offsets, expected);
}

/// The latest value of each key in what a partition holds.
async fn latest(partition: &Partition) -> BTreeMap<String, (i64, Option<String>)> {
    let mut latest = BTreeMap::new();
    let mut last = -1;
    for (offset, key, value) in content(partition).await {
        assert!(offset > last, "{offset} comes after {last}");
        last = offset;
        latest.insert(key, (offset, value));
    }
    latest
}

/// Appends, compacts, appends and compacts again; what was acknowledged last of each key.
async fn churn(disk: &FaultyDisk) -> BTreeMap<String, i64> {
    let mut acknowledged = BTreeMap::new();
    let Ok(store) = open(disk, options()) else {
        return acknowledged;
    };
    let Ok(partition) = store.create_partition(ID, compacted(400)) else {
        return acknowledged;
    };
    'all: for round in 0..3 {
        for i in 0..12 {
            let key = format!("key {}", (i * (round + 1)) % 7);
            let batch = keyed(&[(&key, Some("value"))]).build().unwrap();
            match append(&partition, batch).await {
                Ok(offset) => drop(acknowledged.insert(key, offset)),
                Err(_) => break 'all,
            }
        }
        compact(&store, 0).await;
    }
    acknowledged
}

#[tokio::test]
async fn a_crash_at_any_sync_of_a_compaction_loses_no_last_value_and_doubles_none() {
    let disk = FaultyDisk::default();
    let all = churn(&disk).await;
    assert_eq!(all.len(), 7);
    let syncs = disk.syncs();
    for at in 0..syncs {
        let disk = FaultyDisk::default();
        disk.fail_after_syncs(at);
        let acknowledged = churn(&disk).await;
        for survives in [Survives::Synced, Survives::Written, Survives::Torn(50)] {
            let context = format!("sync {at} of {syncs}, {survives:?}");
            let crashed = disk.crash(survives);
            let store = open(&crashed, options()).unwrap();
            let Some(partition) = store.partition(&ID) else {
                assert!(acknowledged.is_empty(), "{context}");
                continue;
            };
            let found = latest(&partition).await;
            for (key, offset) in &acknowledged {
                let (at, _) = &found[key];
                assert!(at >= offset, "{context}: {key} is of {at}, not {offset}");
            }
            // And it goes on from there, through another compaction and a clean close.
            put(&partition, "key 0", "again").await;
            compact(&store, 0).await;
            store.close().unwrap();
            drop((store, partition));
            let store = open(&crashed, options()).unwrap();
            let partition = store.partition(&ID).unwrap();
            let again = latest(&partition).await;
            assert_eq!(again.len(), found.len().max(again.len()), "{context}");
            for (key, (offset, _)) in found {
                assert!(again[&key].0 >= offset, "{context}: {key}");
            }
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_sync_of_opening_finishes_what_compaction_had_begun() {
    let disk = FaultyDisk::default();
    let all = churn(&disk).await;
    let syncs = disk.syncs();
    for at in (0..syncs).rev().take(30) {
        let disk = FaultyDisk::default();
        disk.fail_after_syncs(at);
        churn(&disk).await;
        let left = disk.crash(Survives::Written);
        let whole = left.crash(Survives::Written);
        open(&whole, options()).unwrap();
        for second in 0..whole.syncs() {
            let again = left.crash(Survives::Written);
            again.fail_after_syncs(second);
            let _ = open(&again, options());
            let store = open(&again.crash(Survives::Synced), options()).unwrap();
            let found = latest(&store.partition(&ID).unwrap()).await;
            assert!(
                found.len() >= all.len() - 1,
                "sync {second} after sync {at}"
            );
        }
    }
}

#[tokio::test]
async fn a_full_disk_puts_compaction_off_and_harms_nothing() {
    let disk = FaultyDisk::default();
    let store = open(&disk, options()).unwrap();
    let partition = store.create_partition(ID, compacted(1_000)).unwrap();
    for round in 0..60 {
        put(&partition, &format!("k{}", round % 30), "v").await;
    }
    store.maintain(0).await;
    let before = content(&partition).await;
    for room in [0, 50, 500, 1_200] {
        disk.set_room(Some(room));
        compact(&store, 0).await;
        disk.set_room(None);
        assert_eq!(latest(&partition).await.len(), 30);
        put(&partition, "k0", "v").await;
    }
    compact(&store, 0).await;
    assert!(content(&partition).await.len() < before.len());
    store.close().unwrap();
}

fn bytes_of(read: &[Bytes]) -> usize {
    read.iter().map(Bytes::len).sum()
}

#[tokio::test]
async fn batches_stay_compressed_as_they_were() {
    let disk = FaultyDisk::default();
    let store = open(&disk, options()).unwrap();
    let partition = store.create_partition(ID, compacted(600)).unwrap();
    let value = "text that repeats itself, ".repeat(20);
    for codec in Codec::ALL.into_iter().chain(Codec::ALL) {
        let pairs = [("same", Some(&*value)), (&codec.to_string(), Some(&*value))];
        let batch = keyed(&pairs).compression(codec).build().unwrap();
        partition.set_config(compacted(batch.size() as u32));
        append(&partition, batch).await.unwrap();
    }
    partition.set_config(compacted(1 << 20));
    put(&partition, "end", "x").await;
    let before = bytes_of(&read_all(&partition).await);
    compact(&store, 0).await;
    let left = read_all(&partition).await;
    assert!(bytes_of(&left) < before);
    let codecs: Vec<Codec> = headers(&left)
        .iter()
        .map(millstream_batch::Header::codec)
        .collect();
    let mut expected = Codec::ALL.to_vec();
    expected.insert(0, Codec::Zstd);
    expected.push(Codec::None);
    assert_eq!(codecs, expected);
    assert_eq!(latest(&partition).await.len(), 7);
}

#[tokio::test]
async fn readers_from_memory_find_what_readers_from_the_disk_do() {
    let disk = FaultyDisk::default();
    let remembering = StoreOptions {
        tail_bytes: 1 << 20,
        ..options()
    };
    let store = open(&disk, remembering).unwrap();
    let partition = store.create_partition(ID, compacted(400)).unwrap();
    for i in 0..20 {
        put(&partition, "key", &i.to_string()).await;
    }
    compact(&store, 0).await;
    let remembered = content(&partition).await;
    store.close().unwrap();
    drop((store, partition));
    let store = open(&disk, options()).unwrap();
    let kept = content(&store.partition(&ID).unwrap()).await;
    assert_eq!(remembered, kept);
    assert!(kept.len() < 20, "{kept:?}");
}
