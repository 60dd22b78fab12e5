//! Packets against a whole key, CTAPHID and the device behind it: what a program with access to the device node can send.
#![no_main]

#[path = "../../crates/ctap/tests/device/bed.rs"]
#[allow(dead_code)]
mod bed;

use bed::Key;
use claviger_ctap::authenticator::device::{Numbers, command};
use claviger_ctap::crypto::{Crypto, native};
use claviger_ctap::ctaphid::{BROADCAST, Capabilities, Command, Effect, Hid, REPORT, Report, frame};
use claviger_ctap::status::Status;
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fn crypto() -> &'static dyn Crypto {
    native()
}

struct Bench {
    key: Key,
    hid: Hid,
    sent: Vec<Report>,
}

impl Bench {
    fn report(&mut self, report: &Report) {
        let now = self.key.world().now_ms;
        let mut effects = self.hid.report(now, report);
        while !effects.is_empty() {
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Send(report) => self.sent.push(report),
                    Effect::Process { channel, cbor, message } => {
                        let answer = if cbor {
                            self.key.device.process(channel, &message)
                        } else {
                            self.key.device.process_u2f(&message)
                        };
                        assert!((1..=7609).contains(&answer.len()));
                        if cbor {
                            assert!(Status::from_code(answer[0]).is_some_and(|s| s != Status::Other));
                        }
                        effects.extend(self.hid.answer(&answer));
                    }
                    Effect::Cancel { .. } | Effect::Wink => {}
                }
            }
        }
    }
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let numbers = Numbers {
        max_credentials: 3,
        ..Numbers::default()
    };
    let mut bench = Bench {
        key: Key::with(bed::world(), numbers),
        hid: Hid::new(Capabilities::CBOR | Capabilities::WINK),
        sent: Vec::new(),
    };
    bench.report(&frame(BROADCAST, Command::Init, &[1; 8]).unwrap()[0]);
    while !input.is_empty() {
        if input.ratio(1, 4)? {
            // A raw packet.
            let mut report: Report = [0; REPORT];
            let count = input.int_in_range(0..=REPORT)?;
            report[..count].copy_from_slice(input.bytes(count)?);
            bench.report(&report);
        } else {
            // A well-framed message whose content the fuzzer writes; a truncated one now and then.
            let kind = *input.choose(&[Command::Cbor, Command::Cbor, Command::Cbor, Command::Msg, Command::Ping])?;
            let length = input.int_in_range(1..=300)?;
            let message = input.bytes(length)?;
            let lost = if input.ratio(1, 10)? { 1 } else { 0 };
            let packets = frame(1, kind, message).unwrap();
            for report in packets.iter().take(packets.len() - lost) {
                bench.report(report);
            }
        }
        bench.key.wait(input.int_in_range(0..=700)?);
        bench.sent.clear();
    }
    // The next good request works.
    bench.key.wait(11_000);
    let now = bench.key.world().now_ms;
    bench.hid.tick(now);
    bench.sent.clear();
    bench.report(&frame(1, Command::Cbor, &[command::GET_INFO]).unwrap()[0]);
    assert!(bench.sent[0][4] == 0x90 && bench.sent[0][7] == 0, "getInfo is answered");
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let _ = run(&mut Unstructured::new(bytes));
});
