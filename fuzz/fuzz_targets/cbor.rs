//! Canonical CBOR: nothing crashes, and what is accepted is exactly what the encoder writes.
#![no_main]

use claviger_ctap::cbor::{Limits, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for limits in [Limits::CTAP, Limits::ENVELOPE] {
        if let Ok(value) = decode(bytes, &limits) {
            assert_eq!(value.encode(), bytes);
        }
    }
});
