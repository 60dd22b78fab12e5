//! What the engine needs from its surroundings.

use super::joint_extensions::unverified_salt;
use crate::crypto::{PrivateKey, PublicKey};
use crate::large_blob::LargeBlob;
use crate::prf::{PrfOutput, PrfSeed};
use crate::types::{CredentialId, UserEntity};

/// What is known of a credential without touching its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRecord {
    /// The credential.
    pub id: CredentialId,
    /// Its site.
    pub rp_id: String,
    /// The site's name for people.
    pub rp_name: Option<String>,
    /// The account.
    pub user: UserEntity,
    /// The public key.
    pub public_key: PublicKey,
    /// Whether it is found without its id.
    pub discoverable: bool,
    /// BE: told at creation, never changes.
    pub backup_eligible: bool,
    /// BS: whether another device really holds it now. The store keeps this true to the facts.
    pub backed_up: bool,
    /// The signature counter that assertions carry. The engine does not change it: a passkey that lives on more than
    /// one device cannot count, and says 0 (WebAuthn Level 3 §6.1.1).
    pub sign_count: u32,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
}

impl CredentialRecord {
    /// Whether inserting this record must remove `older`: both discoverable, for the same account at the same site
    /// (CTAP 2.1 §6.1.2 step 17).
    pub fn replaces(&self, older: &Self) -> bool {
        self.discoverable
            && older.discoverable
            && self.id != older.id
            && self.rp_id == older.rp_id
            && self.user.id == older.user.id
    }
}

/// Where credentials and their keys live. Keys go in and never come out; the store signs.
pub trait CredentialStore {
    /// What can go wrong in the store. Its text goes to logs: no secrets.
    type Error: std::error::Error + Send + Sync + 'static;

    /// All credentials of this site, discoverable or not, in any order.
    fn find(&self, rp_id: &str) -> Result<Vec<CredentialRecord>, Self::Error>;

    /// Keeps a new credential, durably, before it returns; and takes the credentials that the new one
    /// [replaces](CredentialRecord::replaces) out of what [`Self::find`] returns. `cred_blob` is there only for a store that
    /// [keeps blobs](Self::keeps_blobs).
    fn insert(
        &mut self,
        record: CredentialRecord,
        key: PrivateKey,
        prf_seed: PrfSeed,
        cred_blob: Option<Vec<u8>>,
    ) -> Result<(), Self::Error>;

    /// Signs with the key of a credential that [`Self::find`] returned, in the WebAuthn encoding
    /// ([`Crypto::sign`](crate::crypto::Crypto::sign)).
    fn sign(&self, id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, Self::Error>;

    /// The PRF output for a credential that [`Self::find`] returned ([`PrfSeed::evaluate`]). For salts that a client
    /// chose it is called only after user verification.
    fn prf(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Self::Error>;

    /// What [`Self::prf`] gives where the user was not verified: other bytes (CTAP 2.1 §12.5, `CredRandomWithoutUV`).
    ///
    /// A store that keeps one seed has nothing to do. One that keeps two overrides this.
    fn prf_unverified(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Self::Error> {
        self.prf(id, &unverified_salt(salt))
    }

    /// Whether sites may leave bytes of theirs with a credential (credBlob, CTAP 2.1 §12.2): getInfo then says so.
    fn keeps_blobs(&self) -> bool {
        false
    }

    /// The credBlob that a credential which [`Self::find`] returned was inserted with. Called only if the store
    /// [keeps blobs](Self::keeps_blobs).
    fn cred_blob(&self, _id: &CredentialId) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(None)
    }

    /// Whether sites may keep a large blob with each credential, and replace it (largeBlob, CTAP 2.2): getInfo then says so.
    fn keeps_large_blobs(&self) -> bool {
        false
    }

    /// The large blob that was last [set](Self::set_large_blob) for a credential which [`Self::find`] returned. Called, like
    /// [`Self::set_large_blob`], only if the store [keeps large blobs](Self::keeps_large_blobs).
    fn large_blob(&self, _id: &CredentialId) -> Result<Option<LargeBlob>, Self::Error> {
        Ok(None)
    }

    /// Keeps this large blob in the place of the one before, durably, before it returns; `false` when there is no room for it. Called only
    /// after user verification, with one that [fits](LargeBlob::fits).
    fn set_large_blob(&mut self, _id: &CredentialId, _blob: LargeBlob) -> Result<bool, Self::Error> {
        Ok(false)
    }
}

impl<S: CredentialStore> CredentialStore for &mut S {
    type Error = S::Error;

    fn find(&self, rp_id: &str) -> Result<Vec<CredentialRecord>, Self::Error> {
        S::find(self, rp_id)
    }

    fn insert(
        &mut self,
        record: CredentialRecord,
        key: PrivateKey,
        prf_seed: PrfSeed,
        cred_blob: Option<Vec<u8>>,
    ) -> Result<(), Self::Error> {
        S::insert(self, record, key, prf_seed, cred_blob)
    }

    fn sign(&self, id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, Self::Error> {
        S::sign(self, id, message)
    }

    fn prf(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Self::Error> {
        S::prf(self, id, salt)
    }

    fn prf_unverified(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Self::Error> {
        S::prf_unverified(self, id, salt)
    }

    fn keeps_blobs(&self) -> bool {
        S::keeps_blobs(self)
    }

    fn cred_blob(&self, id: &CredentialId) -> Result<Option<Vec<u8>>, Self::Error> {
        S::cred_blob(self, id)
    }

    fn keeps_large_blobs(&self) -> bool {
        S::keeps_large_blobs(self)
    }

    fn large_blob(&self, id: &CredentialId) -> Result<Option<LargeBlob>, Self::Error> {
        S::large_blob(self, id)
    }

    fn set_large_blob(&mut self, id: &CredentialId, blob: LargeBlob) -> Result<bool, Self::Error> {
        S::set_large_blob(self, id, blob)
    }
}
