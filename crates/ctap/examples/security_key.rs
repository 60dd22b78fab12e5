//! A whole security key in memory: 64-byte CTAPHID reports on standard input and output, a user who always agrees.
//!
//! `cargo run -p claviger-ctap --example security_key`

use std::io::{self, Read as _, Write as _};
use std::time::{Instant, SystemTime};

use claviger_ctap::authenticator::device::{
    BuiltInUv, Device, Environment, Numbers, Presence, Purpose, StoreError, Verification,
};
use claviger_ctap::authenticator::{Attestation, Backup, Error, MemoryStore, NoUv, Settings};
use claviger_ctap::crypto::{Crypto, portable};
use claviger_ctap::ctaphid::{Capabilities, Effect, Hid, REPORT};
use claviger_ctap::types::Aaguid;

/// The surroundings of the key.
struct Surroundings {
    store: MemoryStore,
    started: Instant,
}

impl Environment for Surroundings {
    type Store = MemoryStore;
    type Proof = NoUv;

    fn crypto(&self) -> &'static dyn Crypto {
        portable()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn store_mut(&mut self) -> &mut MemoryStore {
        &mut self.store
    }

    fn user_presence(&mut self, _purpose: &Purpose<'_>) -> Presence {
        Presence::Given
    }

    fn built_in_uv(&self) -> BuiltInUv {
        BuiltInUv::None
    }

    fn verify_user(&mut self, _purpose: &Purpose<'_>) -> Verification<NoUv> {
        Verification::Denied
    }

    fn failed(&mut self, error: &Error<StoreError<Self>>) {
        // A program would log it.
        let _ = writeln!(io::stderr(), "{error}");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let desk = Surroundings {
        store: MemoryStore::new(portable()),
        started: Instant::now(),
    };
    let settings = Settings {
        backup: Backup::DeviceBound,
        attestation: Attestation::SelfUnlessNonePreferred,
        transports: vec!["usb".to_owned()],
        max_credentials_in_list: 16,
        ..Settings::new(Aaguid(*b"an example's key"))
    };
    let numbers = Numbers {
        // Nobody can pull this key out, so a reset is always welcome.
        reset_window_ms: None,
        ..Numbers::default()
    };
    let mut device = Device::new(desk, settings, numbers)?;
    let mut hid = Hid::new(Capabilities::CBOR);
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut report = [0; REPORT];
    while input.read_exact(&mut report).is_ok() {
        let mut effects = hid.report(device.environment().monotonic_ms(), &report);
        while !effects.is_empty() {
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Send(report) => output.write_all(&report)?,
                    Effect::Process { channel, cbor, message } => {
                        let answer = if cbor {
                            device.process(channel, &message)
                        } else {
                            device.process_u2f(&message)
                        };
                        effects.extend(hid.answer(&answer));
                    }
                    // Commands are over before the next report is read; and there is no light to blink with.
                    Effect::Cancel { .. } | Effect::Wink => {}
                }
            }
        }
        output.flush()?;
    }
    Ok(())
}
