//! The helper over real sockets. In place of the kernel's device stands a socket pair, which keeps the boundaries of events too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};

use claviger_kernel::pace;
use claviger_kernel::uhid::{self, Question};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, bind, connect, listen, recv, send, socket_with,
    socketpair,
};
use tempfile::TempDir;

use super::*;
use crate::hid::link::FromHelper;

/// Long enough for anything that happens at all.
const SOON: Duration = Duration::from_secs(20);

/// A helper in a thread, with seats and devices of the test's own.
struct Bed {
    directory: TempDir,
    devices: Receiver<OwnedFd>,
}

impl Bed {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("seats")).unwrap();
        let seats = Seats::watch(&directory.path().join("seats")).unwrap();
        let (made, devices) = channel();
        let helper = Helper::new(listener(&directory), Users::Active(seats), opener(made));
        std::thread::spawn(move || helper.run());
        Self { directory, devices }
    }

    /// Whose session is active now.
    fn activate(&self, uid: u32) {
        let seats = self.directory.path().join("seats");
        fs::write(seats.join(".#seat0"), format!("IS_SEAT0=1\nACTIVE_UID={uid}\n")).unwrap();
        fs::rename(seats.join(".#seat0"), seats.join("seat0")).unwrap();
    }

    /// A bed in which this process's user is active.
    fn active() -> Self {
        let bed = Self::start();
        bed.activate(own_uid());
        bed
    }

    fn connect(&self) -> OwnedFd {
        connect_to(&self.directory)
    }

    /// A connection, and the kernel's end of the key that it got, behind the event that creates it.
    fn key(&self) -> (OwnedFd, OwnedFd) {
        let socket = self.connect();
        let kernel = self.devices.recv_timeout(SOON).expect("a key is made");
        assert_eq!(packet(&kernel), uhid::create(&Identity::DOOR));
        (socket, kernel)
    }
}

fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

fn connect_to(directory: &TempDir) -> OwnedFd {
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    set_socket_timeout(&socket, Timeout::Recv, Some(SOON)).unwrap();
    connect(
        &socket,
        &SocketAddrUnix::new(directory.path().join("hid.sock")).unwrap(),
    )
    .unwrap();
    socket
}

fn listener(directory: &TempDir) -> OwnedFd {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    bind(
        &listener,
        &SocketAddrUnix::new(directory.path().join("hid.sock")).unwrap(),
    )
    .unwrap();
    listen(&listener, 16).unwrap();
    listener
}

fn opener(made: Sender<OwnedFd>) -> impl FnMut() -> io::Result<File> + Send {
    move || {
        let (kernel, ours) = device();
        made.send(kernel).unwrap();
        Ok(ours)
    }
}

/// The kernel's end, which waits, and the helper's, which does not.
fn device() -> (OwnedFd, File) {
    let (kernel, ours) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    set_socket_timeout(&kernel, Timeout::Recv, Some(SOON)).unwrap();
    rustix::io::ioctl_fionbio(&ours, true).unwrap();
    (kernel, File::from(ours))
}

/// The next packet; nothing when the other end is closed.
fn packet(socket: &OwnedFd) -> Vec<u8> {
    let mut packet = vec![0; 8192];
    match recv(socket, &mut packet[..], RecvFlags::empty()) {
        Ok((_, length)) => packet.truncate(length),
        Err(Errno::CONNRESET) => packet.clear(),
        Err(error) => panic!("nothing came: {error}"),
    }
    packet
}

fn is_closed(socket: &OwnedFd) -> bool {
    packet(socket).is_empty()
}

fn put(socket: &OwnedFd, packet: &[u8]) {
    send(socket, packet, SendFlags::NOSIGNAL).unwrap();
}

/// An event of the kernel's with these bytes behind its kind.
fn event(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut event = vec![0; uhid::EVENT];
    event[..4].copy_from_slice(&kind.to_ne_bytes());
    event[4..4 + body.len()].copy_from_slice(body);
    event
}

/// A program's report with this number in front.
fn output(number: u32) -> Vec<u8> {
    let mut event = event(6, &[0]);
    event[5..9].copy_from_slice(&number.to_be_bytes());
    event[4100..4102].copy_from_slice(&65_u16.to_ne_bytes());
    event[4102] = 1;
    event
}

fn report(number: u32) -> [u8; 64] {
    let mut report = [0; 64];
    report[..4].copy_from_slice(&number.to_be_bytes());
    report
}

#[test]
fn the_active_user_gets_a_key_and_reports_pass_both_ways() {
    let bed = Bed::active();
    let (user, kernel) = bed.key();
    put(&kernel, &event(2, &[]));
    put(&kernel, &event(4, &[]));
    put(&kernel, &output(1));
    put(&kernel, &event(5, &[]));
    assert_eq!(packet(&user), FromHelper::Opened.encode());
    assert_eq!(packet(&user), report(1));
    assert_eq!(packet(&user), FromHelper::Closed.encode());
    put(&user, &report(2));
    assert_eq!(packet(&kernel), uhid::input(&report(2)));
    drop(user);
    assert!(is_closed(&kernel), "the key ends with its connection");
}

#[test]
fn nothing_that_a_user_sends_becomes_anything_but_an_input_report() {
    let bed = Bed::active();
    let (user, kernel) = bed.key();
    // Packets that would be events if they were passed on as they are: create (old and new), destroy, replies, input.
    for kind in 0..=16_u32 {
        let mut packet_of_user = [0xff; 64];
        packet_of_user[..4].copy_from_slice(&kind.to_ne_bytes());
        put(&user, &packet_of_user);
        assert_eq!(packet(&kernel), uhid::input(&packet_of_user));
    }
}

#[test]
fn a_packet_that_is_no_report_ends_the_key() {
    let bed = Bed::active();
    for wrong in [0, 1, 63, 65, 128, 4096] {
        let (user, kernel) = bed.key();
        put(&user, &vec![1; wrong]);
        assert!(is_closed(&kernel), "{wrong} bytes");
        assert!(is_closed(&user), "{wrong} bytes");
    }
}

#[test]
fn a_user_without_an_active_session_is_refused_and_no_key_is_made() {
    let bed = Bed::start();
    assert!(is_closed(&bed.connect()), "no session at all");
    bed.activate(own_uid() + 1);
    assert!(is_closed(&bed.connect()), "somebody else is active");
    assert!(bed.devices.try_recv().is_err());
    bed.activate(own_uid());
    bed.key();
}

#[test]
fn a_session_that_goes_to_the_background_takes_its_key_along() {
    let bed = Bed::active();
    let (user, kernel) = bed.key();
    bed.activate(own_uid() + 1);
    assert!(is_closed(&kernel));
    assert!(is_closed(&user));
    bed.activate(own_uid());
    bed.key();
}

#[test]
fn a_user_has_one_key_at_a_time() {
    let bed = Bed::active();
    let (first, kernel) = bed.key();
    assert!(is_closed(&bed.connect()));
    put(&first, &report(1));
    assert_eq!(packet(&kernel), uhid::input(&report(1)), "the first key goes on");
    drop(first);
    assert!(is_closed(&kernel));
    bed.key();
}

#[test]
fn what_the_key_does_not_have_is_refused_at_once() {
    let bed = Bed::active();
    let (_user, kernel) = bed.key();
    put(&kernel, &event(9, &7_u32.to_ne_bytes()));
    assert_eq!(packet(&kernel), uhid::refuse(Question::Get(7)));
    put(&kernel, &event(13, &8_u32.to_ne_bytes()));
    assert_eq!(packet(&kernel), uhid::refuse(Question::Set(8)));
}

#[test]
fn a_flood_of_programs_waits_in_a_queue_with_an_end_and_keeps_its_order() {
    let bed = Bed::active();
    let (user, kernel) = bed.key();
    rustix::io::ioctl_fionbio(&kernel, true).unwrap();
    let mut sent = 0;
    // When its own queue, the user's socket and the device's socket are full, nothing more goes in.
    let patience = Timespec::try_from(Duration::from_millis(300)).unwrap();
    while poll(&mut [PollFd::new(&kernel, PollFlags::OUT)], Some(&patience)).unwrap() > 0 {
        put(&kernel, &output(sent));
        sent += 1;
        assert!(sent < 20_000, "there is no end to what the helper keeps");
    }
    for number in 0..sent {
        assert_eq!(packet(&user), report(number));
    }
    put(&kernel, &output(sent));
    assert_eq!(packet(&user), report(sent), "the next good report passes");
}

#[test]
fn a_flood_of_the_user_passes_at_the_pace_of_the_programs_and_loses_nothing() {
    let bed = Bed::active();
    let (user, kernel) = bed.key();
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..400 {
                put(&user, &report(number));
            }
        });
        for number in 0..400 {
            assert_eq!(packet(&kernel), uhid::input(&report(number)));
        }
    });
    assert!(start.elapsed() >= pace::INTERVAL * (400 - pace::BURST));
}

#[test]
fn who_reads_nothing_for_ten_seconds_loses_the_key_and_who_reads_late_does_not() {
    let (user, helper_end) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::NONBLOCK, None).unwrap();
    let (kernel, file) = device();
    let mut connection = Connection::new(helper_end, Device::create(file, &Identity::DOOR).unwrap(), 1);
    let start = Instant::now();
    for number in 0..1000 {
        put(&kernel, &output(number));
        assert!(connection.serve(PollFlags::empty(), PollFlags::IN, start));
    }
    assert_eq!(connection.deadline(start), Some(Duration::from_secs(10)));
    let late = start + Duration::from_secs(9);
    packet(&user);
    assert!(connection.serve(PollFlags::OUT, PollFlags::empty(), late));
    assert!(connection.serve(PollFlags::OUT, PollFlags::empty(), late + Duration::from_secs(9)));
    assert!(!connection.serve(PollFlags::OUT, PollFlags::empty(), late + Duration::from_secs(11)));
}

#[test]
fn there_are_no_more_keys_than_the_limit() {
    let directory = TempDir::new().unwrap();
    let (made, devices) = channel();
    let mut helper = Helper::new(listener(&directory), Users::Any, opener(made));
    let mut others = Vec::new();
    for uid in 1..=16 {
        let (other, socket) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::NONBLOCK, None).unwrap();
        let device = helper.key_for(uid).unwrap();
        helper.connections.push(Connection::new(socket, device, uid));
        others.push((other, devices.recv().unwrap()));
    }
    assert!(matches!(helper.key_for(17), Err(NotAdmitted::TooMany)));
    assert!(matches!(helper.key_for(3), Err(NotAdmitted::HasOne)));
}

#[test]
fn a_kernel_without_uhid_is_a_refusal_and_not_the_end() {
    let directory = TempDir::new().unwrap();
    let (made, _devices) = channel();
    let mut tries = 0;
    let mut open = opener(made);
    let mut helper = Helper::new(listener(&directory), Users::Any, move || {
        tries += 1;
        if tries == 1 {
            Err(io::ErrorKind::NotFound.into())
        } else {
            open()
        }
    });
    assert!(matches!(helper.key_for(1), Err(NotAdmitted::NoDevice(_))));
    assert!(helper.key_for(1).is_ok());
}

#[test]
fn a_helper_that_cannot_serve_leaves_nobody_waiting() {
    let directory = TempDir::new().unwrap();
    let listener = listener(&directory);
    let waiting: Vec<_> = (0..3).map(|_| connect_to(&directory)).collect();
    turn_away(&listener);
    for socket in waiting {
        assert_eq!(rustix::io::read(&socket, &mut [0; 1][..]), Ok(0));
    }
}

#[test]
fn refusals_are_counted_when_they_come_too_fast_to_be_logged() {
    let mut refusals = Refusals::default();
    for _ in 0..100 {
        refusals.log(1, 1, &NotAdmitted::NotActive);
    }
    assert_eq!(refusals.unlogged, 99);
}
