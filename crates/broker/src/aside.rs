//! Work that takes long, out of the way of everything else that the runtime does.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does work that may take milliseconds on the thread that asks, after the runtime has given the
/// thread's other tasks to another one. Only the caller waits, and it stays in its order.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        // There is no other thread.
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn long_work_keeps_no_other_task_waiting() {
        let (sender, receiver) = mpsc::channel();
        let long = tokio::spawn(async move { aside(|| receiver.recv()) });
        // On the only thread: with that one blocked, it would never run.
        let other = tokio::spawn(async move { sender.send(7) });
        assert_eq!(long.await.unwrap(), Ok(7));
        other.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_does_it_in_place() {
        assert_eq!(aside(|| 7), 7);
    }
}
