//! What has to be done for share groups that no request asks for. What fails for one partition keeps nothing from any other.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::machine::{Effects, Share, Shares as Machine};
use super::{Key, Place, Shares};
use crate::{Broker, Error};

/// How often it is looked.
const INTERVAL: Duration = Duration::from_secs(1);

/// Keeps time for all share groups until the broker stops.
pub(crate) async fn serve(broker: Arc<Broker>) {
    let shares = broker.shares();
    let work = async {
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
    /// Makes states and logs agree again, after a crash, before anything is handed out: a state of a topic that is no more
    /// ends; one that knows of more than its log has, for the system lost what it had in its page cache, forgets that; and the
    /// log of a queue begins with the first message that is not finished.
    pub(crate) async fn recover(&self) {
        let all = |shares: &mut Machine, _, _: &mut Effects| {
            let state = |(key, share): (&Key, &Share)| {
                (key.clone(), share.state.start(), share.state.end())
            };
            shares.iter().map(state).collect::<Vec<_>>()
        };
        let found = self.coordinator.try_everywhere(all).await;
        let mut orphans = HashSet::new();
        for (key, start, end) in found.into_iter().flatten().flatten() {
            match self.place(&key.group, key.topic, key.partition) {
                Ok(place) => {
                    if let Err(error) = self.agree(&place, start, end).await {
                        tracing::warn!(topic = place.topic.name, %error, "deliveries do not fit their log");
                    }
                }
                Err(_) => {
                    orphans.insert(key);
                }
            }
        }
        if !orphans.is_empty()
            && let Err(error) = self.forget(|key| orphans.contains(key)).await
        {
            tracing::warn!(%error, "deliveries of deleted topics are still there");
        }
    }

    async fn agree(&self, place: &Place, start: i64, end: i64) -> Result<(), Error> {
        let log_end = place.partition.offsets().high_watermark;
        if end > log_end {
            let (topic, partition) = (&place.topic.name, place.key.partition);
            tracing::warn!(
                topic,
                partition,
                end,
                log_end,
                "deliveries go past the end of their log"
            );
            let cut = |shares: &mut Machine, now, effects: &mut Effects| {
                shares.cut(&place.key, log_end, now, effects);
            };
            self.coordinator.run(&place.key.home(), cut).await?;
        }
        self.leave_behind(place, start.min(log_end));
        Ok(())
    }

    /// Looks again and again at what consumers have left behind.
    async fn keep_up(&self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            self.release_stale().await;
            self.bury_all().await;
        }
    }

    /// Removes again and again what consumers of queues have left between other messages.
    async fn keep_swept(&self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            self.sweep().await;
        }
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
    async fn bury_all(&self) {
        let dying =
            |shares: &mut Machine, _, _: &mut Effects| shares.dying().cloned().collect::<Vec<_>>();
        let found = self.coordinator.try_everywhere(dying).await;
        for key in found.into_iter().flatten().flatten() {
            if let Ok(place) = self.place(&key.group, key.topic, key.partition)
                && let Err(error) = self.bury(&place).await
            {
                let (topic, partition) = (&place.topic.name, key.partition);
                tracing::warn!(topic, partition, %error, "messages that are given up stay where they are");
            }
        }
    }

    async fn sweep(&self) {
        let finished = |shares: &mut Machine, _, _: &mut Effects| {
            let finished = |(key, share): (&Key, &Share)| {
                let spans = share.state.finished();
                let ranges: Vec<_> = spans.map(|span| span.first..span.next()).collect();
                (!ranges.is_empty()).then(|| (key.clone(), ranges))
            };
            shares.iter().filter_map(finished).collect::<Vec<_>>()
        };
        let found = self.coordinator.try_everywhere(finished).await;
        for (key, ranges) in found.into_iter().flatten().flatten() {
            if let Ok(place) = self.place(&key.group, key.topic, key.partition)
                && place.terms.queue.is_some()
                && let Err(error) = place.partition.remove(ranges).await
            {
                let (queue, partition) = (&place.topic.name, key.partition);
                tracing::warn!(queue, partition, %error, "acknowledged messages stay in the log");
            }
        }
    }
}
