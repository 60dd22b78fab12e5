//! The unlock box: how a locked provider gets the secret that opens it, in the same request that needs it.
//!
//! Every provider has its own 32-byte unlock secret, derived by hello from the user's key and the provider's id. Hello seals
//! it to a key that the provider's process made for it ([`UnlockKey`], announced by `Describe`), bound to one transaction.
//! The broker and the bus carry only the box. A provider that needs no unlocking announces no key.

use std::fmt;

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use claviger_ctap::{
    cbor::{Limits, Map, Value},
    crypto::{
        Crypto, CryptoError,
        ecdh::{EcdhPublicKey, EphemeralKey},
    },
};
use zeroize::Zeroizing;

use crate::{
    fields::{Fields, MessageError},
    ident::{ProviderId, TransactionId},
};

/// The most bytes that a box may have.
pub const MAX_BYTES: usize = 512;

const BOX_INFO: &[u8] = b"claviger-unlock-box-v1";
const SECRET_INFO: &[u8] = b"claviger-provider-unlock-v1";
const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES,
    max_depth: 4,
    max_items: 64,
    other_simple: false,
};

/// What opens one provider of one user: 32 bytes, the same at every unlock. Neither `Clone` nor printed; zeroised on drop.
///
/// In a box, and written there, because a value that is moved leaves a copy behind that nobody wipes.
pub struct UnlockSecret(Box<Zeroizing<[u8; 32]>>);

impl UnlockSecret {
    /// Derives the secret of this provider from the user's key. Only hello does this.
    ///
    /// # Errors
    /// The cryptography failed.
    pub fn derive(crypto: &dyn Crypto, user_key: &[u8; 32], provider: &ProviderId) -> Result<Self, CryptoError> {
        let info = [SECRET_INFO, provider.as_str().as_bytes()].concat();
        let mut secret = Box::new(Zeroizing::new([0; 32]));
        crypto.hkdf_sha256(&[], user_key, &info, secret.as_mut_slice())?;
        Ok(Self(secret))
    }

    /// Takes the 32 bytes of a secret, for tests and for providers that are unlocked in another way.
    #[allow(clippy::needless_pass_by_value)] // Taken, so that the caller has none left, and wiped here.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        let mut secret = Box::new(Zeroizing::new([0; 32]));
        secret.copy_from_slice(bytes.as_slice());
        Self(secret)
    }

    /// The 32 bytes, to be used as key material (never as a password).
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for UnlockSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnlockSecret([redacted])")
    }
}

/// The key to which boxes for one provider process are sealed. A provider makes another one for each box and after each lock (protocol
/// §11), so that a box opens once, and nothing after its process.
#[derive(Debug)]
pub struct UnlockKey(EphemeralKey);

impl UnlockKey {
    /// Makes a fresh key.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub fn generate(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        EphemeralKey::generate(crypto).map(Self)
    }

    /// Takes a key that exists already, for test vectors.
    pub fn from_key(key: EphemeralKey) -> Self {
        Self(key)
    }

    /// What `Describe` announces.
    pub fn public(&self) -> &EcdhPublicKey {
        self.0.public()
    }

    /// Opens a box that was sealed to this key, for this provider and transaction.
    pub fn open(
        &self,
        crypto: &dyn Crypto,
        provider: &ProviderId,
        transaction: TransactionId,
        sealed: &[u8],
    ) -> Result<UnlockSecret, UnlockError> {
        let fields = Fields::decode(sealed, &LIMITS)?;
        let sender = EcdhPublicKey::from_cose(fields.value(1)?).map_err(|_| MessageError::Value(1))?;
        let ciphertext = fields.bytes(2)?;
        let binding = Binding { provider, transaction };
        let cipher = binding.cipher(crypto, &self.0, &sender, &sender, self.public())?;
        let plain = cipher
            .decrypt(
                &Nonce::default(),
                Payload {
                    msg: ciphertext,
                    aad: &binding.associated_data(),
                },
            )
            .map_err(|_| UnlockError::NotOurs)?;
        let plain = Zeroizing::new(plain);
        let mut secret = Box::new(Zeroizing::new([0; 32]));
        if plain.len() != secret.len() {
            return Err(UnlockError::NotOurs);
        }
        secret.copy_from_slice(&plain);
        Ok(UnlockSecret(secret))
    }
}

/// Seals a provider's secret to its process, for one transaction. Only hello does this.
///
/// # Errors
/// The cryptography failed.
pub fn seal(
    crypto: &dyn Crypto,
    recipient: &EcdhPublicKey,
    provider: &ProviderId,
    transaction: TransactionId,
    secret: &UnlockSecret,
) -> Result<Vec<u8>, UnlockError> {
    seal_with(
        crypto,
        &EphemeralKey::generate(crypto)?,
        recipient,
        provider,
        transaction,
        secret,
    )
}

/// [`seal`] with a given ephemeral key, for test vectors. The nonce is zero, so **a key must seal no more than one box**.
pub fn seal_with(
    crypto: &dyn Crypto,
    ephemeral: &EphemeralKey,
    recipient: &EcdhPublicKey,
    provider: &ProviderId,
    transaction: TransactionId,
    secret: &UnlockSecret,
) -> Result<Vec<u8>, UnlockError> {
    let binding = Binding { provider, transaction };
    let cipher = binding.cipher(crypto, ephemeral, recipient, ephemeral.public(), recipient)?;
    let ciphertext = cipher
        .encrypt(
            &Nonce::default(),
            Payload {
                msg: secret.expose(),
                aad: &binding.associated_data(),
            },
        )
        .map_err(|_| UnlockError::NotOurs)?;
    Ok(Value::from(Map::new().with(1, ephemeral.public().to_cose()).with(2, ciphertext)).encode())
}

/// Why a box was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnlockError {
    /// The box cannot be read (the platform is at fault).
    #[error("the unlock box: {0}")]
    Message(#[from] MessageError),
    /// The box was sealed to another process, provider or transaction, or was changed (the platform is at fault).
    #[error("the unlock box is not for this process, provider and transaction")]
    NotOurs,
    /// The cryptography failed (the machine is at fault).
    #[error("{0}")]
    Crypto(#[from] CryptoError),
}

/// What a box is bound to.
struct Binding<'a> {
    provider: &'a ProviderId,
    transaction: TransactionId,
}

impl Binding<'_> {
    fn cipher(
        &self,
        crypto: &dyn Crypto,
        ours: &EphemeralKey,
        theirs: &EcdhPublicKey,
        sender: &EcdhPublicKey,
        recipient: &EcdhPublicKey,
    ) -> Result<ChaCha20Poly1305, CryptoError> {
        let shared = ours.agree(theirs);
        let salt = crypto.sha256(&[&sender.cose_bytes(), &recipient.cose_bytes()]);
        let info = [BOX_INFO, &self.associated_data()].concat();
        let mut key = Zeroizing::new([0; 32]);
        crypto.hkdf_sha256(&salt, shared.as_slice(), &info, key.as_mut_slice())?;
        Ok(ChaCha20Poly1305::new(
            key.as_slice().try_into().map_err(|_| CryptoError::OutputTooLong)?,
        ))
    }

    fn associated_data(&self) -> Vec<u8> {
        [self.provider.as_str().as_bytes(), self.transaction.as_bytes()].concat()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::native;
    use proptest::prelude::*;

    use super::*;

    const TRANSACTION: TransactionId = TransactionId([3; 16]);

    fn provider(name: &str) -> ProviderId {
        ProviderId::parse(name).unwrap()
    }

    fn sealed() -> (UnlockKey, Vec<u8>) {
        let key = UnlockKey::generate(native()).unwrap();
        let secret = UnlockSecret::derive(native(), &[5; 32], &provider("org.example.Notebook")).unwrap();
        let sealed = seal(
            native(),
            key.public(),
            &provider("org.example.Notebook"),
            TRANSACTION,
            &secret,
        )
        .unwrap();
        (key, sealed)
    }

    #[test]
    fn a_box_opens_for_its_process_provider_and_transaction_only() {
        let (key, sealed) = sealed();
        let ours = provider("org.example.Notebook");
        let secret = UnlockSecret::derive(native(), &[5; 32], &ours).unwrap();
        assert_eq!(
            key.open(native(), &ours, TRANSACTION, &sealed).unwrap().expose(),
            secret.expose()
        );
        let refused = |key: &UnlockKey, provider: &ProviderId, transaction| {
            key.open(native(), provider, transaction, &sealed).err() == Some(UnlockError::NotOurs)
        };
        assert!(refused(&UnlockKey::generate(native()).unwrap(), &ours, TRANSACTION));
        assert!(refused(&key, &provider("org.example.Other"), TRANSACTION));
        assert!(refused(&key, &ours, TransactionId([4; 16])));
    }

    #[test]
    fn every_provider_has_its_own_secret() {
        let secret = |user: u8, name| UnlockSecret::derive(native(), &[user; 32], &provider(name)).unwrap();
        assert_eq!(secret(1, "a.b").expose(), secret(1, "a.b").expose());
        assert_ne!(secret(1, "a.b").expose(), secret(1, "a.c").expose());
        assert_ne!(secret(1, "a.b").expose(), secret(2, "a.b").expose());
        assert_eq!(format!("{:?}", secret(1, "a.b")), "UnlockSecret([redacted])");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (key, _) = sealed();
            prop_assert!(key.open(native(), &provider("org.example.Notebook"), TRANSACTION, &bytes).is_err());
        }

        #[test]
        fn any_flipped_bit_is_refused(position in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let (key, mut sealed) = sealed();
            let at = position.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(key.open(native(), &provider("org.example.Notebook"), TRANSACTION, &sealed).is_err());
        }
    }
}
