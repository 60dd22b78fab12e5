//! The vault as a provider of passkeys: the SDK's [`CredentialStore`], and nothing that another provider could not do.
//!
//! New passkeys are *synced* ones: BE is set and BS is not, because no other member of the account holds them yet. A
//! passkey's BS becomes true when one really does, which the first sync can tell; until then it is false for all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use claviger_ctap::authenticator::{self, CredentialRecord, Settings, protection_of};
use claviger_ctap::crypto::{Algorithm, PrivateKey, PublicKey};
use claviger_ctap::large_blob::LargeBlob;
use claviger_ctap::prf::{PrfOutput, PrfSeed};
use claviger_ctap::types::{Aaguid, CredentialId, UserEntity};
use claviger_joint::metadata::Entry;
use claviger_joint::operation::Update;
use claviger_joint::unlock::UnlockSecret;
use claviger_joint::{Trouble, TroubleKind};
use claviger_provider::sdk::{CredentialStore, Failure};

use crate::error::{Error, RESTORE};
use crate::idle::{Clock, Idle};
use crate::index::PasskeyInfo;
use crate::vault::Vault;

/// The model that the vault's passkeys name: drawn at random once, `2553ee83-c7e5-4063-a947-a0aaa163b827`, and never
/// changed. It names Claviger's vault, no version and no device of it.
pub const AAGUID: Aaguid = Aaguid([
    0x25, 0x53, 0xee, 0x83, 0xc7, 0xe5, 0x40, 0x63, 0xa9, 0x47, 0xa0, 0xaa, 0xa1, 0x63, 0xb8, 0x27,
]);

/// What the vault makes keys of; a site's order decides. Not RSA, whatever the engine is built with: its time to sign tells of the key
/// (RUSTSEC-2023-0071).
const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::Es256,
    Algorithm::EdDsa,
    Algorithm::Es384,
    Algorithm::MlDsa44,
    Algorithm::MlDsa65,
];

/// The vault's provider id, which is its name on the session bus too.
pub const PROVIDER_ID: &str = "org.claviger.Vault";

/// The vault's manifest, as `claviger setup` installs it.
pub const MANIFEST: &str = "[Provider]
Id=org.claviger.Vault
Name=Claviger vault
DBusName=org.claviger.Vault
Versions=1
Exec=claviger vault
";

/// How long the vault is left alone after its last use before its write-ahead log is emptied.
pub const TIDY_AFTER: Duration = Duration::from_secs(5);

/// A [`Vault`] behind the SDK, with the time of its last use.
pub struct VaultStore<C> {
    vault: Vault,
    clock: C,
    /// Why it could not be opened the last time.
    not_opened: Option<Trouble>,
    /// Reading counts as use too, and the SDK reads through `&self`.
    idle: Mutex<Idle>,
}

impl<C: Clock> VaultStore<C> {
    /// Serves `vault`; it is to lock after `idle` without use, or never.
    pub fn new(vault: Vault, clock: C, idle: Option<Duration>) -> Self {
        let idle = Mutex::new(Idle::new(idle, clock.monotonic()));
        Self {
            vault,
            clock,
            not_opened: None,
            idle,
        }
    }

    /// How long until the vault is to lock: zero when it is time, `None` when it is locked or never locks by itself.
    pub fn until_idle(&self) -> Option<Duration> {
        if self.vault.is_locked() {
            None
        } else {
            self.idle().left(self.clock.monotonic())
        }
    }

    /// Brings what was written into the database file, when nobody has used the vault for [`TIDY_AFTER`].
    pub fn tidy_when_unused(&mut self) {
        let unused = self.idle().unused(self.clock.monotonic());
        if unused >= TIDY_AFTER
            && let Err(error) = self.vault.tidy()
        {
            tracing::warn!(%error, "the write-ahead log stays as it is");
        }
    }

    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    fn touch(&self) {
        self.idle().touch(self.clock.monotonic());
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Two numbers: there is no half-changed state that a panic could leave.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Clock> authenticator::CredentialStore for VaultStore<C> {
    type Error = Error;

    fn find(&self, rp_id: &str) -> Result<Vec<CredentialRecord>, Error> {
        self.touch();
        let served = |info: PasskeyInfo| {
            let record = record(&info);
            if record.is_none() {
                tracing::error!(item = %info.item, "the public key of a passkey cannot be read: it is not served");
            }
            record
        };
        // Left out alone: it must not take the site's others with it.
        Ok(self.vault.find(rp_id)?.into_iter().filter_map(served).collect())
    }

    fn insert(
        &mut self,
        record: CredentialRecord,
        key: PrivateKey,
        prf_seed: PrfSeed,
        cred_blob: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        self.touch();
        self.vault.add_passkey(&record, &key, &prf_seed, cred_blob).map(drop)
    }

    fn sign(&self, id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.touch();
        self.vault.sign(id, message)
    }

    fn prf(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Error> {
        self.touch();
        self.vault.prf(id, salt)
    }

    // Not derived from the other: CXF carries both seeds, and an imported passkey has its own.
    fn prf_unverified(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Error> {
        self.touch();
        self.vault.prf_unverified(id, salt)
    }

    fn keeps_blobs(&self) -> bool {
        true
    }

    fn cred_blob(&self, id: &CredentialId) -> Result<Option<Vec<u8>>, Error> {
        self.touch();
        self.vault.cred_blob(id)
    }

    fn keeps_large_blobs(&self) -> bool {
        true
    }

    fn large_blob(&self, id: &CredentialId) -> Result<Option<LargeBlob>, Error> {
        self.touch();
        self.vault.large_blob(id)
    }

    fn set_large_blob(&mut self, id: &CredentialId, blob: LargeBlob) -> Result<bool, Error> {
        self.touch();
        self.vault.set_large_blob(id, blob, self.clock.unix_ms())?;
        Ok(true)
    }
}

impl<C: Clock> CredentialStore for VaultStore<C> {
    fn settings(&self) -> Settings {
        Settings {
            algorithms: ALGORITHMS.to_vec(),
            ..Settings::new(AAGUID)
        }
    }

    fn is_locked(&self) -> bool {
        self.vault.is_locked()
    }

    fn takes_unlock_secret(&self) -> bool {
        true
    }

    fn unlock(&mut self, secret: UnlockSecret) -> Result<(), Failure> {
        self.touch();
        let opened = self.vault.unlock(secret.expose(), self.clock.unix_ms());
        self.not_opened = opened.as_ref().err().and_then(Error::trouble);
        Ok(opened?)
    }

    fn trouble(&self) -> Option<Trouble> {
        let (Ok(damage), Ok(unreadable)) = (self.vault.damage(), self.vault.unreadable()) else {
            return self.not_opened.clone();
        };
        let lost = damage.len().saturating_add(unreadable);
        (lost > 0).then(|| {
            let file = self.vault.file().display();
            let text = format!("{lost} of its items or passkeys cannot be read, the others can; {RESTORE}: {file}");
            Trouble::new(TroubleKind::Damaged, &text)
        })
    }

    fn lock(&mut self) {
        self.vault.lock();
    }

    // Not a use: the platform asks for this by itself. Without what cannot be read the list would be a shorter one, and the platform
    // is to keep the one that it has.
    fn list(&self) -> Result<Vec<Entry>, Error> {
        if let Some(damage) = self.vault.damage()?.first() {
            return Err((*damage).into());
        }
        Ok(self.vault.passkeys()?.map(entry).collect())
    }

    fn list_site(&self, rp_id: &str) -> Result<Vec<Entry>, Error> {
        Ok(self.vault.find(rp_id)?.into_iter().map(entry).collect())
    }

    fn delete(&mut self, id: &CredentialId) -> Result<(), Error> {
        self.touch();
        self.vault.remove_passkey(id, self.clock.unix_ms())
    }

    fn update(&mut self, update: &Update) -> Result<(), Failure> {
        self.touch();
        let (name, display_name) = (update.user_name.clone(), update.display_name.clone());
        let now_ms = self.clock.unix_ms();
        Ok(self
            .vault
            .rename_passkey(&update.credential, name, display_name, now_ms)?)
    }
}

impl From<Error> for Failure {
    /// The reasons go to the platform's log, those of trouble to the user; none of [`Error`]'s texts names a site, a user or a secret.
    fn from(error: Error) -> Self {
        if let Some(trouble) = error.trouble() {
            tracing::error!(%error, "the vault cannot serve");
            return Self::trouble(trouble);
        }
        let reason = error.to_string();
        match error {
            Error::Locked => Self::locked(reason),
            Error::NotFound => Self::not_found(reason),
            Error::BadKey | Error::Item(_) => Self::invalid_request(reason),
            Error::WrongSecret => Self::denied(reason),
            _ => {
                tracing::error!(%error, "the vault failed");
                Self::internal(reason)
            }
        }
    }
}

/// `None` when the public key is none.
fn record(info: &PasskeyInfo) -> Option<CredentialRecord> {
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    Some(CredentialRecord {
        id: info.credential_id.clone(),
        rp_id: info.rp_id.to_string(),
        rp_name: info.rp_name.clone(),
        user: UserEntity {
            id: info.user_handle.clone(),
            name: named(&info.username),
            display_name: named(&info.user_display_name),
        },
        public_key: PublicKey::from_cose_bytes(&info.public_key).ok()?,
        discoverable: info.discoverable,
        backup_eligible: info.backup_eligible,
        backed_up: false,
        sign_count: 0,
        created_ms: info.created_ms,
    })
}

/// Not by way of [`record`]: checking ten thousand public keys for a list that has none would take half a second.
fn entry(info: PasskeyInfo) -> Entry {
    let named = |name: String| (!name.is_empty()).then_some(name);
    Entry {
        protection: protection_of(&info.credential_id),
        credential_id: info.credential_id,
        rp_id: info.rp_id,
        rp_name: info.rp_name,
        user_handle: Some(info.user_handle),
        user_name: named(info.username),
        display_name: named(info.user_display_name),
        created_ms: Some(info.created_ms),
        // The platform notes this itself when it signs in; writing a revision for every sign-in would say it to a server.
        last_used_ms: None,
        backed_up: false,
        tag: None,
        discoverable: info.discoverable,
    }
}
