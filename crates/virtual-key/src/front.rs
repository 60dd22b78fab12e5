//! The key's face to its clients: reports in and out, CTAPHID, and who gets which answer.
//!
//! Commands are carried out on the [engine's](crate::engine) own thread, so that keep-alives, cancellation and busy
//! answers go on while the user is asked.

use std::future::pending;
use std::time::Duration;

use claviger_ctap::ctaphid::{BROADCAST, Command, Effect, Hid, Report, frame};
use claviger_ctap::status::Status;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::channels::Channels;
use crate::clock::monotonic_ms;
use crate::engine::{Engine, News};
use crate::failure::Failure;
use crate::journal::Journal;
use crate::wire::{Arrival, Peer, Wire};

/// The loop's state.
#[derive(Debug)]
pub struct Front {
    hid: Hid,
    wire: Wire,
    engine: Engine,
    journal: Journal,
    /// How clients name the key.
    name: String,
    channels: Channels,
    /// The newest channel that was given out.
    newest: u32,
}

impl Front {
    /// A key that nobody has talked to yet.
    pub fn new(hid: Hid, wire: Wire, engine: Engine, journal: Journal, name: String) -> Self {
        Self {
            hid,
            wire,
            engine,
            journal,
            name,
            channels: Channels::default(),
            newest: 0,
        }
    }

    /// Serves until it is told to end.
    pub async fn run(&mut self) -> Result<(), Failure> {
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        let mut hang_up = signal(SignalKind::hangup()).map_err(Failure::failed)?;
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hang_up.recv() => return Ok(()),
                arrival = self.wire.next() => match arrival {
                    Some(arrival) => self.arrived(&arrival),
                    None => return Err(Failure::Failed("the transport has ended".into())),
                },
                news = self.engine.news() => match news {
                    Some(news) => self.heard(news),
                    None => return Err(Failure::Failed("the engine has stopped: a defect of this program".into())),
                },
                () = until(self.hid.wake_ms()) => {
                    let effects = self.hid.tick(monotonic_ms());
                    self.perform(effects, None);
                }
            }
        }
    }

    fn arrived(&mut self, arrival: &Arrival) {
        match *arrival {
            Arrival::Ready => {
                let name = &self.name;
                self.journal
                    .tell(|| format!("Ready: {name}"), || json!({"ready": name}));
            }
            Arrival::Opened(open) => {
                let what = if open { "opened" } else { "closed" };
                self.journal
                    .tell(|| format!("The device is {what}"), || json!({"event": what}));
            }
            Arrival::Report(peer, ref report) => self.report(peer, report),
            Arrival::Malformed(peer, length) => {
                tracing::debug!(?peer, length, "a packet that is no report");
                self.journal.tell(
                    || format!("A packet of {length} bytes is no report: dropped"),
                    || json!({"event": "malformed", "bytes": length}),
                );
            }
            Arrival::Gone(peer) => {
                self.wire.forget(peer);
                for channel in self.channels.remove(peer) {
                    // INIT on its own channel ends what a client had begun; the answer has nobody to go to.
                    for report in frame(channel, Command::Init, &[0; 8]).unwrap_or_default() {
                        let effects = self.hid.report(monotonic_ms(), &report);
                        self.perform(effects, None);
                    }
                }
            }
        }
    }

    fn report(&mut self, peer: Peer, report: &Report) {
        let channel = channel_of(report);
        match (peer, self.channels.owner(channel)) {
            // A channel is of the connection that opened it. Another one learns that it has none of that number.
            (Peer::Connection(_), owner) if channel != BROADCAST && owner != Some(peer) => {
                // A continuation of nothing is ignored (§11.2.5.1), and so is a CANCEL (§11.2.9.1.5).
                if is_initialization(report) && !is_cancel(report) {
                    let refusal = frame(channel, Command::Error, &[Status::InvalidChannel.code()]);
                    for report in refusal.unwrap_or_default() {
                        self.wire.send(peer, &report);
                    }
                }
                return;
            }
            // Datagrams have no connection: the client is where it has sent from last.
            (Peer::Address(_), _) if (1..=self.newest).contains(&channel) => self.channels.set(channel, peer),
            _ => {}
        }
        let effects = self.hid.report(monotonic_ms(), report);
        self.perform(effects, Some((peer, channel)));
    }

    fn heard(&mut self, news: News) {
        match news {
            News::WaitsForUser(waits) => self.hid.waits_for_user(waits),
            News::Answer(answer) => {
                let effects = self.hid.answer(&answer);
                self.perform(effects, None);
            }
        }
    }

    /// Carries out effects; `sender` sent the report that caused them, on this channel.
    fn perform(&mut self, effects: Vec<Effect>, sender: Option<(Peer, u32)>) {
        for effect in effects {
            match effect {
                Effect::Send(report) => self.send(&report, sender),
                Effect::Process { channel, cbor, message } => self.engine.process(channel, cbor, message),
                Effect::Cancel { .. } => self.engine.cancel(),
                Effect::Wink => self
                    .journal
                    .tell(|| "Wink: it is this key".to_owned(), || json!({"event": "wink"})),
            }
        }
    }

    fn send(&mut self, report: &Report, sender: Option<(Peer, u32)>) {
        if let (Some((peer, _)), Some(channel)) = (sender, given_channel(report)) {
            self.channels.set(channel, peer);
            self.newest = channel;
        }
        let channel = channel_of(report);
        // What is said on the broadcast channel, or on one that does not exist, answers whoever has just used it.
        let asked = sender.filter(|(_, used)| *used == channel).map(|(peer, _)| peer);
        if let Some(peer) = self.channels.owner(channel).or(asked) {
            self.wire.send(peer, report);
        }
    }
}

fn channel_of(report: &Report) -> u32 {
    let (channel, _) = report.split_first_chunk().unwrap_or((&[0; 4], &[]));
    u32::from_be_bytes(*channel)
}

/// Whether it begins a message (§11.2.4).
fn is_initialization(report: &Report) -> bool {
    report.get(4).is_some_and(|kind| kind & 0x80 != 0)
}

fn is_cancel(report: &Report) -> bool {
    const CANCEL: u8 = 0x80 | Command::Cancel as u8;
    report.get(4) == Some(&CANCEL)
}

/// The channel that an answer to INIT on the broadcast channel gives out (§11.2.9.1.3): behind header and nonce.
fn given_channel(report: &Report) -> Option<u32> {
    const INIT_ANSWER: u8 = 0x80 | Command::Init as u8;
    if channel_of(report) != BROADCAST || report.get(4) != Some(&INIT_ANSWER) {
        return None;
    }
    let (channel, _) = report.get(15..)?.split_first_chunk()?;
    Some(u32::from_be_bytes(*channel))
}

/// Waits until this moment, or for ever.
async fn until(wake_ms: Option<u64>) {
    match wake_ms {
        Some(at) => tokio::time::sleep(Duration::from_millis(at.saturating_sub(monotonic_ms()))).await,
        None => pending().await,
    }
}
