//! CTAPHID: any packets at any moments; there is one command at a time, every answer is for somebody, and afterwards the
//! device answers.
#![no_main]

use claviger_ctap::ctaphid::{BROADCAST, Capabilities, Command, Effect, Hid, REPORT, Report, frame};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

const CHANNELS: [u32; 6] = [1, 2, 3, 0, BROADCAST, 0x0100_0000];

/// A packet: raw, or one that hits something.
fn packet(input: &mut Unstructured<'_>) -> Result<Report> {
    let mut report: Report = [0; REPORT];
    if input.ratio(1, 8)? {
        input.fill_buffer(&mut report)?;
        return Ok(report);
    }
    report[..4].copy_from_slice(&input.choose(&CHANNELS)?.to_be_bytes());
    report[4] = if input.ratio(1, 3)? {
        input.int_in_range(0..=3)?
    } else {
        0x80 | input.choose(&Command::ALL)?.number()
    };
    if report[4] & 0x80 != 0 {
        let length: u16 = match input.int_in_range(0..=3)? {
            0 => 8,
            1 => input.int_in_range(0..=3)?,
            2 => input.int_in_range(50..=200)?,
            _ => input.arbitrary()?,
        };
        report[5..7].copy_from_slice(&length.to_be_bytes());
    }
    report[7] = input.int_in_range(0..=12)?;
    Ok(report)
}

/// What is sent must be whole messages, each packet on the channel of the first.
fn check(effects: &[Effect]) {
    for effect in effects {
        if let Effect::Process { channel, message, .. } = effect {
            assert!((1..BROADCAST).contains(channel) && !message.is_empty() && message.len() <= 7609);
        }
    }
}

/// How many commands are to be carried out.
fn starts(effects: &[Effect]) -> usize {
    effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Process { .. }))
        .count()
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let capabilities = *input.choose(&[
        Capabilities::CBOR | Capabilities::WINK,
        Capabilities::CBOR | Capabilities::NMSG,
        Capabilities::default(),
    ])?;
    let mut hid = Hid::new(capabilities);
    let mut now = 0;
    let mut busy = false;
    while !input.is_empty() {
        match input.int_in_range(0..=9)? {
            0 => now += input.int_in_range(0..=1500)?,
            1 => check(&hid.tick(now)),
            2 => hid.waits_for_user(input.arbitrary()?),
            3 => {
                let length = input.int_in_range(0..=8000)?;
                let effects = hid.answer(&vec![7; length]);
                assert!(busy || effects.is_empty());
                check(&effects);
                // A message that came while an abandoned one was still carried out has its turn now.
                busy = starts(&effects) == 1;
            }
            _ => {
                let report = packet(input)?;
                let effects = hid.report(now, &report);
                check(&effects);
                let started = starts(&effects);
                assert!(started <= 1 && !(busy && started == 1), "one command at a time");
                busy |= started == 1;
            }
        }
        if let Some(wake) = hid.wake_ms() {
            assert!(wake <= now + 500);
        }
    }
    // Whatever happened: later, a new channel is given out and its commands are served. One command is carried out, another may wait.
    hid.answer(&[0]);
    hid.answer(&[0]);
    now += 11_000;
    hid.tick(now);
    let init = frame(BROADCAST, Command::Init, &[9; 8]).unwrap();
    let effects = hid.report(now, &init[0]);
    let [Effect::Send(answer)] = effects.as_slice() else {
        panic!("INIT is answered with one packet");
    };
    let channel = u32::from_be_bytes([answer[15], answer[16], answer[17], answer[18]]);
    let ping = frame(channel, Command::Ping, b"ping").unwrap();
    assert_eq!(hid.report(now, &ping[0]), [Effect::Send(ping[0])]);
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let _ = run(&mut Unstructured::new(bytes));
});
