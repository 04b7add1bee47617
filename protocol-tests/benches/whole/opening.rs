//! A hundred gigabytes in a thousand segments: how soon the server is there again.
//!
//! The segments are sparse files: batches of one record of zeros, whose headers are written and whose zeros are holes.
//! Their checksums are right, and they read like any others; they only take little of the disk. Everything else (indexes,
//! recovery points) the server makes itself for one partition, which is not measured; the others, whose segments are the
//! same, get copies.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use millstream_batch::Builder;
use millstream_protocol_tests::server::Server;

use crate::frames;
use crate::idle::REST;
use crate::load::{Outcome, drive, note};
use crate::options::Options;
use crate::partitions::restart;
use crate::report::milliseconds;
use crate::target::{Durability, Target, Usage};
use crate::traffic::{producers, receive};

const PARTITIONS: i32 = 100;
const SEGMENTS: i64 = 10;
/// Of 1 MiB each, which makes segments of 100 MB.
const BATCHES: i64 = 96;
/// How long producers append to all partitions before the crash.
const LOAD: Duration = Duration::from_secs(3);

/// Opens the directory after an orderly end, and after kill -9 amid producing.
pub(crate) fn hundred_gigabytes(options: &Options) -> Outcome {
    let target = Target::start(options);
    target.make_topic(PARTITIONS, Durability::Disk);
    let Target::Millstream(mut server) = target else {
        return Outcome::default();
    };
    assert!(server.terminate().success(), "an orderly end");
    let data = fill(&mut server);
    let (clean, clean_fetch) = open(&mut server);
    let usage = Some(Usage::of(server.id()));
    let target = Target::Millstream(server);
    let asks = producers(&frames::batch(64, 1 << 10), 16, PARTITIONS);
    let load = drive(&target, asks, 1, LOAD);
    let Target::Millstream(mut server) = target else {
        return Outcome::default();
    };
    server.kill();
    let (crashed, crashed_fetch) = open(&mut server);
    Outcome {
        length: clean,
        usage,
        notes: vec![
            note("GB", data as f64 / 1e9),
            note("ready ms", milliseconds(clean)),
            note("first fetch ms", milliseconds(clean_fetch)),
            note("MB appended before kill -9", load.bytes as f64 / 1e6),
            note("ready ms after it", milliseconds(crashed)),
            note("first fetch ms after it", milliseconds(crashed_fetch)),
        ],
        ..Outcome::default()
    }
}

/// Starts the server and reads from the middle of a partition; how long until it answered, and until it had
/// answered the fetch as well.
fn open(server: &mut Server) -> (Duration, Duration) {
    let begin = Instant::now();
    let ready = restart(server);
    let mut frame = frames::fetch(1 << 20, 0);
    frames::set_position(&mut frame, SEGMENTS * BATCHES / 2 + 1);
    let mut stream = TcpStream::connect(server.address()).expect("the server accepts connections");
    stream.write_all(&frame).expect("the server reads requests");
    let mut answer = Vec::new();
    receive(&mut stream, &mut answer);
    let next = frames::next_offset(frames::fetched(&answer));
    assert_eq!(next, Some(SEGMENTS * BATCHES / 2 + 2), "one batch is read");
    (ready, begin.elapsed())
}

/// Gives all partitions their segments; returns their size in bytes, all together.
fn fill(server: &mut Server) -> i64 {
    let batch = zeros();
    let all = partitions(server.directory());
    let (first, others) = all.split_first().expect("there are partitions");
    add_segments(first, &batch);
    // What is not marked as clean is looked at.
    fs::remove_file(server.directory().join("clean")).expect("an orderly end left its mark");
    server.restart();
    thread::park_timeout(REST);
    assert!(server.terminate().success(), "an orderly end");
    for other in others {
        fs::remove_dir_all(other).expect("a partition can be emptied");
        fs::create_dir(other).expect("a directory can be made");
        add_segments(other, &batch);
        for file in list(first).iter().filter(|file| !is_log(file)) {
            let name = file.file_name().expect("a listed file has a name");
            fs::copy(file, other.join(name)).expect("a file can be copied");
        }
    }
    // Or the server's first sync would wait for what was written here.
    rustix::fs::sync();
    i64::from(PARTITIONS) * SEGMENTS * BATCHES * batch.len() as i64
}

fn is_log(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "log")
}

fn list(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory can be listed");
    entries
        .map(|entry| entry.expect("an entry can be read").path())
        .collect()
}

/// The directories of the topic's partitions. It is the only topic with so many.
fn partitions(data: &Path) -> Vec<PathBuf> {
    let topics = list(&data.join("topics"));
    let topic = topics
        .iter()
        .map(|topic| list(topic))
        .find(|partitions| partitions.len() == PARTITIONS as usize);
    topic.expect("the topic has its directories")
}

/// A batch of 1 MiB with one record of zeros.
fn zeros() -> Bytes {
    /// The batch's header, and what the record has besides its value.
    const OVERHEAD: usize = 61 + 15;
    let value = vec![0; (1 << 20) - OVERHEAD];
    let batch = Builder::new().record(1_700_000_000_000, None, Some(&value));
    batch.build().expect("a batch can be built").stamp(0, 0)
}

fn add_segments(partition: &Path, batch: &[u8]) {
    (0..SEGMENTS).for_each(|n| add_segment(partition, batch, n * BATCHES));
}

fn add_segment(partition: &Path, batch: &[u8], base: i64) {
    let used = 1 + batch.iter().rposition(|byte| *byte != 0).expect("a header");
    let mut head = batch[..used].to_vec();
    let file = File::create(partition.join(format!("{base:020}.log"))).expect("a file can be made");
    for n in 0..BATCHES {
        head[..8].copy_from_slice(&(base + n).to_be_bytes());
        let position = n.unsigned_abs() * batch.len() as u64;
        file.write_all_at(&head, position)
            .expect("the file can be written");
    }
    file.set_len(BATCHES.unsigned_abs() * batch.len() as u64)
        .expect("the file can be extended");
}
