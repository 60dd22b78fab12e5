//! The language of `/dev/uhid` (`linux/uhid.h`, kernel documentation `hid/uhid.rst`), as far as a security key needs it.
//!
//! A program that has `/dev/uhid` open may create any HID device, a keyboard too. What is created here is always a FIDO
//! authenticator: [`DESCRIPTOR`] is a constant, and no function takes another one.
//!
//! The codec ([`create`], [`input`], [`refuse`], [`DESTROY`], [`UhidEvent::decode`]) is pure. [`Device`] is the codec over an open file.
//! A `struct uhid_event` is packed and in the machine's byte order; a short one is continued with zeros, by the kernel for what is
//! written and by the reader for what is read.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use thiserror::Error;

/// Bytes in a report, both ways (CTAP 2.1 §11.2.8).
pub const REPORT: usize = REPORT_SIZE as usize;

/// A report, without the report number that hidraw puts before it.
pub type Report = [u8; REPORT];

/// The longest CTAPHID message, in bytes, that fits into the kernel's queue of 32 events: an initialization packet and 31 continuation
/// packets. An authenticator behind this device should not let programs send longer ones (`maxMsgSize`).
///
/// Programs write to hidraw as fast as they can, and what finds the queue full is lost. A wire would slow them down; the kernel's
/// queue only helps as far as it goes.
pub const MESSAGE: usize = 57 + 31 * 59;

/// Where the kernel's device is.
pub const PATH: &str = "/dev/uhid";

/// Bytes of the largest `struct uhid_event`; a read with a smaller buffer would cut events.
pub const EVENT: usize = 4380;

/// What every device says about itself: a FIDO authenticator (usage page 0xF1D0, usage 1) with 64-byte reports and no
/// report numbers, as CTAP 2.1 §11.2.8.2 gives it.
pub const DESCRIPTOR: [u8; DESCRIPTOR_SIZE as usize] = [
    0x06, 0xd0, 0xf1, // usage page: FIDO alliance
    0x09, 0x01, // usage: authenticator
    0xa1, 0x01, // collection: application
    0x09, 0x20, //   usage: data in
    0x15, 0x00, //   logical minimum: 0
    0x26, 0xff, 0x00, //   logical maximum: 255
    0x75, 0x08, //   report size: 8 bits
    0x95, 0x40, //   report count: 64
    0x81, 0x02, //   input: data, variable, absolute
    0x09, 0x21, //   usage: data out
    0x15, 0x00, //   logical minimum: 0
    0x26, 0xff, 0x00, //   logical maximum: 255
    0x75, 0x08, //   report size: 8 bits
    0x95, 0x40, //   report count: 64
    0x91, 0x02, //   output: data, variable, absolute
    0xc0, // end of collection
];

/// The vendor id of Claviger's devices, which have none of their own.
///
/// 0xF1D0, the number of the FIDO usage page, is assigned to nobody (usb.ids of July 2025) and lies far above the ids that USB-IF hands
/// out one after the other (0x37xx now), so nobody's driver or udev rule takes our devices for theirs. The shared id of open-source
/// projects (0x1209, pid.codes) would need a registered product; 0 means "any" to hidapi and others.
pub const VENDOR: u32 = 0xf1d0;

/// How a device introduces itself. Programs show `name`; nothing here changes what the device can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The product's name, at most 127 bytes of it.
    pub name: &'a str,
    /// Where it is connected, at most 63 bytes of it.
    pub phys: &'a str,
    /// Its serial number or another word that tells it from others of its kind, at most 63 bytes of it.
    pub uniq: &'a str,
    /// The product id, below [`VENDOR`].
    pub product: u32,
}

impl Identity<'static> {
    /// The key in front of the broker, made by `claviger hid`.
    pub const DOOR: Self = Self {
        name: "Claviger",
        phys: "claviger/hid",
        uniq: "",
        product: 0xc1a1,
    };

    /// The key for developers, made by `claviger-virtual-key`.
    pub const VIRTUAL_KEY: Self = Self {
        name: "Claviger virtual key",
        phys: "claviger/virtual-key",
        uniq: "",
        product: 0xc1a2,
    };
}

/// Opens the kernel's device for reading and writing that do not block.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    File::options().read(true).write(true).custom_flags(flags).open(path)
}

/// `UHID_DESTROY`. Closing the file does the same.
pub const DESTROY: [u8; 4] = 1_u32.to_ne_bytes();

/// `UHID_CREATE2` with [`DESCRIPTOR`].
///
/// It says that it is on a USB bus: libfido2 and others look at no other bus.
pub fn create(identity: &Identity<'_>) -> Vec<u8> {
    let mut event = Vec::with_capacity(4 + 276 + DESCRIPTOR.len());
    event.extend_from_slice(&kind::CREATE2.to_ne_bytes());
    put_text(&mut event, identity.name, 128);
    put_text(&mut event, identity.phys, 64);
    put_text(&mut event, identity.uniq, 64);
    event.extend_from_slice(&DESCRIPTOR_SIZE.to_ne_bytes());
    event.extend_from_slice(&BUS_USB.to_ne_bytes());
    for number in [VENDOR, identity.product, VERSION, COUNTRY] {
        event.extend_from_slice(&number.to_ne_bytes());
    }
    event.extend_from_slice(&DESCRIPTOR);
    event
}

/// `UHID_INPUT2`: a report from the authenticator to the programs.
pub fn input(report: &Report) -> [u8; 4 + 2 + REPORT] {
    let mut event = [0; 4 + 2 + REPORT];
    let (head, body) = event.split_at_mut(6);
    let (kind, size) = head.split_at_mut(4);
    kind.copy_from_slice(&kind::INPUT2.to_ne_bytes());
    size.copy_from_slice(&REPORT_SIZE.to_ne_bytes());
    body.copy_from_slice(report);
    event
}

/// `UHID_GET_REPORT_REPLY` or `UHID_SET_REPORT_REPLY`: the authenticator has no feature reports, and output reports do not
/// come this way. The program that asked gets `EIO`, at once instead of after the kernel's five seconds.
pub fn refuse(question: Question) -> Vec<u8> {
    let (kind, id) = match question {
        Question::Get(id) => (kind::GET_REPORT_REPLY, id),
        Question::Set(id) => (kind::SET_REPORT_REPLY, id),
    };
    let mut event = Vec::with_capacity(4 + 4 + 2);
    event.extend_from_slice(&kind.to_ne_bytes());
    event.extend_from_slice(&id.to_ne_bytes());
    event.extend_from_slice(&EIO.to_ne_bytes());
    event
}

/// What the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UhidEvent {
    /// The kernel's driver is ready.
    Start,
    /// The kernel's driver is gone.
    Stop,
    /// The first program opened the device.
    Open,
    /// The last program closed it.
    Close,
    /// A program sent a report.
    Output(Report),
    /// A program sent something that is no report of this device: a wrong length, number or kind. An authenticator ignores it.
    Ignored,
    /// A program asks for something that this device does not have; it waits for [`refuse`].
    Asked(Question),
}

/// A question that the kernel waits for an answer to, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// `UHID_GET_REPORT`.
    Get(u32),
    /// `UHID_SET_REPORT`.
    Set(u32),
}

impl UhidEvent {
    /// Reads one event. Whatever `bytes` lacks at the end is zero.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnknownEvent> {
        Ok(match number(bytes, 0) {
            kind::START => Self::Start,
            kind::STOP => Self::Stop,
            kind::OPEN => Self::Open,
            kind::CLOSE => Self::Close,
            kind::OUTPUT => output(bytes).map_or(Self::Ignored, Self::Output),
            kind::GET_REPORT => Self::Asked(Question::Get(number(bytes, 4))),
            kind::SET_REPORT => Self::Asked(Question::Set(number(bytes, 4))),
            unknown => return Err(UnknownEvent(unknown)),
        })
    }
}

/// The kernel: an event that `linux/uhid.h` does not let it send. A newer kernel may; it can be ignored.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the kernel sent a uhid event of the unknown kind {0}")]
pub struct UnknownEvent(pub u32);

/// A security key that exists as long as this value.
#[derive(Debug)]
pub struct Device {
    file: File,
}

impl Device {
    /// Opens the kernel's device and creates a key. Reading and writing do not block.
    pub fn open(path: &Path, identity: &Identity<'_>) -> io::Result<Self> {
        Self::create(open(path)?, identity)
    }

    /// Creates a key on a device that is open for reading and writing. Whether reading blocks is the file's own matter.
    pub fn create(file: File, identity: &Identity<'_>) -> io::Result<Self> {
        let device = Self { file };
        device.write(&create(identity))?;
        Ok(device)
    }

    /// The kernel's next event; `None` for one that this version does not know.
    ///
    /// Read often: the kernel keeps 32 events and drops what comes after.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when there is none and the file does not block.
    pub fn event(&self) -> io::Result<Option<UhidEvent>> {
        let mut buffer = [0; EVENT];
        let length = (&self.file).read(&mut buffer)?;
        let bytes = buffer.get(..length).filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(UhidEvent::decode(bytes).ok())
    }

    /// Sends a report to the programs that have the key open.
    ///
    /// Each of them has room for 64 unread reports, beyond which the kernel drops: leave a program time to read a long message.
    pub fn send(&self, report: &Report) -> io::Result<()> {
        self.write(&input(report))
    }

    /// Answers a question with an error.
    pub fn refuse(&self, question: Question) -> io::Result<()> {
        self.write(&refuse(question))
    }

    /// The kernel takes an event whole or not at all.
    fn write(&self, event: &[u8]) -> io::Result<()> {
        let written = (&self.file).write(event)?;
        if written == event.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for Device {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

/// `enum uhid_event_type`.
mod kind {
    pub const START: u32 = 2;
    pub const STOP: u32 = 3;
    pub const OPEN: u32 = 4;
    pub const CLOSE: u32 = 5;
    pub const OUTPUT: u32 = 6;
    pub const GET_REPORT: u32 = 9;
    pub const GET_REPORT_REPLY: u32 = 10;
    pub const CREATE2: u32 = 11;
    pub const INPUT2: u32 = 12;
    pub const SET_REPORT: u32 = 13;
    pub const SET_REPORT_REPLY: u32 = 14;
}

/// The sizes as the kernel takes them.
const REPORT_SIZE: u16 = 64;
const DESCRIPTOR_SIZE: u16 = 34;

/// `linux/input.h`.
const BUS_USB: u16 = 0x03;

/// The device's own version, and no particular country.
const VERSION: u32 = 1;
const COUNTRY: u32 = 0;

/// `errno.h`, the same number on all of Linux's architectures.
const EIO: u16 = 5;

/// `UHID_DATA_MAX`: the size of an output event's data, behind which its length and kind stand.
const DATA_MAX: usize = 4096;

/// `UHID_OUTPUT_REPORT`.
const OUTPUT_REPORT: u8 = 1;

/// A text with zeros behind it, cut at a character so that at least one zero is left.
fn put_text(event: &mut Vec<u8>, text: &str, size: usize) {
    let cut = text.floor_char_boundary(size - 1);
    let end = event.len() + size;
    event.extend_from_slice(text.as_bytes().get(..cut).unwrap_or_default());
    event.resize(end, 0);
}

/// The number at `offset`; what is missing is zero.
fn number(bytes: &[u8], offset: usize) -> u32 {
    u32::from_ne_bytes(field(bytes, offset))
}

/// `N` bytes at `offset`; what is missing is zero.
fn field<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut field = [0; N];
    for (to, from) in field.iter_mut().zip(bytes.iter().skip(offset)) {
        *to = *from;
    }
    field
}

/// The report of an output event: report number 0, then exactly one report.
fn output(bytes: &[u8]) -> Option<Report> {
    let size = u16::from_ne_bytes(field(bytes, 4 + DATA_MAX));
    let [kind] = field(bytes, 4 + DATA_MAX + 2);
    let [report_number] = field(bytes, 4);
    let is_report = usize::from(size) == 1 + REPORT && kind == OUTPUT_REPORT && report_number == 0;
    is_report.then(|| field(bytes, 5))
}

#[cfg(test)]
mod tests;
