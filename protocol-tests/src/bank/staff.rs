//! The workers' processes: started, killed, frozen and thawed, replaced when they end, and sent home in the end.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};

use rustix::process::{Pid, Signal, kill_process};

use super::recorder::Recorder;
use super::{Line, Plan};
use crate::dice::Dice;

/// Everybody who works at the bank.
pub(super) struct Staff<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    plan: &'env Plan,
    bootstrap: &'env str,
    recorder: &'env Mutex<Recorder>,
    dice: Dice,
    lives: usize,
    /// One for each name.
    at_work: Vec<Worker<'scope>>,
    frozen: Vec<Worker<'scope>>,
    thawed: Vec<Worker<'scope>>,
}

/// One life of a worker.
struct Worker<'scope> {
    process: Child,
    /// A worker goes home when this is closed.
    input: Option<ChildStdin>,
    /// Takes down what it prints until it ends.
    clerk: ScopedJoinHandle<'scope, ()>,
}

impl<'scope, 'env> Staff<'scope, 'env> {
    /// Starts as many workers as the plan says.
    pub(super) fn start(
        scope: &'scope Scope<'scope, 'env>,
        plan: &'env Plan,
        bootstrap: &'env str,
        recorder: &'env Mutex<Recorder>,
        dice: Dice,
    ) -> Self {
        let mut staff = Self {
            scope,
            plan,
            bootstrap,
            recorder,
            dice,
            lives: 0,
            at_work: Vec::new(),
            frozen: Vec::new(),
            thawed: Vec::new(),
        };
        staff.at_work = (0..plan.workers).map(|name| staff.hire(name)).collect();
        staff
    }

    /// Replaces whoever has ended by itself.
    pub(super) fn replace_the_fallen(&mut self) {
        for name in 0..self.at_work.len() {
            if self.at_work[name].has_ended() {
                self.succeed(name).bury();
            }
        }
    }

    /// Kills one, and lets a successor begin in its name.
    pub(super) fn kill_one(&mut self) {
        let name = self.any();
        self.at_work[name].signal(Signal::KILL);
        self.succeed(name).bury();
    }

    /// Stops one amid whatever it does, and lets a successor begin in its name.
    pub(super) fn freeze_one(&mut self) {
        let name = self.any();
        self.at_work[name].signal(Signal::STOP);
        let frozen = self.succeed(name);
        self.frozen.push(frozen);
    }

    /// Lets whoever is frozen go on: it has been replaced, and must find that out.
    pub(super) fn thaw(&mut self) {
        for worker in self.frozen.drain(..) {
            worker.signal(Signal::CONT);
            self.thawed.push(worker);
        }
    }

    /// Lets all finish what they are at; returns when they have, and what they have printed is taken down.
    pub(super) fn send_home(mut self) {
        self.thaw();
        let mut all = self.at_work;
        all.append(&mut self.thawed);
        for worker in &mut all {
            worker.input = None;
        }
        all.into_iter().for_each(Worker::bury);
    }

    fn any(&mut self) -> usize {
        self.dice.between(0, self.at_work.len() as u64) as usize
    }

    /// A new life in the name of a worker, whose life before is returned.
    fn succeed(&mut self, name: usize) -> Worker<'scope> {
        let next = self.hire(name);
        std::mem::replace(&mut self.at_work[name], next)
    }

    fn hire(&mut self, name: usize) -> Worker<'scope> {
        self.lives += 1;
        let (life, recorder) = (self.lives, self.recorder);
        let mut process = self.command(name).spawn().expect("a worker can be started");
        let output = process.stdout.take().expect("stdout is a pipe");
        let clerk = self.scope.spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
                let line = line.parse::<Line>();
                let taken = line.and_then(|line| recorder.line(life, line));
                taken.expect("a worker tells of what it does");
            }
        });
        Worker {
            input: process.stdin.take(),
            process,
            clerk,
        }
    }

    fn command(&mut self, name: usize) -> Command {
        let (program, arguments) = self.plan.worker.split_first().expect("there is a program");
        let mut command = Command::new(program);
        command.args(arguments).arg(self.bootstrap);
        let bank = self.plan.bank();
        command.arg(&bank).arg(format!("{bank}-worker-{name}"));
        command.arg(self.lives.to_string());
        command.arg(self.dice.between(0, 1 << 31).to_string());
        command.arg(&self.plan.protocol);
        command.arg(["static", "dynamic"][name % 2]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }
}

impl Worker<'_> {
    fn has_ended(&mut self) -> bool {
        let status = self.process.try_wait();
        status.expect("a worker can be waited for").is_some()
    }

    /// Returns when it has ended, and what it has printed is taken down.
    fn bury(mut self) {
        self.process.wait().expect("a worker can be waited for");
        let taken_down = self.clerk.join();
        taken_down.expect("a worker's words can be taken down");
    }

    /// Does nothing to a process that has ended: until it is waited for, nobody else has its id.
    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        kill_process(id.expect("a process id is positive"), signal).ok();
    }
}
