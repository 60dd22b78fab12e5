//! The native host: the browser's child that stands between the extension's port and the bus.
//!
//! It relays and decides nothing. One process serves one browser profile for as long as its extension runs, because starting one takes
//! longer than all else in a ceremony. Each ceremony has a channel of its own in it, and channels share nothing: the platform gets
//! names of the host's own making for the requests, so that two channels cannot name the same one, and a wrong message ends the
//! channel that it came in and no other. The end of the standard input withdraws every ceremony that is still running.

mod bus;
pub mod framing;
pub mod message;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use framing::{FramingError, read_frame, write_frame};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use message::{ChannelId, Frame, MessageError, Status, ToHost};
use serde_json::{Map, Value, json};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::message::{Kind, RequestId};

pub use bus::BusUpstream;

/// Frames that may wait to be looked at.
const FRAMES_AHEAD: usize = 8;

/// Most ceremonies at a time.
const MAX_CEREMONIES: usize = 8;

/// Most answers of which it is still open whether they reached their pages.
const MAX_ANSWERED: usize = 64;

/// How long withdrawing may take at the end. The end of the bus connection withdraws too, so nothing is lost by leaving.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where the relayed messages go: the bus, or a test's stand-in.
pub trait Upstream {
    /// Runs a ceremony to its end and gives the service's reply, or what the user is to be told when it could not be asked.
    fn ceremony(&self, kind: Kind, request: String) -> impl Future<Output = Result<String, String>>;

    /// Withdraws a ceremony, if it is still running.
    fn cancel(&self, id: &RequestId) -> impl Future<Output = ()>;

    /// Says that the answer to a ceremony did not reach its page.
    fn undelivered(&self, id: &RequestId) -> impl Future<Output = ()>;

    /// The next thing that is in the way of an open ceremony, for the user. Dropping the future loses nothing.
    fn problem(&self) -> impl Future<Output = (RequestId, String)>;

    /// The service's capabilities, if it can be reached.
    fn capabilities(&self) -> impl Future<Output = Option<String>>;

    /// How the platform is.
    fn status(&self) -> impl Future<Output = Status>;
}

/// Relays until the input ends. `input` and `output` are the process's standard input and output.
///
/// The input is read by a thread of its own, which stays blocked in a read if `run` ends for another reason: return from `main` then.
///
/// # Errors
///
/// What broke the conversation. The extension has been told, as far as it could be.
pub async fn run(
    input: impl Read + Send + 'static,
    output: impl Write,
    upstream: &impl Upstream,
) -> Result<(), HostError> {
    let mut frames = read_in_background(input)?;
    let mut host = Host {
        output,
        upstream,
        running: HashMap::new(),
        answered: HashMap::new(),
        started: 0,
        work: FuturesUnordered::new(),
        notes: FuturesUnordered::new(),
    };
    let end = host.relay(&mut frames).await;
    let running = std::mem::take(&mut host.running);
    let farewell = async {
        for id in running.keys() {
            upstream.cancel(id).await;
        }
        while host.notes.next().await.is_some() {}
    };
    if timeout(FAREWELL, farewell).await.is_err() {
        tracing::warn!("the platform does not answer; the end of the connection has to do");
    }
    end
}

/// Why a conversation with an extension ended before its time.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// The browser or the pipe.
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// The extension.
    #[error("the extension sent what is not in the protocol: {0}")]
    Message(#[from] MessageError),
    /// The system: no thread for reading.
    #[error("the input cannot be read: {0}")]
    Thread(io::Error),
}

/// A request, as the extension knows it.
#[derive(Clone, Eq, Hash, PartialEq)]
struct Asked {
    channel: ChannelId,
    id: RequestId,
}

struct Host<'a, W, U> {
    output: W,
    upstream: &'a U,
    /// Those whose answer the extension still waits for, by the name that the platform knows them by.
    running: HashMap<RequestId, Asked>,
    /// Those that were answered in a channel that is still open, with the name that the platform knows them by.
    answered: HashMap<Asked, RequestId>,
    /// How many were started, which names the next.
    started: u64,
    work: FuturesUnordered<LocalBoxFuture<'a, Done>>,
    /// What the upstream is told without an answer. It is told even when the input ends before.
    notes: FuturesUnordered<LocalBoxFuture<'a, ()>>,
}

/// Something that the upstream has answered.
enum Done {
    Ceremony(RequestId, Result<String, String>),
    Question(ChannelId, Value),
}

impl<W: Write, U: Upstream> Host<'_, W, U> {
    async fn relay(&mut self, frames: &mut Frames) -> Result<(), HostError> {
        let upstream = self.upstream;
        loop {
            tokio::select! {
                frame = frames.recv() => {
                    let Some(frame) = frame else {
                        return Ok(());
                    };
                    self.take(&Frame::parse(&frame?)?)?;
                }
                Some(done) = self.work.next() => self.deliver(done)?,
                Some(()) = self.notes.next() => {}
                (id, problem) = upstream.problem() => {
                    if let Some(asked) = self.running.get(&id).cloned() {
                        self.send(&asked.channel, message::problem(&asked.id, &problem))?;
                    }
                }
            }
        }
    }

    fn take(&mut self, frame: &Frame) -> Result<(), HostError> {
        let (upstream, channel) = (self.upstream, frame.channel.clone());
        match &frame.message {
            Err(error) => return self.reject(&channel, error),
            Ok(ToHost::Ping) => return self.send(&channel, message::pong()),
            Ok(ToHost::Close) => self.close(&channel),
            Ok(ToHost::Capabilities) => self.work.push(Box::pin(async move {
                Done::Question(channel, message::capabilities(upstream.capabilities().await.as_deref()))
            })),
            Ok(ToHost::Status) => self.work.push(Box::pin(async move {
                Done::Question(channel, message::status(&upstream.status().await))
            })),
            Ok(ToHost::Cancel(id)) => {
                let asked = Asked {
                    channel,
                    id: id.clone(),
                };
                let running = self.running.iter().find(|(_, one)| **one == asked);
                if let Some(name) = running.map(|(name, _)| name.clone()) {
                    self.withdraw(name);
                }
            }
            Ok(ToHost::Undelivered(id)) => {
                let asked = Asked {
                    channel,
                    id: id.clone(),
                };
                if let Some(name) = self.answered.remove(&asked) {
                    self.notes
                        .push(Box::pin(async move { upstream.undelivered(&name).await }));
                }
            }
            Ok(ToHost::Ceremony { kind, id, request }) => {
                let asked = Asked {
                    channel,
                    id: id.clone(),
                };
                return self.start(*kind, asked, request.clone());
            }
        }
        Ok(())
    }

    fn start(&mut self, kind: Kind, asked: Asked, mut request: Map<String, Value>) -> Result<(), HostError> {
        if self.running.values().any(|one| *one == asked) {
            return self.reject(&asked.channel, &MessageError("a request of this id is running already"));
        }
        if self.running.len() >= MAX_CEREMONIES {
            return self.send(
                &asked.channel,
                message::failure(&asked.id, "Too many requests at a time."),
            );
        }
        self.started = self.started.wrapping_add(1);
        let name = self.started.to_string();
        request.insert("requestId".to_owned(), json!(name));
        let (upstream, request) = (self.upstream, Value::Object(request).to_string());
        let Ok(name) = RequestId::parse(&name) else {
            // Digits are printable, so this is never taken.
            return Ok(());
        };
        self.running.insert(name.clone(), asked);
        self.work.push(Box::pin(async move {
            Done::Ceremony(name, upstream.ceremony(kind, request).await)
        }));
        Ok(())
    }

    fn deliver(&mut self, done: Done) -> Result<(), HostError> {
        match done {
            Done::Ceremony(name, answer) => {
                // Nobody waits for the answer to a request that was withdrawn.
                let Some(asked) = self.running.remove(&name) else {
                    return Ok(());
                };
                let answer = match answer {
                    Ok(reply) => message::response(&asked.id, &reply),
                    Err(problem) => message::failure(&asked.id, &problem),
                };
                self.send(&asked.channel, answer)?;
                if self.answered.len() < MAX_ANSWERED {
                    self.answered.insert(asked, name);
                }
                Ok(())
            }
            Done::Question(channel, answer) => self.send(&channel, answer),
        }
    }

    /// What follows a wrong message cannot be trusted to be in step: says so, and closes its channel.
    fn reject(&mut self, channel: &ChannelId, error: &MessageError) -> Result<(), HostError> {
        tracing::warn!(%error, "the extension sent what is not in the protocol");
        self.close(channel);
        self.send(channel, message::error(&error.to_string()))
    }

    /// Withdraws what runs in a channel, and forgets it.
    fn close(&mut self, channel: &ChannelId) {
        let running = self.running.iter().filter(|(_, asked)| asked.channel == *channel);
        let names: Vec<_> = running.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.withdraw(name);
        }
        self.answered.retain(|asked, _| asked.channel != *channel);
    }

    fn withdraw(&mut self, name: RequestId) {
        let upstream = self.upstream;
        self.running.remove(&name);
        self.notes.push(Box::pin(async move { upstream.cancel(&name).await }));
    }

    fn send(&mut self, channel: &ChannelId, answer: Value) -> Result<(), HostError> {
        let answer = message::in_channel(channel, answer).to_string();
        Ok(write_frame(&mut self.output, answer.as_bytes())?)
    }
}

type Frames = mpsc::Receiver<Result<Vec<u8>, FramingError>>;

/// Reads frames in a thread, because a browser may give any kind of file for an input, and blocking reads work with all of them.
fn read_in_background(mut input: impl Read + Send + 'static) -> Result<Frames, HostError> {
    let (sender, receiver) = mpsc::channel(FRAMES_AHEAD);
    let reader = move || {
        while let Some(frame) = read_frame(&mut input).transpose() {
            let last = frame.is_err();
            if sender.blocking_send(frame).is_err() || last {
                break;
            }
        }
    };
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(reader)
        .map_err(HostError::Thread)?;
    Ok(receiver)
}

#[cfg(test)]
mod tests;
