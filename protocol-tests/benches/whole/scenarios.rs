//! What is measured: one entry for each, the bare limit before the scenarios that it bounds.

use crate::cleaning;
use crate::cold;
use crate::commits;
use crate::committed;
use crate::frames::Isolation::{Committed, Uncommitted};
use crate::idle;
use crate::limits;
use crate::load::Outcome;
use crate::members;
use crate::opening;
use crate::options::Options;
use crate::partitions;
use crate::producer::Protocol;
use crate::queues;
use crate::recovery;
use crate::steady;
use crate::target::Durability::{Disk, PageCache};
use crate::traffic::{PAST, RECENT, fetch, large, small};
use crate::transactions;

/// Something that is measured.
pub(crate) struct Scenario {
    /// What it is called on the command line and in the report.
    pub(crate) name: &'static str,
    /// The name of an earlier one whose rate its own is divided by; empty where there is none.
    pub(crate) beside: &'static str,
    /// Runs it once.
    pub(crate) run: fn(&Options) -> Outcome,
}

const fn measure(name: &'static str, run: fn(&Options) -> Outcome) -> Scenario {
    let beside = "";
    Scenario { name, beside, run }
}

impl Scenario {
    const fn beside(self, beside: &'static str) -> Self {
        Self { beside, ..self }
    }
}

const DISK: &str = "limit/disk/1-MiB-sync";
const RECENT_UNCOMMITTED: &str = "fetch/uncommitted/recent/1-reader";
const PAST_UNCOMMITTED: &str = "fetch/uncommitted/past/1-reader";
const SHARE: &str = "queue/share/1-consumer";
const COMMIT: &str = "queue/commit/1-consumer";
const COLD: &str = "limit/disk/1-MiB-cold-read";
const ONE: &str = "produce/durable/16x64KiB/1-partition";
const ONE_BY_5: &str = "produce/durable/16x64KiB/1-partition/5-in-flight";
const ONE_BY_512: &str = "produce/durable/64x64KiB/1-partition/8-in-flight";

/// All of them, in the order in which they are run.
pub(crate) const ALL: &[Scenario] = &[
    measure(DISK, |o| limits::write_and_sync(1 << 20, o.length)),
    measure("limit/disk/1-KiB-sync", |o| {
        limits::write_and_sync(1 << 10, o.length)
    }),
    measure("limit/loopback/64-KiB-stream", |o| {
        limits::loopback_stream(1 << 16, o.length)
    }),
    measure("limit/loopback/1-KiB-echo", |o| {
        limits::loopback_echo(1 << 10, o.length)
    }),
    measure(ONE, |o| large(o, 16, 1, Disk, 1)).beside(DISK),
    measure("produce/durable/16x64KiB/10-partitions", |o| {
        large(o, 16, 10, Disk, 1)
    })
    .beside(ONE),
    measure("produce/durable/16x64KiB/16-partitions", |o| {
        large(o, 16, 16, Disk, 1)
    })
    .beside(ONE),
    measure("produce/durable/16x64KiB/100-partitions", |o| {
        large(o, 16, 100, Disk, 1)
    })
    .beside(ONE),
    measure("produce/durable/16x64KiB/1000-partitions", |o| {
        large(o, 16, 1000, Disk, 1)
    })
    .beside(ONE),
    measure(ONE_BY_5, |o| large(o, 16, 1, Disk, 5)).beside(DISK),
    measure("produce/durable/16x64KiB/10-partitions/5-in-flight", |o| {
        large(o, 16, 10, Disk, 5)
    })
    .beside(ONE_BY_5),
    measure("produce/durable/16x64KiB/16-partitions/5-in-flight", |o| {
        large(o, 16, 16, Disk, 5)
    })
    .beside(ONE_BY_5),
    measure("produce/durable/16x64KiB/100-partitions/5-in-flight", |o| {
        large(o, 16, 100, Disk, 5)
    })
    .beside(ONE_BY_5),
    measure(
        "produce/durable/16x64KiB/1000-partitions/5-in-flight",
        |o| large(o, 16, 1000, Disk, 5),
    )
    .beside(ONE_BY_5),
    measure(ONE_BY_512, |o| large(o, 64, 1, Disk, 8)).beside(DISK),
    measure("produce/durable/64x64KiB/100-partitions/8-in-flight", |o| {
        large(o, 64, 100, Disk, 8)
    })
    .beside(ONE_BY_512),
    measure(
        "produce/durable/64x64KiB/1000-partitions/8-in-flight",
        |o| large(o, 64, 1000, Disk, 8),
    )
    .beside(ONE_BY_512),
    measure("produce/page-cache/16x64KiB/1-partition", |o| {
        large(o, 16, 1, PageCache, 1)
    }),
    measure("produce/page-cache/16x64KiB/16-partitions", |o| {
        large(o, 16, 16, PageCache, 1)
    }),
    measure("produce/durable/1x1KiB", |o| small(o, 1, 1, Disk)),
    measure("produce/page-cache/1x1KiB", |o| small(o, 1, 1, PageCache)),
    measure("produce/durable/64x1KiB/1-partition", |o| {
        small(o, 64, 1, Disk)
    }),
    measure("produce/durable/64x1KiB/16-partitions", |o| {
        small(o, 64, 16, Disk)
    }),
    measure(
        "paced/durable/1000-partitions/1-KiB-a-second-each",
        steady::thousand,
    ),
    measure("paced/durable/350-MB-a-second", steady::sustained),
    measure("fetch/recent/1-reader", |o| fetch(o, 1, RECENT)),
    measure("fetch/recent/2-readers", |o| fetch(o, 2, RECENT)),
    measure("fetch/past/1-reader", |o| fetch(o, 1, PAST)),
    measure(RECENT_UNCOMMITTED, |o| {
        committed::fetch(o, Uncommitted, RECENT)
    }),
    measure("fetch/committed/recent/1-reader", |o| {
        committed::fetch(o, Committed, RECENT)
    })
    .beside(RECENT_UNCOMMITTED),
    measure(PAST_UNCOMMITTED, |o| committed::fetch(o, Uncommitted, PAST)),
    measure("fetch/committed/past/1-reader", |o| {
        committed::fetch(o, Committed, PAST)
    })
    .beside(PAST_UNCOMMITTED),
    measure(COLD, cold::plain_reads),
    measure("fetch/cold/1-reader", |o| cold::fetch(o, 1)).beside(COLD),
    measure("fetch/cold/64-readers", |o| cold::fetch(o, 64)).beside(COLD),
    measure("fetch/cold/1000-readers", |o| cold::fetch(o, 1_000)).beside(COLD),
    measure("cleaning/produce", cleaning::produce),
    measure("cleaning/fetch", cleaning::fetch),
    measure(SHARE, |o| queues::share(o, 1, queues::SOME)),
    measure("queue/share/16-consumers", |o| {
        queues::share(o, 16, queues::SOME)
    })
    .beside(SHARE),
    measure("queue/share/10-million-waiting", |o| {
        queues::share(o, 1, queues::MANY)
    })
    .beside(SHARE),
    measure("queue/drain/16-consumers/10-million", |o| {
        queues::drain(o, 16, queues::MANY)
    }),
    measure(COMMIT, |o| queues::commit(o, queues::SOME)),
    measure("queue/commit/10-million-waiting", |o| {
        queues::commit(o, queues::MANY)
    })
    .beside(COMMIT),
    measure("transactions/100x1KiB/1-producer", |o| {
        transactions::commit(o, Protocol::V2)
    }),
    measure("transactions/classic/100x1KiB/1-producer", |o| {
        transactions::commit(o, Protocol::Classic)
    }),
    measure(
        "commit/1000-groups/10000-a-second",
        commits::thousand_groups,
    ),
    measure(
        "group/consumer/100-members/1000-partitions",
        members::hundred,
    ),
    measure("start", idle::start),
    measure(
        "start/100000-positions-10000-transactional-ids",
        recovery::positions_and_transactional_ids,
    ),
    measure("idle", idle::idle),
    measure("idle/1000-long-polls", idle::long_polls),
    measure("idle/10000-partitions", partitions::idle),
    measure("open/100-GB", opening::hundred_gigabytes),
];
