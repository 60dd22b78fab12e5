//! CTAPHID: what goes out for what comes in, packet by packet; and what holds for any packets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use claviger_ctap::ctaphid::{BROADCAST, Capabilities, Command, Effect, Hid, MAX_MESSAGE, Report, frame};
use claviger_ctap::status::Status;
use proptest::prelude::*;

mod cases;

use cases::{CANCEL, CBOR, INIT, LOCK, MSG, PING, WINK, none, sent};

const NONCE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn device() -> Hid {
    Hid::new(Capabilities::CBOR | Capabilities::WINK)
}

/// A device with the channels 1 and 2.
fn with_channels() -> Hid {
    let mut hid = device();
    for expected in [1_u32, 2] {
        let effects = send(&mut hid, 0, BROADCAST, Command::Init, &NONCE);
        let (channel, command, body) = message(&effects);
        assert_eq!((channel, command), (BROADCAST, Command::Init));
        assert_eq!(
            body,
            [NONCE.as_slice(), &expected.to_be_bytes(), &[2, 0, 0, 0, 0x05]].concat()
        );
    }
    hid
}

fn send(hid: &mut Hid, now_ms: u64, channel: u32, command: Command, body: &[u8]) -> Vec<Effect> {
    let reports = frame(channel, command, body).unwrap();
    reports.iter().flat_map(|report| hid.report(now_ms, report)).collect()
}

/// The one message that the effects send, put together without the machine.
fn message(effects: &[Effect]) -> (u32, Command, Vec<u8>) {
    let reports: Vec<&Report> = effects
        .iter()
        .map(|effect| match effect {
            Effect::Send(report) => report,
            other => panic!("{other:?} is not sent"),
        })
        .collect();
    let first = reports[0];
    let channel = u32::from_be_bytes(first[..4].try_into().unwrap());
    let length = usize::from(u16::from_be_bytes(first[5..7].try_into().unwrap()));
    let mut body = first[7..].to_vec();
    for (sequence, report) in reports[1..].iter().enumerate() {
        assert_eq!(report[..4], first[..4]);
        assert_eq!(usize::from(report[4]), sequence);
        body.extend_from_slice(&report[5..]);
    }
    assert!(body.len() - length < 59 || length < 57, "no report too many");
    body.truncate(length);
    (channel, Command::from_number(first[4] & 0x7f).unwrap(), body)
}

fn error(channel: u32, status: Status) -> Vec<Effect> {
    let reports = frame(channel, Command::Error, &[status.code()]).unwrap();
    reports.into_iter().map(Effect::Send).collect()
}

fn processed(channel: u32, body: &[u8]) -> Vec<Effect> {
    vec![Effect::Process {
        channel,
        cbor: true,
        message: body.to_vec(),
    }]
}

#[test]
fn an_answer_goes_to_the_channel_that_asked_with_the_command_that_it_used() {
    for (command, cbor) in [(Command::Cbor, true), (Command::Msg, false)] {
        let mut hid = with_channels();
        let effects = send(&mut hid, 0, 2, command, b"question");
        let expected = Effect::Process {
            channel: 2,
            cbor,
            message: b"question".to_vec(),
        };
        assert_eq!(effects, [expected]);
        let answer = vec![7; 1000];
        assert_eq!(message(&hid.answer(&answer)), (2, command, answer));
        // Nothing was asked any more.
        assert!(hid.answer(b"again").is_empty());
        assert_eq!(send(&mut hid, 0, 1, Command::Ping, b"x"), sent(1, Command::Ping, b"x"));
    }
}

#[test]
fn the_answer_to_a_question_that_was_given_up_goes_nowhere() {
    let mut hid = with_channels();
    send(&mut hid, 0, 1, Command::Cbor, &[1]);
    send(&mut hid, 0, 1, Command::Init, &NONCE);
    assert!(hid.answer(&[0x2d]).is_empty());
    assert_eq!(send(&mut hid, 0, 1, Command::Cbor, &[4]), processed(1, &[4]));
}

#[test]
fn a_message_that_came_before_an_abandoned_one_was_over_is_processed_then() {
    let mut hid = with_channels();
    send(&mut hid, 0, 1, Command::Cbor, &[1]);
    send(&mut hid, 0, 1, Command::Init, &NONCE);
    assert_eq!(send(&mut hid, 0, 1, Command::Cbor, &[4]), none());
    // What the abandoned one says of the user concerns nobody.
    hid.waits_for_user(true);
    assert_eq!(hid.tick(90), sent(1, Command::Keepalive, &[1]));
    assert_eq!(hid.answer(&[0x2d]), processed(1, &[4]));
    assert_eq!(hid.answer(&[0]), sent(1, Command::Cbor, &[0]));
    assert_eq!(hid.answer(&[0]), none());
}

#[test]
fn an_answer_that_no_reports_can_carry_becomes_an_error() {
    let mut hid = with_channels();
    send(&mut hid, 0, 1, Command::Cbor, &[1]);
    assert_eq!(hid.answer(&[0; MAX_MESSAGE + 1]), error(1, Status::Other));
}

#[test]
fn keep_alives_say_when_the_user_is_needed_and_u2f_has_none() {
    let mut hid = with_channels();
    send(&mut hid, 0, 1, Command::Cbor, &[1]);
    assert_eq!(hid.wake_ms(), Some(90));
    hid.waits_for_user(true);
    assert_eq!(hid.tick(90), sent(1, Command::Keepalive, &[2]));
    hid.answer(&[0]);
    assert_eq!(hid.wake_ms(), None);
    send(&mut hid, 0, 1, Command::Msg, &[0]);
    assert_eq!((hid.wake_ms(), hid.tick(10_000)), (None, none()));
    // And CANCEL is not for U2F.
    assert_eq!(send(&mut hid, 0, 1, Command::Cancel, &[]), none());
}

#[test]
fn a_device_does_only_what_it_says_it_can() {
    for (capabilities, refused) in [
        (
            Capabilities::CBOR | Capabilities::NMSG,
            vec![Command::Msg, Command::Wink],
        ),
        (Capabilities::default(), vec![Command::Cbor, Command::Wink]),
    ] {
        let mut hid = Hid::new(capabilities);
        let (_, _, body) = message(&send(&mut hid, 0, BROADCAST, Command::Init, &NONCE));
        assert_eq!(body[16], capabilities.bits());
        for command in refused {
            assert_eq!(send(&mut hid, 0, 1, command, &[]), error(1, Status::InvalidCommand));
        }
    }
}

#[test]
fn the_longest_message_goes_both_ways_and_a_longer_one_is_not_framed() {
    let body: Vec<u8> = (0..MAX_MESSAGE).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let mut hid = with_channels();
    assert_eq!(frame(1, Command::Ping, &body).unwrap().len(), 129);
    let effects = send(&mut hid, 0, 1, Command::Ping, &body);
    assert_eq!(message(&effects), (1, Command::Ping, body.clone()));
    for length in [MAX_MESSAGE + 1, 65_536] {
        assert_eq!(frame(1, Command::Ping, &vec![0; length]).unwrap_err().length, length);
    }
}

#[test]
fn ten_thousand_inits_give_ten_thousand_channels_and_the_next_good_request_works() {
    let mut hid = device();
    for expected in 1..=10_000_u32 {
        let (_, _, body) = message(&send(&mut hid, 0, BROADCAST, Command::Init, &NONCE));
        assert_eq!(body[8..12], expected.to_be_bytes());
    }
    for channel in [1, 5_000, 10_000] {
        assert_eq!(
            send(&mut hid, 0, channel, Command::Cbor, &[4]),
            processed(channel, &[4])
        );
        hid.answer(&[0]);
    }
}

fn starts_another(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Process { .. }))
}

/// Packets that hit something: few channels, few commands, few sequence numbers; and some that do not.
fn packet() -> impl Strategy<Value = Report> {
    let channel = prop_oneof![Just(1_u32), Just(2), Just(3), Just(0), Just(BROADCAST)];
    let kind = prop_oneof![
        prop::sample::select(vec![PING, MSG, LOCK, INIT, WINK, CBOR, CANCEL]).prop_map(|c| c | 0x80),
        0_u8..4,
        any::<u8>(),
    ];
    let length = prop_oneof![0_u16..10, 50_u16..200, Just(7609), any::<u16>()];
    (channel, kind, length, any::<u8>()).prop_map(|(channel, kind, length, fill)| {
        let mut report = [fill; 64];
        report[..4].copy_from_slice(&channel.to_be_bytes());
        report[4] = kind;
        if kind & 0x80 != 0 {
            report[5..7].copy_from_slice(&length.to_be_bytes());
        }
        report
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_packets_leave_a_device_that_answers(
        packets in prop::collection::vec((0_u64..200, packet(), any::<bool>()), 0..60),
    ) {
        let mut hid = with_channels();
        let (mut now, mut busy) = (0, false);
        for (wait, report, answer) in packets {
            now += wait;
            for effect in hid.report(now, &report) {
                if let Effect::Process { channel, message, .. } = effect {
                    prop_assert!(!busy, "one at a time");
                    prop_assert!((1..BROADCAST).contains(&channel) && !message.is_empty());
                    busy = true;
                }
            }
            if busy && answer {
                busy = starts_another(&hid.answer(&[0]));
            }
        }
        while busy {
            busy = starts_another(&hid.answer(&[0]));
        }
        // Later, when half messages and locks have run out.
        now += 11_000;
        hid.tick(now);
        prop_assert_eq!(send(&mut hid, now, 2, Command::Cbor, &[4]), processed(2, &[4]));
    }

    #[test]
    fn any_bytes_are_some_packet(bytes in prop::array::uniform32(any::<u8>())) {
        let mut report = [0; 64];
        report[..32].copy_from_slice(&bytes);
        let effects = device().report(0, &report);
        prop_assert!(effects.iter().all(|effect| matches!(effect, Effect::Send(_))));
    }

    #[test]
    fn any_message_arrives_as_it_was_sent(body in prop::collection::vec(any::<u8>(), 1..2000)) {
        let mut hid = with_channels();
        prop_assert_eq!(send(&mut hid, 0, 1, Command::Cbor, &body), processed(1, &body));
        prop_assert_eq!(message(&hid.answer(&body)), (1, Command::Cbor, body));
    }
}
