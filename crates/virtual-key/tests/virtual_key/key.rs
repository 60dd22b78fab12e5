//! The program under test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use claviger_dev::ctaphid::{Client, PATIENCE};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_claviger-virtual-key");

/// A running virtual key.
pub struct Key {
    child: Child,
    lines: Receiver<Value>,
    pub ready: String,
}

impl Key {
    /// Starts one and waits until it is ready.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.arg("--json").args(arguments).stdin(Stdio::null());
        Self::run(command)
    }

    /// Starts one with a terminal, on which it asks.
    pub fn asking(arguments: &[&str]) -> Self {
        let line = format!("exec '{PROGRAM}' --json --presence ask {}", arguments.join(" "));
        let mut command = Command::new("script");
        // util-linux's `script` gives it a terminal, and types what is written to its own standard input.
        command
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .stdin(Stdio::piped());
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("bsdutils is installed");
        let output = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // What the terminal echoes is no JSON.
                let line = line.trim();
                let value = serde_json::from_str(line).unwrap_or_else(|_| line.into());
                let _ = send.send(value);
            }
        });
        let mut key = Self {
            child,
            lines,
            ready: String::new(),
        };
        let first = key.line();
        first["ready"].as_str().unwrap().clone_into(&mut key.ready);
        key
    }

    /// Types a line into its terminal.
    pub fn answer(&mut self, line: &str) {
        let terminal = self.child.stdin.as_mut().unwrap();
        writeln!(terminal, "{line}").unwrap();
        terminal.flush().unwrap();
    }

    /// Types a line and waits until the terminal has it.
    pub fn type_ahead(&mut self, line: &str) {
        self.answer(line);
        while self.line() != line {}
    }

    /// Whether the user was said to have done this, up to now.
    pub fn said(&mut self, outcome: &str) -> bool {
        self.lines.try_iter().any(|line| line["outcome"] == outcome)
    }

    /// The next line of this event.
    pub fn event(&mut self, name: &str) -> Value {
        loop {
            let line = self.line();
            if line["event"] == name {
                return line;
            }
        }
    }

    fn line(&mut self) -> Value {
        self.lines.recv_timeout(PATIENCE).expect("the key said nothing more")
    }

    /// A client with a channel of its own.
    pub fn client(&self) -> Client {
        let mut client = Client::connect(&self.ready);
        client.init();
        client
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Ends it as it should be ended.
    pub fn stop(self) {
        self.signal(Signal::TERM);
        assert_eq!(self.wait().code(), Some(0));
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // `script` passes the end on, SIGKILL would not be.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// Runs one that must not start; its exit status and what it says.
pub fn refused(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(PROGRAM);
    let Output { status, stderr, .. } = command.args(arguments).stdin(Stdio::null()).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// A folder with the address of a Unix socket in it.
pub fn socket() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let address = format!("unix:{}", folder.path().join("key.sock").display());
    (folder, address)
}
