//! Where a device keeps what must outlive a power cut.

use std::fmt;

use zeroize::Zeroizing;

use crate::authenticator::{CredentialRecord, CredentialStore};
use crate::crypto::{Crypto, CryptoError, PrivateKey};
use crate::prf::{PrfOutput, PrfSeed};
use crate::types::{CredentialId, UserEntity};

/// A [`CredentialStore`] that a [`Device`](super::Device) can manage: it lists, changes and deletes, and keeps the
/// device's own state.
///
/// What a method changes is durable when it returns: the device counts a PIN try *before* it looks at the PIN. All
/// credentials come from [`Self::insert_new`], so their ids have [`CredentialId::RANDOM_LEN`] bytes, as getInfo says.
pub trait DeviceStore: CredentialStore {
    /// All credentials, of every site, in the order in which they were inserted.
    fn all(&self) -> Result<Vec<StoredCredential>, Self::Error>;

    /// The credentials of this site, in the order in which they were inserted.
    fn at_site(&self, rp_id: &str) -> Result<Vec<StoredCredential>, Self::Error>;

    /// Keeps a new credential, as [`CredentialStore::insert`] does.
    fn insert_new(
        &mut self,
        credential: StoredCredential,
        key: PrivateKey,
        secrets: CredentialSecrets,
    ) -> Result<(), Self::Error>;

    /// Replaces the account of a credential that is here.
    fn set_user(&mut self, id: &CredentialId, user: UserEntity) -> Result<(), Self::Error>;

    /// Deletes a credential that is here, with its key and its secrets.
    fn delete(&mut self, id: &CredentialId) -> Result<(), Self::Error>;

    /// The PRF output for a salt under [`CredentialSecrets::verified_seed`] or [`CredentialSecrets::unverified_seed`].
    fn hmac_secret(&self, id: &CredentialId, verified: bool, salt: &[u8; 32]) -> Result<PrfOutput, Self::Error>;

    /// The credential's key for large blobs, if it was made with one.
    fn large_blob_key(&self, id: &CredentialId) -> Result<Option<LargeBlobKey>, Self::Error>;

    /// Counts one signature of this credential and returns the new count: higher each time for a key that never leaves
    /// this device, always 0 for one that is synchronised (WebAuthn Level 3 §6.1.1).
    fn next_sign_count(&mut self, id: &CredentialId) -> Result<u32, Self::Error>;

    /// What [`Self::save_state`] kept last.
    fn load_state(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Self::Error>;

    /// Keeps the device's state: opaque, some hundred bytes. It holds the hash of the PIN: encrypt it.
    fn save_state(&mut self, state: &[u8]) -> Result<(), Self::Error>;

    /// What [`Self::save_large_blobs`] kept last.
    fn load_large_blobs(&self) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Keeps the large-blob array; platforms have encrypted what is in it.
    fn save_large_blobs(&mut self, array: &[u8]) -> Result<(), Self::Error>;

    /// Deletes every credential, the state and the large blobs, at once.
    fn erase(&mut self) -> Result<(), Self::Error>;
}

/// A credential, and what a security key remembers of it beyond that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCredential {
    /// What every store knows.
    pub record: CredentialRecord,
    /// What extensions have added at creation. Never changes.
    pub attributes: Attributes,
}

/// What extensions add to a credential. `Debug` does not show the blob.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Attributes {
    /// credProtect.
    pub protection: Protection,
    /// For a credential that U2F has made: the SHA-256 of the RP ID, which is all that U2F knows of it.
    pub application: Option<[u8; 32]>,
    /// credBlob: some bytes that the site left here.
    pub cred_blob: Option<Vec<u8>>,
    /// thirdPartyPayment: other sites may have payments confirmed with it.
    pub third_party_payment: bool,
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attributes")
            .field("protection", &self.protection)
            .field("application", &self.application.is_some())
            .field("cred_blob", &self.cred_blob.as_ref().map(Vec::len))
            .field("third_party_payment", &self.third_party_payment)
            .finish()
    }
}

/// How much a credential shows to a platform that has not verified the user (CTAP 2.1 §12.1, credProtect).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Protection {
    /// `userVerificationOptional`: it is found in any way.
    #[default]
    Optional = 1,
    /// `userVerificationOptionalWithCredentialIDList`: without verification it is found only by its id.
    OptionalWithIdList = 2,
    /// `userVerificationRequired`: without verification it is not there.
    Required = 3,
}

impl Protection {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        u64::from(self as u8)
    }

    /// The level with this number.
    pub fn from_number(number: u64) -> Option<Self> {
        let levels = [Self::Optional, Self::OptionalWithIdList, Self::Required];
        levels.into_iter().find(|level| level.number() == number)
    }

    /// Whether a platform may find a credential of this level: `verified` the user, `named` it by its id.
    pub fn shows_to(self, verified: bool, named: bool) -> bool {
        verified
            || match self {
                Self::Optional => true,
                Self::OptionalWithIdList => named,
                Self::Required => false,
            }
    }
}

/// What a credential has besides its key. Zeroised on drop.
#[derive(Debug)]
pub struct CredentialSecrets {
    /// `CredRandomWithUV`: for hmac-secret after user verification, and for `prf`.
    pub verified_seed: PrfSeed,
    /// `CredRandomWithoutUV`: for hmac-secret without it.
    pub unverified_seed: PrfSeed,
    /// With the extension largeBlobKey.
    pub large_blob_key: Option<LargeBlobKey>,
}

/// The key under which a platform encrypts a credential's large blob (CTAP 2.1 §12.3). Zeroised on drop.
pub struct LargeBlobKey(Zeroizing<[u8; 32]>);

impl LargeBlobKey {
    /// A new random key.
    pub fn generate(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut key = Zeroizing::new([0; 32]);
        crypto.random(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// A key from storage.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The bytes, for a store that encrypts them and for the platform that asks.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for LargeBlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LargeBlobKey([redacted])")
    }
}
