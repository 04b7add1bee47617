//! Room on the device that is kept back for what must work when it is full.
//!
//! To free room takes some: a deleted topic is a record in a log, a moved log start a file. So a file
//! of zeros takes up a little, and is shortened, piece by piece, when such a thing finds no room. Until
//! it is whole again all other appends are refused, for they would take what it gave up. It never
//! decides what deserves the room.

use std::io::{self, ErrorKind, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::Mutex;

use crate::disk::{Disk, File};
use crate::error::{Error, Result};
use crate::shortage::Shortage;

/// Bytes that are given up at once: enough for most files that have to be written.
const PIECE: u64 = 256 << 10;

/// Milliseconds between two attempts to make it whole while appends are refused.
const RETRY_MS: i64 = 1_000;

/// Stands for a time at which nobody has asked since something was given up.
const GIVEN_UP: i64 = i64::MIN;

/// The file of zeros.
#[derive(Debug)]
pub(crate) struct Reserve {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    pieces: u64,
    whole: AtomicBool,
    /// When appends last asked for it to be made whole.
    asked_ms: AtomicI64,
    /// Held while the file changes.
    changing: Mutex<()>,
}

impl Reserve {
    /// A reserve of `bytes`, rounded down to pieces, in a data directory. It is there once
    /// [`Reserve::restore`] finds room for it.
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path, bytes: u64) -> Self {
        Reserve {
            disk,
            path: dir.join("reserve"),
            pieces: bytes / PIECE,
            whole: AtomicBool::new(true),
            asked_ms: AtomicI64::new(GIVEN_UP),
            changing: Mutex::new(()),
        }
    }

    /// Whether nothing of it was given up.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }

    /// Whether it is time to try to make it whole; true for one caller. Who was just given room has the
    /// time of a retry to use it.
    pub(crate) fn is_due(&self, now_ms: i64) -> bool {
        let asked = self.asked_ms.load(Ordering::Relaxed);
        // A clock that was set back must not put it off for ever.
        let is_time = now_ms.saturating_sub(asked) >= RETRY_MS || now_ms < asked;
        let order = Ordering::Relaxed;
        is_time
            && self
                .asked_ms
                .compare_exchange(asked, now_ms, order, order)
                .is_ok()
            && asked != GIVEN_UP
    }

    /// Makes it whole, as far as there is room.
    pub(crate) fn restore(&self) {
        let _changing = self.changing.lock();
        let restored = self.fill();
        let is_whole = restored.is_ok();
        if self.whole.swap(is_whole, Ordering::AcqRel) == is_whole {
            return;
        }
        match restored {
            Ok(()) => tracing::info!("the disk has room again: appends are taken"),
            Err(error) => self.tell(&error),
        }
    }

    fn tell(&self, error: &io::Error) {
        let file = self.path.display();
        tracing::error!(%file, %error, "the disk is full: appends are refused until there is room");
    }

    fn fill(&self) -> io::Result<()> {
        let file = self.file()?;
        // A piece that found no room leaves less than a piece.
        let mut held = file.size()? / PIECE;
        if held >= self.pieces {
            return Ok(());
        }
        while held < self.pieces {
            let zeros = vec![0; PIECE as usize];
            let written = file.write_at(&mut [IoSlice::new(&zeros)], held * PIECE);
            if written.is_err() {
                file.set_len(held * PIECE)?;
            }
            written?;
            held += 1;
        }
        // Or a crash would give it up.
        file.sync()?;
        self.path
            .parent()
            .map_or(Ok(()), |dir| self.disk.sync_dir(dir))
    }

    fn file(&self) -> io::Result<Arc<dyn File>> {
        match self.disk.open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.disk.create(&self.path),
            opened => opened,
        }
    }

    /// Gives up a piece; whether there was one.
    pub(crate) fn give_up(&self) -> bool {
        let _changing = self.changing.lock();
        let shortened = || -> io::Result<bool> {
            let file = self.disk.open(&self.path)?;
            let held = file.size()? / PIECE;
            file.set_len(held.saturating_sub(1) * PIECE)?;
            Ok(held > 0)
        };
        let given = self.pieces > 0 && shortened().unwrap_or_default();
        if given {
            self.asked_ms.store(GIVEN_UP, Ordering::Relaxed);
        }
        if given && self.whole.swap(false, Ordering::AcqRel) {
            self.tell(&ErrorKind::StorageFull.into());
        }
        given
    }

    /// Does what must not fail for want of room: tried again with what the reserve gives up, as long as it has any.
    pub(crate) fn backed<T>(&self, mut work: impl FnMut() -> Result<T>) -> Result<T> {
        loop {
            match work() {
                Err(error) if lacks_room(&error) && self.give_up() => {}
                done => return done,
            }
        }
    }
}

fn lacks_room(error: &Error) -> bool {
    Shortage::of(error) == Some(Shortage::Space)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::faulty::FaultyDisk;
    use crate::error::IoContext as _;

    fn reserve(disk: &FaultyDisk) -> Reserve {
        Reserve::new(Arc::new(disk.clone()), Path::new("/data"), 2 * PIECE)
    }

    #[test]
    fn what_is_given_up_is_there_for_what_needs_it_and_taken_back_later() {
        let disk = FaultyDisk::default();
        let reserve = reserve(&disk);
        reserve.restore();
        disk.set_room(Some(0));
        let file = disk.create(Path::new("/data/x")).unwrap();
        let write = || {
            let position = file.size().unwrap();
            let written = file.write_at(&mut [IoSlice::new(&[1; PIECE as usize])], position);
            written.on("write", Path::new("x"))
        };
        reserve.backed(write).unwrap();
        assert!(!reserve.is_whole());
        reserve.backed(write).unwrap();
        reserve.backed(write).unwrap_err();
        reserve.restore();
        assert!(!reserve.is_whole(), "there is no room yet");
        disk.remove_file(Path::new("/data/x")).unwrap();
        reserve.restore();
        assert!(reserve.is_whole());
    }

    #[test]
    fn what_needs_more_than_a_piece_gets_as_many_as_there_are() {
        let disk = FaultyDisk::default();
        let reserve = reserve(&disk);
        reserve.restore();
        disk.set_room(Some(0));
        let file = disk.create(Path::new("/data/x")).unwrap();
        let zeros = vec![1; 2 * PIECE as usize];
        let write = || {
            let written = file.write_at(&mut [IoSlice::new(&zeros)], 0);
            let undone = written.inspect_err(|_| file.set_len(0).unwrap());
            undone.on("write", Path::new("x"))
        };
        reserve.backed(write).unwrap();
        assert!(!reserve.give_up(), "nothing is left");
    }

    #[test]
    fn a_disk_that_is_full_from_the_beginning_has_no_reserve_until_there_is_room() {
        let disk = FaultyDisk::default();
        disk.set_room(Some(PIECE + 10));
        let reserve = reserve(&disk);
        reserve.restore();
        assert!(!reserve.is_whole());
        assert!(reserve.give_up(), "as much as there was");
        assert!(!reserve.give_up());
        disk.set_room(None);
        reserve.restore();
        assert!(reserve.is_whole());
    }

    #[test]
    fn it_is_tried_once_a_second_and_not_right_after_it_gave_something_up() {
        let reserve = reserve(&FaultyDisk::default());
        let due = [0, 999, 1_000, 1_500, 500].map(|now_ms| reserve.is_due(now_ms));
        assert_eq!(due, [false, false, true, false, true]);
    }
}
