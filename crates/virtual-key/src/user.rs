//! The user of the key: one who always agrees, one who always declines, or the person at the terminal.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use claviger_ctap::authenticator::UvProof;
use claviger_ctap::authenticator::device::{Presence, Purpose, Verification};
use claviger_ctap::client_pin::Permissions;
use rustix::io::Errno;
use rustix::termios::{QueueSelector, tcflush};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::engine::News;
use crate::failure::Failure;
use crate::journal::{Journal, harmless};
use crate::options::PresenceMode;

/// How long the user is asked (CTAP 2.1 §6.1.2 and others leave the time to the authenticator).
const PATIENCE: Duration = Duration::from_secs(30);

/// A U2F host that has not asked for this long has given up.
const U2F_PATIENCE: Duration = Duration::from_secs(5);

/// Nudges that wait for a question. What is typed beyond them stays in the terminal.
const NUDGES: usize = 16;

/// The longest answer that is kept, in bytes.
const MAX_LINE: usize = 64;

/// The proof that the built-in verifier recognised the user; only [`User::verify`] makes one.
#[derive(Debug)]
pub struct Recognised(());

impl UvProof for Recognised {}

/// Ends the question that is open.
#[derive(Clone, Debug)]
pub struct Interruption {
    cancelled: Arc<AtomicBool>,
    nudge: SyncSender<Nudge>,
}

/// The user.
#[derive(Debug)]
pub struct User {
    mode: PresenceMode,
    journal: Journal,
    news: mpsc::UnboundedSender<News>,
    cancelled: Arc<AtomicBool>,
    nudges: Receiver<Nudge>,
    terminal_closed: bool,
    u2f: Option<U2fQuestion>,
}

/// What wakes a question.
#[derive(Debug)]
enum Nudge {
    Line { entered: Instant, text: String },
    Cancelled,
    TerminalClosed,
}

/// What a question came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reply {
    Yes,
    No,
    /// Only where it was offered: somebody else's finger.
    Wrong,
    TimedOut,
    Cancelled,
}

/// A question that a U2F host repeats until it is answered.
#[derive(Debug)]
struct U2fQuestion {
    application: [u8; 32],
    register: bool,
    asked: Instant,
    repeated: Instant,
    declined: bool,
}

impl Interruption {
    /// A new command begins: what was cancelled before does not concern it.
    pub fn forget(&self) {
        self.cancelled.store(false, Ordering::Release);
    }

    /// Cancels the command.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        // Where there is no room, others lie that wake the question as well as this one.
        let _ = self.nudge.try_send(Nudge::Cancelled);
    }
}

impl User {
    /// The user of this mode, and what interrupts them.
    pub fn new(mode: PresenceMode, journal: Journal, news: mpsc::UnboundedSender<News>) -> (Self, Interruption) {
        let (nudge, nudges) = sync_channel(NUDGES);
        let cancelled = Arc::new(AtomicBool::new(false));
        let interruption = Interruption {
            cancelled: Arc::clone(&cancelled),
            nudge,
        };
        let user = Self {
            mode,
            journal,
            news,
            cancelled,
            nudges,
            terminal_closed: false,
            u2f: None,
        };
        (user, interruption)
    }

    /// Begins to read the terminal. Call it when the process is confined: it starts a thread.
    pub fn listen(&self, interruption: &Interruption) {
        if self.mode == PresenceMode::Ask {
            let nudge = interruption.nudge.clone();
            std::thread::spawn(move || read_lines(&nudge));
        }
    }

    /// Asks for consent.
    pub fn agree(&mut self, purpose: &Purpose<'_>) -> Presence {
        if let Purpose::U2f { application, register } = purpose {
            return self.agree_u2f(application, *register);
        }
        match self.ask(purpose, false) {
            Reply::Yes => Presence::Given,
            Reply::No | Reply::Wrong => Presence::Denied,
            Reply::TimedOut => Presence::TimedOut,
            Reply::Cancelled => Presence::Cancelled,
        }
    }

    /// Verifies the user.
    pub fn verify(&mut self, purpose: &Purpose<'_>) -> Verification<Recognised> {
        match self.ask(purpose, true) {
            Reply::Yes => Verification::Verified(Recognised(())),
            Reply::No => Verification::Denied,
            Reply::Wrong => Verification::NoMatch,
            Reply::TimedOut => Verification::TimedOut,
            Reply::Cancelled => Verification::Cancelled,
        }
    }

    fn ask(&mut self, purpose: &Purpose<'_>, verify: bool) -> Reply {
        let (text, value) = describe(purpose);
        let wanted = if verify { "verification" } else { "presence" };
        let reply = match self.mode {
            PresenceMode::Auto => Reply::Yes,
            PresenceMode::Deny => Reply::No,
            PresenceMode::Ask => {
                let answers = if verify { VERIFY } else { AGREE };
                let asked = now_that_nothing_is_typed();
                self.journal.ask(
                    || format!("{text}? [{answers}] "),
                    || json!({"event": "question", "wanted": wanted, "purpose": value, "answers": answers}),
                );
                let _ = self.news.send(News::WaitsForUser(true));
                let reply = self.wait(asked, verify);
                let _ = self.news.send(News::WaitsForUser(false));
                reply
            }
        };
        let told = match reply {
            Reply::Yes if verify => "verified",
            Reply::Yes => "agreed",
            Reply::No => "declined",
            Reply::Wrong => "not recognised",
            Reply::TimedOut => "no answer",
            Reply::Cancelled => "cancelled",
        };
        // An answer that was typed has ended the question's line; a missing one has not.
        let unanswered = matches!(reply, Reply::TimedOut | Reply::Cancelled);
        let start = if unanswered && self.mode == PresenceMode::Ask {
            "\n"
        } else {
            ""
        };
        self.journal.tell(
            || format!("{start}{text}: {told}"),
            || json!({"event": "user", "wanted": wanted, "purpose": value, "outcome": told}),
        );
        reply
    }

    /// Waits for the answer to the question that was asked at this moment. What was typed before it is no answer.
    fn wait(&mut self, asked: Instant, verify: bool) -> Reply {
        loop {
            if self.cancelled.load(Ordering::Acquire) {
                return Reply::Cancelled;
            }
            if self.terminal_closed {
                return Reply::No;
            }
            let left = PATIENCE.saturating_sub(asked.elapsed());
            match self.nudges.recv_timeout(left) {
                Ok(Nudge::Line { entered, text }) if entered >= asked => match parse(&text, verify) {
                    Some(reply) => return reply,
                    None => self.journal.ask(
                        || format!("Please answer [{}] ", if verify { VERIFY } else { AGREE }),
                        || json!({"event": "unclear"}),
                    ),
                },
                Ok(Nudge::Line { .. } | Nudge::Cancelled) => {}
                Ok(Nudge::TerminalClosed) | Err(RecvTimeoutError::Disconnected) => self.terminal_closed = true,
                Err(RecvTimeoutError::Timeout) => return Reply::TimedOut,
            }
        }
    }

    /// U2F has no keep-alives: the host asks again until the user has answered, and is told at once what they did.
    fn agree_u2f(&mut self, application: &[u8; 32], register: bool) -> Presence {
        let what = if register {
            "Make a U2F credential"
        } else {
            "Use a U2F credential"
        };
        let event = |outcome: &str| json!({"event": "user", "wanted": "presence", "purpose": {"u2f": what}, "outcome": outcome});
        match self.mode {
            PresenceMode::Auto => {
                self.journal.tell(|| format!("{what}: agreed"), || event("agreed"));
                return Presence::Given;
            }
            PresenceMode::Deny => return Presence::Denied,
            PresenceMode::Ask => {}
        }
        let now = Instant::now();
        let same = |q: &U2fQuestion| {
            q.application == *application && q.register == register && now.duration_since(q.repeated) < U2F_PATIENCE
        };
        let Some(mut question) = self.u2f.take().filter(same) else {
            let asked = now_that_nothing_is_typed();
            self.journal.ask(
                || format!("{what}? [{AGREE}] "),
                || json!({"event": "question", "wanted": "presence", "purpose": {"u2f": what}, "answers": AGREE}),
            );
            self.u2f = Some(U2fQuestion {
                application: *application,
                register,
                asked,
                repeated: asked,
                declined: false,
            });
            return Presence::TimedOut;
        };
        question.repeated = now;
        while let Ok(nudge) = self.nudges.try_recv() {
            match nudge {
                Nudge::Line { entered, text } if entered >= question.asked && !question.declined => {
                    match parse(&text, false) {
                        Some(Reply::Yes) => {
                            self.journal.tell(|| format!("{what}: agreed"), || event("agreed"));
                            return Presence::Given;
                        }
                        Some(_) => {
                            self.journal.tell(|| format!("{what}: declined"), || event("declined"));
                            question.declined = true;
                        }
                        None => {}
                    }
                }
                Nudge::TerminalClosed => self.terminal_closed = true,
                Nudge::Line { .. } | Nudge::Cancelled => {}
            }
        }
        let declined = question.declined || self.terminal_closed;
        self.u2f = Some(question);
        if declined { Presence::Denied } else { Presence::TimedOut }
    }
}

const AGREE: &str = "y = yes, n = no";
const VERIFY: &str = "y = it is me, w = not recognised, n = no";

/// Fails unless there is somebody to ask.
pub fn check_terminal(mode: PresenceMode) -> Result<(), Failure> {
    if mode == PresenceMode::Ask && !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "--presence ask needs a terminal as standard input; without one choose auto or deny".into(),
        ));
    }
    Ok(())
}

fn parse(text: &str, verify: bool) -> Option<Reply> {
    match text.trim().to_lowercase().as_str() {
        "y" | "yes" => Some(Reply::Yes),
        "n" | "no" => Some(Reply::No),
        "w" if verify => Some(Reply::Wrong),
        _ => None,
    }
}

/// Drops what is half-typed; says since when answers count.
fn now_that_nothing_is_typed() -> Instant {
    // A terminal that is gone has nothing typed into it.
    let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
    Instant::now()
}

/// What the user is asked, for people and for programs.
fn describe(purpose: &Purpose<'_>) -> (String, Value) {
    match purpose {
        Purpose::MakeCredential { rp, user } => {
            let account = user.name.as_deref().unwrap_or("an account without a name");
            (
                format!("Make a passkey for {} ({})", harmless(account), harmless(&rp.id)),
                json!({"make": rp.id, "user": user.name}),
            )
        }
        Purpose::Excluded { rp_id } => (
            format!("Tell {} that it has a passkey here already", harmless(rp_id)),
            json!({"excluded": rp_id}),
        ),
        Purpose::GetAssertion { rp_id } => (format!("Sign in to {}", harmless(rp_id)), json!({"get": rp_id})),
        Purpose::Token { permissions, rp_id } => {
            let site = rp_id.map_or(String::new(), |rp_id| format!(" at {}", harmless(rp_id)));
            (
                format!("Let a program do this for you{site}: {}", permitted(*permissions)),
                json!({"token": permissions.bits(), "rp_id": rp_id}),
            )
        }
        Purpose::Select => ("Use this key".to_owned(), json!("select")),
        Purpose::Reset => ("DELETE everything on this key".to_owned(), json!("reset")),
        _ => ("Go on".to_owned(), json!("other")),
    }
}

/// What a token permits, in words (CTAP 2.1 §6.5.5.7, CTAP 2.2 §6.5.5.7).
fn permitted(permissions: Permissions) -> String {
    const WORDS: [(u8, &str); 7] = [
        (0x01, "make passkeys"),
        (0x02, "sign in"),
        (0x04, "manage passkeys"),
        (0x08, "manage fingerprints"),
        (0x10, "write large blobs"),
        (0x20, "configure the key"),
        (0x40, "list passkeys, from now on"),
    ];
    let bits = permissions.bits();
    let words = WORDS.iter().filter(|(bit, _)| bits & bit != 0);
    words.map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

/// Passes on what is entered, line by line.
fn read_lines(nudge: &SyncSender<Nudge>) {
    let mut line = Vec::with_capacity(MAX_LINE);
    let mut byte = [0_u8; 1];
    loop {
        match rustix::io::read(std::io::stdin(), &mut byte) {
            Ok(1) if byte == *b"\n" => {
                let text = String::from_utf8_lossy(&line).into_owned();
                line.clear();
                let entered = Instant::now();
                if nudge.send(Nudge::Line { entered, text }).is_err() {
                    return;
                }
            }
            // Longer than any answer: the rest does not make it one.
            Ok(1) if line.len() == MAX_LINE => {}
            Ok(1) => line.extend_from_slice(&byte),
            Err(Errno::INTR) => {}
            _ => {
                let _ = nudge.send(Nudge::TerminalClosed);
                return;
            }
        }
    }
}
