//! The authenticator on a thread of its own: one command at a time goes in, news come out.

use std::sync::mpsc::{Receiver, Sender, channel};

use claviger_ctap::authenticator::device::{Device, command};
use claviger_ctap::status::Status;
use claviger_ctap::u2f::StatusWord;
use serde_json::json;
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::journal::Journal;
use crate::surroundings::Surroundings;
use crate::user::Interruption;

/// What the engine says.
#[derive(Debug)]
pub enum News {
    /// The command waits for the user, or does no longer.
    WaitsForUser(bool),
    /// The command is done.
    Answer(Vec<u8>),
}

/// The front's end of the engine.
#[derive(Debug)]
pub struct Engine {
    jobs: Sender<Job>,
    news: mpsc::UnboundedReceiver<News>,
    interruption: Interruption,
}

struct Job {
    channel: u32,
    cbor: bool,
    message: Vec<u8>,
}

impl Engine {
    /// Starts the thread. `news` is what the device's surroundings tell through, too.
    pub fn start(
        device: Device<Surroundings>,
        journal: Journal,
        interruption: Interruption,
        (tell, news): (mpsc::UnboundedSender<News>, mpsc::UnboundedReceiver<News>),
    ) -> Result<Self, Failure> {
        let (jobs, to_do) = channel();
        std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || work(device, &to_do, &tell, &journal))
            .map_err(Failure::failed)?;
        Ok(Self {
            jobs,
            news,
            interruption,
        })
    }

    /// Begins a command; CTAPHID has one at a time.
    pub fn process(&self, channel: u32, cbor: bool, message: Vec<u8>) {
        self.interruption.forget();
        // A thread that is gone shows in `news`.
        let _ = self.jobs.send(Job { channel, cbor, message });
    }

    /// Ends the command that waits for the user, or would.
    pub fn cancel(&self) {
        self.interruption.cancel();
    }

    /// The next news. `None`: the thread is gone.
    pub async fn news(&mut self) -> Option<News> {
        self.news.recv().await
    }
}

impl Drop for Engine {
    /// Nobody waits for the answer any more.
    fn drop(&mut self) {
        self.cancel();
    }
}

fn work(mut device: Device<Surroundings>, jobs: &Receiver<Job>, tell: &mpsc::UnboundedSender<News>, journal: &Journal) {
    for Job { channel, cbor, message } in jobs {
        let answer = if cbor {
            let answer = device.process(channel, &message);
            report_ctap2(journal, channel, &message, &answer);
            answer
        } else {
            let answer = device.process_u2f(&message);
            report_u2f(journal, channel, &message, &answer);
            answer
        };
        if tell.send(News::Answer(answer)).is_err() {
            return;
        }
    }
}

fn report_ctap2(journal: &Journal, channel: u32, message: &[u8], answer: &[u8]) {
    let code = message.first().copied().unwrap_or_default();
    let name = COMMANDS
        .iter()
        .find(|(of, _)| *of == code)
        .map_or("unknown", |(_, name)| name);
    let status = answer.first().copied().unwrap_or(Status::Other.code());
    let outcome = match Status::from_code(status) {
        Some(Status::Success) => "done".to_owned(),
        Some(status) => status.to_string(),
        None => format!("status 0x{status:02x}"),
    };
    journal.tell(
        || format!("Channel {channel}: {name} (0x{code:02x}): {outcome}"),
        || json!({"event": "ctap2", "channel": channel, "command": name, "code": code, "status": status}),
    );
}

fn report_u2f(journal: &Journal, channel: u32, message: &[u8], answer: &[u8]) {
    let code = message.get(1).copied().unwrap_or_default();
    let name = match code {
        1 => "register",
        2 => "authenticate",
        3 => "version",
        _ => "unknown",
    };
    let word = answer.last_chunk().map_or(0, |word| u16::from_be_bytes(*word));
    // The host asks several times a second until the user is there: one line for that is one too many.
    if word == StatusWord::ConditionsNotSatisfied as u16 {
        return;
    }
    let outcome = if word == StatusWord::NoError as u16 {
        "done".to_owned()
    } else {
        format!("status word 0x{word:04x}")
    };
    journal.tell(
        || format!("Channel {channel}: U2F {name}: {outcome}"),
        || json!({"event": "u2f", "channel": channel, "command": name, "code": code, "status": word}),
    );
}

/// The commands by the specification's names.
const COMMANDS: [(u8, &str); 11] = [
    (command::MAKE_CREDENTIAL, "makeCredential"),
    (command::GET_ASSERTION, "getAssertion"),
    (command::GET_INFO, "getInfo"),
    (command::CLIENT_PIN, "clientPIN"),
    (command::RESET, "reset"),
    (command::GET_NEXT_ASSERTION, "getNextAssertion"),
    (command::CREDENTIAL_MANAGEMENT, "credentialManagement"),
    (command::CREDENTIAL_MANAGEMENT_PROTOTYPE, "credentialManagement"),
    (command::SELECTION, "selection"),
    (command::LARGE_BLOBS, "largeBlobs"),
    (command::CONFIG, "authenticatorConfig"),
];
