//! A device's stored state: one that is not the engine's own is refused, and one that is gives a device that works.
#![no_main]

#[path = "../../crates/ctap/tests/device/bed.rs"]
#[allow(dead_code)]
mod bed;

use bed::{Key, settings, world};
use claviger_ctap::authenticator::device::{Device, DeviceStore, Numbers, command};
use claviger_ctap::crypto::{Crypto, native};
use claviger_ctap::pin_protocol::PinUvAuthProtocol;
use libfuzzer_sys::fuzz_target;

fn crypto() -> &'static dyn Crypto {
    native()
}

fuzz_target!(|bytes: &[u8]| {
    let mut world = world();
    world.store.save_state(bytes).unwrap();
    let Ok(device) = Device::new(world, settings(), Numbers::default()) else {
        return;
    };
    let protocol = PinUvAuthProtocol::Two;
    let mut key = Key { device, protocol };
    let info = key.info();
    assert!(key.pin_retries().0 <= 8);
    assert!(info.min_pin_length >= Some(4));
    let _ = key.make(&bed::make(b"alice"));
    key.call(command::RESET, &[]).unwrap();
    key.made(b"alice");
});
