//! What has to be done for share groups that no request asks for.

use std::sync::Arc;
use std::time::Duration;

use super::machine::Share;
use super::{Key, Shares};
use crate::{Broker, Error};

/// How often it is looked.
const INTERVAL: Duration = Duration::from_secs(1);

/// Keeps time for all share groups until the broker stops.
pub(crate) async fn serve(broker: Arc<Broker>) {
    let shares = broker.shares();
    let work = async {
        shares.coordinator.load().await;
        tokio::join!(
            shares.coordinator.keep_deadlines(),
            shares.keep_up(),
            shares.keep_swept()
        );
    };
    tokio::select! {
        () = work => {}
        () = broker.drained() => {}
    }
    shares.coordinator.close();
}

impl Shares {
    /// Looks again and again at what consumers have left behind.
    async fn keep_up(&self) {
        if let Err(error) = self.catch_up().await {
            tracing::warn!(%error, "acknowledged messages may still be in the log");
        }
        loop {
            tokio::time::sleep(INTERVAL).await;
            self.release_stale().await;
            if let Err(error) = self.bury_all().await {
                tracing::warn!(%error, "messages that are given up stay where they are");
            }
        }
    }

    /// Removes again and again what consumers of queues have left between other messages.
    async fn keep_swept(&self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "acknowledged messages stay in the log");
            }
        }
    }

    /// Does again what a crash may have forgotten: the log of a queue begins with the first message that is not finished.
    async fn catch_up(&self) -> Result<(), Error> {
        let starts = self.coordinator.run_everywhere(|shares, _, _| {
            let start = |(key, share): (&Key, &Share)| (key.clone(), share.state.start());
            shares.iter().map(start).collect::<Vec<_>>()
        });
        for (key, start) in starts.await?.concat() {
            if let Ok(place) = self.place(&key.group, key.topic, key.partition) {
                self.leave_behind(&place, start);
            }
        }
        Ok(())
    }

    /// Takes back what consumers had whose connection is gone.
    async fn release_stale(&self) {
        for (member, keys) in self.sessions.close_stale() {
            let (group, id) = (&member.group, &member.id);
            tracing::info!(%group, member = %id, "share session ends with its connection");
            if let Err(error) = self.release(&member, &keys).await {
                tracing::warn!(%group, member = %id, %error, "messages go back when their locks time out");
            }
        }
    }

    /// Ends what timed out too often.
    async fn bury_all(&self) -> Result<(), Error> {
        let dying = self
            .coordinator
            .run_everywhere(|shares, _, _| shares.dying().cloned().collect::<Vec<_>>());
        for key in dying.await?.concat() {
            if let Ok(place) = self.place(&key.group, key.topic, key.partition) {
                self.bury(&place).await?;
            }
        }
        Ok(())
    }

    async fn sweep(&self) -> Result<(), Error> {
        let finished = self.coordinator.run_everywhere(|shares, _, _| {
            let finished = |(key, share): (&Key, &Share)| {
                let spans = share.state.finished();
                let ranges: Vec<_> = spans.map(|span| span.first..span.next()).collect();
                (!ranges.is_empty()).then(|| (key.clone(), ranges))
            };
            shares.iter().filter_map(finished).collect::<Vec<_>>()
        });
        for (key, ranges) in finished.await?.into_iter().flatten() {
            match self.place(&key.group, key.topic, key.partition) {
                Ok(place) if place.terms.queue.is_some() => place.partition.remove(ranges).await?,
                _ => {}
            }
        }
        Ok(())
    }
}
