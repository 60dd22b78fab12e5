//! CTAPHID over a real socket, with a platform that takes its time.

use std::io;
use std::rc::Rc;

use claviger_ctap::authenticator::device::command;
use claviger_ctap::crypto::portable;
use claviger_ctap::ctaphid::{BROADCAST, Command, Report, frame};
use claviger_ctap::status::Status;
use claviger_dev::ctaphid::Message;
use claviger_doors::hid::runner::{Incoming, RunError, Transport, serve};
use claviger_doors::hid::seqpacket::Listener;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, LocalSet};

use super::client::get_request;
use super::stand_in::{Asked, StandIn};

/// A door that serves one program, and the program's socket.
struct Bed {
    platform: Rc<StandIn>,
    socket: UnixDatagram,
    door: JoinHandle<Result<(), RunError>>,
    _folder: TempDir,
}

impl Bed {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.sock");
        let listener = Listener::bind(&path).unwrap();
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        connect(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        let mut connection = listener.accept().await.unwrap();
        assert_eq!(connection.program().unwrap().pid, Some(std::process::id()));
        let platform = Rc::new(StandIn::new());
        let door = tokio::task::spawn_local({
            let platform = Rc::clone(&platform);
            async move { serve(&mut connection, &*platform, portable()).await }
        });
        Self {
            platform,
            socket: UnixDatagram::from_std(socket.into()).unwrap(),
            door,
            _folder: folder,
        }
    }

    async fn send(&self, channel: u32, command: Command, body: &[u8]) {
        for report in frame(channel, command, body).unwrap() {
            self.socket.send(&report).await.unwrap();
        }
    }

    async fn packet(&self) -> Report {
        let mut packet = [0; 100];
        let length = self.socket.recv(&mut packet).await.unwrap();
        packet[..length].try_into().unwrap()
    }

    async fn receive(&self) -> Message {
        let mut message = Message::begin(&self.packet().await);
        loop {
            match message {
                Ok(message) => return message,
                Err(partial) => message = partial.push(&self.packet().await),
            }
        }
    }

    /// The next message that is no keep-alive, and the kinds of keep-alive before it.
    async fn answer(&self) -> (Message, Vec<u8>) {
        let mut kinds = Vec::new();
        loop {
            let message = self.receive().await;
            if message.command != Command::Keepalive {
                return (message, kinds);
            }
            kinds.extend_from_slice(&message.body);
        }
    }

    async fn init(&self, channel: u32) -> (u32, u8) {
        self.send(channel, Command::Init, b"12345678").await;
        let (answer, _) = self.answer().await;
        assert_eq!((answer.channel, answer.command), (channel, Command::Init));
        assert_eq!(answer.body[..8], *b"12345678");
        (
            u32::from_be_bytes(answer.body[8..12].try_into().unwrap()),
            answer.body[16],
        )
    }

    async fn cbor(&self, channel: u32, message: &[u8]) -> Vec<u8> {
        self.send(channel, Command::Cbor, message).await;
        let (answer, _) = self.answer().await;
        assert_eq!((answer.channel, answer.command), (channel, Command::Cbor));
        answer.body
    }
}

async fn with_bed<F: Future>(test: impl FnOnce(Bed) -> F) -> F::Output {
    LocalSet::new().run_until(async { test(Bed::new().await).await }).await
}

fn sign_in() -> Vec<u8> {
    [&[command::GET_ASSERTION], get_request().to_cbor().as_slice()].concat()
}

fn error(channel: u32, status: Status) -> Message {
    Message {
        channel,
        command: Command::Error,
        body: vec![status.code()],
    }
}

#[tokio::test]
async fn a_program_gets_a_channel_and_speaks_ctap2_on_it_and_nothing_older() {
    with_bed(async |bed| {
        let (channel, capabilities) = bed.init(BROADCAST).await;
        assert_eq!(capabilities, 0x0d, "WINK, CBOR, and no MSG");
        let info = bed.cbor(channel, &[command::GET_INFO]).await;
        assert_eq!(info[0], 0);
        assert!(info.len() > 64, "in several reports");
        bed.send(channel, Command::Msg, &[0, 3, 0, 0, 0, 0, 0]).await;
        assert_eq!(bed.receive().await, error(channel, Status::InvalidCommand));
        bed.send(channel, Command::Wink, &[]).await;
        assert_eq!(bed.receive().await.command, Command::Wink);
        bed.send(channel, Command::Ping, &[7; 1000]).await;
        assert_eq!(bed.receive().await.body, [7; 1000]);
    })
    .await;
}

#[tokio::test]
async fn a_program_sees_that_the_user_is_asked_and_may_give_up() {
    with_bed(async |bed| {
        let (channel, _) = bed.init(BROADCAST).await;
        bed.platform.hangs.set(true);
        bed.send(channel, Command::Cbor, &sign_in()).await;
        let keepalive = bed.receive().await;
        assert_eq!((keepalive.command, keepalive.body), (Command::Keepalive, vec![2]));
        bed.send(channel, Command::Cancel, &[]).await;
        let (answer, _) = bed.answer().await;
        assert_eq!(answer.body, [Status::KeepaliveCancel.code()]);
        assert!(matches!(bed.platform.asked()[..], [Asked::Get(..), Asked::Cancel]));
        bed.platform.hangs.set(false);
        assert_eq!(bed.cbor(channel, &sign_in()).await[0], 0);
        bed.send(channel, Command::Cancel, &[]).await;
        assert_eq!(bed.cbor(channel, &[command::GET_INFO]).await[0], 0, "nothing to cancel");
    })
    .await;
}

#[tokio::test]
async fn others_are_told_that_the_key_is_busy_and_get_channels_all_the_same() {
    with_bed(async |bed| {
        let (first, _) = bed.init(BROADCAST).await;
        bed.platform.hangs.set(true);
        bed.send(first, Command::Cbor, &sign_in()).await;
        let (second, _) = bed.init(BROADCAST).await;
        assert_ne!(first, second);
        bed.send(second, Command::Cbor, &[command::GET_INFO]).await;
        let (answer, _) = bed.answer().await;
        assert_eq!(answer, error(second, Status::ChannelBusy));
        // Another's cancel means nothing.
        bed.send(second, Command::Cancel, &[]).await;
        bed.send(second, Command::Ping, &[1]).await;
        assert_eq!(bed.answer().await.0, error(second, Status::ChannelBusy));
        bed.send(first, Command::Cancel, &[]).await;
        assert_eq!(bed.answer().await.0.body, [Status::KeepaliveCancel.code()]);
        assert_eq!(bed.cbor(second, &[command::GET_INFO]).await[0], 0);
    })
    .await;
}

#[tokio::test]
async fn a_program_that_starts_anew_withdraws_what_it_asked() {
    with_bed(async |bed| {
        let (channel, _) = bed.init(BROADCAST).await;
        bed.platform.hangs.set(true);
        bed.send(channel, Command::Cbor, &sign_in()).await;
        assert_eq!(bed.receive().await.command, Command::Keepalive);
        assert_eq!(bed.init(channel).await.0, channel);
        // No answer to the old command comes between.
        assert_eq!(bed.cbor(channel, &[command::GET_INFO]).await[0], 0);
        assert!(matches!(bed.platform.asked()[..], [Asked::Get(..), Asked::Cancel]));
    })
    .await;
}

#[tokio::test]
async fn a_lock_keeps_others_out_between_commands() {
    with_bed(async |bed| {
        let (first, _) = bed.init(BROADCAST).await;
        let (second, _) = bed.init(BROADCAST).await;
        bed.send(first, Command::Lock, &[10]).await;
        assert_eq!(bed.receive().await.command, Command::Lock);
        bed.send(second, Command::Cbor, &[command::GET_INFO]).await;
        assert_eq!(bed.receive().await, error(second, Status::ChannelBusy));
        assert_eq!(bed.cbor(first, &[command::GET_INFO]).await[0], 0);
        bed.send(first, Command::Lock, &[0]).await;
        assert_eq!(bed.receive().await.command, Command::Lock);
        assert_eq!(bed.cbor(second, &[command::GET_INFO]).await[0], 0);
    })
    .await;
}

#[tokio::test]
async fn a_program_that_goes_away_withdraws_what_it_asked() {
    with_bed(async |bed| {
        let (channel, _) = bed.init(BROADCAST).await;
        bed.platform.hangs.set(true);
        bed.send(channel, Command::Cbor, &sign_in()).await;
        assert_eq!(bed.receive().await.command, Command::Keepalive);
        let Bed {
            platform, socket, door, ..
        } = bed;
        drop(socket);
        door.await.unwrap().unwrap();
        assert!(matches!(platform.asked()[..], [Asked::Get(..), Asked::Cancel]));
    })
    .await;
}

#[tokio::test]
async fn floods_and_nonsense_change_nothing() {
    with_bed(async |bed| {
        for _ in 0..10_000 {
            bed.init(BROADCAST).await;
        }
        let (channel, _) = bed.init(BROADCAST).await;
        assert!(channel > 10_000);
        for nonsense in [&[0xff; 1][..], &[0; 63], &[0; 65], &[0; 3000]] {
            bed.socket.send(nonsense).await.unwrap();
        }
        // A continuation of nothing, a message that is too long, a channel that was never given out.
        bed.socket.send(&[0; 64]).await.unwrap();
        let mut too_long = frame(channel, Command::Cbor, &[1]).unwrap()[0];
        (too_long[5], too_long[6]) = (0xff, 0xff);
        bed.socket.send(&too_long).await.unwrap();
        assert_eq!(bed.receive().await, error(channel, Status::InvalidLength));
        bed.send(0x00ff_ffff, Command::Ping, &[1]).await;
        assert_eq!(bed.receive().await, error(0x00ff_ffff, Status::InvalidChannel));
        for garbage in [&[0x01, 0xff][..], &[0x02, 0xbf], &[0x06], &[0x0a, 0x00], &[0x99; 300]] {
            assert_ne!(bed.cbor(channel, garbage).await[0], 0);
        }
        assert_eq!(bed.cbor(channel, &[command::GET_INFO]).await[0], 0);
        assert_eq!(bed.platform.asked(), []);
    })
    .await;
}

#[tokio::test]
async fn a_message_that_stops_half_way_times_out() {
    with_bed(async |bed| {
        let (channel, _) = bed.init(BROADCAST).await;
        let reports = frame(channel, Command::Ping, &[1; 200]).unwrap();
        bed.socket.send(&reports[0]).await.unwrap();
        assert_eq!(bed.receive().await, error(channel, Status::Timeout));
        bed.socket.send(&reports[0]).await.unwrap();
        bed.socket.send(&reports[2]).await.unwrap();
        assert_eq!(bed.receive().await, error(channel, Status::InvalidSeq));
        assert_eq!(bed.cbor(channel, &[command::GET_INFO]).await[0], 0);
    })
    .await;
}

/// A transport that tells when the key is opened and closed, as the helper's does.
struct Wire {
    incoming: mpsc::UnboundedReceiver<Incoming>,
    outgoing: mpsc::UnboundedSender<Report>,
}

impl Transport for Wire {
    async fn receive(&mut self) -> io::Result<Option<Incoming>> {
        Ok(self.incoming.recv().await)
    }

    async fn send(&mut self, report: &Report) -> io::Result<()> {
        self.outgoing
            .send(*report)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[tokio::test]
async fn when_the_last_program_has_closed_the_key_nobody_is_asked_any_more() {
    let (to_door, incoming) = mpsc::unbounded_channel();
    let (outgoing, mut from_door) = mpsc::unbounded_channel();
    let platform = StandIn::new();
    platform.hangs.set(true);
    let mut wire = Wire { incoming, outgoing };
    let program = async {
        to_door.send(Incoming::Opened).unwrap();
        let init = frame(BROADCAST, Command::Init, b"12345678").unwrap();
        to_door.send(Incoming::Report(init[0])).unwrap();
        from_door.recv().await.unwrap();
        for report in frame(1, Command::Cbor, &sign_in()).unwrap() {
            to_door.send(Incoming::Report(report)).unwrap();
        }
        // A keep-alive: the user is being asked.
        from_door.recv().await.unwrap();
        to_door.send(Incoming::Closed).unwrap();
        while from_door.recv().await.unwrap()[4] != Command::Cbor.number() | 0x80 {}
        drop(to_door);
    };
    let (served, ()) = tokio::join!(serve(&mut wire, &platform, portable()), program);
    served.unwrap();
    assert!(matches!(platform.asked()[..], [Asked::Get(..), Asked::Cancel]));
}
