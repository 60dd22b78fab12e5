//! What a lock leaves of the user's key in this process's memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_dev::memory::Needle;

use super::tests::{Bed, RIGHT, pin, request};
use claviger_ctap::crypto::native;
use claviger_pin::ClientPin;

#[test]
fn the_key_that_a_ticket_holds_is_in_no_memory_after_a_lock() {
    let (_bed, hello) = Bed::with_pin();
    let own = std::process::id();
    let key = Needle::of(hello.open_key(pin(RIGHT), 0).unwrap().opened.key.expose());
    hello.verify(pin(RIGHT), &request(1)).unwrap();
    assert!(!key.is_in(own), "one verification keeps nothing");
    hello.verify_client_pin(ClientPin::of(native(), &pin(RIGHT))).unwrap();
    assert!(key.is_in(own), "a ticket holds it");
    hello.lock();
    assert!(!key.is_in(own));
}
