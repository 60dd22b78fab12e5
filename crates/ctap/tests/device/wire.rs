//! A whole key at the end of a cable: bad input gets the error that the specification names, on whatever layer it is bad,
//! and the next good request works.

use claviger_ctap::authenticator::device::{Numbers, command};
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::ctaphid::{BROADCAST, Capabilities, Command, Effect, Hid, MAX_MESSAGE, Report, frame};
use claviger_ctap::status::Status;
use claviger_ctap::u2f::StatusWord;

use crate::bed::{Key, get, make, world};

/// The key and its transport.
struct Wire {
    key: Key,
    hid: Hid,
}

type Message = (u32, Command, Vec<u8>);

impl Wire {
    /// With the channels 1 and 2.
    fn new(numbers: Numbers) -> Self {
        let mut wire = Self {
            key: Key::with(world(), numbers),
            hid: Hid::new(Capabilities::CBOR | Capabilities::WINK),
        };
        for _ in 0..2 {
            assert_eq!(wire.send(BROADCAST, Command::Init, &[7; 8]).len(), 1);
        }
        wire
    }

    /// Gives one packet and everything that follows from it; what comes back, put together.
    fn report(&mut self, report: &Report) -> Vec<Message> {
        let now = self.key.world().now_ms;
        let mut effects = self.hid.report(now, report);
        let mut reports = Vec::new();
        while !effects.is_empty() {
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Send(report) => reports.push(report),
                    Effect::Process { channel, cbor, message } => {
                        let answer = if cbor {
                            self.key.device.process(channel, &message)
                        } else {
                            self.key.device.process_u2f(&message)
                        };
                        effects.extend(self.hid.answer(&answer));
                    }
                    Effect::Cancel { .. } | Effect::Wink => {}
                }
            }
        }
        put_together(&reports)
    }

    fn send(&mut self, channel: u32, command: Command, body: &[u8]) -> Vec<Message> {
        let reports = frame(channel, command, body).unwrap();
        reports.iter().flat_map(|report| self.report(report)).collect()
    }

    /// The status of a CTAP2 command.
    fn status(&mut self, channel: u32, command: &[u8]) -> Status {
        let answers = self.send(channel, Command::Cbor, command);
        let [(to, Command::Cbor, body)] = answers.as_slice() else {
            panic!("one answer to one command, not {answers:?}");
        };
        assert_eq!(*to, channel);
        Status::from_code(body[0]).unwrap()
    }

    /// Good requests on both channels work.
    fn works(&mut self) {
        for channel in [1, 2] {
            assert_eq!(self.status(channel, &[command::GET_INFO]), Status::Success);
            let making = [&[command::MAKE_CREDENTIAL], make(b"alice").to_cbor().as_slice()].concat();
            assert_eq!(self.status(channel, &making), Status::Success);
            let getting = [&[command::GET_ASSERTION], get(&[]).to_cbor().as_slice()].concat();
            assert_eq!(self.status(channel, &getting), Status::Success);
            let ping = self.send(channel, Command::Ping, b"ping");
            assert_eq!(ping, [(channel, Command::Ping, b"ping".to_vec())]);
        }
    }
}

/// Messages from packets, without the machine.
fn put_together(reports: &[Report]) -> Vec<Message> {
    let mut messages: Vec<(u32, Command, Vec<u8>, usize)> = Vec::new();
    for report in reports {
        let channel = u32::from_be_bytes(report[..4].try_into().unwrap());
        if report[4] & 0x80 == 0 {
            let (of, _, body, length) = messages.last_mut().unwrap();
            assert_eq!(*of, channel);
            body.extend_from_slice(&report[5..]);
            body.truncate(*length);
        } else {
            let length = usize::from(u16::from_be_bytes([report[5], report[6]]));
            let mut body = report[7..].to_vec();
            body.truncate(length);
            messages.push((channel, Command::from_number(report[4] & 0x7f).unwrap(), body, length));
        }
    }
    let whole = |(channel, command, body, length): (u32, Command, Vec<u8>, usize)| {
        assert_eq!(body.len(), length, "a message without its end");
        (channel, command, body)
    };
    messages.into_iter().map(whole).collect()
}

fn error(channel: u32, status: Status) -> Vec<Message> {
    vec![(channel, Command::Error, vec![status.code()])]
}

#[test]
fn ten_thousand_inits_change_nothing_for_those_who_work() {
    let mut wire = Wire::new(Numbers::default());
    let half = frame(1, Command::Cbor, &[command::GET_INFO; 100]).unwrap();
    assert!(wire.report(&half[0]).is_empty());
    for n in 0..10_000_u32 {
        let answers = wire.send(BROADCAST, Command::Init, &n.to_be_bytes().repeat(2));
        assert_eq!(answers[0].2[..4], n.to_be_bytes());
        assert_eq!(answers[0].2[8..12], (n + 3).to_be_bytes());
    }
    // The message that was half-way when they began is still received.
    let answers = wire.report(&half[1]);
    assert_eq!(answers[0].2, [Status::InvalidLength.code()]);
    wire.works();
}

#[test]
fn a_flood_on_one_channel_is_answered_message_by_message() {
    let mut wire = Wire::new(Numbers::default());
    for n in 0..2_000_u32 {
        let code = u8::try_from(n % 16).unwrap();
        let mut message = vec![code];
        message.extend(n.to_le_bytes().repeat(usize::try_from(n % 60).unwrap()));
        // A reset without parameters would be a good request.
        if message.len() == 1 && code == command::RESET {
            continue;
        }
        assert_ne!(wire.status(1, &message), Status::Other);
    }
    wire.works();
}

#[test]
fn beginnings_without_an_end_keep_nobody_out_for_long() {
    let mut wire = Wire::new(Numbers::default());
    let half = frame(1, Command::Cbor, &[0; 1000]).unwrap()[0];
    let other = frame(2, Command::Cbor, &[0; 1000]).unwrap()[0];
    for _ in 0..500 {
        assert!(wire.report(&half).is_empty());
        assert_eq!(wire.report(&other), error(2, Status::ChannelBusy));
        // The second beginning ends the first.
        assert_eq!(wire.report(&half), error(1, Status::InvalidSeq));
    }
    assert!(wire.report(&half).is_empty());
    wire.key.wait(500);
    let now = wire.key.world().now_ms;
    let late = wire.hid.tick(now);
    assert!(matches!(late.as_slice(), [Effect::Send(report)] if report[7] == Status::Timeout.code()));
    wire.works();
}

#[test]
fn a_message_that_lost_a_packet_is_an_error_and_costs_nothing() {
    let making = [&[command::MAKE_CREDENTIAL], make(b"bobby").to_cbor().as_slice()].concat();
    let packets = frame(1, Command::Cbor, &making).unwrap();
    assert!(packets.len() >= 3);
    let mut wire = Wire::new(Numbers::default());
    for lost in 1..packets.len() {
        let mut answers = Vec::new();
        for (number, packet) in packets.iter().enumerate().filter(|(number, _)| *number != lost) {
            let answer = wire.report(packet);
            assert!(answer.is_empty() || number > lost);
            answers.extend(answer);
        }
        if lost + 1 == packets.len() {
            // The end is missing: nothing is wrong until the next message begins.
            assert!(answers.is_empty());
            assert_eq!(wire.send(1, Command::Ping, b""), error(1, Status::InvalidSeq));
        } else {
            assert_eq!(answers, error(1, Status::InvalidSeq));
        }
        assert_eq!(wire.key.world().store.records().count(), 0);
    }
    wire.works();
}

#[test]
fn oversize_is_refused_by_the_layer_that_it_is_too_long_for() {
    let numbers = Numbers {
        max_message_bytes: 1200,
        max_name_bytes: 64,
        ..Numbers::default()
    };
    let mut wire = Wire::new(numbers);
    // For CTAPHID.
    let mut report = frame(1, Command::Cbor, &[0; MAX_MESSAGE]).unwrap()[0];
    for length in [MAX_MESSAGE + 1, 65_535] {
        report[5..7].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        assert_eq!(wire.report(&report), error(1, Status::InvalidLength));
    }
    // For this device, and for no device.
    for length in [1201, MAX_MESSAGE] {
        let mut message = vec![0; length];
        message[0] = command::MAKE_CREDENTIAL;
        assert_eq!(wire.status(1, &message), Status::RequestTooLarge);
    }
    wire.works();
}

#[test]
fn bad_commands_have_their_status_and_the_next_good_one_works() {
    let value = |value: Value| [&[command::MAKE_CREDENTIAL], value.encode().as_slice()].concat();
    let edited = |key: i64, member: Value| {
        let limits = claviger_ctap::cbor::Limits::CTAP;
        let map = claviger_ctap::cbor::decode(&make(b"alice").to_cbor(), &limits).unwrap();
        value(map.into_map().unwrap().with(key, member).into())
    };
    let deep = (0..6).fold(Value::from(1), |inner, _| vec![inner].into());
    let rows: Vec<(Status, Vec<u8>)> = vec![
        (Status::InvalidCommand, vec![0x00]),
        (Status::InvalidCommand, vec![0x0e]),
        (Status::InvalidCommand, vec![0x40, 0xa0]),
        (Status::InvalidCommand, vec![0xff]),
        (Status::InvalidLength, vec![command::GET_INFO, 0xa0]),
        // Truncated, trailing, indefinite, not shortest, unsorted, twice the same key, a tag, a reserved byte.
        (Status::InvalidCbor, vec![command::MAKE_CREDENTIAL]),
        (Status::InvalidCbor, vec![command::MAKE_CREDENTIAL, 0xa1, 0x01]),
        (Status::InvalidCbor, vec![command::MAKE_CREDENTIAL, 0xa0, 0x00]),
        (Status::InvalidCbor, vec![command::MAKE_CREDENTIAL, 0xbf, 0xff]),
        (Status::InvalidCbor, vec![command::MAKE_CREDENTIAL, 0xb8, 0x00]),
        (
            Status::InvalidCbor,
            vec![command::MAKE_CREDENTIAL, 0xa2, 0x02, 0x00, 0x01, 0x00],
        ),
        (
            Status::InvalidCbor,
            vec![command::MAKE_CREDENTIAL, 0xa2, 0x01, 0x00, 0x01, 0x00],
        ),
        (Status::InvalidCbor, vec![command::MAKE_CREDENTIAL, 0xc0, 0x60]),
        (Status::InvalidCbor, vec![command::MAKE_CREDENTIAL, 0xfc]),
        // A floating-point number is CBOR, and not the map.
        (
            Status::CborUnexpectedType,
            vec![command::MAKE_CREDENTIAL, 0xfa, 0, 0, 0, 0],
        ),
        // A length that no input could have.
        (
            Status::InvalidCbor,
            vec![
                command::MAKE_CREDENTIAL,
                0xbb,
                0xff,
                0xff,
                0xff,
                0xff,
                0xff,
                0xff,
                0xff,
                0xff,
            ],
        ),
        (
            Status::InvalidCbor,
            vec![command::MAKE_CREDENTIAL, 0x5a, 0xff, 0xff, 0xff, 0xff],
        ),
        (Status::InvalidCbor, edited(6, Map::new().with("x", deep).into())),
        (Status::CborUnexpectedType, value(vec![Value::from(1)].into())),
        (Status::CborUnexpectedType, edited(1, "text".into())),
        (Status::CborUnexpectedType, edited(4, vec![Value::from(1)].into())),
        (Status::CborUnexpectedType, edited(5, vec![Value::from("id")].into())),
        (
            Status::CborUnexpectedType,
            edited(7, Map::new().with("rk", "yes").into()),
        ),
        (Status::MissingParameter, value(Map::new().into())),
        (Status::InvalidParameter, edited(1, Value::Bytes(vec![0; 33]))),
    ];
    let mut wire = Wire::new(Numbers::default());
    for (status, message) in rows {
        assert_eq!(wire.status(1, &message), status, "{message:02x?}");
        wire.works();
    }
}

#[test]
fn bad_u2f_commands_have_their_word_and_the_next_good_request_works() {
    let mut wire = Wire::new(Numbers::default());
    for (word, apdu) in [
        (StatusWord::WrongLength, vec![0]),
        (StatusWord::ClassNotSupported, vec![0x80, 1, 0, 0]),
        (StatusWord::InstructionNotSupported, vec![0, 0x44, 0, 0]),
        (StatusWord::WrongLength, vec![0, 1, 0, 0, 64]),
        (StatusWord::WrongLength, vec![0, 1, 0, 0, 0, 0xff, 0xff, 1]),
    ] {
        let answers = wire.send(1, Command::Msg, &apdu);
        assert_eq!(answers, [(1, Command::Msg, word.to_bytes().to_vec())], "{apdu:02x?}");
        wire.works();
    }
    assert_eq!(wire.send(1, Command::Msg, &[]), error(1, Status::InvalidLength));
    wire.works();
}
