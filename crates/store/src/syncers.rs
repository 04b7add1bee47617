//! A few threads that sync files side by side.
//!
//! A file system commits its journal once for all who wait, so that ten files synced at the same
//! time take little longer than one; one after the other they take ten times as long.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use parking_lot::{Condvar, Mutex};

use crate::disk::File;

/// Threads besides the writer itself. They do nothing but wait for the device, which takes the less time
/// for each the more of them wait.
pub(crate) const HELPERS: usize = 15;

/// The same for what nobody waits for.
pub(crate) const SETTLERS: usize = 3;

/// The files that wait for one of the threads.
#[derive(Debug, Default)]
pub(crate) struct Syncers {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    tasks: VecDeque<Task>,
    ended: bool,
}

#[derive(Debug)]
struct Task {
    file: Arc<dyn File>,
    number: usize,
    done: Sender<(usize, io::Result<()>)>,
}

impl Task {
    fn run(self) {
        // Nobody listens any more only if the writer is gone.
        let _ = self.done.send((self.number, self.file.sync()));
    }
}

impl Syncers {
    /// Syncs all files and tells how each went.
    pub(crate) fn sync(&self, files: Vec<Arc<dyn File>>) -> Vec<io::Result<()>> {
        if let [file] = &files[..] {
            return vec![file.sync()];
        }
        let (done, results) = mpsc::channel();
        let mut all: Vec<io::Result<()>> = files
            .iter()
            .map(|_| Err(io::Error::other("never synced")))
            .collect();
        let task = |(number, file)| Task {
            file,
            number,
            done: done.clone(),
        };
        let helpers = HELPERS.min(files.len().saturating_sub(1));
        self.state
            .lock()
            .tasks
            .extend(files.into_iter().enumerate().map(task));
        for _ in 0..helpers {
            self.filled.notify_one();
        }
        drop(done);
        while let Some(task) = self.try_take() {
            task.run();
        }
        for (number, result) in results {
            all[number] = result;
        }
        all
    }

    /// Helps until the end.
    pub(crate) fn help(&self) {
        while let Some(task) = self.take() {
            task.run();
        }
    }

    /// Lets the helpers go.
    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.filled.notify_all();
    }

    fn try_take(&self) -> Option<Task> {
        self.state.lock().tasks.pop_front()
    }

    fn take(&self) -> Option<Task> {
        let mut state = self.state.lock();
        loop {
            if let Some(task) = state.tasks.pop_front() {
                return Some(task);
            }
            if state.ended {
                return None;
            }
            self.filled.wait(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::Disk;
    use crate::disk::faulty::FaultyDisk;

    #[test]
    fn every_file_is_synced_and_each_failure_told() {
        let disk = FaultyDisk::default();
        let syncers = Syncers::default();
        std::thread::scope(|scope| {
            for _ in 0..HELPERS {
                scope.spawn(|| syncers.help());
            }
            for count in [0, 1, 2, 50] {
                disk.fail_after_syncs(count as u64 / 2);
                let name = |i| format!("/data/{i}");
                let files = (0..count)
                    .map(|i| disk.create(Path::new(&name(i))).unwrap())
                    .collect();
                let results = syncers.sync(files);
                assert_eq!(results.len(), count);
                assert_eq!(
                    results.iter().filter(|result| result.is_ok()).count(),
                    count / 2
                );
            }
            syncers.end();
        });
    }
}
