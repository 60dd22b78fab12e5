//! The recovery code's protector: the user's key under HKDF of the code.
//!
//! A code that was made opens from that moment on, because it may be on paper already; it is *pending* until the person typed two of its
//! groups back. Then it is the code, and the one before opens no more. 128 random bits need no stretching, so a code costs one
//! derivation to try, and the tries are paced and never end ([`TryPolicy::RECOVERY_CODE`](crate::counter::TryPolicy::RECOVERY_CODE)).
//!
//! The key that wraps is `HKDF-SHA-256(code, salt, "claviger-recovery-code-v1/hello/" ‖ person)`. A person is known by the public
//! evidence key, which stays the same as long as there is something to recover. What else the code may open one day has another label.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use claviger_ctap::{
    cbor::{Map, Value},
    crypto::Crypto,
};
use claviger_pin::RecoveryCode;
use zeroize::Zeroizing;

use super::{NONCE_LENGTH, ProtectorError, SALT_LENGTH, WRAPPED_LENGTH, fixed};
use crate::keys::UserKey;

const INFO: &[u8] = b"claviger-recovery-code-v1/hello/";

/// The user's key, wrapped under the code that there is and the one that is to replace it. At least one is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct CodeKeys {
    confirmed: Option<CodeKey>,
    pending: Option<CodeKey>,
}

impl CodeKeys {
    /// The same with a new code beside the one that was typed back, in the place of one that was not.
    pub(crate) fn with_pending(
        self,
        crypto: &dyn Crypto,
        code: &RecoveryCode,
        person: &[u8],
        key: &UserKey,
    ) -> Result<Self, ProtectorError> {
        Ok(Self {
            pending: Some(CodeKey::wrap(crypto, code, person, key)?),
            ..self
        })
    }

    /// The same with the pending code as the one that there is; `None` when no code is pending.
    pub(crate) fn confirmed(self) -> Option<Self> {
        Some(Self {
            confirmed: Some(self.pending?),
            pending: None,
        })
    }

    /// Whether there is a code that was typed back.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.confirmed.is_some()
    }

    /// Whether there is one that was not.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The user's key, when this is one of the codes.
    pub(crate) fn unwrap(
        &self,
        crypto: &dyn Crypto,
        code: &RecoveryCode,
        person: &[u8],
    ) -> Result<Option<Box<UserKey>>, ProtectorError> {
        for wrapped in [&self.confirmed, &self.pending].into_iter().flatten() {
            if let Some(key) = wrapped.unwrap(crypto, code, person)? {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// `{2?: confirmed, 3?: pending}`: beside the gate, in the protector's record.
    pub(super) fn into_record(self, record: Map) -> Map {
        record
            .maybe(2, self.confirmed.map(|key| key.to_cbor()))
            .maybe(3, self.pending.map(|key| key.to_cbor()))
    }

    /// Reads what [`Self::into_record`] wrote; the text says what is wrong.
    pub(super) fn from_record(record: &Map) -> Result<Self, &'static str> {
        let keys = Self {
            confirmed: record.int(2).map(CodeKey::from_cbor).transpose()?,
            pending: record.int(3).map(CodeKey::from_cbor).transpose()?,
        };
        let count = usize::from(keys.is_confirmed()) + usize::from(keys.is_pending());
        if count == 0 {
            Err("the protector has no wrapped key")
        } else if record.len() != 1 + count {
            Err("the protector has fields that are not known")
        } else {
            Ok(keys)
        }
    }
}

/// The user's key, wrapped with XChaCha20-Poly1305 under a key that HKDF makes of a code.
#[derive(Clone, Debug)]
struct CodeKey {
    salt: [u8; SALT_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    wrapped: [u8; WRAPPED_LENGTH],
}

impl CodeKey {
    fn wrap(crypto: &dyn Crypto, code: &RecoveryCode, person: &[u8], key: &UserKey) -> Result<Self, ProtectorError> {
        let (mut salt, mut nonce) = ([0; SALT_LENGTH], [0; NONCE_LENGTH]);
        crypto.random(&mut salt)?;
        crypto.random(&mut nonce)?;
        let message = Payload {
            msg: key.expose(),
            aad: INFO,
        };
        let wrapped = cipher(crypto, code, &salt, person)?
            .encrypt(&XNonce::from(nonce), message)
            .map_err(|_| ProtectorError::Memory)?;
        let wrapped = wrapped.try_into().map_err(|_| ProtectorError::Memory)?;
        Ok(Self { salt, nonce, wrapped })
    }

    fn unwrap(
        &self,
        crypto: &dyn Crypto,
        code: &RecoveryCode,
        person: &[u8],
    ) -> Result<Option<Box<UserKey>>, ProtectorError> {
        let message = Payload {
            msg: &self.wrapped,
            aad: INFO,
        };
        let cipher = cipher(crypto, code, &self.salt, person)?;
        let key = cipher.decrypt(&XNonce::from(self.nonce), message).map(Zeroizing::new);
        Ok(key.ok().and_then(|key| UserKey::from_slice(&key)))
    }

    /// As stored: `{1: salt, 2: nonce, 3: wrapped key}`. Nothing in it is secret.
    fn to_cbor(&self) -> Value {
        Value::from(Map::new().with(1, self.salt).with(2, self.nonce).with(3, self.wrapped))
    }

    fn from_cbor(value: &Value) -> Result<Self, &'static str> {
        let map = value.as_map().filter(|map| map.len() == 3);
        let map = map.ok_or("a wrapped key is a map of three fields")?;
        Ok(Self {
            salt: fixed(map.int(1)).ok_or("the salt has the wrong length")?,
            nonce: fixed(map.int(2)).ok_or("the nonce has the wrong length")?,
            wrapped: fixed(map.int(3)).ok_or("the wrapped key has the wrong length")?,
        })
    }
}

fn cipher(
    crypto: &dyn Crypto,
    code: &RecoveryCode,
    salt: &[u8],
    person: &[u8],
) -> Result<XChaCha20Poly1305, ProtectorError> {
    let mut key = Zeroizing::new([0; 32]);
    crypto.hkdf_sha256(salt, code.as_bytes(), &[INFO, person].concat(), key.as_mut_slice())?;
    XChaCha20Poly1305::new_from_slice(key.as_slice()).map_err(|_| ProtectorError::Memory)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::{native, portable};

    use super::*;

    const PERSON: &[u8] = b"somebody";

    fn code(text: &str) -> RecoveryCode {
        RecoveryCode::parse(text).unwrap()
    }

    fn opens(keys: &CodeKeys, code: &RecoveryCode, person: &[u8]) -> Option<[u8; 32]> {
        let [one, two] = [native(), portable()].map(|crypto| keys.unwrap(crypto, code, person).unwrap());
        let one = one.map(|key| *key.expose());
        assert_eq!(one, two.map(|key| *key.expose()), "both implementations agree");
        one
    }

    #[test]
    fn each_code_opens_until_the_next_one_is_confirmed() {
        let key = UserKey::generate(native()).unwrap();
        let [one, two] = [[1; 16], [2; 16]].map(|_| RecoveryCode::generate(native()).unwrap());
        let first = CodeKeys::default().with_pending(native(), &one, PERSON, &key).unwrap();
        assert_eq!(opens(&first, &one, PERSON), Some(*key.expose()));
        assert_eq!(opens(&first, &two, PERSON), None);
        assert_eq!(opens(&first, &one, b"somebody else"), None);
        let first = first.confirmed().unwrap();
        let both = first.with_pending(native(), &two, PERSON, &key).unwrap();
        assert!(opens(&both, &one, PERSON).is_some() && opens(&both, &two, PERSON).is_some());
        let second = both.confirmed().unwrap();
        assert!(opens(&second, &one, PERSON).is_none() && opens(&second, &two, PERSON).is_some());
        assert!(second.confirmed().is_none());
    }

    #[test]
    fn everything_stored_is_bound_and_checked() {
        let key = UserKey::generate(native()).unwrap();
        let zero = code("0000-0000-0000-0000-0000-0000-0000");
        let keys = CodeKeys::default().with_pending(native(), &zero, PERSON, &key).unwrap();
        let record = keys.clone().into_record(Map::new().with(1, 0));
        let read = CodeKeys::from_record(&record).unwrap();
        assert_eq!(opens(&read, &zero, PERSON), Some(*key.expose()));
        for change in [
            |key: &mut CodeKey| key.salt[0] ^= 1,
            |key: &mut CodeKey| key.nonce[23] ^= 1,
            |key: &mut CodeKey| key.wrapped[47] ^= 1,
        ] {
            let mut changed = keys.clone();
            changed.pending.as_mut().map(change).unwrap();
            assert_eq!(opens(&changed, &zero, PERSON), None);
        }
        let wrapped = record.int(3).unwrap().clone();
        for bad in [
            Map::new().with(1, 0),
            Map::new().with(1, 0).with(2, 7),
            record.clone().with(4, wrapped),
            Map::new()
                .with(1, 0)
                .with(3, Map::new().with(1, [0; 32]).with(2, [0; 24]).with(3, [0; 47])),
        ] {
            assert!(CodeKeys::from_record(&bad).is_err(), "{bad:?}");
        }
    }
}
