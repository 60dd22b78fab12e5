//! What the operations of a ceremony cost on this machine: `cargo bench -p claviger-ctap`.
//!
//! Prints the median and the 99th percentile of single calls in microseconds. No harness: a table is all that is needed,
//! and the tests assert correctness, not time.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;

use claviger_ctap::authenticator::{Authenticator, MemoryStore, NoUv, Settings};
use claviger_ctap::crypto::{Algorithm, Crypto, PrivateKey, native, portable};
use claviger_ctap::types::{Aaguid, RpEntity, UserEntity, UserId};
use claviger_ctap::{get_assertion, make_credential};

const ROUNDS: usize = 2000;

fn main() {
    println!("{:<44} {:>10} {:>10}", "", "median µs", "p99 µs");
    for (name, crypto) in [("native", native()), ("portable", portable())] {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            bench_keys(name, crypto, algorithm);
        }
    }
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        bench_engine(algorithm);
    }
}

fn bench_keys(name: &str, crypto: &'static dyn Crypto, algorithm: Algorithm) {
    let label = |what| format!("{name} {algorithm:?} {what}");
    let message = [7; 69];
    let key = crypto.generate(algorithm).unwrap();
    let secret = key.secret_bytes();
    let signature = crypto.sign(&key, &message).unwrap();
    time(&label("generate"), || crypto.generate(algorithm).unwrap());
    time(&label("sign, key in memory"), || crypto.sign(&key, &message).unwrap());
    time(&label("sign, key just loaded"), || {
        let key = PrivateKey::from_parts(algorithm, &secret, key.public_key().clone()).unwrap();
        crypto.sign(&key, &message).unwrap()
    });
    time(&label("verify"), || {
        crypto.verify(key.public_key(), &message, &signature)
    });
}

fn bench_engine(algorithm: Algorithm) {
    let rp = RpEntity {
        id: "example.com".to_owned(),
        name: None,
    };
    let user = UserEntity {
        id: UserId::new(vec![1]).unwrap(),
        name: None,
        display_name: None,
    };
    let mut make = make_credential::Request::new([1; 32], rp, user, vec![algorithm.cose()]);
    make.options.rk = true;
    let get = get_assertion::Request::new("example.com", [2; 32]);
    let mut authenticator = Authenticator::new(MemoryStore::new(native()), Settings::new(Aaguid::default()), native());
    time(&format!("engine {algorithm:?} makeCredential"), || {
        authenticator.make_credential(&make, None::<NoUv>, 0).unwrap().to_cbor()
    });
    time(&format!("engine {algorithm:?} getAssertion"), || {
        authenticator.get_assertion(&get, None::<NoUv>).unwrap().to_cbor()
    });
}

fn time<T>(label: &str, mut run: impl FnMut() -> T) {
    for _ in 0..ROUNDS / 10 {
        std::hint::black_box(run());
    }
    let mut nanos: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(run());
            start.elapsed().as_nanos()
        })
        .collect();
    nanos.sort_unstable();
    let micros = |at: usize| {
        nanos
            .get(at)
            .map_or(0.0, |n| f64::from(u32::try_from(*n).unwrap_or(u32::MAX)) / 1000.0)
    };
    println!(
        "{label:<44} {:>10.1} {:>10.1}",
        micros(ROUNDS / 2),
        micros(ROUNDS * 99 / 100)
    );
}
