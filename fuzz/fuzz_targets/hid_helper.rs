//! What the kernel tells the hid helper, and what the helper tells the door: nothing crashes, and a message means one packet.
#![no_main]

use claviger_doors::hid::link::FromHelper;
use claviger_kernel::uhid::{Identity, UhidEvent, create};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = UhidEvent::decode(bytes);
    if let Some(message) = FromHelper::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let usual = create(&Identity::DOOR);
        let event = create(&Identity {
            name: text,
            phys: text,
            uniq: text,
            product: 1,
        });
        // A name never reaches the fields behind it.
        assert_eq!(event.len(), usual.len());
        assert_eq!(event.get(260..268), usual.get(260..268));
        assert_eq!(event.get(280..), usual.get(280..));
    }
});
