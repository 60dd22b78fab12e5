//! Sequences of commands against a whole key: a platform with PINs, tokens, extensions and U2F, a user who is not always
//! there, a clock, power cuts, and requests that are damaged on their way. The promises about tries, flags, tokens and
//! room hold at every step, and a reset gives a working key.
#![no_main]

#[path = "../../crates/ctap/tests/device/bed.rs"]
#[allow(dead_code)]
mod bed;
#[path = "device/requests.rs"]
mod requests;
#[path = "device/run.rs"]
mod run;

use claviger_ctap::crypto::{Crypto, native};
use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fn crypto() -> &'static dyn Crypto {
    native()
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Unstructured::new(bytes);
    if let Ok(mut run) = run::Run::new(&mut input) {
        while !input.is_empty() && run.step(&mut input).is_ok() {}
        run.ends_well();
    }
});
