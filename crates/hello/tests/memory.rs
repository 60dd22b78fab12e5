//! What a verification takes and gives back. Alone in its process, so that nothing else moves the figures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

use std::time::Instant;

use claviger_ctap::crypto::native;
use claviger_hello::{Hello, verification::VerifyRequest};
use claviger_pin::{ClientPin, Pin};

/// Resident and peak resident memory of this process, in KiB.
fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("VmRSS:"), field("VmHWM:"))
}

#[test]
fn the_key_derivations_memory_is_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let hello = Hello::open(&directory.path().join("hello")).unwrap();
    let pin = || Pin::new("zebra-94").unwrap();
    let (before, _) = resident();
    hello.set_pin(&pin()).unwrap();
    let start = Instant::now();
    for _ in 0..5 {
        // On a thread of its own each, as the service does it.
        std::thread::scope(|scope| {
            scope
                .spawn(|| hello.verify(pin(), &VerifyRequest::default()).unwrap())
                .join()
                .unwrap()
        });
    }
    let each = start.elapsed() / 5;
    // And with tickets held: they are small.
    let client_pin = || ClientPin::of(native(), &pin());
    let tickets: Vec<_> = (0..5)
        .map(|_| {
            std::thread::scope(|scope| {
                scope
                    .spawn(|| hello.verify_client_pin(client_pin()).unwrap())
                    .join()
                    .unwrap()
            })
        })
        .collect();
    assert_eq!((tickets.len(), hello.open_tickets()), (5, 4));
    let (after, peak) = resident();
    eprintln!("one verification {each:?}; resident before {before} KiB, peak {peak} KiB, after {after} KiB");
    assert!(peak >= before + 60 * 1024, "64 MiB were in use: {peak} KiB");
    assert!(peak < before + 96 * 1024, "and never twice that: {peak} KiB");
    assert!(
        after < before + 4 * 1024,
        "and were given back: {before} KiB before, {after} KiB after"
    );
}
