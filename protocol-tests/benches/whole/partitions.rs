//! Ten thousand partitions that nobody uses any more: what they cost in memory, in open files and at start.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use millstream_protocol_tests::server::Server;

use crate::idle::REST;
use crate::load::{Note, Outcome, note};
use crate::options::Options;
use crate::report::milliseconds;
use crate::target::{Durability, Target, Usage};
use crate::traffic::touch;

const PARTITIONS: i32 = 10_000;

/// The partitions have one small record each.
pub(crate) fn idle(options: &Options) -> Outcome {
    let target = Target::start(options);
    thread::park_timeout(REST);
    let bare = target.usage();
    target.make_topic(PARTITIONS, Durability::Disk);
    touch(&target, PARTITIONS);
    thread::park_timeout(REST);
    let Target::Millstream(mut server) = target else {
        return Outcome::default();
    };
    let bare = bare.map_or(0, |usage| usage.resident);
    let mut notes = look("KiB each when written", "files then", &server, bare).to_vec();
    assert!(server.terminate().success(), "an orderly end");
    let clean = restart(&mut server);
    thread::park_timeout(REST);
    notes.extend(look(
        "KiB each after a start",
        "files after it",
        &server,
        bare,
    ));
    server.kill();
    let crashed = restart(&mut server);
    notes.push(note("start ms", milliseconds(clean)));
    notes.push(note("start ms after kill -9", milliseconds(crashed)));
    Outcome {
        length: clean,
        usage: Some(Usage::of(server.id())),
        notes,
        ..Outcome::default()
    }
}

/// What each partition takes beyond `bare`, the server without any; and how many files are open.
fn look(memory: &'static str, files: &'static str, server: &Server, bare: u64) -> [Note; 2] {
    let resident = Usage::of(server.id()).resident.saturating_sub(bare);
    let open = fs::read_dir(format!("/proc/{}/fd", server.id())).expect("the process runs");
    [
        note(memory, resident as f64 / 1024.0 / f64::from(PARTITIONS)),
        note(files, open.count() as f64),
    ]
}

/// Starts the server again; how long that took until it answered.
pub(crate) fn restart(server: &mut Server) -> Duration {
    let begin = Instant::now();
    server.restart();
    begin.elapsed()
}
