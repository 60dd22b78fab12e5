//! A program at a security key: CTAPHID over a socket that carries 64-byte reports.

use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use claviger_ctap::ctaphid::{BROADCAST, Command, REPORT, Report, frame};
use claviger_ctap::status::Status;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::ctap2::Ctap2;

/// How long a key may take for anything that needs no user: longer than any slow machine needs.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A whole message from the key.
#[derive(Debug, PartialEq)]
pub struct Message {
    /// The channel that it is for.
    pub channel: u32,
    /// What it is.
    pub command: Command,
    /// What it says.
    pub body: Vec<u8>,
}

/// A message that is not whole yet, with the bytes that it will have.
#[derive(Debug)]
pub struct Partial {
    message: Message,
    length: usize,
    sequence: u8,
}

impl Message {
    /// Begins with the first report. The message, if that was all, or what it has so far.
    pub fn begin(first: &Report) -> Result<Self, Partial> {
        assert_ne!(first[4] & 0x80, 0, "a continuation of nothing: {first:02x?}");
        let message = Self {
            channel: u32::from_be_bytes(first[..4].try_into().unwrap()),
            command: Command::from_number(first[4] & 0x7f).unwrap(),
            body: first[7..].to_vec(),
        };
        let length = usize::from(u16::from_be_bytes([first[5], first[6]]));
        Partial {
            message,
            length,
            sequence: 0,
        }
        .whole()
    }
}

impl Partial {
    /// Goes on with the next report.
    pub fn push(mut self, next: &Report) -> Result<Message, Self> {
        assert_eq!(next[..4], self.message.channel.to_be_bytes());
        assert_eq!(next[4], self.sequence);
        self.sequence += 1;
        self.message.body.extend_from_slice(&next[5..]);
        self.whole()
    }

    fn whole(mut self) -> Result<Message, Self> {
        if self.message.body.len() < self.length {
            return Err(self);
        }
        self.message.body.truncate(self.length);
        Ok(self.message)
    }
}

/// One program, with one connection and one channel.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    /// The channel that it uses.
    pub channel: u32,
    /// The statuses of the keep-alives that came with the last answer: 1 the key is at work, 2 the user is being asked.
    pub keepalives: Vec<u8>,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixDatagram),
    Udp(UdpSocket),
}

impl Client {
    /// Connects to `unix:PATH` (SEQPACKET) or `udp:HOST:PORT`. There is no channel yet.
    pub fn connect(address: &str) -> Self {
        match address.split_once(':').unwrap() {
            ("unix", path) => Self::over(seqpacket(Path::new(path)).unwrap()),
            ("udp", address) => {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.connect(address).unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                Self::with(Socket::Udp(socket))
            }
            _ => panic!("{address}"),
        }
    }

    /// Connects to the socket at `path` as soon as somebody listens there.
    pub fn connect_soon(path: &Path) -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match seqpacket(path) {
                Ok(socket) => return Self::over(socket),
                Err(error) => assert!(Instant::now() < deadline, "nobody listens: {error}"),
            }
        }
    }

    /// Takes a SEQPACKET socket that is connected.
    pub fn over(socket: OwnedFd) -> Self {
        // The standard library has no type for SEQPACKET; the datagram's `recv` and `send` do what they should.
        let socket = UnixDatagram::from(socket);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::with(Socket::Unix(socket))
    }

    fn with(socket: Socket) -> Self {
        Self {
            socket,
            channel: BROADCAST,
            keepalives: Vec::new(),
        }
    }

    /// Gets a channel and goes on there. The answer, whose first 17 bytes CTAP 2.1 §11.2.9.1.3 describes.
    pub fn init(&mut self) -> Vec<u8> {
        let answer = self.ask_for_channel();
        self.channel = given(&answer);
        answer
    }

    /// A second channel on the same connection, as another program at the same device has it.
    pub fn another_channel(&self) -> u32 {
        given(&self.ask_for_channel())
    }

    fn ask_for_channel(&self) -> Vec<u8> {
        const NONCE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
        self.send_on(BROADCAST, Command::Init, &NONCE);
        loop {
            let Message { channel, command, body } = self.message();
            // A command on the other channel may be under way.
            if channel == BROADCAST {
                assert_eq!((command, &body[..8]), (Command::Init, NONCE.as_slice()));
                return body;
            }
        }
    }

    /// Sends a packet of any size.
    pub fn send_packet(&self, packet: &[u8]) {
        let sent = match &self.socket {
            Socket::Unix(socket) => socket.send(packet),
            Socket::Udp(socket) => socket.send(packet),
        };
        assert_eq!(sent.unwrap(), packet.len());
    }

    /// Sends reports and reads nothing. Says whether the key still takes them.
    pub fn try_send(&self, reports: &[Report]) -> bool {
        let Socket::Unix(socket) = &self.socket else {
            panic!("datagrams are always taken");
        };
        reports.iter().all(|report| socket.send(report).is_ok())
    }

    /// The next packet; nothing when the key has closed the connection.
    pub fn packet(&self) -> Option<Report> {
        let mut packet = [0; REPORT + 1];
        let length = match &self.socket {
            Socket::Unix(socket) => socket.recv(&mut packet),
            Socket::Udp(socket) => socket.recv(&mut packet),
        };
        match length.expect("the key answers in time") {
            0 => None,
            length => Some(packet[..length].try_into().expect("reports have 64 bytes")),
        }
    }

    /// Sends a message on this client's channel.
    pub fn send(&self, command: Command, body: &[u8]) {
        self.send_on(self.channel, command, body);
    }

    /// Sends a message on any channel.
    pub fn send_on(&self, channel: u32, command: Command, body: &[u8]) {
        for report in frame(channel, command, body).unwrap() {
            self.send_packet(&report);
        }
    }

    /// The next message, whatever it is.
    pub fn message(&self) -> Message {
        let report = || self.packet().expect("the key closed the connection");
        let mut message = Message::begin(&report());
        loop {
            match message {
                Ok(message) => return message,
                Err(partial) => message = partial.push(&report()),
            }
        }
    }

    /// The next message, which is for this client; keep-alives are put aside.
    pub fn receive(&mut self) -> (Command, Vec<u8>) {
        loop {
            let Message { channel, command, body } = self.message();
            assert_eq!(channel, self.channel, "{command:?}: {body:02x?}");
            if command != Command::Keepalive {
                return (command, body);
            }
            self.keepalives.extend(body);
        }
    }

    /// Sends a message and waits for its answer.
    pub fn call(&mut self, command: Command, body: &[u8]) -> (Command, Vec<u8>) {
        self.keepalives.clear();
        self.send(command, body);
        self.receive()
    }

    /// The error of a command that CTAPHID refuses.
    pub fn error(&mut self) -> Status {
        let (command, body) = self.receive();
        assert_eq!(command, Command::Error, "{body:02x?}");
        Status::from_code(body[0]).unwrap()
    }

    /// Sends a CTAP2 command and leaves its answer for [`Self::end`].
    pub fn begin(&mut self, code: u8, parameters: &[u8]) {
        self.keepalives.clear();
        self.send(Command::Cbor, &[&[code], parameters].concat());
    }

    /// Waits until the user is being asked.
    pub fn until_asked(&self) {
        loop {
            let Message { command, body, .. } = self.message();
            assert_eq!(
                command,
                Command::Keepalive,
                "an answer before the user was asked: {body:02x?}"
            );
            if body == [2] {
                return;
            }
        }
    }

    /// Gives up what has begun.
    pub fn cancel(&self) {
        self.send(Command::Cancel, &[]);
    }

    /// The answer to a CTAP2 command.
    pub fn end(&mut self) -> Result<Vec<u8>, Status> {
        let (command, answer) = self.receive();
        assert_eq!(command, Command::Cbor, "{answer:02x?}");
        match answer.split_first().unwrap() {
            (0, body) => Ok(body.to_vec()),
            (status, _) => Err(Status::from_code(*status).unwrap()),
        }
    }

    /// Whether the answer to the last command was preceded by "the user is being asked".
    pub fn asked_user(&self) -> bool {
        self.keepalives.contains(&2)
    }
}

impl Ctap2 for Client {
    fn cbor(&mut self, code: u8, parameters: &[u8]) -> Result<Vec<u8>, Status> {
        self.begin(code, parameters);
        self.end()
    }
}

/// The channel in the answer to INIT.
fn given(answer: &[u8]) -> u32 {
    u32::from_be_bytes(answer[8..12].try_into().unwrap())
}

fn seqpacket(path: &Path) -> rustix::io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}
