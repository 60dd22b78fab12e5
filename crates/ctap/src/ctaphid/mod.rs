//! CTAPHID: messages over 64-byte reports (CTAP 2.1 §11.2).
//!
//! A [`Hid`] is the authenticator's side: reports and moments go in, [`Effect`]s come out. It has no clock, no thread
//! and no device of its own. [`frame`] cuts a message into reports for either side, and [`Command`] names what a message
//! is.
//!
//! ```
//! use claviger_ctap::ctaphid::{BROADCAST, Capabilities, Command, Effect, Hid, frame};
//!
//! let mut hid = Hid::new(Capabilities::CBOR | Capabilities::NMSG);
//! let reports = frame(BROADCAST, Command::Init, &[1, 2, 3, 4, 5, 6, 7, 8])?;
//! let effects = hid.report(0, &reports[0]);
//! assert!(matches!(effects.as_slice(), [Effect::Send(_)]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod machine;

use std::ops::BitOr;

use thiserror::Error;

pub use machine::{Effect, Hid};

/// A report, without the report number that some systems put before it.
pub type Report = [u8; REPORT];

/// Bytes in a report.
pub const REPORT: usize = 64;

/// The channel on which channels are asked for.
pub const BROADCAST: u32 = 0xffff_ffff;

/// The longest message: one initialization packet and 128 continuation packets (§11.2.4).
pub const MAX_MESSAGE: usize = FIRST + 128 * REST;

/// Payload of an initialization packet.
const FIRST: usize = REPORT - 7;

/// Payload of a continuation packet.
const REST: usize = REPORT - 5;

/// What a message is (§11.2.9). The numbers are those without the bit that marks an initialization packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Command {
    /// To be sent back.
    Ping = 0x01,
    /// CTAP1/U2F.
    Msg = 0x03,
    /// Keeps the device for one channel.
    Lock = 0x04,
    /// Asks for a channel, or makes one synchronous again.
    Init = 0x06,
    /// Asks the device to show itself.
    Wink = 0x08,
    /// CTAP2.
    Cbor = 0x10,
    /// Cancels a CTAP2 command.
    Cancel = 0x11,
    /// The device is still at it.
    Keepalive = 0x3b,
    /// The device refuses.
    Error = 0x3f,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Ping,
        Self::Msg,
        Self::Lock,
        Self::Init,
        Self::Wink,
        Self::Cbor,
        Self::Cancel,
        Self::Keepalive,
        Self::Error,
    ];

    /// The number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The command with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.number() == number)
    }
}

/// What a device says of itself in its answer to INIT (§11.2.9.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(u8);

impl Capabilities {
    /// It does what WINK asks.
    pub const WINK: Self = Self(0x01);
    /// It speaks CTAP2.
    pub const CBOR: Self = Self(0x04);
    /// It does *not* speak CTAP1.
    pub const NMSG: Self = Self(0x08);

    /// The bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other` is in it.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A message longer than [`MAX_MESSAGE`]: the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a message of {length} bytes, longer than the {MAX_MESSAGE} that reports can carry")]
pub struct TooLong {
    /// Its length.
    pub length: usize,
}

/// Cuts a message into reports: an initialization packet and continuation packets (§11.2.4).
pub fn frame(channel: u32, command: Command, message: &[u8]) -> Result<Vec<Report>, TooLong> {
    let too_long = TooLong { length: message.len() };
    let length = u16::try_from(message.len()).map_err(|_| too_long)?;
    if message.len() > MAX_MESSAGE {
        return Err(too_long);
    }
    let [high, low] = length.to_be_bytes();
    let (first, rest) = message.split_at(message.len().min(FIRST));
    let mut reports = vec![packet(channel, &[command.number() | INITIALIZATION, high, low], first)];
    for (sequence, part) in (0..).zip(rest.chunks(REST)) {
        reports.push(packet(channel, &[sequence], part));
    }
    Ok(reports)
}

/// The bit that tells an initialization packet from a continuation packet.
const INITIALIZATION: u8 = 0x80;

fn packet(channel: u32, header: &[u8], payload: &[u8]) -> Report {
    let mut report = [0; REPORT];
    let bytes = channel.to_be_bytes();
    let content = bytes.iter().chain(header).chain(payload);
    report.iter_mut().zip(content).for_each(|(to, from)| *to = *from);
    report
}
