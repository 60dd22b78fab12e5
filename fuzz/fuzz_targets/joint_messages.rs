//! What platform and provider send each other: nothing crashes, whatever the bytes.
#![no_main]

use claviger_joint::answer::Answer;
use claviger_joint::envelope::SignedRequest;
use claviger_joint::metadata::Diff;
use claviger_provider::icon::Icon;
use claviger_provider::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = SignedRequest::parse(bytes);
    let _ = Answer::decode(bytes);
    let _ = Diff::decode(bytes);
    let _ = Icon::check(bytes.to_vec());
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Manifest::parse(text);
    }
});
