//! A program that uses the virtual security key over its socket: CTAPHID, the PIN/UV auth protocols, and no more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code
)]

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use claviger_ctap::authenticator::device::command;
use claviger_ctap::client_pin::{self, Permissions, SubCommand};
use claviger_ctap::crypto::native;
use claviger_ctap::ctaphid::{BROADCAST, Command, Report, frame};
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::status::Status;
use claviger_ctap::{credential_management, get_assertion, make_credential};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen,
    recv, send, socket_with,
};

use super::Platform;

/// How long the platform may take for anything that needs no user.
const PATIENCE: Duration = Duration::from_mins(1);

/// The door's process; ends with the value.
pub struct Door(Child);

impl Door {
    /// Opens the door of `platform` at the socket `key.sock` in its home.
    pub fn open(platform: &Platform) -> Self {
        Self::open_at(platform, &format!("unix:{}", platform.path("key.sock").display()))
    }

    /// Opens it with this transport.
    pub fn open_at(platform: &Platform, transport: &str) -> Self {
        let child = platform.command(&["hid-door", "--transport", transport]).spawn();
        Self(child.unwrap())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The key, from a program's side, on a channel of its own.
pub struct Key {
    socket: OwnedFd,
    channel: u32,
    /// Whether the answer to the last command was preceded by "the user is being asked".
    pub asked_user: bool,
}

/// Listens like the hid helper.
pub fn listen_at(path: &Path) -> OwnedFd {
    let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(path).unwrap()).unwrap();
    listen(&listener, 1).unwrap();
    set_socket_timeout(&listener, Timeout::Recv, Some(PATIENCE)).unwrap();
    listener
}

/// A `pinUvAuthToken`.
pub struct Token {
    protocol: PinUvAuthProtocol,
    value: [u8; 32],
}

impl Key {
    /// Connects, as soon as the door listens.
    pub fn connect(path: &Path) -> Self {
        let deadline = Instant::now() + PATIENCE;
        let socket = loop {
            let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
            match connect(&socket, &SocketAddrUnix::new(path).unwrap()) {
                Ok(()) => break socket,
                Err(error) => assert!(Instant::now() < deadline, "the door does not listen: {error}"),
            }
        };
        Self::over(socket)
    }

    /// Plays the hid helper: waits for the door at `listener`.
    pub fn accept(listener: &OwnedFd) -> Self {
        Self::over(accept_with(listener, SocketFlags::CLOEXEC).expect("the door connects in time"))
    }

    fn over(socket: OwnedFd) -> Self {
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).unwrap();
        let mut key = Self {
            socket,
            channel: BROADCAST,
            asked_user: false,
        };
        key.channel = key.new_channel();
        key
    }

    pub fn new_channel(&mut self) -> u32 {
        self.send_on(BROADCAST, Command::Init, b"the none");
        let (_, command, body) = self.receive();
        assert_eq!((command, &body[..8]), (Command::Init, &b"the none"[..]));
        u32::from_be_bytes(body[8..12].try_into().unwrap())
    }

    pub fn send_on(&self, channel: u32, command: Command, body: &[u8]) {
        for report in frame(channel, command, body).unwrap() {
            self.send_raw(&report);
        }
    }

    pub fn send_raw(&self, packet: &[u8]) {
        send(&self.socket, packet, SendFlags::NOSIGNAL).unwrap();
    }

    /// Waits for a whole message.
    pub fn receive(&self) -> (u32, Command, Vec<u8>) {
        let first = self.packet();
        let length = usize::from(u16::from_be_bytes([first[5], first[6]]));
        let mut body = first[7..].to_vec();
        while body.len() < length {
            body.extend_from_slice(&self.packet()[5..]);
        }
        body.truncate(length);
        let channel = u32::from_be_bytes(first[..4].try_into().unwrap());
        (channel, Command::from_number(first[4] & 0x7f).unwrap(), body)
    }

    fn packet(&self) -> Report {
        let mut packet = [0; 100];
        let (_, length) = recv(&self.socket, &mut packet[..], RecvFlags::empty()).expect("the door answers in time");
        packet[..length].try_into().expect("reports have 64 bytes")
    }

    /// Begins a command. [`Self::finish`] waits for its answer.
    pub fn begin(&self, code: u8, parameters: &[u8]) {
        self.send_on(self.channel, Command::Cbor, &[&[code], parameters].concat());
    }

    /// Waits until the user is being asked.
    pub fn until_asked(&self) {
        loop {
            let (_, command, body) = self.receive();
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

    pub fn cancel(&self) {
        self.send_on(self.channel, Command::Cancel, &[]);
    }

    pub fn finish(&mut self) -> Result<Vec<u8>, Status> {
        self.asked_user = false;
        loop {
            let (channel, command, body) = self.receive();
            match command {
                Command::Keepalive => self.asked_user |= body == [2],
                Command::Cbor if channel == self.channel => {
                    return match Status::from_code(body[0]).unwrap() {
                        Status::Success => Ok(body[1..].to_vec()),
                        status => Err(status),
                    };
                }
                other => panic!("{other:?} on channel {channel}: {body:02x?}"),
            }
        }
    }

    pub fn command(&mut self, code: u8, parameters: &[u8]) -> Result<Vec<u8>, Status> {
        self.begin(code, parameters);
        self.finish()
    }

    pub fn make(&mut self, request: &make_credential::Request) -> Result<make_credential::Response, Status> {
        let body = self.command(command::MAKE_CREDENTIAL, &request.to_cbor())?;
        Ok(make_credential::Response::from_cbor(&body).unwrap())
    }

    pub fn get(&mut self, request: &get_assertion::Request) -> Result<get_assertion::Response, Status> {
        let body = self.command(command::GET_ASSERTION, &request.to_cbor())?;
        Ok(get_assertion::Response::from_cbor(&body).unwrap())
    }

    pub fn client_pin(&mut self, request: &client_pin::Request) -> Result<client_pin::Response, Status> {
        let body = self.command(command::CLIENT_PIN, &request.to_cbor())?;
        Ok(client_pin::Response::from_cbor(&body).unwrap())
    }

    pub fn manage(
        &mut self,
        mut request: credential_management::Request,
        token: Option<&Token>,
    ) -> Result<credential_management::Response, Status> {
        if let Some(token) = token {
            request.pin_uv_auth_protocol = Some(token.protocol.number());
            request.pin_uv_auth_param = Some(token.mac(&request.authenticated()));
        }
        let body = self.command(command::CREDENTIAL_MANAGEMENT, &request.to_cbor())?;
        Ok(credential_management::Response::from_cbor(&body).unwrap())
    }

    /// Agrees on a secret. The request has the platform's key.
    pub fn agree(&mut self, protocol: PinUvAuthProtocol) -> (client_pin::Request, SharedSecret) {
        let mut request = client_pin::Request::new(SubCommand::GetKeyAgreement);
        request.pin_uv_auth_protocol = Some(protocol.number());
        let key = self.client_pin(&request).unwrap().key_agreement.unwrap();
        let (public, secret) = SharedSecret::encapsulate(native(), protocol, &key).unwrap();
        request.key_agreement = Some(public);
        (request, secret)
    }

    pub fn uv_token(&mut self, permissions: Permissions, rp_id: Option<&str>) -> Result<Token, Status> {
        let (mut request, secret) = self.agree(PinUvAuthProtocol::Two);
        request.sub_command = SubCommand::GetTokenUsingUv.number();
        request.permissions = Some(permissions.bits().into());
        request.rp_id = rp_id.map(str::to_owned);
        let response = self.client_pin(&request)?;
        Ok(Token::open(&secret, &response))
    }

    pub fn pin_token(&mut self, pin: &str, permissions: Permissions, rp_id: Option<&str>) -> Result<Token, Status> {
        let (mut request, secret) = self.agree(PinUvAuthProtocol::Two);
        request.sub_command = SubCommand::GetTokenUsingPin.number();
        request.permissions = Some(permissions.bits().into());
        request.rp_id = rp_id.map(str::to_owned);
        let hash = native().sha256(&[pin.as_bytes()]);
        request.pin_hash_enc = Some(secret.encrypt(native(), &hash[..16]).unwrap());
        let response = self.client_pin(&request)?;
        Ok(Token::open(&secret, &response))
    }
}

impl Token {
    fn open(secret: &SharedSecret, response: &client_pin::Response) -> Self {
        let value = secret.decrypt(response.pin_uv_auth_token.as_ref().unwrap()).unwrap();
        Self {
            protocol: secret.protocol(),
            value: value.as_slice().try_into().unwrap(),
        }
    }

    pub fn mac(&self, message: &[u8]) -> Vec<u8> {
        self.protocol.authenticate(native(), &self.value, &[message])
    }

    pub fn sign_make(&self, mut request: make_credential::Request) -> make_credential::Request {
        request.pin_uv_auth_param = Some(self.mac(&request.client_data_hash));
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request
    }

    pub fn sign_get(&self, mut request: get_assertion::Request) -> get_assertion::Request {
        request.pin_uv_auth_param = Some(self.mac(&request.client_data_hash));
        request.pin_uv_auth_protocol = Some(self.protocol.number());
        request
    }
}
