//! One user's socket and key, and the reports between them.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use claviger_kernel::pace::Pace;
use claviger_kernel::uhid::{Device, REPORT, UhidEvent};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::hid::link::FromHelper;

/// Messages that may wait for the user's side. The longest CTAPHID message is 129 reports.
const QUEUE: usize = 1024;

/// How long the user's side may read nothing while messages wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reports that are passed on in one go, so that one user does not keep the others waiting.
const TURN: usize = 64;

/// A user's socket and key. The key ends with this value.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    device: Device,
    uid: u32,
    /// What waits for the user's side.
    queue: VecDeque<FromHelper>,
    /// Since when the user's side has read nothing although it should.
    stalled: Option<Instant>,
    pace: Pace,
}

impl Connection {
    /// Joins a socket that does not block and a key that does not block.
    pub fn new(socket: OwnedFd, device: Device, uid: u32) -> Self {
        Self {
            socket,
            device,
            uid,
            queue: VecDeque::new(),
            stalled: None,
            pace: Pace::default(),
        }
    }

    /// Whose it is.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// What to wait for at the socket and at the device.
    pub fn interests(&self, now: Instant) -> [PollFd<'_>; 2] {
        let mut at_socket = PollFlags::empty();
        at_socket.set(PollFlags::IN, self.pace.wait(now).is_zero());
        at_socket.set(PollFlags::OUT, !self.queue.is_empty());
        let mut at_device = PollFlags::empty();
        at_device.set(PollFlags::IN, self.queue.len() < QUEUE);
        [
            PollFd::new(&self.socket, at_socket),
            PollFd::new(&self.device, at_device),
        ]
    }

    /// How long to wait for that at most.
    pub fn deadline(&self, now: Instant) -> Option<Duration> {
        let paced = Some(self.pace.wait(now)).filter(|wait| !wait.is_zero());
        let patience = self
            .stalled
            .map(|since| PATIENCE.saturating_sub(now.saturating_duration_since(since)));
        paced.into_iter().chain(patience).min()
    }

    /// Passes on what there is. Returns `false` when that was the end.
    pub fn serve(&mut self, at_socket: PollFlags, at_device: PollFlags, now: Instant) -> bool {
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        let served = if at_socket.intersects(gone) {
            Err(End::Left)
        } else {
            self.hear_programs(at_device)
                .and_then(|()| self.tell_user(now))
                .and_then(|()| self.hear_user(at_socket, now))
        };
        if let Err(end) = &served {
            self.ended(end);
        }
        served.is_ok()
    }

    /// Writes to the log why the key ends.
    pub fn ended(&self, reason: &dyn Display) {
        tracing::info!(uid = self.uid, %reason, "the key ends");
    }

    fn hear_programs(&mut self, ready: PollFlags) -> Result<(), End> {
        if ready.is_empty() {
            return Ok(());
        }
        for _ in 0..TURN {
            if self.queue.len() >= QUEUE {
                break;
            }
            match self.device.event() {
                Ok(Some(UhidEvent::Output(report))) => self.queue.push_back(FromHelper::Report(report)),
                Ok(Some(UhidEvent::Open)) => self.queue.push_back(FromHelper::Opened),
                Ok(Some(UhidEvent::Close)) => self.queue.push_back(FromHelper::Closed),
                Ok(Some(UhidEvent::Asked(question))) => self.device.refuse(question).map_err(End::Device)?,
                Ok(Some(UhidEvent::Start | UhidEvent::Stop | UhidEvent::Ignored) | None) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(End::Device(error)),
            }
        }
        Ok(())
    }

    fn tell_user(&mut self, now: Instant) -> Result<(), End> {
        while let Some(message) = self.queue.front() {
            match send(&self.socket, message.encode(), SendFlags::NOSIGNAL) {
                Ok(_) => {
                    self.queue.pop_front();
                    self.stalled = None;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return self.be_patient(now),
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(End::Left),
                Err(error) => return Err(End::Socket(error)),
            }
        }
        Ok(())
    }

    fn be_patient(&mut self, now: Instant) -> Result<(), End> {
        let since = *self.stalled.get_or_insert(now);
        if now.saturating_duration_since(since) < PATIENCE {
            Ok(())
        } else {
            Err(End::DoesNotRead)
        }
    }

    fn hear_user(&mut self, ready: PollFlags, now: Instant) -> Result<(), End> {
        if !ready.contains(PollFlags::IN) {
            return Ok(());
        }
        for _ in 0..TURN {
            if !self.pace.wait(now).is_zero() {
                break;
            }
            // One byte more than a report, so that a longer packet shows.
            let mut packet = [0; REPORT + 1];
            let length = match recv(&self.socket, &mut packet[..], RecvFlags::empty()) {
                Ok((_, length)) => length,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => break,
                Err(Errno::CONNRESET) => return Err(End::Left),
                Err(error) => return Err(End::Socket(error)),
            };
            let packet = packet.get(..length).unwrap_or_default();
            let report = match packet.try_into() {
                Ok(report) => report,
                // The end looks like an empty packet, and an empty packet is the end.
                Err(_) if length == 0 => return Err(End::Left),
                Err(_) => return Err(End::NotAReport),
            };
            self.device.send(&report).map_err(End::Device)?;
            self.pace.sent(now);
        }
        Ok(())
    }
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the user's side closed the connection")]
    Left,
    #[error("the user's side sent a packet that is no report")]
    NotAReport,
    #[error("the user's side has read nothing for {} seconds", PATIENCE.as_secs())]
    DoesNotRead,
    #[error("the socket fails: {0}")]
    Socket(Errno),
    #[error("the kernel's device fails: {0}")]
    Device(io::Error),
}
