//! What the key tells the person or the program that watches it: one line on standard output for each thing that
//! happens.
//!
//! A thread of its own writes them. So a reader that stops reading does not stop the key: lines that find no room are
//! dropped.

use std::io::{self, Write as _};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::Duration;

use serde_json::Value;

/// Lines that wait to be written.
const WAITING: usize = 1024;

/// How long the end of the program waits for the last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Takes what happens; cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    json: bool,
    lines: SyncSender<String>,
}

/// The end of a journal: what was told is written when [`Self::wait`] returns.
#[derive(Debug)]
pub struct Written {
    done: Receiver<()>,
}

impl Journal {
    /// Starts the writer.
    pub fn start(json: bool) -> (Self, Written) {
        let (lines, waiting) = sync_channel::<String>(WAITING);
        let (ended, done) = channel();
        std::thread::spawn(move || {
            for line in waiting {
                // Nobody reads any more: there is nobody to tell, and the key goes on.
                let mut out = io::stdout().lock();
                let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
            }
            let _ = ended.send(());
        });
        (Self { json, lines }, Written { done })
    }

    /// Tells one thing: `text` to people, `value` to programs.
    pub fn tell(&self, text: impl FnOnce() -> String, value: impl FnOnce() -> Value) {
        let line = if self.json { value().to_string() } else { text() };
        let _ = self.lines.try_send(line + "\n");
    }

    /// Asks a question: to people without the end of the line, so that the answer stands beside it.
    pub fn ask(&self, text: impl FnOnce() -> String, value: impl FnOnce() -> Value) {
        let line = if self.json { value().to_string() + "\n" } else { text() };
        let _ = self.lines.try_send(line);
    }
}

impl Written {
    /// Waits until everything is written, but not for long. Every [`Journal`] must be gone.
    pub fn wait(&self) {
        let _ = self.done.recv_timeout(LAST_LINES);
    }
}

/// Text that comes from a client, made fit for a terminal: no control characters, nothing that changes the direction of
/// writing, and not too much of it.
pub fn harmless(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .map(|c| {
            if c.is_control() || is_direction(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_text_cannot_write_on_the_terminal_elsewhere() {
        assert_eq!(harmless("example.com"), "example.com");
        assert_eq!(
            harmless("a\u{1b}[2Jb\r\nc\u{202e}d"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d"
        );
        assert_eq!(harmless(&"x".repeat(500)).chars().count(), 81);
    }
}
