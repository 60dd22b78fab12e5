//! The keyboard of the terminal prompt: lines as they are entered.
//!
//! Nothing that is typed is echoed, because nobody knows beforehand what is typed: a page may withdraw its question while a PIN is half
//! in, and the fingers go on. For the same reason what is typed then answers nothing, whatever is asked meanwhile, until the keys
//! [rest](Keyboard::rest). That holds for the end of the prompt too, when the shell would be next to read.

use std::io::{self, IsTerminal};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcsetattr,
};
use tokio::sync::mpsc;
use zeroize::{Zeroize, Zeroizing};

use crate::output::Failure;

/// The longest line that is kept, in bytes; a PIN has at most 127 characters.
const MAX_LINE: usize = 1024;

/// How long no key is pressed by somebody who has seen that the question is gone.
const REST: Duration = Duration::from_secs(1);

/// How long the end of the prompt waits for that, at most.
const LONGEST_END: Duration = Duration::from_secs(10);

/// Standard input; a terminal is as it was again when this is dropped.
pub struct Keyboard {
    lines: mpsc::Receiver<Line>,
    keys: Arc<Keys>,
    /// How the terminal was, if it is one.
    original: Option<Termios>,
    /// What was entered before this answers nothing.
    since: Instant,
    /// Whether a PIN may be half typed.
    asks_secret: bool,
    /// Whether one may have been when its question went, and the keys have not rested since.
    interrupted: bool,
}

/// A line that was entered, without its end.
pub(super) struct Line {
    pub(super) entered: Instant,
    pub(super) text: Zeroizing<String>,
}

/// What the thread that reads and the prompt know of the keys.
struct Keys(Mutex<Pressed>);

struct Pressed {
    last: Instant,
    /// Whether to drop what is typed.
    discard: bool,
}

impl Keyboard {
    /// Takes over standard input.
    pub fn open() -> Result<Self, Failure> {
        let original = io::stdin()
            .is_terminal()
            .then(|| tcgetattr(io::stdin()))
            .transpose()
            .map_err(|error| Failure::Failed(format!("cannot use this terminal: {error}")))?;
        let (send, lines) = mpsc::channel(1);
        let keyboard = Self::over(lines, original);
        let keys = Arc::clone(&keyboard.keys);
        // Reading blocks, so it has a thread of its own; it ends with the input or with the program.
        std::thread::spawn(move || read_lines(&send, &keys));
        Ok(keyboard)
    }

    /// The same over lines that somebody else reads.
    pub(super) fn over(lines: mpsc::Receiver<Line>, original: Option<Termios>) -> Self {
        let now = Instant::now();
        let keyboard = Self {
            lines,
            keys: Arc::new(Keys(Mutex::new(Pressed {
                last: now,
                discard: false,
            }))),
            original,
            since: now,
            asks_secret: false,
            interrupted: false,
        };
        keyboard.read_by(Reading::Lines);
        keyboard
    }

    /// Drops what was entered, and what is half typed: it does not answer what comes now.
    pub fn clear(&mut self) {
        if mem::take(&mut self.asks_secret) {
            self.interrupted = true;
            self.discard(true);
        } else if self.original.is_some() {
            // One that is gone has nothing typed into it.
            let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        }
        // The thread that reads may be waiting to get rid of a line.
        while self.lines.try_recv().is_ok() {}
        self.since = Instant::now();
    }

    /// Waits until nobody types any more, if a PIN was asked for when the last question went. May be dropped at any time.
    pub async fn rest(&mut self) {
        if !self.interrupted {
            return;
        }
        while let Some(left) = self.keys.not_at_rest() {
            tokio::time::sleep(left).await;
        }
        self.discard(false);
        self.interrupted = false;
        self.since = Instant::now();
    }

    /// The next line; `None` when there will be none. May be dropped at any time.
    pub async fn line(&mut self) -> Option<Zeroizing<String>> {
        loop {
            let line = self.lines.recv().await?;
            if line.entered >= self.since {
                return Some(line.text);
            }
        }
    }

    /// [`Self::line`], for a PIN.
    pub async fn secret(&mut self) -> Option<Zeroizing<String>> {
        self.asks_secret = true;
        let line = self.line().await;
        self.asks_secret = false;
        line
    }

    /// Begins or ends to drop whatever is typed. Key by key, or a terminal would tell of them only at the end of a line.
    fn discard(&self, discard: bool) {
        if self.original.is_none() {
            return;
        }
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        *self.keys.pressed() = Pressed {
            last: Instant::now(),
            discard,
        };
        self.read_by(if discard { Reading::Keys } else { Reading::Lines });
    }

    fn read_by(&self, reading: Reading) {
        let Some(original) = &self.original else { return };
        let mut modes = original.clone();
        modes.local_modes.remove(LocalModes::ECHO);
        if let Reading::Keys = reading {
            modes.local_modes.remove(LocalModes::ICANON);
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        }
        // A terminal that is gone cannot echo either.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        let Some(original) = self.original.clone() else {
            return;
        };
        self.clear();
        let began = Instant::now();
        while let Some(left) = self.keys.not_at_rest().filter(|_| self.interrupted)
            && began.elapsed() < LONGEST_END
        {
            std::thread::sleep(left);
        }
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &original);
    }
}

/// How the terminal passes on what is typed.
#[derive(Clone, Copy)]
enum Reading {
    Lines,
    Keys,
}

impl Keys {
    /// How much longer no key has to be pressed until they are at rest.
    fn not_at_rest(&self) -> Option<Duration> {
        let left = REST.saturating_sub(self.pressed().last.elapsed());
        (!left.is_zero()).then_some(left)
    }

    fn pressed(&self) -> MutexGuard<'_, Pressed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a key; says whether it is to be dropped.
    fn press(&self) -> bool {
        let mut pressed = self.pressed();
        pressed.last = Instant::now();
        pressed.discard
    }
}

/// Passes on what is entered, line by line, without the end of the line. The bytes pass through no buffer that is not wiped.
fn read_lines(send: &mpsc::Sender<Line>, keys: &Keys) {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    let mut byte = Zeroizing::new([0_u8; 1]);
    loop {
        match rustix::io::read(io::stdin(), byte.as_mut_slice()) {
            Ok(1) if keys.press() => line.zeroize(),
            Ok(1) if *byte == *b"\n" => {
                let text = Zeroizing::new(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
                line.zeroize();
                let entered = Instant::now();
                if send.blocking_send(Line { entered, text }).is_err() {
                    return;
                }
            }
            // Longer than any answer or PIN: the rest changes nothing, because such a PIN is refused.
            Ok(1) if line.len() == MAX_LINE => {}
            Ok(1) => line.extend_from_slice(byte.as_slice()),
            Err(rustix::io::Errno::INTR) => {}
            _ => return,
        }
    }
}
