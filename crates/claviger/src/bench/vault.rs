//! `claviger bench vault`: what the number of passkeys costs. The vault is filled by its own library, and asked as a person's
//! would be: by a door, through a broker, over D-Bus.

use std::path::Path;
use std::time::{Duration, Instant};

use claviger_account::ids::ItemId;
use claviger_account::item::{Credential, Extension, Fields, Item, Passkey, PasskeyExtension};
use claviger_account::secret::{Bytes, SecretBytes};
use claviger_ctap::crypto::{Algorithm, native};
use claviger_ctap::types::{CredentialId, UserId};
use claviger_hello::Hello;
use claviger_joint::unlock::{UnlockKey, UnlockSecret};
use claviger_joint::{ProviderId, TransactionId};
use claviger_pin::Pin;
use claviger_vault::provider::PROVIDER_ID;
use claviger_vault::{Error, Options, Vault};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::figures::{Figures, timed};
use super::processes::{self, OverDbus, PATIENCE, PIN};
use super::scratch;
use crate::dirs::Dirs;
use crate::output::{self, Failure, line};

/// With how many passkeys the vault is measured.
const SIZES: [usize; 4] = [100, 1000, 10_000, 100_000];

/// How often the vault is opened at each size.
const OPENINGS: usize = 5;

/// The figures at one size.
struct Row {
    passkeys: usize,
    open: Figures,
    list: Figures,
    over_dbus: OverDbus,
}

/// Runs the command: sizes up to `most`, `count` ceremonies of each kind at each.
pub fn vault(most: usize, count: usize, as_json: bool) -> Result<(), Failure> {
    let sizes: Vec<usize> = SIZES.into_iter().filter(|size| *size <= most).collect();
    if sizes.is_empty() || !(1..=100).contains(&count) {
        return Err(Failure::Usage(
            "--most must be at least 100, --count from 1 to 100".into(),
        ));
    }
    let folder = scratch("vault")?;
    // Makes the PIN, the vault, and the passkeys that every later run makes anew.
    processes::measure(folder.path(), count, 0)?;
    let secret = secret(folder.path())?;
    let mut filled = count;
    let mut rows = Vec::new();
    for passkeys in sizes {
        let mut vault = attach(folder.path())?;
        vault.unlock(secret.expose(), 0).map_err(Failure::failed)?;
        fill(&mut vault, filled..passkeys)?;
        filled = passkeys.max(filled);
        let list = (0..1000).map(|run| timed(|| vault.find(&site(run % passkeys)).map(|found| found.len())).1);
        let list = Figures::of(list.collect());
        let mut openings = Vec::with_capacity(OPENINGS);
        for _ in 0..OPENINGS {
            vault.lock();
            let (opened, time) = timed(|| vault.unlock(secret.expose(), 0));
            opened.map_err(Failure::failed)?;
            openings.push(time);
        }
        drop(vault);
        let (Some(open), Some(list)) = (Figures::of(openings), list) else {
            continue;
        };
        let over_dbus = processes::measure(folder.path(), count, filled)?;
        rows.push(Row {
            passkeys,
            open,
            list,
            over_dbus,
        });
    }
    if as_json {
        output::json(&json!({"count": count, "unit": "µs", "sizes": rows.iter().map(Row::json).collect::<Vec<_>>()}))
    } else {
        print(&rows)
    }
}

impl Row {
    fn json(&self) -> Value {
        json!({
            "passkeys": self.passkeys,
            "create": self.over_dbus.create.json(), "get": self.over_dbus.get.json(),
            "list_site": self.list.json(), "open": self.open.json(),
            "memory_kib": {"broker": self.over_dbus.broker_kib, "vault": self.over_dbus.vault_kib},
        })
    }
}

fn print(rows: &[Row]) -> Result<(), Failure> {
    let head = [
        "passkeys",
        "create µs",
        "get µs",
        "list a site µs",
        "open ms",
        "broker KiB",
        "vault KiB",
    ];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for row in rows {
        table.push(vec![
            row.passkeys.to_string(),
            format!("{:.0}", row.over_dbus.create.median),
            format!("{:.0}", row.over_dbus.get.median),
            format!("{:.1}", row.list.median),
            format!("{:.1}", row.open.median / 1e3),
            row.over_dbus.broker_kib.to_string(),
            row.over_dbus.vault_kib.to_string(),
        ]);
    }
    output::table(&table)?;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(());
    };
    let more = (last.passkeys - first.passkeys).max(1) as u64;
    let each = |first: u64, last: u64| last.saturating_sub(first) * 1024 / more;
    line(format_args!(
        "From {} to {}: create {:.2} ×, get {:.2} ×, list {:.2} ×; for each passkey {} bytes in the broker, {} in the vault.",
        first.passkeys,
        last.passkeys,
        last.over_dbus.create.median / first.over_dbus.create.median,
        last.over_dbus.get.median / first.over_dbus.get.median,
        last.list.median / first.list.median,
        each(first.over_dbus.broker_kib, last.over_dbus.broker_kib),
        each(first.over_dbus.vault_kib, last.over_dbus.vault_kib),
    ))
}

/// What the benchmark's hello opens the vault with.
fn secret(folder: &Path) -> Result<UnlockSecret, Failure> {
    let hello = Hello::open(&folder.join("hello")).map_err(Failure::failed)?;
    let pin = Pin::new(PIN).map_err(Failure::failed)?;
    let key = hello.open_key(pin, 1).map_err(Failure::failed)?;
    let id = ProviderId::parse(PROVIDER_ID).map_err(Failure::failed)?;
    let transaction = TransactionId::random(native()).map_err(Failure::failed)?;
    let recipient = UnlockKey::generate(native()).map_err(Failure::failed)?;
    let sealed = key.unlock_box(&id, transaction, recipient.public());
    let sealed = sealed.map_err(Failure::failed)?;
    recipient
        .open(native(), &id, transaction, &sealed)
        .map_err(Failure::failed)
}

/// Takes the vault, once the process of the run before has let go of it.
fn attach(folder: &Path) -> Result<Vault, Failure> {
    let dirs = Dirs {
        config_home: folder.join("config"),
        data_home: folder.join("data"),
        state: folder.join("state/claviger"),
        system_data: Vec::new(),
    };
    let options = Options {
        data_dir: dirs.vault(),
        state_dir: dirs.state.join("vault"),
    };
    let start = Instant::now();
    loop {
        match Vault::attach(&options, native()) {
            Err(Error::InUse(_)) if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(10)),
            attached => return attached.map_err(Failure::failed),
        }
    }
}

/// Two passkeys for each site, as people have them.
fn site(number: usize) -> String {
    format!("p{}.example.net", number / 2)
}

/// Adds passkeys with these numbers.
fn fill(vault: &mut Vault, numbers: std::ops::Range<usize>) -> Result<(), Failure> {
    // One key for all of them: making it is not what is measured.
    let key = native().generate(Algorithm::Es256).map_err(Failure::failed)?;
    let (private, public) = (key.to_pkcs8_der(), key.public_key().cose_bytes());
    let item = |number: usize| -> Result<Item, Failure> {
        let mut item = Item::new(ItemId::random(native()).map_err(Failure::failed)?, site(number));
        let credential_id = CredentialId::random(native()).map_err(Failure::failed)?;
        item.credentials.push(Credential::Passkey(Passkey {
            credential_id: credential_id.clone(),
            rp_id: site(number),
            username: format!("user{number}"),
            user_display_name: "User".into(),
            user_handle: UserId::new(number.to_string()).map_err(Failure::failed)?,
            key: SecretBytes::new(Zeroizing::new(private.to_vec())),
            fido2_extensions: None,
            other: Fields::default(),
        }));
        item.extensions.push(Extension::Passkey(PasskeyExtension {
            credential_id,
            public_key: Bytes(public.clone()),
            rp_name: Some("Benchmark".into()),
            discoverable: true,
            backup_eligible: true,
            created_ms: 1_700_000_000_000,
            other: Fields::default(),
        }));
        Ok(item)
    };
    let items = numbers.map(item).collect::<Result<Vec<_>, _>>()?;
    vault.import(items, 0).map_err(Failure::failed)
}
