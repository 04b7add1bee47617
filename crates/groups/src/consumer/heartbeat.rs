//! A member joins, says that it is alive, what it wants and what it has; and is told what it gets.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::group::{Group, Timer};
use super::record::{ConsumerRecord, Holding, Place, Words};
use crate::effects::Step;
use crate::{Error, MemberId};

/// What a member says. What it leaves out is as before, or nothing if it joins.
#[derive(Debug, Clone, Copy)]
pub struct ConsumerHeartbeat<'a> {
    /// Its id.
    pub member_id: &'a str,
    /// The epoch that it was told last; 0 joins, also where it is a member already.
    pub member_epoch: i32,
    /// Its instance id, if it is static.
    pub instance_id: Option<&'a str>,
    /// Its rack, if it has one.
    pub rack: Option<&'a str>,
    /// How long it may take to give up partitions, in milliseconds.
    pub rebalance_timeout_ms: Option<i32>,
    /// The topics that it subscribes to.
    pub topics: Option<&'a [&'a str]>,
    /// An expression for further ones; empty for none.
    pub expression: Option<&'a str>,
    /// The assignor that it would like, one that there is.
    pub assignor: Option<&'a str>,
    /// The partitions that it has.
    pub owned: Option<&'a BTreeSet<Place>>,
    /// The client's name for itself.
    pub client_id: &'a str,
    /// Where it connects from.
    pub client_host: &'a str,
}

/// What it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerBeat {
    /// The epoch to name with the next heartbeat.
    pub member_epoch: i32,
    /// All that it may read; `None` if it knows.
    pub assignment: Option<BTreeSet<Place>>,
    /// In how many milliseconds the next heartbeat is due.
    pub heartbeat_interval_ms: i32,
}

/// How a member comes in.
enum Entrance {
    /// It is here.
    Known,
    /// Nobody like it is here.
    New,
    /// A static member is here under another id.
    Replaces(MemberId),
}

/// How often members are heard while things move, in milliseconds: so much sooner do they learn of it.
const MOVING_INTERVAL_MS: i32 = 500;

impl Group {
    /// Whether a heartbeat would be taken.
    pub(crate) fn check_heartbeat(
        &self,
        beat: &ConsumerHeartbeat<'_>,
        step: &Step<'_>,
    ) -> Result<(), Error> {
        self.entrance(beat, step).map(drop)
    }

    fn entrance(&self, beat: &ConsumerHeartbeat<'_>, step: &Step<'_>) -> Result<Entrance, Error> {
        let id = beat.member_id;
        if beat.member_epoch != 0 {
            let (_, member) = self.claimed(id, beat.instance_id)?;
            member.check_epoch(beat.member_epoch, beat.owned)?;
            return Ok(Entrance::Known);
        }
        let instance = beat
            .instance_id
            .and_then(|instance| self.instances.get_key_value(instance));
        match instance {
            Some((instance, old)) if **old != *id => {
                let (_, member) = self.known(old)?;
                if !member.is_away() && !member.is_classic() {
                    return Err(Error::UnreleasedInstanceId(instance.to_string()));
                }
                Ok(Entrance::Replaces(Arc::clone(old)))
            }
            _ if self.members.contains_key(id) => Ok(Entrance::Known),
            _ => {
                self.check_room(true, step)?;
                Ok(Entrance::New)
            }
        }
    }

    /// Takes a heartbeat.
    pub(crate) fn heartbeat(
        &mut self,
        beat: &ConsumerHeartbeat<'_>,
        step: &mut Step<'_>,
    ) -> Result<ConsumerBeat, Error> {
        let entrance = self.entrance(beat, step)?;
        let id = MemberId::from(beat.member_id);
        let before = match beat.member_epoch {
            // Whoever joins says everything.
            0 => Arc::default(),
            _ => Arc::clone(&self.known(&id)?.1.words),
        };
        let words = before.after(beat);
        check_size(&words, step)?;
        if let Entrance::Replaces(old) = &entrance {
            self.replace(old, &id, step);
        }
        let moved = self.hear(&id, words, beat.owned, step);
        let terms = step.catalog.terms(&self.id);
        self.timers.set(
            Timer::Session(Arc::clone(&id)),
            step.after(terms.session_timeout_ms),
        );
        let (_, member) = self.known(&id)?;
        let says_all = beat.rebalance_timeout_ms.is_some()
            && (beat.topics.is_some() || beat.expression.is_some())
            && beat.owned.is_some();
        let tell = beat.member_epoch == 0 || says_all || moved;
        Ok(ConsumerBeat {
            member_epoch: member.holding.epoch,
            assignment: tell.then(|| member.holding.assigned.keys().copied().collect()),
            heartbeat_interval_ms: self.interval(terms.heartbeat_interval_ms, step),
        })
    }

    /// Takes over what a member says and takes it towards its target; whether it gets something else than before.
    pub(super) fn hear(
        &mut self,
        id: &MemberId,
        words: Words,
        owned: Option<&BTreeSet<Place>>,
        step: &mut Step<'_>,
    ) -> bool {
        let before = self.members.get(id).map(|member| Arc::clone(&member.words));
        let wants_others = before.as_ref().is_none_or(|before| !words.wants_as(before));
        if before.is_none_or(|before| words != *before) {
            let words = Some(Arc::new(words));
            self.write(ConsumerRecord::Member(Arc::clone(id), words), step);
        }
        self.follow_topics(wants_others, step);
        self.aim(step);
        self.reconcile(id, owned, wants_others, step)
    }

    /// Puts a static member that comes back under a new id into its old place. What it had is kept for it.
    pub(super) fn replace(&mut self, old: &MemberId, new: &MemberId, step: &mut Step<'_>) {
        let Some(member) = self.members.get(old).cloned() else {
            return;
        };
        let target = self.targets.get(old).cloned().unwrap_or_default();
        let holding = Holding {
            epoch: 0,
            previous_epoch: 0,
            ..member.holding
        };
        self.remove(old, step);
        self.write(
            ConsumerRecord::Member(Arc::clone(new), Some(member.words)),
            step,
        );
        self.write(ConsumerRecord::Target(Arc::clone(new), Some(target)), step);
        self.write(
            ConsumerRecord::Holding(Arc::clone(new), Some(holding)),
            step,
        );
    }

    /// When a member is to be heard again: soon while things move, as they did a moment ago.
    fn interval(&self, usual_ms: i32, step: &Step<'_>) -> i32 {
        let quiet_ms = self
            .stirred_ms
            .map(|at| step.now.monotonic_ms.saturating_sub(at));
        match quiet_ms.is_some_and(|ms| ms < i64::from(usual_ms)) {
            true => usual_ms.min(MOVING_INTERVAL_MS),
            false => usual_ms,
        }
    }
}

/// Refuses words that could not be written down.
pub(super) fn check_size(words: &Words, step: &Step<'_>) -> Result<(), Error> {
    match words.size() {
        size if size > step.config.max_generation_bytes / 2 => Err(Error::GenerationTooLarge(size)),
        _ => Ok(()),
    }
}
