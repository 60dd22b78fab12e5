//! What platform and provider send each other: nothing crashes, whatever the bytes.
#![no_main]

use claviger_joint::answer::Answer;
use claviger_joint::envelope::SignedRequest;
use claviger_provider::manifest::Manifest;
use claviger_joint::metadata::Diff;
use claviger_provider::svg;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = SignedRequest::parse(bytes);
    let _ = Answer::decode(bytes);
    let _ = Diff::decode(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Manifest::parse(text);
        let _ = svg::check(text);
    }
});
