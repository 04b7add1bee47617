//! Readers of what only the disk has: before each pass over the log, the kernel is made to drop what it holds of it.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::Advice;

use crate::frames;
use crate::load::Outcome;
use crate::options::Options;
use crate::target::{Durability, Target, Usage};
use crate::traffic::{fill, receive};

/// Bytes of the log.
const LOG: usize = 1 << 30;
/// Bytes that are asked for at once.
const PIECE: usize = 1 << 20;
/// Records in a batch, of 1 KiB each.
const RECORDS: usize = 64;

/// A loop that reads a file of the same size in mebibytes, and nothing else.
pub(crate) fn plain_reads(options: &Options) -> Outcome {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let bytes = vec![7; PIECE];
    for _ in 0..LOG / PIECE {
        file.write_all(&bytes).expect("the file can be written");
    }
    file.as_file().sync_all().expect("the file can be synced");
    let path = file.path().to_owned();
    passes(options, std::slice::from_ref(&path), || read_plainly(&path))
}

fn read_plainly(path: &Path) -> Pass {
    let file = File::open(path).expect("the file can be opened");
    let mut buffer = vec![0; PIECE];
    let mut pass = Pass::default();
    loop {
        let since = Instant::now();
        match file
            .read_at(&mut buffer, pass.bytes)
            .expect("the file can be read")
        {
            0 => return pass,
            read => pass.add(read as u64, since),
        }
    }
}

/// Readers that begin at places spread over the log and read a share of it each.
pub(crate) fn fetch(options: &Options, readers: i64) -> Outcome {
    let target = Target::start(options);
    target.make_topic(1, Durability::PageCache);
    let batch = frames::batch(RECORDS, 1 << 10);
    let batches = LOG / batch.len();
    fill(&target, &batch, batches as u64);
    let share = (RECORDS * batches) as i64 / readers;
    let before = target.usage();
    let mut outcome = passes(options, &target.segments(), || {
        thread::scope(|scope| {
            let read = |reader| {
                let offsets = reader * share..(reader + 1) * share;
                let target = &target;
                scope.spawn(move || read_over_the_wire(target, offsets))
            };
            let running: Vec<_> = (0..readers).map(read).collect();
            let passes = running
                .into_iter()
                .map(|reader| reader.join().expect("a reader ends"));
            passes.fold(Pass::default(), Pass::and)
        })
    });
    outcome.usage = Usage::between(before, target.usage());
    outcome
}

fn read_over_the_wire(target: &Target, offsets: std::ops::Range<i64>) -> Pass {
    let mut stream = TcpStream::connect(target.address()).expect("the server accepts connections");
    let mut frame = frames::fetch(PIECE as i32, 500);
    let (mut answer, mut pass) = (Vec::new(), Pass::default());
    let mut position = offsets.start;
    while position < offsets.end {
        let since = Instant::now();
        frames::set_position(&mut frame, position);
        stream.write_all(&frame).expect("the server reads requests");
        receive(&mut stream, &mut answer);
        let batches = frames::fetched(&answer);
        position = frames::next_offset(batches).expect("there is more to read");
        pass.add(batches.len() as u64, since);
    }
    pass
}

/// What one pass over the log read.
#[derive(Default)]
struct Pass {
    bytes: u64,
    latencies: Vec<Duration>,
}

impl Pass {
    fn add(&mut self, bytes: u64, since: Instant) {
        self.bytes += bytes;
        self.latencies.push(since.elapsed());
    }

    fn and(mut self, other: Self) -> Self {
        self.bytes += other.bytes;
        self.latencies.extend(other.latencies);
        self
    }
}

/// Passes over `files`, each from the disk, until they have taken as long as a run should.
fn passes(options: &Options, files: &[PathBuf], read: impl Fn() -> Pass) -> Outcome {
    let mut outcome = Outcome::default();
    while outcome.length < options.length {
        files.iter().for_each(|file| drop_from_memory(file));
        let begin = Instant::now();
        let pass = read();
        outcome.length += begin.elapsed();
        outcome.bytes += pass.bytes;
        outcome.latencies.extend(pass.latencies);
    }
    outcome.latencies.sort_unstable();
    outcome
}

/// What was not written yet is, so that it can be dropped.
fn drop_from_memory(path: &Path) {
    let file = File::open(path).expect("the file can be opened");
    file.sync_all().expect("the file can be synced");
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed).expect("the kernel takes the hint");
}

impl Target {
    /// The files of all logs; none of a peer, whose data are not known.
    fn segments(&self) -> Vec<PathBuf> {
        match self {
            Self::Millstream(server) => logs_below(&server.directory().join("topics")),
            Self::Peer(_) => Vec::new(),
        }
    }
}

fn logs_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory of the server");
    let paths = entries.map(|entry| entry.expect("a file of the server").path());
    let below = |path: PathBuf| match path.extension() {
        _ if path.is_dir() => logs_below(&path),
        Some(extension) if extension == "log" => vec![path],
        _ => Vec::new(),
    };
    paths.flat_map(below).collect()
}
