//! Runs the binary and listens to what it says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};

/// The binary with a clean environment, in a directory where it may leave something behind.
pub(crate) fn millstream(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
    command
        .args(args)
        .env_clear()
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Arguments that serve from `dir` on a free port, and others after them.
pub(crate) fn serving<'a>(log_dirs: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let listeners = "listeners=PLAINTEXT://127.0.0.1:0";
    [&["serve", "--set", listeners, "--set", log_dirs], more].concat()
}

/// The setting that puts data below `dir`.
pub(crate) fn log_dirs(dir: &Path) -> String {
    format!("log.dirs={}", dir.join("data").display())
}

/// Runs the binary to its end: its exit code and what it wrote on standard error.
pub(crate) fn outcome(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// Runs a command to its end: its exit code, and what it wrote on standard output and error.
pub(crate) fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = millstream(args);
    let output = command.stdout(Stdio::piped()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The objects of JSON lines.
pub(crate) fn objects(lines: &str) -> Vec<serde_json::Value> {
    let object = |line| serde_json::from_str(line).unwrap();
    lines.lines().map(object).collect()
}

/// A server that has announced itself.
pub(crate) struct Server {
    child: Child,
    log: BufReader<ChildStderr>,
    /// The line that announced it.
    pub(crate) announcement: String,
}

impl Server {
    /// Starts the server and waits for its announcement.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = millstream(args).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut server = Self {
            child,
            log,
            announcement: String::new(),
        };
        server.announcement = server.line_with("ready on");
        server
    }

    /// The next line of the log that contains `text`.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while self.log.read_line(&mut seen).unwrap() > 0 {
            let last = seen.lines().last().unwrap();
            if last.contains(text) {
                return last.to_owned();
            }
        }
        panic!("the log ended without {text:?}:\n{seen}");
    }

    /// Host and port of the only listener.
    pub(crate) fn address(&self) -> &str {
        let (_, rest) = self.announcement.split_once("ready on ").unwrap();
        rest.split_whitespace().next().unwrap()
    }

    /// Sends a signal, such as `-TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end of the process.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
