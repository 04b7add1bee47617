//! The server that is measured: Millstream, started for each run, or another that runs already.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use millstream_protocol_tests::clients::Admin;
use millstream_protocol_tests::raw::Connection;
use millstream_protocol_tests::server::Server;
use millstream_wire::Uuid;

use crate::frames::TOPIC;
use crate::options::Options;

/// A server with an empty topic.
#[derive(Debug)]
pub(crate) enum Target {
    /// Millstream, in a process of its own that ends with this value.
    Millstream(Server),
    /// Another server.
    Peer(SocketAddr),
}

/// Whether `acks=all` waits for the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Durability {
    /// It does.
    Disk,
    /// The page cache is enough.
    PageCache,
}

impl Target {
    /// A server of the kind that the options say.
    pub(crate) fn start(options: &Options) -> Self {
        Self::with(options, &[])
    }

    /// The same with settings, which a peer has to have been given already.
    pub(crate) fn with(options: &Options, settings: &[(&str, &str)]) -> Self {
        match options.peer {
            None => Self::Millstream(Server::with(settings)),
            Some(peer) => Self::Peer(peer),
        }
    }

    /// Makes the topic of the scenario, empty even if a run before left one. The settings mean the same to
    /// Millstream and to Apache Kafka.
    pub(crate) fn make_topic(&self, partitions: i32, durability: Durability) {
        let flush = match durability {
            Durability::Disk => "1",
            Durability::PageCache => "9223372036854775807",
        };
        self.make(TOPIC, partitions, &[("flush.messages", flush)]);
    }

    /// Makes any topic, whose records have no age at which they are removed.
    pub(crate) fn make(&self, topic: &str, partitions: i32, configs: &[(&str, &str)]) {
        let admin = Admin::new(&self.address().to_string());
        // There is none to delete unless the server was used before.
        admin.delete(topic).ok();
        let configs = [&[("retention.ms", "-1")], configs].concat();
        admin.create(topic, partitions, &configs);
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Millstream(server) => server.address(),
            Self::Peer(address) => *address,
        }
    }

    /// The id of a topic.
    pub(crate) fn topic_id(&self, topic: &str) -> Uuid {
        Connection::open(self.address()).topic_id(topic)
    }

    /// Bytes in the files of a topic; none are known of a peer.
    pub(crate) fn size_on_disk(&self, topic: &str) -> u64 {
        match self {
            Self::Millstream(server) => {
                let id = self.topic_id(topic);
                let topics = server.directory().join("topics");
                size(&topics.join(id.to_string()))
            }
            Self::Peer(_) => 0,
        }
    }

    /// What it has used so far; a peer's process is not known.
    pub(crate) fn usage(&self) -> Option<Usage> {
        match self {
            Self::Millstream(server) => Some(Usage::of(server.id())),
            Self::Peer(_) => None,
        }
    }
}

/// Bytes in the files below a directory; what goes meanwhile counts as gone.
fn size(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let size_of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(size_of).sum()
}

/// What a process has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Time on any core, in the server's own code and in the kernel for it.
    pub(crate) cpu: Duration,
    /// Memory in use now, in bytes.
    pub(crate) resident: u64,
}

impl Usage {
    /// Reads what Linux says in `/proc`.
    pub(crate) fn of(process: u32) -> Self {
        let process = Path::new("/proc").join(process.to_string());
        let stat = fs::read_to_string(process.join("stat")).expect("the process runs");
        let status = fs::read_to_string(process.join("status")).expect("the process runs");
        Self {
            cpu: cpu(&stat),
            resident: resident(&status),
        }
    }

    /// The time used between two readings, and the memory at the second.
    pub(crate) fn between(before: Option<Self>, after: Option<Self>) -> Option<Self> {
        let (before, after) = before.zip(after)?;
        Some(Self {
            cpu: after.cpu.saturating_sub(before.cpu),
            resident: after.resident,
        })
    }
}

/// Fields 14 and 15, counted in ticks, of which Linux shows 100 a second. Field 2 may hold spaces, and ends with `)`.
fn cpu(stat: &str) -> Duration {
    let (_name, fields) = stat.rsplit_once(')').expect("the name is in brackets");
    let ticks = |field: &str| field.parse::<u64>().expect("a number of ticks");
    Duration::from_millis(
        10 * fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(ticks)
            .sum::<u64>(),
    )
}

fn resident(status: &str) -> u64 {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a resident size");
    let kibibytes: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number of kibibytes");
    kibibytes * 1024
}
