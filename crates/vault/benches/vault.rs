//! What a vault costs: opening it, making a passkey durably, signing with one. `cargo bench -p claviger-vault`.
//!
//! The goal (DESIGN, section 8): 10 000 items open within 150 ms beyond the key derivation. Plain text, one figure a line;
//! set `CLAVIGER_BENCH_DIR` to measure on another file system than the temporary directory's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use claviger_ctap::crypto::{Algorithm, native};
use claviger_ctap::prf::PrfSeed;
use common::{SECRET, open, record};

const ITEMS: usize = 10_000;

fn main() {
    let base = std::env::var_os("CLAVIGER_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(base).unwrap();
    let mut vault = open(dir.path()).unwrap();
    resident("resident, new vault unlocked");
    let key = native().generate(Algorithm::Es256).unwrap();
    let seed = PrfSeed::from_bytes(&[7; 32]);

    let mut creates = Vec::with_capacity(ITEMS);
    let mut ids = Vec::with_capacity(ITEMS);
    for n in 0..ITEMS {
        let record = record(&format!("site-{}.example", n / 2), &format!("user {n}"), &key);
        creates.push(timed(|| vault.add_passkey(&record, &key, &seed, None).unwrap()));
        ids.push(record.id);
    }
    figure("durable create, 10 000 times from empty", creates);

    vault.lock();
    figure(
        "unlock, 10 000 items",
        (0..9).map(|_| {
            let time = timed(|| vault.unlock(&SECRET, 1).unwrap());
            vault.lock();
            time
        }),
    );
    vault.unlock(&SECRET, 1).unwrap();
    resident("resident, 10 000 items unlocked");
    figure(
        "find by RP ID",
        (0..5000).map(|n| timed(|| vault.find(&format!("site-{n}.example")).unwrap().len())),
    );
    figure(
        "get (read, decrypt, sign ES256)",
        ids.iter().step_by(5).map(|id| timed(|| vault.sign(id, b"m").unwrap())),
    );
    figure(
        "PRF (read, decrypt, HMAC)",
        ids.iter()
            .step_by(5)
            .map(|id| timed(|| vault.prf(id, &[1; 32]).unwrap())),
    );
    figure(
        "ES256 signature alone",
        (0..2000).map(|_| timed(|| native().sign(&key, b"m").unwrap())),
    );
    figure(
        "full verification from the genesis",
        (0..3).map(|_| timed(|| vault.verify().unwrap())),
    );
    vault.lock();
    let bytes = std::fs::metadata(dir.path().join("data/vault.sqlite3")).unwrap().len();
    println!("{:<44} {:>10} bytes", "file, for each item", bytes / ITEMS as u64);
}

fn resident(what: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    println!("{what:<44} {:>13}", kib.trim());
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let _kept = std::hint::black_box(run());
    start.elapsed()
}

fn figure(what: &str, times: impl IntoIterator<Item = Duration>) {
    let mut times: Vec<_> = times.into_iter().collect();
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!("{what:<44} {:>10.3} ms median {:>10.3} ms p99", at(50), at(99));
}
