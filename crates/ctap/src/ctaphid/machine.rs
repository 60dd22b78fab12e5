//! The authenticator's side of CTAPHID: channels, reassembly, busy rules and times.

use super::{BROADCAST, Capabilities, Command, FIRST, INITIALIZATION, MAX_MESSAGE, Report, frame};
use crate::status::Status;

/// Between two packets of one message (§11.2.5.2; the specification leaves the number to the device).
const PACKET_TIMEOUT_MS: u64 = 500;

/// Between two keep-alives (§11.2.9.1.7: every 100 ms).
const KEEPALIVE_MS: u64 = 90;

/// Longest lock, in seconds (§11.2.9.2.2).
const MAX_LOCK_S: u8 = 10;

/// The protocol version in the answer to INIT.
const PROTOCOL_VERSION: u8 = 2;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send this report to the host.
    Send(Report),
    /// Carry out a message and give the answer to [`Hid::answer`]. There is one at a time: the next comes only after
    /// the answer.
    Process {
        /// The client.
        channel: u32,
        /// Whether it is CTAP2; else it is CTAP1.
        cbor: bool,
        /// The command and its parameters.
        message: Vec<u8>,
    },
    /// Stop what is being processed for this channel. A CTAP2 command ends with
    /// [`KeepaliveCancel`](Status::KeepaliveCancel); its answer is still given to [`Hid::answer`].
    Cancel {
        /// The client.
        channel: u32,
    },
    /// Show the user which device this is.
    Wink,
}

/// The authenticator's side of the transport. Moments are milliseconds of any clock that never goes back.
#[derive(Debug)]
pub struct Hid {
    capabilities: Capabilities,
    /// Channels are given out in order: those from 1 to this one exist. So ten thousand of them take no room.
    last_channel: u32,
    transaction: Transaction,
    /// Whoever carries out messages is still at one that its client has given up: the answer goes nowhere.
    abandoned: bool,
    /// The channel that has locked the device, and until when.
    lock: Option<(u32, u64)>,
}

#[derive(Debug)]
enum Transaction {
    None,
    Receiving {
        channel: u32,
        command: Command,
        length: usize,
        message: Vec<u8>,
        sequence: u8,
        since_ms: u64,
    },
    Processing {
        channel: u32,
        command: Command,
        /// The message, as long as its turn has not come: an abandoned one is still being carried out.
        waiting: Option<Vec<u8>>,
        waits_for_user: bool,
        keepalive_ms: u64,
    },
}

impl Hid {
    /// A device that was just plugged in.
    pub fn new(capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            last_channel: 0,
            transaction: Transaction::None,
            abandoned: false,
            lock: None,
        }
    }

    /// Takes one report from the host.
    pub fn report(&mut self, now_ms: u64, report: &Report) -> Vec<Effect> {
        let mut effects = self.tick(now_ms);
        let (channel, rest) = report.split_at(4);
        let channel = channel.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        match rest.split_first() {
            Some((kind, rest)) if kind & INITIALIZATION != 0 => {
                let (length, payload) = rest.split_at(2);
                let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                effects.extend(self.begin(now_ms, channel, kind & !INITIALIZATION, length, payload));
            }
            Some((sequence, payload)) => effects.extend(self.go_on(now_ms, channel, *sequence, payload)),
            None => {}
        }
        effects
    }

    /// Does what is due at this moment: timeouts and keep-alives. Call it at [`Self::wake_ms`], or more often.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Effect> {
        self.lock = self.lock.filter(|(_, until)| now_ms < *until);
        match &mut self.transaction {
            Transaction::Receiving { channel, since_ms, .. }
                if now_ms >= since_ms.saturating_add(PACKET_TIMEOUT_MS) =>
            {
                let channel = *channel;
                self.transaction = Transaction::None;
                error(channel, Status::Timeout)
            }
            Transaction::Processing {
                channel,
                command: Command::Cbor,
                waits_for_user,
                keepalive_ms,
                ..
            } if now_ms >= *keepalive_ms => {
                *keepalive_ms = now_ms.saturating_add(KEEPALIVE_MS);
                // §11.2.9.1.7: 1 is processing, 2 is user presence needed.
                let status = if *waits_for_user { 2 } else { 1 };
                send(*channel, Command::Keepalive, &[status])
            }
            _ => Vec::new(),
        }
    }

    /// When [`Self::tick`] has something to do next.
    pub fn wake_ms(&self) -> Option<u64> {
        match &self.transaction {
            Transaction::Receiving { since_ms, .. } => Some(since_ms.saturating_add(PACKET_TIMEOUT_MS)),
            Transaction::Processing {
                command: Command::Cbor,
                keepalive_ms,
                ..
            } => Some(*keepalive_ms),
            _ => None,
        }
    }

    /// Says whether the command in progress waits for the user. A change is told to the host with the next
    /// [`Self::tick`], which is due at once.
    pub fn waits_for_user(&mut self, waits: bool) {
        if let Transaction::Processing {
            waiting: None,
            waits_for_user,
            keepalive_ms,
            ..
        } = &mut self.transaction
            && *waits_for_user != waits
        {
            *waits_for_user = waits;
            // §11.2.9.1.7: also whenever the status changes.
            *keepalive_ms = 0;
        }
    }

    /// Gives the answer to the message of [`Effect::Process`].
    pub fn answer(&mut self, answer: &[u8]) -> Vec<Effect> {
        if std::mem::take(&mut self.abandoned) {
            return self.process_waiting();
        }
        match std::mem::replace(&mut self.transaction, Transaction::None) {
            Transaction::Processing { channel, command, .. } => send(channel, command, answer),
            // Nothing was asked: whatever goes on is not disturbed.
            other => {
                self.transaction = other;
                Vec::new()
            }
        }
    }

    /// The turn of the message that has waited for an abandoned one.
    fn process_waiting(&mut self) -> Vec<Effect> {
        let Transaction::Processing {
            channel,
            command,
            waiting,
            ..
        } = &mut self.transaction
        else {
            return Vec::new();
        };
        let (channel, cbor) = (*channel, *command == Command::Cbor);
        let message = waiting.take().into_iter();
        message
            .map(|message| Effect::Process { channel, cbor, message })
            .collect()
    }

    /// An initialization packet.
    fn begin(&mut self, now_ms: u64, channel: u32, command: u8, length: usize, payload: &[u8]) -> Vec<Effect> {
        let command = Command::from_number(command);
        let is_init = command == Some(Command::Init);
        // §11.2.9.1.5: CANCEL is never answered, and means nothing unless its channel has a command in progress.
        if command == Some(Command::Cancel) {
            return self.cancel(channel);
        }
        // §11.2.3: nothing but INIT goes to the broadcast channel, and other channels must have been given out.
        let known = (1..=self.last_channel).contains(&channel);
        if !(known || is_init && channel == BROADCAST) {
            return error(channel, Status::InvalidChannel);
        }
        if is_init {
            return self.init(channel, length, payload);
        }
        // §11.2.5.1: one transaction at a time, and a lock keeps others out between transactions.
        match &self.transaction {
            // A message that begins before the last one has ended: both are lost.
            Transaction::Receiving { channel: of, .. } if *of == channel => {
                self.transaction = Transaction::None;
                return error(channel, Status::InvalidSeq);
            }
            Transaction::Receiving { .. } | Transaction::Processing { .. } => {
                return error(channel, Status::ChannelBusy);
            }
            Transaction::None => {}
        }
        if self.lock.is_some_and(|(owner, _)| owner != channel) {
            return error(channel, Status::ChannelBusy);
        }
        if length > MAX_MESSAGE {
            return error(channel, Status::InvalidLength);
        }
        let Some(command) = command.filter(|command| self.serves(*command)) else {
            return error(channel, Status::InvalidCommand);
        };
        let message = payload.iter().copied().take(length).collect::<Vec<u8>>();
        if message.len() == length {
            return self.complete(now_ms, channel, command, message);
        }
        self.transaction = Transaction::Receiving {
            channel,
            command,
            length,
            message,
            sequence: 0,
            since_ms: now_ms,
        };
        Vec::new()
    }

    /// A continuation packet. One that belongs to no message is ignored (§11.2.5.1).
    fn go_on(&mut self, now_ms: u64, channel: u32, got: u8, payload: &[u8]) -> Vec<Effect> {
        let Transaction::Receiving {
            channel: of,
            command,
            length,
            message,
            sequence,
            since_ms,
        } = &mut self.transaction
        else {
            return Vec::new();
        };
        if *of != channel {
            return Vec::new();
        }
        if got != *sequence {
            self.transaction = Transaction::None;
            return error(channel, Status::InvalidSeq);
        }
        message.extend(payload.iter().take(*length - message.len()));
        if message.len() < *length {
            *sequence += 1;
            *since_ms = now_ms;
            return Vec::new();
        }
        let (command, message) = (*command, std::mem::take(message));
        self.transaction = Transaction::None;
        self.complete(now_ms, channel, command, message)
    }

    /// A whole message.
    fn complete(&mut self, now_ms: u64, channel: u32, command: Command, message: Vec<u8>) -> Vec<Effect> {
        match command {
            Command::Ping => send(channel, Command::Ping, &message),
            Command::Wink if message.is_empty() => {
                let mut effects = send(channel, Command::Wink, &[]);
                effects.push(Effect::Wink);
                effects
            }
            Command::Lock => match message.as_slice() {
                [seconds] if *seconds <= MAX_LOCK_S => {
                    let until = now_ms.saturating_add(u64::from(*seconds) * 1000);
                    self.lock = (*seconds > 0).then_some((channel, until));
                    send(channel, Command::Lock, &[])
                }
                [_] => error(channel, Status::InvalidParameter),
                _ => error(channel, Status::InvalidLength),
            },
            Command::Cbor | Command::Msg if !message.is_empty() => {
                self.transaction = Transaction::Processing {
                    channel,
                    command,
                    waiting: Some(message),
                    waits_for_user: false,
                    keepalive_ms: now_ms.saturating_add(KEEPALIVE_MS),
                };
                if self.abandoned {
                    Vec::new()
                } else {
                    self.process_waiting()
                }
            }
            _ => error(channel, Status::InvalidLength),
        }
    }

    /// §11.2.9.1.3. Answered at every moment: on the broadcast channel it disturbs nobody, on another one it ends what
    /// that channel had begun, and the channel can be used again at once.
    fn init(&mut self, channel: u32, length: usize, payload: &[u8]) -> Vec<Effect> {
        let Some(nonce) = payload.get(..8).filter(|_| length == 8) else {
            return error(channel, Status::InvalidLength);
        };
        let mut effects = Vec::new();
        let given = if channel == BROADCAST {
            // One short of the broadcast channel: after that many there are no more until the device is plugged in
            // again.
            if self.last_channel == BROADCAST - 1 {
                return error(channel, Status::ChannelBusy);
            }
            self.last_channel += 1;
            self.last_channel
        } else {
            match &self.transaction {
                Transaction::Processing {
                    channel: of,
                    waiting: None,
                    ..
                } if *of == channel => {
                    self.transaction = Transaction::None;
                    self.abandoned = true;
                    effects.push(Effect::Cancel { channel });
                }
                Transaction::Receiving { channel: of, .. } | Transaction::Processing { channel: of, .. }
                    if *of == channel =>
                {
                    self.transaction = Transaction::None;
                }
                _ => {}
            }
            channel
        };
        let mut answer = nonce.to_vec();
        answer.extend_from_slice(&given.to_be_bytes());
        // Device version 0.0.0: the specification gives it no meaning.
        answer.extend_from_slice(&[PROTOCOL_VERSION, 0, 0, 0, self.capabilities.bits()]);
        effects.extend(send(channel, Command::Init, &answer));
        effects
    }

    fn cancel(&mut self, channel: u32) -> Vec<Effect> {
        match &self.transaction {
            Transaction::Processing {
                channel: of,
                command: Command::Cbor,
                waiting,
                ..
            } if *of == channel => {
                if waiting.is_none() {
                    return vec![Effect::Cancel { channel }];
                }
                // Its turn will not come.
                self.transaction = Transaction::None;
                send(channel, Command::Cbor, &[Status::KeepaliveCancel.code()])
            }
            _ => Vec::new(),
        }
    }

    /// Whether a client may send this command to this device.
    fn serves(&self, command: Command) -> bool {
        match command {
            Command::Ping | Command::Lock => true,
            Command::Wink => self.capabilities.contains(Capabilities::WINK),
            Command::Cbor => self.capabilities.contains(Capabilities::CBOR),
            Command::Msg => !self.capabilities.contains(Capabilities::NMSG),
            // INIT and CANCEL were served before; the others are for the device to send.
            Command::Init | Command::Cancel | Command::Keepalive | Command::Error => false,
        }
    }
}

/// A message to the host. What no reports can carry becomes an error, which they can.
fn send(channel: u32, command: Command, message: &[u8]) -> Vec<Effect> {
    match frame(channel, command, message) {
        Ok(reports) => reports.into_iter().map(Effect::Send).collect(),
        Err(_) => error(channel, Status::Other),
    }
}

/// §11.2.9.1.6.
fn error(channel: u32, status: Status) -> Vec<Effect> {
    let report = super::packet(
        channel,
        &[Command::Error.number() | INITIALIZATION, 0, 1],
        &[status.code()],
    );
    vec![Effect::Send(report)]
}

const _: () = assert!(FIRST == 57 && MAX_MESSAGE == 7609);
