//! A data directory and the partitions in it.
//!
//! ```text
//! <data>/lock                              held while a process has the store open
//! <data>/meta                              format version and cluster id
//! <data>/clean                             there only while the store is closed cleanly
//! <data>/journal/                          appends that are not in the segments yet; see `journal`
//! <data>/reserve                           zeros that make room when the disk is full
//! <data>/topics/<topic id>/<index>/        one partition:
//!     checkpoint                           log start and leader epochs
//!     <base offset>.log, .index, .aborted  segments; <base offset>.<generation>.… once compacted
//!     compaction                           how far it is compacted
//!     <next offset>.snapshot               recovery point
//! ```

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use parking_lot::{Mutex, MutexGuard, RwLock};
use uuid::Uuid;

use crate::checkpoint::Checkpoint;
use crate::cleaner::{self, Cleaner, Task};
use crate::config::{LogConfig, StoreOptions, TopicPartition};
use crate::disk::{self, Disk, File, OsDisk};
use crate::error::{Error, IoContext, Result};
use crate::format::{self, Kind};
use crate::journal::{self, Journal, Shelf};
use crate::keeper::{self, Job, Keeper};
use crate::partition::Partition;
use crate::progress::Stop;
use crate::queue::{End, Queue};
use crate::recovery::Recovered;
use crate::reserve::Reserve;
use crate::segment::Volume;
use crate::syncers::{self, Syncers};
use crate::turns::Turns;
use crate::writer::Writer;
use crate::{lock, meta, opening};

/// Added to the directory of a partition that is being removed.
pub(crate) const DELETED: &str = "deleted";

/// What all partitions of a store have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) volume: Volume,
    pub(crate) options: StoreOptions,
    pub(crate) queue: Queue,
    pub(crate) syncers: Syncers,
    /// Those of segments that only the journal waits for.
    pub(crate) settlers: Syncers,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) keeper: Keeper,
    pub(crate) cleaner: Cleaner,
    pub(crate) reserve: Arc<Reserve>,
    pub(crate) turns: Turns,
}

/// An open data directory.
///
/// Dropping it stops at once, as a crash would; [`Store::close`] first is what makes the next open
/// quick.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    pub(crate) shared: Arc<Shared>,
    /// Locked for moments only, for every request asks it.
    partitions: RwLock<HashMap<TopicPartition, Arc<Partition>>>,
    /// Held while partitions are made or deleted, for as long as the disk takes. Whether the store is closed, so that
    /// neither is done any more.
    closed: Mutex<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Whether something was left half done that the next open has to find.
    needs_recovery: AtomicBool,
    _lock: Arc<dyn File>,
}

impl Store {
    /// Opens a data directory, or makes one; recovers what a crash left. Blocks.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::NewerFormat`], [`Error::Corrupt`], [`Error::Io`].
    pub fn open(dir: &Path, options: StoreOptions, now_ms: i64) -> Result<Self> {
        Self::open_on(Arc::new(OsDisk), dir, options, now_ms)
    }

    /// [`Store::open`] on a disk of the caller's choice.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: StoreOptions,
        now_ms: i64,
    ) -> Result<Self> {
        let (topics, journal) = (dir.join("topics"), dir.join("journal"));
        disk.create_dir(&topics).on("create", &topics)?;
        disk.create_dir(&journal).on("create", &journal)?;
        let lock = lock::acquire(&*disk, dir)?;
        let cluster_id = meta::load_or_create(&*disk, dir, options.cluster_id)?;
        let (sender, jobs) = mpsc::channel();
        let reserve = Reserve::new(Arc::clone(&disk), dir, options.reserve_bytes);
        let volume = Volume { disk, cluster_id };
        let shelf = Shelf::new(volume.clone(), journal.clone(), options.journal_bytes);
        let (cleaner, rounds) = Cleaner::new();
        let shared = Arc::new(Shared {
            volume,
            reserve: Arc::new(reserve),
            queue: Queue::new(options.pending_bytes),
            syncers: Syncers::default(),
            settlers: Syncers::default(),
            shelf: Arc::new(shelf),
            keeper: Keeper::new(sender),
            cleaner,
            turns: Turns::default(),
            options,
        });
        let clean = take_clean_mark(&shared.volume, dir)?;
        if !clean {
            journal::refill(&shared.volume, &journal, &topics)?;
        }
        let partitions = opening::open_partitions(&shared, &topics, clean, now_ms)?;
        journal::remove(&shared.volume, &journal)?;
        shared.reserve.restore();
        let threads = start_threads(&shared, jobs, rounds)?;
        Ok(Store {
            dir: dir.to_owned(),
            shared,
            partitions: RwLock::new(partitions),
            closed: Mutex::new(false),
            threads: Mutex::new(threads),
            needs_recovery: AtomicBool::new(false),
            _lock: lock,
        })
    }

    /// The id of the cluster whose data this is.
    pub fn cluster_id(&self) -> Uuid {
        self.shared.volume.cluster_id
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A partition, if it exists.
    pub fn partition(&self, id: &TopicPartition) -> Option<Arc<Partition>> {
        self.partitions.read().get(id).cloned()
    }

    /// All partitions, in no order.
    pub fn partitions(&self) -> Vec<Arc<Partition>> {
        self.partitions.read().values().cloned().collect()
    }

    /// Waits until less than half of the bytes that may wait for the writer do.
    pub async fn room(&self) {
        self.shared.queue.room().await;
    }

    /// Makes an empty partition; it survives a crash once this returns. Blocks for a few syncs.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Io`].
    pub fn create_partition(
        &self,
        id: TopicPartition,
        config: LogConfig,
    ) -> Result<Arc<Partition>> {
        self.create_partitions(&[id], &Arc::new(config))?;
        self.partition(&id).ok_or(Error::NotFound { partition: id })
    }

    /// Makes empty partitions, all for the syncs of one of them.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] for the first that does; then none is made. [`Error::Closed`], [`Error::Io`].
    pub fn create_partitions(&self, ids: &[TopicPartition], config: &Arc<LogConfig>) -> Result<()> {
        let _open = self.lock_open()?;
        if let Some(id) = ids.iter().find(|id| self.partition(id).is_some()) {
            return Err(Error::AlreadyExists { partition: *id });
        }
        self.create_dirs(ids).inspect_err(|_| self.undo_dirs(ids))?;
        let mut partitions = self.partitions.write();
        for id in ids {
            let found = Recovered {
                checkpoint: Checkpoint::of_new_partition(),
                segments: Vec::new(),
                log_end: 0,
                producers: Default::default(),
                recovery_point: 0,
                is_saved: true,
                compaction: Default::default(),
                damage: None,
            };
            let (dir, shared) = (self.partition_dir(*id), Arc::clone(&self.shared));
            let partition = Partition::new(*id, &dir, shared, Arc::clone(config), found);
            partitions.insert(*id, Arc::new(partition));
        }
        Ok(())
    }

    /// A directory for each, with every name durable.
    fn create_dirs(&self, ids: &[TopicPartition]) -> Result<()> {
        let disk = &self.shared.volume.disk;
        for dir in ids.iter().map(|id| self.partition_dir(*id)) {
            disk.create_dir(&dir).on("create", &dir)?;
        }
        self.sync_dirs(&self.dirs_above(ids))
    }

    /// The directories whose entries lead to these partitions.
    fn dirs_above(&self, ids: &[TopicPartition]) -> BTreeSet<PathBuf> {
        let dirs = ids.iter().map(|id| self.partition_dir(*id));
        let above = |dir: PathBuf| {
            dir.ancestors()
                .skip(1)
                .take(2)
                .map(Path::to_owned)
                .collect()
        };
        dirs.flat_map::<Vec<_>, _>(above).collect()
    }

    /// Removes what [`Store::create_dirs`] made before it failed, as far as that goes: nobody was told
    /// that it is there.
    fn undo_dirs(&self, ids: &[TopicPartition]) {
        for dir in ids.iter().map(|id| self.partition_dir(*id)) {
            let _ = self.shared.volume.disk.remove_dir(&dir);
        }
        let _ = self.sync_dirs(&self.dirs_above(ids));
    }

    fn partition_dir(&self, id: TopicPartition) -> PathBuf {
        partition_dir(&self.dir, id)
    }

    /// Deletes a partition; see [`Store::delete_partitions`].
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Io`].
    pub fn delete_partition(&self, id: &TopicPartition) -> Result<()> {
        self.delete_partitions(std::slice::from_ref(id))
    }

    /// Deletes partitions, all for the syncs of one of them. Their names are gone durably when this
    /// returns, their bytes soon after; open reads go on to their end, appends get
    /// [`Error::Deleted`]. Blocks.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the first that does not exist; then none is deleted. [`Error::Closed`].
    /// [`Error::Io`]; then none takes appends any more, and the next open finds those that are left.
    pub fn delete_partitions(&self, ids: &[TopicPartition]) -> Result<()> {
        let _open = self.lock_open()?;
        let mut partitions = self.partitions.write();
        if let Some(id) = ids.iter().find(|id| !partitions.contains_key(id)) {
            return Err(Error::NotFound { partition: *id });
        }
        let doomed: Vec<_> = ids.iter().filter_map(|id| partitions.remove(id)).collect();
        drop(partitions);
        // What it leaves half done was not saved, so that nobody may take it at its word.
        self.take_down_all(&doomed)
            .inspect_err(|_| self.needs_recovery.store(true, Ordering::Relaxed))
    }

    /// The lock under which partitions are made and deleted, as long as the store is open.
    fn lock_open(&self) -> Result<MutexGuard<'_, bool>> {
        let closed = self.closed.lock();
        match *closed {
            true => Err(Error::Closed),
            false => Ok(closed),
        }
    }

    /// Ends all of them, whether that succeeds for others or not; the first failure is told.
    fn take_down_all(&self, doomed: &[Arc<Partition>]) -> Result<()> {
        let mut gone = Vec::with_capacity(doomed.len());
        let mut outcome = Ok(());
        for partition in doomed {
            match self.take_down(partition) {
                Ok(dir) => gone.push(dir),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        let parents = gone.iter().filter_map(|dir| dir.parent());
        self.sync_dirs(&parents.map(Path::to_owned).collect())?;
        for dir in gone {
            self.shared.keeper.send(Job::Remove(dir));
        }
        outcome
    }

    /// Ends a partition; returns the name under which its directory waits for removal.
    fn take_down(&self, partition: &Partition) -> Result<PathBuf> {
        partition.progress.stop(Stop::Deleted);
        partition.subscribers.notify();
        let _upkeep = partition.upkeep.lock();
        let dir = &partition.dir;
        let gone = dir.with_added_extension(DELETED);
        let disk = &self.shared.volume.disk;
        disk.rename(dir, &gone).on("rename", dir)?;
        partition.let_go();
        Ok(gone)
    }

    /// Makes the names in these directories durable, the deepest first.
    fn sync_dirs(&self, dirs: &BTreeSet<PathBuf>) -> Result<()> {
        let disk = &self.shared.volume.disk;
        let mut deepest_first = dirs.iter().rev();
        deepest_first.try_for_each(|dir| disk.sync_dir(dir).on("sync", dir))
    }

    /// Closes the store: writes and syncs what waits, remembers producers, and marks the directory
    /// as clean, so that opening it again reads nothing but names; unless a deletion was left half
    /// done. Blocks. Appends get [`Error::Closed`] from now on.
    ///
    /// # Errors
    /// The first failure; then the next open recovers as after a crash.
    pub fn close(&self) -> Result<()> {
        // A deletion that is half done must have said so, or be whole.
        let mut closed = self.closed.lock();
        *closed = true;
        let partitions = self.partitions();
        for partition in &partitions {
            partition.progress.close();
        }
        self.stop(End::Drained)?;
        let reserve = &self.shared.reserve;
        let saved: Vec<Result<()>> = partitions
            .iter()
            .map(|partition| reserve.backed(|| partition.save_at_end()))
            .collect();
        saved.into_iter().collect::<Result<()>>()?;
        if self.needs_recovery.load(Ordering::Relaxed) {
            return Ok(());
        }
        journal::remove(&self.shared.volume, &self.dir.join("journal"))?;
        let path = self.dir.join("clean");
        let Volume { disk, cluster_id } = &self.shared.volume;
        reserve.backed(|| format::save(&**disk, &path, Kind::Clean, *cluster_id, &[]))
    }

    /// Ends the threads, the writer first, for it needs the others. Fails if one of them had ended
    /// before, for then nobody knows what it left undone.
    fn stop(&self, end: End) -> Result<()> {
        self.shared.cleaner.end();
        self.shared.queue.end(end);
        let mut stopped = Ok(());
        for thread in self.threads.lock().drain(..) {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                stopped = Err(Error::Panicked { thread: name });
            }
            self.shared.syncers.end();
            self.shared.shelf.end();
            self.shared.settlers.end();
            self.shared.keeper.send(Job::End);
        }
        stopped
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        for partition in self.partitions.get_mut().values() {
            partition.progress.stop(Stop::Closed);
        }
        if let Err(error) = self.stop(End::Now) {
            tracing::error!(%error, "the store did not end well");
        }
        // What is at work on their files ends before others may have them.
        for partition in self.partitions.get_mut().values() {
            drop(partition.upkeep.lock());
        }
    }
}

/// Where a partition is in a data directory.
pub(crate) fn partition_dir(data: &Path, id: TopicPartition) -> PathBuf {
    let topics = data.join("topics");
    topics
        .join(id.topic_id.to_string())
        .join(id.index.to_string())
}

/// Starts the threads of a store; the writer is the first.
fn start_threads(
    shared: &Arc<Shared>,
    jobs: mpsc::Receiver<Job>,
    rounds: mpsc::Receiver<Task>,
) -> Result<Vec<JoinHandle<()>>> {
    let journal = Journal::new(Arc::clone(&shared.shelf));
    let writer = Writer::new(Arc::clone(shared), journal);
    let disk = Arc::clone(&shared.volume.disk);
    let settling = Arc::clone(shared);
    let mut threads = vec![
        spawn("store-writer", move || writer.run())?,
        spawn("store-keeper", move || keeper::run(&*disk, &jobs))?,
        spawn("store-settler", move || {
            settling.shelf.run(&settling.settlers);
        })?,
        spawn("store-cleaner", move || cleaner::run(&rounds))?,
    ];
    for _ in 0..syncers::HELPERS {
        let shared = Arc::clone(shared);
        threads.push(spawn("store-syncer", move || shared.syncers.help())?);
    }
    for _ in 0..syncers::SETTLERS {
        let shared = Arc::clone(shared);
        threads.push(spawn("store-settler", move || shared.settlers.help())?);
    }
    Ok(threads)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(run);
    thread.on("start a thread for", Path::new(name))
}

/// Whether the last shutdown was clean. From here on this run's has yet to be.
fn take_clean_mark(volume: &Volume, dir: &Path) -> Result<bool> {
    let path = dir.join("clean");
    let clean = matches!(
        format::load(&*volume.disk, &path, Kind::Clean, volume.cluster_id),
        Ok(Some(_))
    );
    disk::remove_if_there(&*volume.disk, &path).on("remove", &path)?;
    volume.disk.sync_dir(dir).on("sync", dir)?;
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::faulty::FaultyDisk;

    #[test]
    fn a_store_whose_thread_panicked_is_not_marked_as_clean() {
        let disk = FaultyDisk::default();
        let dir = Path::new("/data");
        let store =
            Store::open_on(Arc::new(disk.clone()), dir, StoreOptions::default(), 0).unwrap();
        let panicking = spawn("store-tested", || panic!("as the test wants")).unwrap();
        store.threads.lock().push(panicking);
        let error = store.close().unwrap_err();
        assert!(matches!(error, Error::Panicked { thread } if thread == "store-tested"));
        assert!(!disk.files().contains(&dir.join("clean")));
    }
}
