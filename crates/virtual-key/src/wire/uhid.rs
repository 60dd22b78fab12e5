//! Reports through the kernel's `/dev/uhid`: a HID device that any program on this machine can find.
//!
//! The device goes when the process does. Reading and writing block, so each has a thread.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use claviger_ctap::ctaphid::Report;
use claviger_kernel::pace::Pace;
use claviger_kernel::uhid::{Device, Identity, PATH, UhidEvent};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::setpriority_process;
use tokio::sync::mpsc;

use super::{Arrival, Peer};
use crate::failure::Failure;

/// The kernel's device, created.
#[derive(Debug)]
pub struct Opened(Device);

/// The way out.
#[derive(Debug)]
pub struct Outlet(Sender<Report>);

impl Opened {
    /// Creates the device.
    pub fn open() -> Result<Self, Failure> {
        let device = Device::open(Path::new(PATH), &Identity::VIRTUAL_KEY);
        device.map(Self).map_err(|error| {
            let remedy = match error.kind() {
                io::ErrorKind::NotFound => {
                    "load the kernel's module as root: `modprobe uhid` (a container has no devices of its own)"
                }
                io::ErrorKind::PermissionDenied => {
                    "let yourself use it as root: `setfacl -m u:YOU:rw /dev/uhid`, until the next boot. \
                     Whoever can write to it can type as a keyboard, so do not open it to everybody"
                }
                _ if Errno::from_io_error(&error) == Some(Errno::NODEV) => {
                    "load the kernel's module as root: `modprobe uhid`"
                }
                _ => "look into the kernel's log for the cause",
            };
            Failure::Failed(format!("cannot use {PATH}: {error}\nRemedy: {remedy}."))
        })
    }

    /// Begins to serve.
    pub fn serve(self, arrivals: mpsc::Sender<Arrival>) -> io::Result<Outlet> {
        let device = Arc::new(self.0);
        let (send, reports) = channel();
        let writer = Arc::clone(&device);
        std::thread::Builder::new()
            .name("uhid-out".into())
            .spawn(move || transmit(&writer, &reports))?;
        std::thread::Builder::new().name("uhid-in".into()).spawn(move || {
            // The end of the arrivals ends the key.
            if let Err(error) = receive(&device, &arrivals) {
                tracing::error!(%error, "the kernel's device failed");
            }
        })?;
        Ok(Outlet(send))
    }
}

impl Outlet {
    /// Sends a report, at a pace that the programs can follow.
    pub fn send(&self, report: &Report) {
        // A thread that is gone shows on the other side.
        let _ = self.0.send(*report);
    }
}

fn transmit(device: &Device, reports: &Receiver<Report>) {
    let mut pace = Pace::default();
    for report in reports {
        let wait = pace.wait(Instant::now());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        pace.sent(Instant::now());
        if let Err(error) = device.send(&report) {
            tracing::debug!(%error, "a report is lost");
        }
    }
}

fn receive(device: &Device, arrivals: &mpsc::Sender<Arrival>) -> io::Result<()> {
    hurry();
    let mut read = Vec::new();
    loop {
        // The kernel first: it drops what nobody has read when 32 events wait, and a long message is 129 of them.
        let drained = drain(device, &mut read);
        for arrival in read.drain(..) {
            if arrivals.blocking_send(arrival).is_err() {
                return Ok(());
            }
        }
        drained?;
        match poll(&mut [PollFd::new(device, PollFlags::IN)], None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Reads events until there are none.
fn drain(device: &Device, read: &mut Vec<Arrival>) -> io::Result<()> {
    loop {
        match device.event() {
            Ok(Some(UhidEvent::Start)) => read.push(Arrival::Ready),
            Ok(Some(UhidEvent::Open)) => read.push(Arrival::Opened(true)),
            Ok(Some(UhidEvent::Close)) => read.push(Arrival::Opened(false)),
            Ok(Some(UhidEvent::Output(report))) => read.push(Arrival::Report(Peer::Kernel, report)),
            Ok(Some(UhidEvent::Asked(question))) => device.refuse(question)?,
            Ok(Some(UhidEvent::Stop | UhidEvent::Ignored) | None) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if read.len() >= BATCH {
            return Ok(());
        }
    }
}

/// Events that are read before they are passed on: more than the longest message has.
const BATCH: usize = 160;

/// Lets this thread run before the program that writes, so that it reads while the program still writes; on a machine
/// with one processor it would be too late otherwise. Only root may do that; without it long messages can be lost.
fn hurry() {
    const FIRST: i32 = -20;
    if let Err(error) = setpriority_process(None, FIRST) {
        tracing::debug!(%error, "long messages may be lost on a busy machine");
    }
}
