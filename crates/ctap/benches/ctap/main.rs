//! What the operations of a ceremony cost on this machine: `cargo bench -p claviger-ctap`.
//!
//! Prints the median and the 99th percentile of single calls in microseconds, and at the end the comparison with
//! passkey-authenticator 0.6 (`../compare`, a workspace of its own, because nobody else needs its dependencies).
//! No harness: a table is all that is needed, and the tests assert correctness, not time.
//!
//! `-- --quick` looks whether everything runs, as `cargo test --benches` does; `-- --alone` leaves the comparison out.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing
)]

mod subjects;
mod table;

use std::process::Command;

use claviger_ctap::authenticator::NoUv;
use claviger_ctap::authenticator::device::command;
use claviger_ctap::crypto::{Algorithm, Crypto, PrivateKey, native, portable};
use subjects::{Key, SIGNED, authenticator, get, get_command, make, make_command};
use table::{Case, heading, measure, rounds};

fn main() {
    let told = |wanted| std::env::args().any(|argument| argument == wanted);
    // cargo says `--bench` when it is to be measured, and nothing when it is run as a test.
    let quick = told("--quick") || !told("--bench");
    let rounds = rounds(quick);
    for algorithm in Algorithm::ALL.iter().copied() {
        bench_engine(few_if_slow(rounds, algorithm), native(), algorithm);
    }
    heading("security key, native");
    bench_key(rounds);
    for (name, crypto) in [("native", native()), ("portable", portable())] {
        heading(&format!("keys, {name}"));
        for algorithm in Algorithm::ALL.iter().copied() {
            bench_keys(few_if_slow(rounds, algorithm), crypto, algorithm);
        }
    }
    if told("--bench") && !told("--alone") {
        compare(quick);
    }
}

/// To make an RSA key takes a good part of a second.
fn few_if_slow(rounds: usize, algorithm: Algorithm) -> usize {
    if algorithm.cose() == -257 {
        rounds.min(10)
    } else {
        rounds
    }
}

/// A whole command next to the signature in it.
fn bench_engine(rounds: usize, crypto: &'static dyn Crypto, algorithm: Algorithm) {
    heading(&format!("{algorithm:?}, native"));
    let label = |what| format!("  {what}");
    let secret = crypto.generate(algorithm).unwrap();
    let (make, get) = (make(algorithm), get());
    let (mut maker, mut getter) = (authenticator(crypto, algorithm), authenticator(crypto, algorithm));
    let (make_command, get_command) = (make_command(algorithm), get_command());
    let (mut making, mut getting) = (Key::new(crypto, algorithm), Key::new(crypto, algorithm));
    getting.process(&make_command);
    let [bare, in_process, by_command, ..] = measure(
        rounds,
        [
            Case::new(label("bare signature, hashes of message and RP ID"), || {
                (
                    crypto.sha256(&[b"example.com"]),
                    crypto.sign(&secret, &[7; SIGNED]).unwrap(),
                )
            }),
            Case::new(label("getAssertion, Authenticator"), || {
                getter.get_assertion(&get, None::<NoUv>).unwrap().to_cbor()
            }),
            Case::new(label("getAssertion, Device::process"), || getting.process(&get_command)),
            Case::new(label("bare key generation"), || crypto.generate(algorithm).unwrap()),
            Case::new(label("makeCredential, Authenticator"), || {
                maker.make_credential(&make, None::<NoUv>, 0).unwrap().to_cbor()
            }),
            Case::new(label("makeCredential, Device::process"), || {
                making.process(&make_command)
            }),
        ],
    );
    println!(
        "  getAssertion is {:.2} (Authenticator) and {:.2} (Device) times the bare signature and hashes",
        in_process / bare,
        by_command / bare
    );
}

/// What does not depend on the algorithm.
fn bench_key(rounds: usize) {
    let (mut informed, mut locked) = (
        Key::new(native(), Algorithm::Es256),
        Key::new(native(), Algorithm::Es256),
    );
    let token = locked.token_command();
    measure(
        rounds,
        [
            Case::new("  getInfo", || informed.process(&[command::GET_INFO])),
            Case::new("  PIN token, protocol 2", || locked.process(&token)),
        ],
    );
}

fn bench_keys(rounds: usize, crypto: &'static dyn Crypto, algorithm: Algorithm) {
    let label = |what| format!("  {algorithm:?} {what}");
    let message = [7; SIGNED];
    let key = crypto.generate(algorithm).unwrap();
    let secret = key.secret_bytes();
    let signature = crypto.sign(&key, &message).unwrap();
    measure(
        rounds,
        [
            Case::new(label("generate"), || crypto.generate(algorithm).unwrap()),
            Case::new(label("sign, key in memory"), || crypto.sign(&key, &message).unwrap()),
            Case::new(label("sign, key just loaded"), || {
                let key = PrivateKey::from_parts(algorithm, &secret, key.public_key().clone()).unwrap();
                crypto.sign(&key, &message).unwrap()
            }),
            Case::new(label("verify"), || {
                crypto.verify(key.public_key(), &message, &signature)
            }),
        ],
    );
}

/// Builds and runs the comparison, in this build's folder. It needs the crate registry the first time.
fn compare(quick: bool) {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/compare/Cargo.toml");
    let target = concat!(env!("CARGO_TARGET_TMPDIR"), "/..");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--locked", "--manifest-path", manifest]);
    cargo.args((!cfg!(debug_assertions)).then_some("--release"));
    cargo.args(["--target-dir", target, "--"]);
    cargo.args(quick.then_some("--quick"));
    if !cargo.status().is_ok_and(|status| status.success()) {
        println!(
            "\nThe comparison could not be built. To try by hand:\n  cargo run --release --manifest-path {manifest}"
        );
        std::process::exit(1);
    }
}
