//! Passkeys: made, used, renamed and deleted, in terms of the items that hold them.

use claviger_account::ids::ItemId;
use claviger_account::item::{
    Credential, Extension, Fido2Extensions, Fido2LargeBlob, Fields, HmacCredentials, Item, Passkey, PasskeyExtension,
    Scope,
};
use claviger_account::seal::Content;
use claviger_account::secret::{Bytes, SecretBytes};
use claviger_ctap::authenticator::CredentialRecord;
use claviger_ctap::crypto::{Crypto, PrivateKey, PublicKey};
use claviger_ctap::large_blob::LargeBlob;
use claviger_ctap::prf::{PrfOutput, PrfSeed};
use claviger_ctap::types::CredentialId;
use zeroize::Zeroizing;

use super::Vault;
use crate::error::Error;
use crate::index::PasskeyInfo;

const HMAC_SHA256: &str = "hmac-sha256";

impl Vault {
    /// Keeps a new passkey, with the bytes of its site's if there are any (CTAP 2.1, section 12.2), as an item of its own, and in the same transaction takes out those that it
    /// [replaces](CredentialRecord::replaces). `record.created_ms` is now.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn add_passkey(
        &mut self,
        record: &CredentialRecord,
        key: &PrivateKey,
        seed: &PrfSeed,
        cred_blob: Option<Vec<u8>>,
    ) -> Result<ItemId, Error> {
        if self.opened()?.index.contains(&record.id) {
            return Err(Error::Exists);
        }
        let item = new_item(self.crypto, record, key, seed, cred_blob)?;
        let replaced: Vec<_> = self
            .find(&record.rp_id)?
            .into_iter()
            .filter(|old| record.discoverable && old.discoverable && old.user_handle == record.user.id)
            .map(|old| (old.item, old.credential_id))
            .collect();
        let mut contents = vec![(item.id, Content::Item(item.to_json()?))];
        for (holder, credential_id) in replaced {
            // Two passkeys of one account in one item can only come from an import; the item is then the unit.
            if contents.iter().all(|(id, _)| *id != holder) {
                contents.push((holder, self.without(holder, &credential_id)?));
            }
        }
        self.commit(&contents, record.created_ms)?;
        Ok(item.id)
    }

    /// Signs `message` (hashed here) with a passkey, in the WebAuthn encoding of its algorithm. The private key is
    /// decrypted for this one signature.
    pub fn sign(&self, credential_id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, Error> {
        let info = self.passkey(credential_id)?;
        let public = PublicKey::from_cose_bytes(&info.public_key).map_err(|_| Error::BadKey)?;
        self.with_passkey(&info, |passkey| {
            let key = PrivateKey::from_pkcs8_der(passkey.key.expose(), Some(public)).map_err(|_| Error::BadKey)?;
            Ok(self.crypto.sign(&key, message)?)
        })
    }

    /// The PRF of a passkey for a salt, with its seed for verified users (CTAP 2.1, section 12.5).
    ///
    /// # Errors
    /// [`Error::NotFound`] for a passkey that was made, elsewhere, without a PRF.
    pub fn prf(&self, credential_id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Error> {
        self.evaluate(credential_id, salt, |seeds| &seeds.with_uv)
    }

    /// The same with its seed for users who were not verified.
    pub fn prf_unverified(&self, credential_id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Error> {
        self.evaluate(credential_id, salt, |seeds| &seeds.without_uv)
    }

    /// The bytes that the passkey's site left with it when it was made (CTAP 2.1, section 12.2).
    pub fn cred_blob(&self, credential_id: &CredentialId) -> Result<Option<Vec<u8>>, Error> {
        self.with_passkey(&self.passkey(credential_id)?, |passkey| {
            let blob = passkey
                .fido2_extensions
                .as_ref()
                .and_then(|fido2| fido2.cred_blob.as_ref());
            Ok(blob.map(|blob| blob.expose().to_vec()))
        })
    }

    /// The large blob that the passkey's site keeps with it (`WebAuthn` level 3, section 10.1.5).
    pub fn large_blob(&self, credential_id: &CredentialId) -> Result<Option<LargeBlob>, Error> {
        self.with_passkey(&self.passkey(credential_id)?, |passkey| {
            let blob = passkey
                .fido2_extensions
                .as_ref()
                .and_then(|fido2| fido2.large_blob.as_ref());
            Ok(blob.map(|blob| LargeBlob {
                data: Zeroizing::new(blob.data.expose().to_vec()),
                original_size: blob.uncompressed_size,
            }))
        })
    }

    /// Keeps this large blob in the place of the one before.
    pub fn set_large_blob(&mut self, credential_id: &CredentialId, blob: LargeBlob, now_ms: u64) -> Result<(), Error> {
        let item = self.passkey(credential_id)?.item;
        self.update(item, now_ms, |item| {
            let passkey = item.passkey_mut(credential_id).ok_or(Error::NotFound)?;
            let extensions = passkey.fido2_extensions.get_or_insert_default();
            extensions.large_blob = Some(Fido2LargeBlob {
                uncompressed_size: blob.original_size,
                data: SecretBytes::new(blob.data),
                other: Fields::default(),
            });
            Ok(())
        })
    }

    fn evaluate(
        &self,
        credential_id: &CredentialId,
        salt: &[u8; 32],
        which: impl Fn(&HmacCredentials) -> &SecretBytes,
    ) -> Result<PrfOutput, Error> {
        self.with_passkey(&self.passkey(credential_id)?, |passkey| {
            let seeds = passkey
                .fido2_extensions
                .as_ref()
                .and_then(|fido2| fido2.hmac_credentials.as_ref());
            let seed = which(seeds.ok_or(Error::NotFound)?);
            let seed = seed.expose().try_into().map_err(|_| Error::BadKey)?;
            Ok(PrfSeed::from_bytes(seed).evaluate(self.crypto, salt))
        })
    }

    /// Changes the names of a passkey's account; `None` leaves one as it is.
    pub fn rename_passkey(
        &mut self,
        credential_id: &CredentialId,
        username: Option<String>,
        user_display_name: Option<String>,
        now_ms: u64,
    ) -> Result<(), Error> {
        let item = self.passkey(credential_id)?.item;
        self.update(item, now_ms, |item| {
            let passkey = item.passkey_mut(credential_id).ok_or(Error::NotFound)?;
            if let Some(name) = username {
                passkey.username = name;
            }
            if let Some(name) = user_display_name {
                passkey.user_display_name = name;
            }
            Ok(())
        })
    }

    /// Deletes a passkey: its item, unless the item holds something else too.
    pub fn remove_passkey(&mut self, credential_id: &CredentialId, now_ms: u64) -> Result<(), Error> {
        let item = self.passkey(credential_id)?.item;
        let content = self.without(item, credential_id)?;
        self.commit(&[(item, content)], now_ms)
    }

    /// What remains of an item without one of its passkeys.
    fn without(&self, id: ItemId, credential_id: &CredentialId) -> Result<Content, Error> {
        let mut item = self.item(id)?;
        item.credentials
            .retain(|c| !matches!(c, Credential::Passkey(p) if p.credential_id == *credential_id));
        item.extensions
            .retain(|e| !matches!(e, Extension::Passkey(p) if p.credential_id == *credential_id));
        Ok(if item.credentials.is_empty() {
            Content::Tombstone
        } else {
            Content::Item(item.to_json()?)
        })
    }

    fn with_passkey<T>(&self, info: &PasskeyInfo, use_: impl FnOnce(&Passkey) -> Result<T, Error>) -> Result<T, Error> {
        let item = self.item(info.item)?;
        let passkey = item
            .passkeys()
            .find(|passkey| passkey.credential_id == info.credential_id);
        use_(passkey.ok_or(Error::NotFound)?)
    }
}

fn new_item(
    crypto: &dyn Crypto,
    record: &CredentialRecord,
    key: &PrivateKey,
    seed: &PrfSeed,
    cred_blob: Option<Vec<u8>>,
) -> Result<Item, Error> {
    let title = record.rp_name.clone().unwrap_or_else(|| record.rp_id.clone());
    let mut item = Item::new(ItemId::random(crypto)?, title);
    item.creation_at = i64::try_from(record.created_ms / 1000).ok();
    item.modified_at = item.creation_at;
    // By way of the security-key door an RP ID may be anything: `ssh:`, say. Such a one is not a place on the web.
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    item.scope = record.rp_id.chars().all(is_host).then(|| Scope {
        urls: vec![format!("https://{}", record.rp_id)],
        other: Fields::default(),
    });
    // CXF wants both seeds. The one for unverified users serves the security-key door.
    let mut without_uv = Zeroizing::new(vec![0; 32]);
    crypto.random(&mut without_uv)?;
    let seeds = HmacCredentials {
        algorithm: HMAC_SHA256.to_owned(),
        with_uv: SecretBytes::new(Zeroizing::new(seed.as_bytes().to_vec())),
        without_uv: SecretBytes::new(without_uv),
        other: Fields::default(),
    };
    item.credentials.push(Credential::Passkey(Passkey {
        credential_id: record.id.clone(),
        rp_id: record.rp_id.clone(),
        username: record.user.name.clone().unwrap_or_default(),
        user_display_name: record.user.display_name.clone().unwrap_or_default(),
        user_handle: record.user.id.clone(),
        key: SecretBytes::new(key.to_pkcs8_der()),
        fido2_extensions: Some(Fido2Extensions {
            hmac_credentials: Some(seeds),
            cred_blob: cred_blob.map(|blob| SecretBytes::new(Zeroizing::new(blob))),
            large_blob: None,
            other: Fields::default(),
        }),
        other: Fields::default(),
    }));
    item.extensions.push(Extension::Passkey(PasskeyExtension {
        credential_id: record.id.clone(),
        public_key: Bytes(record.public_key.cose_bytes()),
        rp_name: record.rp_name.clone(),
        discoverable: record.discoverable,
        backup_eligible: record.backup_eligible,
        created_ms: record.created_ms,
        other: Fields::default(),
    }));
    Ok(item)
}
