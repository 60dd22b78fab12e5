//! A client: CTAPHID over either socket, and as much of CTAP as the tests need.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;

use claviger_ctap::authenticator::device::command;
use claviger_ctap::authenticator_data::AuthenticatorData;
use claviger_ctap::client_pin::{Permissions, Request as PinRequest, Response as PinResponse, SubCommand};
use claviger_ctap::crypto::{PublicKey, native};
use claviger_ctap::ctaphid::{BROADCAST, Command, REPORT, Report, frame};
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::status::Status;
use claviger_ctap::types::{CredentialDescriptor, CredentialId, RpEntity, UserEntity, UserId};
use claviger_ctap::{get_assertion, get_info, make_credential};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::key::PATIENCE;

pub const RP: &str = "example.com";
pub const HASH: [u8; 32] = [0xcd; 32];

const PROTOCOL: PinUvAuthProtocol = PinUvAuthProtocol::Two;

enum Socket {
    Unix(UnixDatagram),
    Udp(UdpSocket),
}

/// One client, with one connection and one channel.
pub struct Client {
    socket: Socket,
    pub channel: u32,
    /// The statuses of the keep-alives that came with the last answer.
    pub keepalives: Vec<u8>,
}

/// What a registration gave.
pub struct Passkey {
    pub id: CredentialId,
    pub key: PublicKey,
    pub flags: u8,
}

impl Client {
    /// Connects to what the key's ready line names. There is no channel yet.
    pub fn connect(ready: &str) -> Self {
        let socket = match ready.split_once(':').unwrap() {
            ("unix", path) => {
                let socket =
                    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
                connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
                let socket = UnixDatagram::from(socket);
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                Socket::Unix(socket)
            }
            ("udp", address) => {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.connect(address).unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                Socket::Udp(socket)
            }
            _ => panic!("{ready}"),
        };
        Self {
            socket,
            channel: BROADCAST,
            keepalives: Vec::new(),
        }
    }

    /// Gets a channel; returns the answer.
    pub fn init(&mut self) -> Vec<u8> {
        let nonce = [1, 2, 3, 4, 5, 6, 7, 8];
        self.channel = BROADCAST;
        let (command, answer) = self.call(Command::Init, &nonce);
        assert_eq!((command, &answer[..8]), (Command::Init, nonce.as_slice()));
        self.channel = u32::from_be_bytes(answer[8..12].try_into().unwrap());
        answer
    }

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
        match length.unwrap() {
            0 => None,
            length => Some(packet[..length].try_into().unwrap()),
        }
    }

    pub fn send(&self, command: Command, message: &[u8]) {
        for report in frame(self.channel, command, message).unwrap() {
            self.send_packet(&report);
        }
    }

    /// The next message on this client's channel; keep-alives are put aside.
    pub fn receive(&mut self) -> (Command, Vec<u8>) {
        loop {
            let first = self.packet().expect("the key closed the connection");
            assert_eq!(first[..4], self.channel.to_be_bytes());
            let command = Command::from_number(first[4] & 0x7f).unwrap();
            let length = usize::from(u16::from_be_bytes([first[5], first[6]]));
            let mut message = first[7..].to_vec();
            for sequence in 0.. {
                if message.len() >= length {
                    break;
                }
                let next = self.packet().unwrap();
                assert_eq!((&next[..4], next[4]), (self.channel.to_be_bytes().as_slice(), sequence));
                message.extend_from_slice(&next[5..]);
            }
            message.truncate(length);
            if command != Command::Keepalive {
                return (command, message);
            }
            self.keepalives.extend(message);
        }
    }

    pub fn call(&mut self, command: Command, message: &[u8]) -> (Command, Vec<u8>) {
        self.keepalives.clear();
        self.send(command, message);
        self.receive()
    }

    /// The error of a command that CTAPHID refuses.
    pub fn error(&mut self) -> Status {
        let (command, message) = self.receive();
        assert_eq!(command, Command::Error, "{message:02x?}");
        Status::from_code(message[0]).unwrap()
    }

    /// Sends a CTAP2 command and leaves its answer for later.
    pub fn begin(&self, code: u8, parameters: &[u8]) {
        self.send(Command::Cbor, &[&[code], parameters].concat());
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

    pub fn cbor(&mut self, code: u8, parameters: &[u8]) -> Result<Vec<u8>, Status> {
        self.keepalives.clear();
        self.begin(code, parameters);
        self.end()
    }

    pub fn info(&mut self) -> get_info::Response {
        get_info::Response::from_cbor(&self.cbor(command::GET_INFO, &[]).unwrap()).unwrap()
    }

    /// Asks until the key is done with what it was told to stop.
    pub fn info_when_free(&mut self) {
        let busy = (Command::Error, vec![Status::ChannelBusy.code()]);
        while self.call(Command::Cbor, &[command::GET_INFO]) == busy {}
    }

    /// A token for both commands at [`RP`].
    pub fn pin_token(&mut self, pin: &str) -> Result<Vec<u8>, Status> {
        let (mut request, secret) = self.agree(SubCommand::GetTokenUsingPin);
        let hash = native().sha256(&[pin.as_bytes()]);
        request.pin_hash_enc = Some(secret.encrypt(native(), &hash[..16]).unwrap());
        self.token(request, &secret)
    }

    /// The same by the built-in verifier.
    pub fn uv_token(&mut self) -> Result<Vec<u8>, Status> {
        let (request, secret) = self.agree(SubCommand::GetTokenUsingUv);
        self.token(request, &secret)
    }

    pub fn pin_retries(&mut self) -> (u64, bool) {
        let answer = self.pin(&PinRequest::new(SubCommand::GetPinRetries)).unwrap();
        (answer.pin_retries.unwrap(), answer.power_cycle_state.unwrap())
    }

    fn token(&mut self, mut request: PinRequest, secret: &SharedSecret) -> Result<Vec<u8>, Status> {
        let permissions = Permissions::MAKE_CREDENTIAL | Permissions::GET_ASSERTION;
        request.permissions = Some(permissions.bits().into());
        request.rp_id = Some(RP.into());
        let answer = self.pin(&request)?;
        Ok(secret.decrypt(&answer.pin_uv_auth_token.unwrap()).unwrap().to_vec())
    }

    fn agree(&mut self, sub_command: SubCommand) -> (PinRequest, SharedSecret) {
        let mut request = PinRequest::new(SubCommand::GetKeyAgreement);
        request.pin_uv_auth_protocol = Some(PROTOCOL.number());
        let key = self.pin(&request).unwrap().key_agreement.unwrap();
        let (public, secret) = SharedSecret::encapsulate(native(), PROTOCOL, &key).unwrap();
        let mut request = PinRequest::new(sub_command);
        request.pin_uv_auth_protocol = Some(PROTOCOL.number());
        request.key_agreement = Some(public);
        (request, secret)
    }

    fn pin(&mut self, request: &PinRequest) -> Result<PinResponse, Status> {
        let answer = self.cbor(command::CLIENT_PIN, &request.to_cbor())?;
        Ok(PinResponse::from_cbor(&answer).unwrap())
    }

    /// Makes a discoverable passkey.
    pub fn make(&mut self, user: &str, token: Option<&[u8]>) -> Result<Passkey, Status> {
        let answer = self.cbor(command::MAKE_CREDENTIAL, &make_request(user, token))?;
        let answer = make_credential::Response::from_cbor(&answer).unwrap();
        let data = AuthenticatorData::parse(&answer.auth_data).unwrap();
        let attested = data.attested.unwrap();
        Ok(Passkey {
            id: attested.id,
            key: attested.public_key,
            flags: data.flags.bits(),
        })
    }

    /// Signs in with a passkey, checks the signature, and returns flags and counter.
    pub fn get(&mut self, passkey: &Passkey, token: Option<&[u8]>) -> Result<(u8, u32), Status> {
        let answer = self.cbor(command::GET_ASSERTION, &get_request(&passkey.id, token))?;
        let answer = get_assertion::Response::from_cbor(&answer).unwrap();
        let signed = [answer.auth_data.as_slice(), &HASH].concat();
        native().verify(&passkey.key, &signed, &answer.signature).unwrap();
        let data = AuthenticatorData::parse(&answer.auth_data).unwrap();
        Ok((data.flags.bits(), data.sign_count))
    }
}

pub fn make_request(user: &str, token: Option<&[u8]>) -> Vec<u8> {
    let rp = RpEntity {
        id: RP.into(),
        name: None,
    };
    let user = UserEntity {
        id: UserId::new(user.as_bytes()).unwrap(),
        name: Some(user.into()),
        display_name: None,
    };
    let mut request = make_credential::Request::new(HASH, rp, user, vec![-7, -8, -35, -48, -49, -257]);
    request.options.rk = true;
    (request.pin_uv_auth_param, request.pin_uv_auth_protocol) = param(token);
    request.to_cbor()
}

pub fn get_request(id: &CredentialId, token: Option<&[u8]>) -> Vec<u8> {
    let mut request = get_assertion::Request::new(RP, HASH);
    request.allow_list = vec![CredentialDescriptor::new(id.clone())];
    (request.pin_uv_auth_param, request.pin_uv_auth_protocol) = param(token);
    request.to_cbor()
}

fn param(token: Option<&[u8]>) -> (Option<Vec<u8>>, Option<u64>) {
    let param = token.map(|token| PROTOCOL.authenticate(native(), token.try_into().unwrap(), &[&HASH]));
    let protocol = param.as_ref().map(|_| PROTOCOL.number());
    (param, protocol)
}
