//! A broker for tests: started in a directory of its own, asked by frames as a client would ask.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use millstream_store::disk::faulty::FaultyDisk;
use millstream_store::{Store, StoreOptions};
use millstream_wire::{
    ApiKey, Decode, Encode, Frame, RequestHeader, decode_message, request_frame,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::config::{BrokerConfig, Settings};
use crate::{Broker, CloseReason, ConnectionContext, Endpoint, Environment};

/// The time at which every test begins.
pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

thread_local! {
    /// Milliseconds that the test of this thread has had pass.
    static PASSED_MS: Cell<i64> = const { Cell::new(0) };
}

/// Has time pass for brokers that run on this thread.
pub(crate) fn pass(ms: i64) {
    PASSED_MS.set(PASSED_MS.get() + ms);
}

/// A clock that stands still unless it is [told otherwise](pass), and ids that are only different.
pub(crate) const ENVIRONMENT: Environment = Environment {
    now_ms: || NOW_MS + PASSED_MS.get(),
    random_uuid,
};

/// The store in that directory.
pub(crate) fn open(dir: &TempDir) -> Arc<Store> {
    let options = StoreOptions {
        cluster_id: random_uuid(),
        ..StoreOptions::default()
    };
    Arc::new(Store::open(dir.path(), options, NOW_MS).unwrap())
}

/// A running broker, its data and one connection to it.
pub(crate) struct TestBroker {
    pub(crate) broker: Arc<Broker>,
    pub(crate) connection: Arc<ConnectionContext>,
    settings: Settings,
    store: Arc<Store>,
    dir: TempDir,
}

/// The frame of a request, without its length prefix.
pub(crate) fn frame(api: i16, version: i16, body: &impl Encode) -> BytesMut {
    let header = RequestHeader {
        api_key: api,
        api_version: version,
        correlation_id: 7,
        client_id: Some("test"),
    };
    BytesMut::from(&request_frame(&header, body).to_bytes()[4..])
}

impl TestBroker {
    /// How many partitions the topic of that name has.
    pub(crate) fn partition_count(&self, topic: &str) -> usize {
        let topic = self.broker.catalog().topic(topic).unwrap();
        topic.partitions().len()
    }

    /// A broker with default settings and no topics.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A broker with these settings and no topics.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut given = Settings::default();
        for (name, value) in settings {
            given.set(BrokerConfig::TABLE, name, value).unwrap();
        }
        Self::start_in(tempfile::tempdir().unwrap(), given).await
    }

    /// A broker with default settings over a disk that fails on demand.
    pub(crate) async fn start_over(disk: &FaultyDisk) -> Self {
        let options = StoreOptions {
            cluster_id: random_uuid(),
            tail_bytes: 0,
            reserve_bytes: 1 << 20,
            ..StoreOptions::default()
        };
        let disk = Arc::new(disk.clone());
        let store = Store::open_on(disk, Path::new("/data"), options, NOW_MS).unwrap();
        let dir = tempfile::tempdir().unwrap();
        Self::start_on(Arc::new(store), dir, Settings::default()).await
    }

    async fn start_in(dir: TempDir, settings: Settings) -> Self {
        Self::start_on(open(&dir), dir, settings).await
    }

    async fn start_on(store: Arc<Store>, dir: TempDir, settings: Settings) -> Self {
        let config = BrokerConfig::resolve(settings.clone()).unwrap();
        let broker = Broker::start(config, Arc::clone(&store), ENVIRONMENT)
            .await
            .unwrap();
        let advertised = Endpoint {
            listener: "PLAINTEXT".to_owned(),
            host: "192.0.2.1".to_owned(),
            port: 9092,
        };
        let peer = "192.0.2.9:50000".parse().unwrap();
        let connection = Arc::new(ConnectionContext::new(peer, advertised));
        Self {
            broker,
            connection,
            settings,
            store,
            dir,
        }
    }

    /// The same broker after a clean stop and a new start.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(|_| {}).await
    }

    /// The same broker after a clean stop and a new start with other settings.
    pub(crate) async fn restart_with(mut self, settings: &[(&str, &str)]) -> Self {
        for (name, value) in settings {
            self.settings.set(BrokerConfig::TABLE, name, value).unwrap();
        }
        self.restart().await
    }

    /// The same broker after a clean stop, something done to its store, and a new start.
    pub(crate) async fn restart_after(self, meddle: impl FnOnce(&Store)) -> Self {
        self.broker.shutdown().await;
        let Self {
            broker,
            store,
            dir,
            settings,
            ..
        } = self;
        store.close().unwrap();
        drop((broker, store));
        let store = open(&dir);
        meddle(&store);
        store.close().unwrap();
        drop(store);
        Self::start_in(dir, settings).await
    }

    /// The same broker after a crash: what stood in its files is all that its successor finds.
    pub(crate) async fn crash(self) -> Self {
        let copy = tempfile::tempdir().unwrap();
        copy_files(self.dir.path(), copy.path());
        Self::start_in(copy, self.settings.clone()).await
    }

    /// The answer to a request, or why the connection is closed.
    pub(crate) async fn send(&self, frame: BytesMut) -> Result<Option<Frame>, CloseReason> {
        self.broker.dispatch(&self.connection, frame).response.await
    }

    /// The decoded answer to a request, which must have one. Leaks it: a test is short.
    pub(crate) async fn call<R: Decode<'static>>(
        &self,
        api: ApiKey,
        version: i16,
        request: &impl Encode,
    ) -> R {
        let answer = self
            .send(frame(api.key(), version, request))
            .await
            .unwrap()
            .unwrap();
        body(api, version, &answer)
    }
}

fn copy_files(from: &Path, to: &Path) {
    // What is being removed at the time may be gone before it is copied.
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&to).unwrap();
            copy_files(&entry.path(), &to);
        } else {
            let _ = fs::copy(entry.path(), to);
        }
    }
}

/// The body of an answer.
pub(crate) fn body<R: Decode<'static>>(api: ApiKey, version: i16, answer: &Frame) -> R {
    let answer: &'static [u8] = Box::leak(Box::from(&answer.to_bytes()[4..]));
    let version = api.version(version).unwrap();
    let (header, body) = millstream_wire::ResponseHeader::decode(answer, api, version).unwrap();
    assert_eq!(header.correlation_id, 7);
    decode_message(body, version).unwrap()
}

fn random_uuid() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Spread over all bits, so that the ids look as random as they are not.
    let n = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    Uuid::from_u128(n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}
