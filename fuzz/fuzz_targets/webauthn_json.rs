//! What a website sends: options, origins, RP IDs. Nothing crashes, and no request passes whose RP ID is not the origin's.
#![no_main]

use claviger_webauthn::origin::Origin;
use claviger_webauthn::{CallerContext, create, get};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Origin::parse(text);
    let Ok(origin) = Origin::parse("https://login.example.org") else { return };
    let caller = CallerContext { origin, same_origin_with_ancestors: true, top_origin: None, checks_related_origins: true };
    if let Ok(ceremony) = create::Ceremony::begin(text, &caller) {
        assert!(["example.org", "login.example.org"].contains(&ceremony.rp_id().as_str()));
    }
    if let Ok(ceremony) = get::Ceremony::begin(text, &caller) {
        assert!(["example.org", "login.example.org"].contains(&ceremony.rp_id().as_str()));
    }
});
