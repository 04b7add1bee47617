//! Taking messages back from consumers.

use millstream_queue::{Consumer, NotHeld, Span, Verdict};

use super::machine::Share;
use super::{Key, Member, Place, Shares};
use crate::Error;

/// What a consumer says of messages that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// They are worked off.
    Accept,
    /// Somebody else may have them.
    Release,
    /// Nobody can work them off.
    Reject,
    /// More time is needed for them.
    Renew,
}

impl Shares {
    /// Does what a consumer says of its messages. Once this returns it is durable, and what it leaves behind in a queue is
    /// gone.
    ///
    /// # Errors
    /// [`Error::NotHeld`] if it does not have them all, [`Error::NotRenewable`] if it asks for time that is not
    /// given; then nothing has changed. Those of the log, and of the one for
    /// dead letters.
    pub(crate) async fn settle(
        &self,
        place: &Place,
        by: &Consumer,
        words: &[(Span, Word)],
    ) -> Result<(), Error> {
        let says = |wanted| words.iter().any(|(_, word)| *word == wanted);
        if says(Word::Renew) && !place.terms.renewable {
            return Err(Error::NotRenewable(place.reader.group.to_string()));
        }
        let settle = |share: &mut Share, now: millstream_groups::Now| {
            let until_ms = now.monotonic_ms.saturating_add(place.terms.lock_ms);
            let verdict = |word| match word {
                Word::Accept => Verdict::Acknowledge,
                Word::Release => Verdict::Release,
                Word::Reject => Verdict::Reject,
                Word::Renew => Verdict::Renew { until_ms },
            };
            let verdicts: Vec<_> = words
                .iter()
                .map(|(span, word)| (*span, verdict(*word)))
                .collect();
            match share.state.settle(by, &verdicts) {
                Ok(changes) => (Ok(share.state.start()), changes),
                Err(error) => (Err(error), Vec::new()),
            }
        };
        let never = || words.first().map_or(Ok(0), |(span, _)| Err(NotHeld(*span)));
        let start = self
            .visit(&place.key, settle)
            .await?
            .unwrap_or_else(never)?;
        self.leave_behind(place, start);
        if !says(Word::Reject) && !says(Word::Release) {
            return Ok(());
        }
        let buried = self.bury(place).await;
        // Who rejects nothing is not told of messages that others have given up; those are tried again.
        match says(Word::Reject) {
            true => buried,
            false => Ok(()),
        }
    }

    /// Takes back everything that a member has.
    pub(crate) async fn release(&self, member: &Member, keys: &[Key]) -> Result<(), Error> {
        let mut outcome = Ok(());
        for key in keys {
            // With its topic goes what is held of it.
            if let Ok(place) = self.place(&key.group, key.topic, key.partition) {
                let release = |share: &mut Share, _| ((), share.state.release_all(&member.id));
                outcome = outcome.and(self.visit(&place.key, release).await.map(drop));
            }
        }
        outcome
    }
}
