//! The table: packets in, packets out.

use claviger_ctap::ctaphid::{BROADCAST, Command, Effect, Report, frame};
use claviger_ctap::status::Status;

use crate::{NONCE, error, processed, with_channels};

/// What happens in a step.
enum In {
    Packet(Report),
    /// Only time passes.
    Nothing,
}

/// One step of a case: a moment, what happens, and what is expected to come out.
type Step = (u64, In, Vec<Effect>);

fn begin(channel: u32, command: u8, length: u16, payload: &[u8]) -> In {
    let mut report = [0; 64];
    report[..4].copy_from_slice(&channel.to_be_bytes());
    report[4] = command | 0x80;
    report[5..7].copy_from_slice(&length.to_be_bytes());
    report[7..7 + payload.len()].copy_from_slice(payload);
    In::Packet(report)
}

fn go_on(channel: u32, sequence: u8) -> In {
    let mut report = [0; 64];
    report[..4].copy_from_slice(&channel.to_be_bytes());
    report[4] = sequence;
    In::Packet(report)
}

pub fn sent(channel: u32, command: Command, body: &[u8]) -> Vec<Effect> {
    frame(channel, command, body)
        .unwrap()
        .into_iter()
        .map(Effect::Send)
        .collect()
}

fn inited(on: u32, given: u32) -> Vec<Effect> {
    let body = [NONCE.as_slice(), &given.to_be_bytes(), &[2, 0, 0, 0, 0x05]].concat();
    sent(on, Command::Init, &body)
}

pub const PING: u8 = 0x01;
pub const MSG: u8 = 0x03;
pub const LOCK: u8 = 0x04;
pub const INIT: u8 = 0x06;
pub const WINK: u8 = 0x08;
pub const CBOR: u8 = 0x10;
pub const CANCEL: u8 = 0x11;

pub fn none() -> Vec<Effect> {
    Vec::new()
}

/// The table: each case starts with a device that has given out the channels 1 and 2.
#[allow(clippy::too_many_lines)]
fn cases() -> Vec<(&'static str, Vec<Step>)> {
    let zeros = [0_u8; 100];
    vec![
        (
            "a ping comes back",
            vec![(0, begin(1, PING, 3, b"abc"), sent(1, Command::Ping, b"abc"))],
        ),
        (
            "an empty ping too",
            vec![(0, begin(1, PING, 0, b""), sent(1, Command::Ping, b""))],
        ),
        (
            "a ping of two packets",
            vec![
                (0, begin(1, PING, 100, b""), none()),
                (1, go_on(1, 0), sent(1, Command::Ping, &zeros)),
            ],
        ),
        (
            "a command is processed, and a wink is shown",
            vec![
                (
                    0,
                    begin(1, WINK, 0, b""),
                    [sent(1, Command::Wink, b""), vec![Effect::Wink]].concat(),
                ),
                (0, begin(1, CBOR, 1, &[4]), processed(1, &[4])),
            ],
        ),
        (
            "channel 0 does not exist",
            vec![(0, begin(0, PING, 0, b""), error(0, Status::InvalidChannel))],
        ),
        (
            "nor does one not given out",
            vec![(0, begin(3, PING, 0, b""), error(3, Status::InvalidChannel))],
        ),
        (
            "INIT needs a channel or the broadcast channel",
            vec![(0, begin(9, INIT, 8, &NONCE), error(9, Status::InvalidChannel))],
        ),
        (
            "nothing but INIT is broadcast",
            vec![(
                0,
                begin(BROADCAST, PING, 0, b""),
                error(BROADCAST, Status::InvalidChannel),
            )],
        ),
        (
            "INIT has eight bytes",
            vec![(
                0,
                begin(BROADCAST, INIT, 7, &NONCE),
                error(BROADCAST, Status::InvalidLength),
            )],
        ),
        (
            "an unknown command",
            vec![(0, begin(1, 0x20, 0, b""), error(1, Status::InvalidCommand))],
        ),
        (
            "a command for hosts only",
            vec![(0, begin(1, 0x3b, 1, &[1]), error(1, Status::InvalidCommand))],
        ),
        (
            "a message too long",
            vec![(0, begin(1, PING, 7610, b""), error(1, Status::InvalidLength))],
        ),
        (
            "an empty command",
            vec![(0, begin(1, CBOR, 0, b""), error(1, Status::InvalidLength))],
        ),
        (
            "an empty U2F command",
            vec![(0, begin(1, MSG, 0, b""), error(1, Status::InvalidLength))],
        ),
        (
            "a wink says nothing",
            vec![(0, begin(1, WINK, 1, &[0]), error(1, Status::InvalidLength))],
        ),
        (
            "a continuation without a beginning is ignored",
            vec![
                (0, go_on(1, 0), none()),
                (0, begin(1, PING, 0, b""), sent(1, Command::Ping, b"")),
            ],
        ),
        (
            "a lost packet ends the message",
            vec![
                (0, begin(1, PING, 150, b""), none()),
                (0, go_on(1, 1), error(1, Status::InvalidSeq)),
                (0, go_on(1, 0), none()),
                (0, begin(1, PING, 0, b""), sent(1, Command::Ping, b"")),
            ],
        ),
        (
            "a repeated packet ends the message",
            vec![
                (0, begin(1, PING, 200, b""), none()),
                (0, go_on(1, 0), none()),
                (0, go_on(1, 0), error(1, Status::InvalidSeq)),
            ],
        ),
        (
            "a second beginning ends the message",
            vec![
                (0, begin(1, PING, 150, b""), none()),
                (0, begin(1, PING, 0, b""), error(1, Status::InvalidSeq)),
                (0, begin(1, PING, 0, b""), sent(1, Command::Ping, b"")),
            ],
        ),
        (
            "another channel waits, and its continuations disturb nobody",
            vec![
                (0, begin(1, PING, 100, b""), none()),
                (0, begin(2, PING, 0, b""), error(2, Status::ChannelBusy)),
                (0, go_on(2, 0), none()),
                (0, go_on(2, 7), none()),
                (0, go_on(1, 0), sent(1, Command::Ping, &zeros)),
                (0, begin(2, PING, 0, b""), sent(2, Command::Ping, b"")),
            ],
        ),
        (
            "a new channel can be had at any moment",
            vec![
                (0, begin(1, PING, 100, b""), none()),
                (0, begin(BROADCAST, INIT, 8, &NONCE), inited(BROADCAST, 3)),
                (0, go_on(1, 0), sent(1, Command::Ping, &zeros)),
            ],
        ),
        (
            "half a message times out",
            vec![
                (0, begin(1, PING, 150, b""), none()),
                (499, In::Nothing, none()),
                (499, go_on(1, 0), none()),
                (998, In::Nothing, none()),
                (999, In::Nothing, error(1, Status::Timeout)),
                (999, begin(2, PING, 0, b""), sent(2, Command::Ping, b"")),
            ],
        ),
        (
            "a packet that comes too late finds no message",
            vec![
                (0, begin(1, PING, 100, b""), none()),
                (600, go_on(1, 0), error(1, Status::Timeout)),
            ],
        ),
        (
            "INIT on a channel makes it synchronous again",
            vec![
                (0, begin(1, PING, 150, b""), none()),
                (0, begin(1, INIT, 8, &NONCE), inited(1, 1)),
                (0, go_on(1, 0), none()),
                (0, begin(1, PING, 0, b""), sent(1, Command::Ping, b"")),
            ],
        ),
        (
            "INIT on another channel leaves the message alone",
            vec![
                (0, begin(1, PING, 100, b""), none()),
                (0, begin(2, INIT, 8, &NONCE), inited(2, 2)),
                (0, go_on(1, 0), sent(1, Command::Ping, &zeros)),
            ],
        ),
        (
            "while a command is processed everybody waits, and INIT gives it up",
            vec![
                (0, begin(1, CBOR, 1, &[4]), processed(1, &[4])),
                (0, begin(1, PING, 0, b""), error(1, Status::ChannelBusy)),
                (0, begin(2, CBOR, 1, &[4]), error(2, Status::ChannelBusy)),
                (
                    0,
                    begin(1, INIT, 8, &NONCE),
                    [vec![Effect::Cancel { channel: 1 }], inited(1, 1)].concat(),
                ),
                (0, begin(1, INIT, 8, &NONCE), inited(1, 1)),
                (1000, In::Nothing, none()),
            ],
        ),
        (
            "after INIT the channel can be used at once, though the device is still at what was given up",
            vec![
                (0, begin(1, CBOR, 1, &[1]), processed(1, &[1])),
                (
                    0,
                    begin(1, INIT, 8, &NONCE),
                    [vec![Effect::Cancel { channel: 1 }], inited(1, 1)].concat(),
                ),
                (0, begin(1, PING, 0, b""), sent(1, Command::Ping, b"")),
                (0, begin(1, CBOR, 1, &[4]), none()),
                (0, begin(2, PING, 0, b""), error(2, Status::ChannelBusy)),
                (90, In::Nothing, sent(1, Command::Keepalive, &[1])),
                (90, begin(1, CANCEL, 0, b""), sent(1, Command::Cbor, &[0x2d])),
                (90, begin(2, CBOR, 1, &[4]), none()),
                (90, begin(2, INIT, 8, &NONCE), inited(2, 2)),
                (1000, In::Nothing, none()),
            ],
        ),
        (
            "CANCEL reaches the command of its own channel, and is never answered",
            vec![
                (0, begin(1, CANCEL, 0, b""), none()),
                (0, begin(9, CANCEL, 0, b""), none()),
                (0, begin(1, CBOR, 1, &[1]), processed(1, &[1])),
                (0, begin(9, CANCEL, 0, b""), none()),
                (0, begin(2, CANCEL, 0, b""), none()),
                (0, begin(1, CANCEL, 0, b""), vec![Effect::Cancel { channel: 1 }]),
            ],
        ),
        (
            "keep-alives go on as long as the command",
            vec![
                (0, begin(1, CBOR, 1, &[1]), processed(1, &[1])),
                (89, In::Nothing, none()),
                (90, In::Nothing, sent(1, Command::Keepalive, &[1])),
                (179, In::Nothing, none()),
                (200, In::Nothing, sent(1, Command::Keepalive, &[1])),
            ],
        ),
        (
            "a lock keeps others out until it is given back or runs out",
            vec![
                (0, begin(1, LOCK, 1, &[10]), sent(1, Command::Lock, b"")),
                (0, begin(2, PING, 0, b""), error(2, Status::ChannelBusy)),
                (0, begin(2, LOCK, 1, &[0]), error(2, Status::ChannelBusy)),
                (0, begin(1, PING, 0, b""), sent(1, Command::Ping, b"")),
                (0, begin(BROADCAST, INIT, 8, &NONCE), inited(BROADCAST, 3)),
                (0, begin(1, LOCK, 1, &[0]), sent(1, Command::Lock, b"")),
                (0, begin(2, LOCK, 1, &[1]), sent(2, Command::Lock, b"")),
                (999, begin(1, PING, 0, b""), error(1, Status::ChannelBusy)),
                (1000, begin(1, PING, 0, b""), sent(1, Command::Ping, b"")),
            ],
        ),
        (
            "a lock of eleven seconds",
            vec![(0, begin(1, LOCK, 1, &[11]), error(1, Status::InvalidParameter))],
        ),
        (
            "a lock without a time",
            vec![(0, begin(1, LOCK, 0, b""), error(1, Status::InvalidLength))],
        ),
    ]
}

#[test]
fn every_case_of_the_table_gives_the_packets_that_it_says() {
    for (name, steps) in cases() {
        let mut hid = with_channels();
        for (index, (now_ms, happens, expected)) in steps.into_iter().enumerate() {
            let effects = match happens {
                In::Packet(report) => hid.report(now_ms, &report),
                In::Nothing => hid.tick(now_ms),
            };
            assert_eq!(effects, expected, "{name}, step {index}");
        }
    }
}
