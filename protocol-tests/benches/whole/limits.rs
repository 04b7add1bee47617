//! What the machine can do without any server: the disk for one who writes and syncs, loopback for one who sends.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::load::Outcome;

/// Appends `size` bytes and syncs, again and again, to a file in the directory for temporary files, where the
/// server's data are as well.
pub(crate) fn write_and_sync(size: usize, length: Duration) -> Outcome {
    let mut file = tempfile::tempfile().expect("a temporary file can be made");
    measure(size, length, |bytes| append(&mut file, bytes))
}

fn append(file: &mut File, bytes: &[u8]) {
    file.write_all(bytes).expect("the file can be written");
    file.sync_data().expect("the file can be synced");
}

/// Sends `size` bytes at a time over one loopback connection to a thread that reads and drops them.
pub(crate) fn loopback_stream(size: usize, length: Duration) -> Outcome {
    with_peer(
        move |mut peer| {
            let mut buffer = vec![0; 1 << 20];
            while peer.read(&mut buffer).expect("the stream can be read") > 0 {}
        },
        |stream| {
            measure(size, length, |bytes| {
                stream.write_all(bytes).expect("the stream can be written");
            })
        },
    )
}

/// Sends `size` bytes over one loopback connection and waits for them to come back.
pub(crate) fn loopback_echo(size: usize, length: Duration) -> Outcome {
    let mut answer = vec![0; size];
    with_peer(
        move |mut peer| {
            let mut buffer = vec![0; size];
            while peer.read_exact(&mut buffer).is_ok() {
                peer.write_all(&buffer).expect("the stream can be written");
            }
        },
        |stream| {
            measure(size, length, |bytes| {
                stream.write_all(bytes).expect("the stream can be written");
                stream
                    .read_exact(&mut answer)
                    .expect("the stream can be read");
            })
        },
    )
}

fn with_peer(
    peer: impl FnOnce(TcpStream) + Send,
    own: impl FnOnce(&mut TcpStream) -> Outcome,
) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on");
    let address = listener.local_addr().expect("a listener has an address");
    thread::scope(|scope| {
        scope.spawn(|| {
            let (stream, _address) = listener.accept().expect("a connection comes");
            stream
                .set_nodelay(true)
                .expect("Nagle's algorithm can be switched off");
            peer(stream);
        });
        let mut stream = TcpStream::connect(address).expect("loopback can be connected to");
        stream
            .set_nodelay(true)
            .expect("Nagle's algorithm can be switched off");
        own(&mut stream)
    })
}

fn measure(size: usize, length: Duration, mut step: impl FnMut(&[u8])) -> Outcome {
    let bytes = vec![7; size];
    let mut outcome = Outcome::default();
    let begin = Instant::now();
    while begin.elapsed() < length {
        let since = Instant::now();
        step(&bytes);
        outcome.latencies.push(since.elapsed());
        outcome.bytes += size as u64;
    }
    outcome.length = begin.elapsed();
    outcome.latencies.sort_unstable();
    outcome
}
