//! What outlives a power cycle for a platform: the `persistentPinUvAuthToken` (CTAP 2.2 §6.5.2), with which it may look
//! at the credentials, and two values in getInfo that it alone can read: which device this is (CTAP 2.2), and whether
//! its discoverable credentials have changed (CTAP 2.3).
//!
//! The token lasts until the PIN changes or the device is reset. It has one permission, and no RP ID.

use aes::Aes128;
use cbc::cipher::{Array, BlockModeEncrypt as _, KeyIvInit as _};
use zeroize::Zeroizing;

use super::{Device, Environment, Fault, refuse};
use crate::authenticator::token::Param;
use crate::client_pin::Response;
use crate::crypto::CryptoError;
use crate::pin_protocol::SharedSecret;
use crate::status::Status;

impl<E: Environment> Device<E> {
    /// Gives the token, with the permission `pcmr`.
    pub(super) fn persistent_token(&mut self, secret: &SharedSecret) -> Result<Response, Fault<E>> {
        let Ok(wrapped) = secret.encrypt(self.crypto(), self.state.identity.token.as_slice()) else {
            return refuse(Status::Other, "the token could not be encrypted");
        };
        self.state.identity.token_given = true;
        self.save()?;
        Ok(Response {
            pin_uv_auth_token: Some(wrapped),
            ..Response::default()
        })
    }

    /// Whether `param` over `message` was made with the token.
    pub(super) fn by_persistent_token(&self, param: &Param<'_>, message: &[u8]) -> bool {
        let identity = &self.state.identity;
        identity.token_given && param.verifies(self.crypto(), &identity.token, &[message])
    }

    /// The discoverable credentials are about to change. Called first: a state that changed in vain misleads nobody.
    pub(super) fn credentials_change(&mut self) -> Result<(), Fault<E>> {
        let crypto = self.crypto();
        self.state.identity.store_changed(crypto)?;
        self.save()
    }

    /// `encIdentifier` and `encCredStoreState`.
    pub(super) fn encrypted_identity(&self) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        let identity = &self.state.identity;
        Ok((
            self.encrypt_identity(b"encIdentifier", identity.device)?,
            self.encrypt_identity(b"encCredStoreState", identity.store)?,
        ))
    }

    /// A random IV, and the value in AES-128-CBC under HKDF-SHA-256(token, 32 zeros, name).
    fn encrypt_identity(&self, name: &[u8], value: [u8; 16]) -> Result<Vec<u8>, CryptoError> {
        let mut key = Zeroizing::new([0; 16]);
        let token = self.state.identity.token.as_slice();
        self.crypto().hkdf_sha256(&[0; 32], token, name, key.as_mut_slice())?;
        let mut iv = [0; 16];
        self.crypto().random(&mut iv)?;
        let mut block = Array(value);
        cbc::Encryptor::<Aes128>::new(&Array(*key), &Array(iv)).encrypt_block(&mut block);
        Ok([iv, block.0].concat())
    }
}
