//! A running server: started on a port and a directory of its own, killed, ended and started again on the same.
//!
//! It never waits for a fixed time: the server has started when it answers, which is tried again whenever it has
//! logged another line.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use millstream_wire::ApiKey;
use millstream_wire::api::api_versions;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::binary;
use crate::dice::Dice;
use crate::raw::{self, Connection};

/// A build without optimization on a busy machine starts slowly; a server that takes longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// One server process and what it needs: a data directory that lives as long as this value, and a port.
#[derive(Debug)]
pub struct Server {
    process: Option<Child>,
    address: SocketAddr,
    directory: TempDir,
    settings: Vec<(String, String)>,
    log: Arc<Log>,
}

impl Server {
    /// Starts a server with the defaults of a test: new consumer groups do not wait for members.
    ///
    /// # Panics
    /// When it does not start; the message holds its log.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with `settings`, pairs of a name and a value, above the defaults of a test.
    ///
    /// # Panics
    /// When it does not start; the message holds its log.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let defaults = [("group.initial.rebalance.delay.ms", "0")];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut server = Self {
            process: None,
            address: free_address(),
            directory: TempDir::with_prefix("millstream-")
                .expect("a temporary directory can be made"),
            settings: defaults.iter().chain(settings).map(owned).collect(),
            log: Arc::default(),
        };
        while !server.launch() {
            server.address = free_address();
        }
        server
    }

    /// Where it listens, as clients write it.
    pub fn bootstrap(&self) -> String {
        self.address.to_string()
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The process id.
    ///
    /// # Panics
    /// When it is not running.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// All that it has logged, over all its starts.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Returns when it has logged a line that contains `text`, be it before the call.
    ///
    /// # Panics
    /// When the line does not come within a minute.
    pub fn wait_for_log(&self, text: &str) {
        let seen = self.log.wait_until(PATIENCE, |log| log.contains(text));
        assert!(seen, "the server never logged {text:?}:\n{}", self.log());
    }

    /// Ends it at once, as a crash would (SIGKILL), and returns when it is gone.
    ///
    /// # Panics
    /// When it had already ended.
    pub fn kill(&mut self) {
        self.assert_alive();
        let mut process = self.process.take().expect("the server runs");
        process.kill().expect("SIGKILL can be sent");
        process.wait().expect("the server can be waited for");
    }

    /// Asks it to end (SIGTERM) and returns how it did.
    ///
    /// # Panics
    /// When it had already ended.
    pub fn terminate(&mut self) -> ExitStatus {
        self.assert_alive();
        let mut process = self.process.take().expect("the server runs");
        let id = i32::try_from(process.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id is positive");
        kill_process(id, Signal::TERM).expect("SIGTERM can be sent");
        process.wait().expect("the server can be waited for")
    }

    /// Starts it again on the same port and directory, after [`kill`](Self::kill) or [`terminate`](Self::terminate).
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        assert!(
            self.launch(),
            "port {} was taken meanwhile:\n{}",
            self.address,
            self.log()
        );
    }

    /// `millstream check` on its directory, while it does not run.
    ///
    /// # Errors
    /// What was found there.
    ///
    /// # Panics
    /// When `millstream` cannot be run.
    pub fn check(&self) -> Result<(), String> {
        let mut command = Command::new(binary::millstream());
        command.arg("check").arg(self.directory());
        let output = command.output().expect("millstream can be run");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(()),
            false => Err(text(&output.stdout) + &text(&output.stderr)),
        }
    }

    /// # Panics
    /// When the server has ended without being asked to.
    pub fn assert_alive(&mut self) {
        let process = self.process.as_mut().expect("the server runs");
        let status = process.try_wait().expect("the server can be waited for");
        assert!(
            status.is_none(),
            "the server ended by itself ({status:?}):\n{}",
            self.log.text()
        );
    }

    /// False when the port was taken by somebody else.
    fn launch(&mut self) -> bool {
        let mut process = self.command().spawn().expect("millstream can be run");
        let stderr = process.stderr.take().expect("stderr is a pipe");
        let stdout = process.stdout.take().expect("stdout is a pipe");
        let collectors = [
            Log::collect(&self.log, stderr),
            Log::collect(&self.log, stdout),
        ];
        let deadline = Instant::now() + PATIENCE;
        while !answers(self.address) {
            if let Some(status) = process.try_wait().expect("the server can be waited for") {
                collectors
                    .into_iter()
                    .for_each(|collector| collector.join().expect("the log can be read"));
                assert!(
                    self.log().contains("in use"),
                    "the server did not start ({status}):\n{}",
                    self.log()
                );
                return false;
            }
            assert!(
                Instant::now() < deadline,
                "the server does not answer:\n{}",
                self.log()
            );
            self.log.wait_for_more(Duration::from_millis(10));
        }
        self.process = Some(process);
        true
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary::millstream());
        command.arg("serve");
        let listeners = format!("PLAINTEXT://{}", self.address);
        let directory = self.directory.path().display().to_string();
        let own = [
            ("listeners", listeners.as_str()),
            ("log.dirs", directory.as_str()),
        ];
        let given = self
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.into_iter().chain(given) {
            command.arg("--set").arg(format!("{name}={value}"));
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Drop for Server {
    /// Leaves no process behind; when a test is failing, its last words are the server's.
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let ended = process.try_wait().ok().flatten();
            process.kill().ok();
            process.wait().ok();
            assert!(
                ended.is_none() || thread::panicking(),
                "the server ended by itself ({ended:?}):\n{}",
                self.log()
            );
        }
        if thread::panicking() {
            eprintln!("--- the server's log\n{}---", self.log());
        }
    }
}

/// Whether somebody at `address` says which APIs are served.
fn answers(address: SocketAddr) -> bool {
    let greeting = api_versions::Request::default();
    let answer = TcpStream::connect(address).and_then(|stream| {
        let mut connection = Connection::from(stream);
        connection.send(&raw::request(ApiKey::ApiVersions, 0, &greeting))?;
        connection.receive()
    });
    answer.is_ok()
}

/// A port below the range that the kernel gives to outgoing connections, so that a restart finds it free.
fn free_address() -> SocketAddr {
    static DICE: Mutex<Option<Dice>> = Mutex::new(None);
    let mut dice = DICE.lock().unwrap_or_else(PoisonError::into_inner);
    let dice = dice.get_or_insert_with(Dice::fresh);
    loop {
        let port = u16::try_from(dice.between(21_000, 28_000)).expect("the bounds are ports");
        if let Ok(address) =
            TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr())
        {
            return address;
        }
    }
}

/// What a server has logged so far, and a bell that rings at each line.
#[derive(Debug, Default)]
struct Log {
    text: Mutex<String>,
    bell: Condvar,
}

impl Log {
    fn collect(log: &Arc<Self>, source: impl Read + Send + 'static) -> thread::JoinHandle<()> {
        let log = Arc::clone(log);
        thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                writeln!(log.lock(), "{line}").expect("a string can be written to");
                log.bell.notify_all();
            }
        })
    }

    fn text(&self) -> String {
        self.lock().clone()
    }

    fn wait_until(&self, patience: Duration, met: impl Fn(&str) -> bool) -> bool {
        let wait = self
            .bell
            .wait_timeout_while(self.lock(), patience, |text| !met(text));
        let (_text, outcome) = wait.unwrap_or_else(PoisonError::into_inner);
        !outcome.timed_out()
    }

    fn wait_for_more(&self, patience: Duration) {
        let known = self.lock().len();
        self.wait_until(patience, |text| text.len() > known);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, String> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
