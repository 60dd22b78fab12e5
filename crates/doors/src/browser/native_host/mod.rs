//! The native host: the browser's child that stands between the extension's port and the bus.
//!
//! It relays and decides nothing. One process serves one port; the port's end is the end of the standard input, and with it every
//! ceremony that is still running is withdrawn.

mod bus;
pub mod framing;
pub mod message;

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use framing::{FramingError, read_frame, write_frame};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use message::{MessageError, Status, ToHost};
use serde_json::Value;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::message::{Kind, RequestId};

pub use bus::BusUpstream;

/// Frames that may wait to be looked at.
const FRAMES_AHEAD: usize = 8;

/// Most ceremonies of one port at a time.
const MAX_CEREMONIES: usize = 8;

/// How long withdrawing may take at the end. The end of the bus connection withdraws too, so nothing is lost by leaving.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where the relayed messages go: the bus, or a test's stand-in.
pub trait Upstream {
    /// Runs a ceremony to its end and gives the service's reply, or what the user is to be told when it could not be asked.
    fn ceremony(&self, kind: Kind, request: String) -> impl Future<Output = Result<String, String>>;

    /// Withdraws a ceremony, if it is still running.
    fn cancel(&self, id: &RequestId) -> impl Future<Output = ()>;

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
        ceremonies: HashSet::new(),
        work: FuturesUnordered::new(),
    };
    let end = host.relay(&mut frames).await;
    let ceremonies = std::mem::take(&mut host.ceremonies);
    let farewell = async {
        for id in &ceremonies {
            upstream.cancel(id).await;
        }
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

struct Host<'a, W, U> {
    output: W,
    upstream: &'a U,
    /// Those whose answer the extension still waits for.
    ceremonies: HashSet<RequestId>,
    work: FuturesUnordered<LocalBoxFuture<'a, Done>>,
}

/// Something that the upstream has answered.
enum Done {
    Ceremony(RequestId, Value),
    Question(Value),
    Cancelled,
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
                    if let Err(error) = self.take(frame) {
                        // What follows a wrong message cannot be trusted to be in step; say so and close.
                        self.send(&message::error(&error.to_string()))?;
                        return Err(error);
                    }
                }
                Some(done) = self.work.next() => self.deliver(done)?,
                (id, problem) = upstream.problem() => {
                    if self.ceremonies.contains(&id) {
                        self.send(&message::problem(&id, &problem))?;
                    }
                }
            }
        }
    }

    fn take(&mut self, frame: Result<Vec<u8>, FramingError>) -> Result<(), HostError> {
        let upstream = self.upstream;
        match ToHost::parse(&frame?)? {
            ToHost::Ping => self.send(&message::pong())?,
            ToHost::Capabilities => self.work.push(Box::pin(async move {
                Done::Question(message::capabilities(upstream.capabilities().await.as_deref()))
            })),
            ToHost::Status => {
                self.work.push(Box::pin(async move {
                    Done::Question(message::status(&upstream.status().await))
                }));
            }
            ToHost::Cancel(id) => {
                if self.ceremonies.remove(&id) {
                    self.work.push(Box::pin(async move {
                        upstream.cancel(&id).await;
                        Done::Cancelled
                    }));
                }
            }
            ToHost::Ceremony { kind, id, request } => {
                if self.ceremonies.len() >= MAX_CEREMONIES {
                    return Err(MessageError("too many requests at a time").into());
                }
                if !self.ceremonies.insert(id.clone()) {
                    return Err(MessageError("a request of this id is running already").into());
                }
                self.work.push(Box::pin(async move {
                    let answer = match upstream.ceremony(kind, request).await {
                        Ok(reply) => message::response(&id, &reply),
                        Err(problem) => message::failure(&id, &problem),
                    };
                    Done::Ceremony(id, answer)
                }));
            }
        }
        Ok(())
    }

    fn deliver(&mut self, done: Done) -> Result<(), HostError> {
        match done {
            // Nobody waits for the answer to a request that was withdrawn.
            Done::Ceremony(id, answer) if self.ceremonies.remove(&id) => self.send(&answer),
            Done::Question(answer) => self.send(&answer),
            Done::Ceremony(..) | Done::Cancelled => Ok(()),
        }
    }

    fn send(&mut self, message: &Value) -> Result<(), HostError> {
        Ok(write_frame(&mut self.output, message.to_string().as_bytes())?)
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
