//! A command in a terminal of its own, by util-linux's `script`: whoever is there reads exactly what a person's terminal would get.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code
)]

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{CLAVIGER, Platform};

/// How long something may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// What was written to a terminal, and the bell that rings when more is.
#[derive(Default)]
struct Seen(Mutex<Vec<u8>>, Condvar);

/// A command that runs in a terminal with echo; ends with the value.
pub struct Terminal {
    script: Child,
    keys: Option<ChildStdin>,
    seen: Arc<Seen>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts the command of this platform. No argument may hold a single quote.
    pub fn start(platform: &Platform, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let words = arguments.iter().map(|argument| format!(" '{argument}'"));
        let shell_command = format!("'{CLAVIGER}'{}", words.collect::<String>());
        let mut script = platform
            .environed("script")
            .args([
                "--quiet",
                "--return",
                "--flush",
                "--echo",
                "always",
                "--command",
                &shell_command,
                "/dev/null",
            ])
            .env("SHELL", "/bin/sh")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script is installed (package bsdutils or util-linux)");
        let mut output = script.stdout.take().unwrap();
        let seen = Arc::new(Seen::default());
        let sink = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                sink.0.lock().unwrap().extend_from_slice(&bytes[..length]);
                sink.1.notify_all();
            }
        });
        Self {
            keys: script.stdin.take(),
            script,
            seen,
            reader: Some(reader),
        }
    }

    /// Types this.
    pub fn types(&mut self, text: &str) {
        let keys = self.keys.as_mut().unwrap();
        keys.write_all(text.as_bytes()).unwrap();
        keys.flush().unwrap();
    }

    /// What was written to the terminal so far.
    pub fn seen(&self) -> Vec<u8> {
        self.seen.0.lock().unwrap().clone()
    }

    /// Waits until this was written after the first `from` bytes; says how much was written by then.
    pub fn sees(&self, text: &str, from: usize) -> usize {
        let found = |seen: &[u8]| {
            seen[from..]
                .windows(text.len())
                .position(|window| window == text.as_bytes())
        };
        let seen = self.seen.0.lock().unwrap();
        let (seen, _) = self
            .seen
            .1
            .wait_timeout_while(seen, PATIENCE, |seen| found(seen).is_none())
            .unwrap();
        let at = found(&seen);
        let at = at.unwrap_or_else(|| panic!("waited in vain for {text:?} in {:?}", String::from_utf8_lossy(&seen)));
        from + at + text.len()
    }

    /// Waits for the end of the command; gives all that was written.
    pub fn end(mut self) -> Vec<u8> {
        self.script.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.seen()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}
