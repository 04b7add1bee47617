//! A run of the bank, from its opening to the audit.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::auditor::{follow, read_all};
use super::books::audit;
use super::recorder::Recorder;
use super::staff::Staff;
use super::teller::trade;
use super::{PARTITIONS, Plan, TOPICS, TRANSFERS, Tally, full_name, topic};
use crate::clients::Admin;
use crate::dice::Dice;
use crate::history::{self, Isolation};
use crate::server::Server;

/// How often the staff is looked after.
const ROUND: Duration = Duration::from_millis(20);
/// If there is no new entry in the ledger for so long, there will be none.
const PATIENCE: Duration = Duration::from_secs(120);
/// So many faults are told: where there is one, there are often thousands.
const TOLD: usize = 20;

/// Runs a bank; `tell` is given a line a minute.
///
/// # Errors
/// What was wrong in the end: faults in what clients saw, errors in the books.
///
/// # Panics
/// When the server ends by itself or does not start, or a client fails for good.
pub fn bank(plan: &Plan, tell: impl Fn(&str)) -> Result<Tally, String> {
    let mut server = plan.bootstrap.is_none().then(Server::start);
    let own = server.as_ref().map(Server::bootstrap);
    let bootstrap = own.or_else(|| plan.bootstrap.clone()).unwrap_or_default();
    let admin = Admin::new(&bootstrap);
    for topic in TOPICS {
        admin.create(&full_name(&plan.bank(), topic), PARTITIONS, &[]);
    }
    let (recorder, mut tally) = (Mutex::default(), Tally::default());
    let day = Day::default();
    let mut wrong = Vec::new();
    wrong.extend(day.run(plan, &bootstrap, &recorder, |staff, dice| {
        let tell = |tally: &Tally| tell(&day.line(tally));
        unsettle(plan, &mut server, staff, dice, &mut tally, tell);
    }));
    let recorder = recorder.into_inner();
    let recorder = recorder.unwrap_or_else(PoisonError::into_inner);
    wrong.extend(conclude(plan, &bootstrap, recorder, &mut tally));
    if let Some(mut server) = server {
        server.terminate();
        wrong.extend(server.check().err());
    }
    match wrong.is_empty() {
        true => Ok(tally),
        false => Err(format!("{}\n{tally:?}", wrong.join("\n"))),
    }
}

/// What the threads of a run share.
#[derive(Default)]
struct Day {
    /// The teller has to stop.
    closed: AtomicBool,
    /// Everything is through, or never will be.
    over: AtomicBool,
    /// Entries of the ledger that a reader of committed records has seen: two for each transfer.
    entries: AtomicU64,
}

impl Day {
    /// From the first transfer until the last is in the ledger; transfers are made while `trouble` is. Says what did not
    /// come to an end.
    fn run(
        &self,
        plan: &Plan,
        bootstrap: &str,
        recorder: &Mutex<Recorder>,
        trouble: impl FnOnce(&mut Staff<'_, '_>, &mut Dice),
    ) -> Option<String> {
        let (bank, mut dice) = (&plan.bank(), Dice::new(plan.seed));
        let staff_dice = Dice::new(dice.next());
        let uncounted = AtomicU64::new(0);
        thread::scope(|scope| {
            let teller =
                scope.spawn(|| trade(bootstrap, bank, plan.seed, &self.closed, &self.entries));
            let followers = [
                (Isolation::ReadCommitted, &self.entries),
                (Isolation::ReadUncommitted, &uncounted),
            ];
            let followers = followers.map(|(isolation, entries)| {
                scope.spawn(move || follow(bootstrap, bank, isolation, &self.over, entries))
            });
            let mut staff = Staff::start(scope, plan, bootstrap, recorder, staff_dice);
            trouble(&mut staff, &mut dice);
            self.closed.store(true, Ordering::Relaxed);
            let transfers = teller.join().expect("the teller ends in peace");
            let stuck = self.wait_for(transfers.len() as u64, &mut staff);
            staff.send_home();
            self.over.store(true, Ordering::Relaxed);
            let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
            for (transfer, stored) in transfers {
                recorder.transfer(bank, transfer, stored);
            }
            for follower in followers {
                recorder.reader(follower.join().expect("a reader ends in peace"));
            }
            stuck
        })
    }

    /// Returns when `transfers` are in the ledger, or says that it goes on no more.
    fn wait_for(&self, transfers: u64, staff: &mut Staff<'_, '_>) -> Option<String> {
        let mut known = 0;
        let mut deadline = Instant::now() + PATIENCE;
        while known < 2 * transfers {
            if Instant::now() > deadline {
                return Some(format!(
                    "{known} entries of {transfers} transfers, and no more"
                ));
            }
            thread::park_timeout(ROUND);
            staff.replace_the_fallen();
            let entries = self.entries.load(Ordering::Relaxed);
            if entries > known {
                known = entries;
                deadline = Instant::now() + PATIENCE;
            }
        }
        None
    }

    fn line(&self, tally: &Tally) -> String {
        let entries = self.entries.load(Ordering::Relaxed);
        let Tally {
            server_kills,
            worker_kills,
            zombies,
            ..
        } = tally;
        format!(
            "{} transfers, {server_kills} kills of the server, {worker_kills} of workers, {zombies} zombies",
            entries / 2
        )
    }
}

/// Strikes at random moments, for as long as the plan says.
fn unsettle(
    plan: &Plan,
    server: &mut Option<Server>,
    staff: &mut Staff<'_, '_>,
    dice: &mut Dice,
    tally: &mut Tally,
    tell: impl Fn(&Tally),
) {
    const MINUTE: Duration = Duration::from_secs(60);
    let end = Instant::now() + plan.length;
    let (mut next_line, mut next_blow) = (Instant::now() + MINUTE, Instant::now());
    while Instant::now() < end {
        thread::park_timeout(ROUND);
        staff.replace_the_fallen();
        if Instant::now() >= next_line {
            tell(tally);
            next_line += MINUTE;
        }
        if Instant::now() < next_blow {
            continue;
        }
        let peace = dice.between(plan.blows.start, plan.blows.end);
        next_blow = Instant::now() + Duration::from_millis(peace);
        match (dice.between(0, 6), server.as_mut()) {
            (0 | 1, Some(server)) => {
                server.kill();
                tally.server_kills += 1;
                server.restart();
            }
            (2, _) => {
                staff.freeze_one();
                tally.zombies += 1;
            }
            (3, _) => staff.thaw(),
            _ => {
                staff.kill_one();
                tally.worker_kills += 1;
            }
        }
    }
}

/// Reads everything, and says what is wrong with it and with what was seen before.
fn conclude(
    plan: &Plan,
    bootstrap: &str,
    mut recorder: Recorder,
    tally: &mut Tally,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let (committed, ends) = read_all(bootstrap, &plan.bank(), Isolation::ReadCommitted);
    let (everything, real_ends) = read_all(bootstrap, &plan.bank(), Isolation::ReadUncommitted);
    for (partition, end) in real_ends {
        let stable = ends.get(&partition).copied().unwrap_or_default();
        if stable != end {
            let what = "a transaction never ends";
            wrong.push(format!(
                "{what}: {partition} reaches {end}, committed {stable}"
            ));
        }
    }
    let reads = committed.reads.iter();
    let entries = reads
        .map(|read| (topic(&read.partition.topic), read.value.as_str()))
        .filter(|(topic, _)| *topic != TRANSFERS);
    let transfers = everything.reads.iter();
    tally.transfers = transfers
        .filter(|read| topic(&read.partition.topic) == TRANSFERS)
        .count() as u64;
    wrong.extend(audit(plan.seed, tally.transfers, entries).err());
    recorder.reader(committed);
    recorder.reader(everything);
    recorder.count(tally);
    let faults = history::check(recorder.history());
    if !faults.is_empty() {
        wrong.push(format!("{} faults in what clients saw", faults.len()));
    }
    wrong.extend(faults.iter().take(TOLD).map(ToString::to_string));
    wrong
}
