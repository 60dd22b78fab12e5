//! `claviger bench`: what the platform costs on this machine, beside what its parts cost by themselves.
//!
//! [`bare`] times one signature, one check and one D-Bus round trip. [`pipeline`] runs whole ceremonies in this process.
//! [`processes`] runs them through a door, a broker and a vault, each its own process, over a private bus; [`mod@vault`] does that
//! with vaults of growing size.
//! The user's own time and the PIN's key derivation are left out: the prompt answers at once, and hello's key is open.

mod bare;
mod door;
mod figures;
mod pipeline;
mod processes;
mod vault;

use std::path::Path;

use figures::Figures;
use serde_json::json;

use crate::output::{self, Failure, line};

pub use door::door;
pub use processes::broker;
pub use vault::vault;

/// D-Bus round trips on the path of a ceremony over D-Bus: door to broker, broker to prompt and back with the action, broker to
/// provider.
const ROUND_TRIPS: f64 = 3.0;

/// Runs `claviger bench ceremony`.
pub fn ceremony(count: usize, as_json: bool) -> Result<(), Failure> {
    if count == 0 {
        return Err(Failure::Usage("--count must be at least 1".into()));
    }
    let folder = scratch("bus")?;
    let bare = bare::measure()?;
    let in_process = pipeline::measure(count)?;
    let over_dbus = processes::measure(folder.path(), count, 0)?;
    // Evidence is signed once and checked twice, the request signed and checked once, the assertion signed and checked once.
    let signatures = 2.0 * bare.eddsa_sign.median + 3.0 * bare.eddsa_verify.median;
    let get_parts =
        ROUND_TRIPS * over_dbus.round_trip.median + signatures + bare.es256_sign.median + bare.es256_verify.median;
    let ratio = over_dbus.get.median / get_parts;
    if as_json {
        return output::json(&json!({
            "count": count,
            "unit": "µs",
            "bare": {
                "es256_sign": bare.es256_sign.json(), "es256_verify": bare.es256_verify.json(),
                "eddsa_sign": bare.eddsa_sign.json(), "eddsa_verify": bare.eddsa_verify.json(),
                "dbus_round_trip_800_bytes": over_dbus.round_trip.json(),
            },
            "in_process": {"create": in_process.create.json(), "get": in_process.get.json()},
            "over_dbus": {"create": over_dbus.create.json(), "get": over_dbus.get.json()},
            "get_over_dbus": {
                "round_trips": ROUND_TRIPS, "bare_parts": get_parts.round(), "ratio": (ratio * 100.0).round() / 100.0,
            },
            "memory_kib": {"broker": over_dbus.broker_kib, "vault": over_dbus.vault_kib},
            "start_ms": {"broker_to_first_answer": over_dbus.start_ms},
        }));
    }
    let mut rows = vec![["", "median µs", "p99 µs"].map(str::to_owned).to_vec()];
    for (name, figures) in [
        ("ES256 signature", &bare.es256_sign),
        ("ES256 check", &bare.es256_verify),
        ("Ed25519 signature", &bare.eddsa_sign),
        ("Ed25519 check", &bare.eddsa_verify),
        ("D-Bus round trip, 800 bytes", &over_dbus.round_trip),
        ("create, in process", &in_process.create),
        ("get, in process", &in_process.get),
        ("create, over D-Bus", &over_dbus.create),
        ("get, over D-Bus", &over_dbus.get),
    ] {
        rows.push(vec![
            name.to_owned(),
            format!("{:.0}", figures.median),
            format!("{:.0}", figures.p99),
        ]);
    }
    output::table(&rows)?;
    line(format_args!(
        "A get over D-Bus takes {ratio:.2} × its bare parts ({ROUND_TRIPS} round trips, 3 signatures, 4 checks: {get_parts:.0} µs)."
    ))?;
    line(format_args!(
        "Resident memory: broker {} KiB, vault {} KiB. Broker's start to its first answer: {:.0} ms.",
        over_dbus.broker_kib, over_dbus.vault_kib, over_dbus.start_ms
    ))
}

/// Figures of creating and of using passkeys.
struct Pair {
    create: Figures,
    get: Figures,
}

/// A folder of the benchmark's own, removed at the end.
fn scratch(name: &str) -> Result<Scratch, Failure> {
    let path = std::env::temp_dir().join(format!("claviger-bench-{name}-{}", std::process::id()));
    std::fs::create_dir(&path).map_err(Failure::failed)?;
    Ok(Scratch(path))
}

struct Scratch(std::path::PathBuf);

impl Scratch {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the benchmark's folder stays behind");
        }
    }
}
