//! Evidence: proof, by hello's key, that the user was verified once, for one operation.
//!
//! Evidence is a `COSE_Sign1` over a small map that names the provider, the transaction, the purpose and the SHA-256 of the operation's
//! parameters, so it cannot be carried to another provider, request, operation or buffer. Whoever relies on it calls
//! [`verify`]; the [`VerifiedEvidence`] that comes out is neither `Clone` nor otherwise made, and is the only thing with which
//! the authenticator engine sets the UV flag.

mod kinds;
mod purpose;

use claviger_ctap::{
    authenticator::UvProof,
    cbor::{Limits, Map, Value},
    cose::{Sign1, Sign1Error},
    crypto::{Crypto, CryptoError, PrivateKey, PublicKey},
};

pub use self::{
    kinds::{Method, Tier, UnknownWord},
    purpose::Purpose,
};
use crate::{
    fields::{Fields, MessageError},
    ident::{ProviderId, TransactionId},
    keys::KeyId,
};

/// The external data that the signature covers besides the claims, so that a signature made for another purpose never fits.
pub const AAD: &[u8] = b"claviger-uv-evidence-v1";

/// How long evidence is good for, in milliseconds: as long as the longest ceremony.
pub const MAX_AGE_MS: u64 = 10 * 60 * 1000;

/// How far in the future evidence may lie, in milliseconds, should the clock be set back by a little in between.
pub const SKEW_MS: u64 = 5_000;

/// The most bytes that evidence may have.
pub const MAX_BYTES: usize = 1024;

const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES,
    max_depth: 4,
    max_items: 64,
    other_simple: false,
};

/// What one piece of evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceClaims {
    /// The provider for which the user was verified.
    pub audience: ProviderId,
    /// The transaction for which the user was verified.
    pub transaction: TransactionId,
    /// SHA-256 of the request's parameters, or of the buffer given to `VerifyUser`.
    pub buffer_hash: [u8; 32],
    /// How the user was verified.
    pub method: Method,
    /// How strongly hello's key is protected.
    pub tier: Tier,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// A number that grows with every piece of evidence that this key signs.
    pub count: u64,
    /// What the user was verified for.
    pub purpose: Purpose,
}

impl EvidenceClaims {
    /// Signs the claims. Only hello does this.
    ///
    /// # Errors
    /// The key is not an Ed25519 key, or signing failed.
    pub fn sign(&self, crypto: &dyn Crypto, key: &PrivateKey) -> Result<Vec<u8>, CryptoError> {
        let kid = KeyId::of(crypto, key.public_key());
        Sign1::sign(crypto, key, &kid.0, AAD, &self.encode())
    }

    /// The canonical map that is signed.
    fn encode(&self) -> Vec<u8> {
        let map = Map::new()
            .with(1, 1)
            .with(2, self.audience.as_str())
            .with(3, self.transaction.as_bytes())
            .with(4, self.buffer_hash)
            .with(5, self.method.number())
            .with(6, self.tier.number())
            .with(7, self.time_ms)
            .with(8, self.count)
            .with(9, self.purpose.number());
        Value::from(map).encode()
    }

    fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode_versioned(bytes, &LIMITS)?;
        let audience = fields.text(2, ProviderId::MAX_BYTES)?;
        Ok(Self {
            audience: ProviderId::parse(audience).map_err(|_| MessageError::Value(2))?,
            transaction: TransactionId::from_bytes(fields.bytes(3)?).ok_or(MessageError::Value(3))?,
            buffer_hash: fields.bytes(4)?.try_into().map_err(|_| MessageError::Value(4))?,
            method: Method::from_number(fields.unsigned(5)?),
            tier: Tier::from_number(fields.unsigned(6)?),
            time_ms: fields.unsigned(7)?,
            count: fields.unsigned(8)?,
            purpose: Purpose::from_number(fields.unsigned(9)?),
        })
    }
}

/// What evidence must say to be good here and now.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider that asks, or is asked.
    pub audience: &'a ProviderId,
    /// The transaction of the request.
    pub transaction: TransactionId,
    /// SHA-256 of the request's parameters, or of the buffer given to `VerifyUser`.
    pub buffer_hash: [u8; 32],
    /// What the user is to have been verified for.
    pub purpose: Purpose,
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
}

/// Evidence that was checked: the user was verified for exactly this operation. Consumed by the authenticator engine.
#[derive(Debug)]
pub struct VerifiedEvidence {
    claims: EvidenceClaims,
}

impl VerifiedEvidence {
    /// What the evidence says.
    pub fn claims(&self) -> &EvidenceClaims {
        &self.claims
    }
}

impl UvProof for VerifiedEvidence {}

/// Checks evidence against hello's key and what it is needed for.
///
/// `last_count` is the highest count seen from this key so far; it is raised when the evidence is good, so the same evidence
/// does not pass twice. Keep it beside the pinned key.
pub fn verify(
    crypto: &dyn Crypto,
    evidence: &[u8],
    uv_key: &PublicKey,
    expected: &Expected<'_>,
    last_count: &mut u64,
) -> Result<VerifiedEvidence, EvidenceError> {
    if evidence.len() > MAX_BYTES {
        return Err(EvidenceError::TooLarge);
    }
    let signed = Sign1::parse(evidence)?;
    if signed.kid() != KeyId::of(crypto, uv_key).0 {
        return Err(EvidenceError::UnknownKey);
    }
    let claims = EvidenceClaims::decode(&signed.verify(crypto, uv_key, AAD)?)?;
    if claims.audience != *expected.audience {
        return Err(EvidenceError::Audience);
    }
    if claims.transaction != expected.transaction {
        return Err(EvidenceError::Transaction);
    }
    if claims.buffer_hash != expected.buffer_hash {
        return Err(EvidenceError::Buffer);
    }
    if claims.purpose != expected.purpose {
        return Err(EvidenceError::Purpose);
    }
    if claims.time_ms > expected.now_ms.saturating_add(SKEW_MS)
        || claims.time_ms.saturating_add(MAX_AGE_MS) < expected.now_ms
    {
        return Err(EvidenceError::Time);
    }
    if claims.count <= *last_count {
        return Err(EvidenceError::Replayed);
    }
    *last_count = claims.count;
    Ok(VerifiedEvidence { claims })
}

/// Why evidence is refused. Whoever sent it is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// More than [`MAX_BYTES`].
    #[error("the evidence has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not a `COSE_Sign1`, or its signature is not hello's.
    #[error("the evidence's signature: {0}")]
    Cose(#[from] Sign1Error),
    /// The claims cannot be read.
    #[error("the evidence's claims: {0}")]
    Message(#[from] MessageError),
    /// Signed under a key that is not hello's.
    #[error("the evidence is signed by a key that is not known")]
    UnknownKey,
    /// For another provider.
    #[error("the evidence is for another provider")]
    Audience,
    /// For another transaction.
    #[error("the evidence is for another transaction")]
    Transaction,
    /// For other parameters.
    #[error("the evidence is for another buffer")]
    Buffer,
    /// For another operation, or for no operation at all.
    #[error("the evidence is for another purpose")]
    Purpose,
    /// Too old, or from the future.
    #[error("the evidence is too old or from the future")]
    Time,
    /// Its count is not above the last one.
    #[error("the evidence was used before")]
    Replayed,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::{Algorithm, native};
    use proptest::prelude::*;

    use super::*;
    use crate::operation::Operation;

    const NOW: u64 = 1_800_000_000_000;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_secret(Algorithm::EdDsa, &[seed; 32]).unwrap()
    }

    fn claims() -> EvidenceClaims {
        EvidenceClaims {
            audience: ProviderId::parse("org.example.Notebook").unwrap(),
            transaction: TransactionId([1; 16]),
            buffer_hash: [2; 32],
            method: Method::Pin,
            tier: Tier::Software,
            time_ms: NOW,
            count: 7,
            purpose: Purpose::Operation(Operation::Get),
        }
    }

    fn judge(claims: &EvidenceClaims, change: impl FnOnce(&mut Expected<'_>), last: u64) -> Result<u64, EvidenceError> {
        let (ours, key, mut last) = (self::claims(), key(1), last);
        let mut expected = Expected {
            audience: &ours.audience,
            transaction: ours.transaction,
            buffer_hash: ours.buffer_hash,
            purpose: ours.purpose,
            now_ms: NOW,
        };
        change(&mut expected);
        let bytes = claims.sign(native(), &key).unwrap();
        verify(native(), &bytes, key.public_key(), &expected, &mut last).map(|evidence| {
            assert_eq!(evidence.claims(), claims);
            last
        })
    }

    #[test]
    fn good_evidence_passes_once() {
        assert_eq!(judge(&claims(), |_| {}, 6), Ok(7));
        assert_eq!(judge(&claims(), |_| {}, 7), Err(EvidenceError::Replayed));
    }

    #[test]
    fn evidence_is_bound_to_its_operation() {
        let other = ProviderId::parse("org.example.Other").unwrap();
        let elsewhere = EvidenceClaims {
            audience: other,
            ..claims()
        };
        assert_eq!(judge(&elsewhere, |_| {}, 0), Err(EvidenceError::Audience));
        let transaction = |expected: &mut Expected<'_>| expected.transaction = TransactionId([9; 16]);
        assert_eq!(judge(&claims(), transaction, 0), Err(EvidenceError::Transaction));
        assert_eq!(
            judge(&claims(), |expected| expected.buffer_hash = [9; 32], 0),
            Err(EvidenceError::Buffer)
        );
        // What a person agreed to for one thing serves for no other, and what a provider asked for by itself for no request.
        for other in [
            Purpose::Operation(Operation::Make),
            Purpose::Operation(Operation::Delete),
            Purpose::VerifyUser,
            Purpose::Platform,
        ] {
            assert_eq!(
                judge(&claims(), |expected| expected.purpose = other, 0),
                Err(EvidenceError::Purpose)
            );
        }
    }

    #[test]
    fn evidence_ages() {
        assert_eq!(
            judge(&claims(), |expected| expected.now_ms = NOW + MAX_AGE_MS, 0),
            Ok(7)
        );
        assert_eq!(
            judge(&claims(), |expected| expected.now_ms = NOW + MAX_AGE_MS + 1, 0),
            Err(EvidenceError::Time)
        );
        assert_eq!(judge(&claims(), |expected| expected.now_ms = NOW - SKEW_MS, 0), Ok(7));
        assert_eq!(
            judge(&claims(), |expected| expected.now_ms = NOW - SKEW_MS - 1, 0),
            Err(EvidenceError::Time)
        );
    }

    #[test]
    fn another_key_is_refused_and_leaves_the_count() {
        let claims = claims();
        let bytes = claims.sign(native(), &key(2)).unwrap();
        let expected = Expected {
            audience: &claims.audience,
            transaction: claims.transaction,
            buffer_hash: claims.buffer_hash,
            purpose: claims.purpose,
            now_ms: NOW,
        };
        let mut last = 3;
        let result = verify(native(), &bytes, key(1).public_key(), &expected, &mut last);
        assert_eq!(result.err(), Some(EvidenceError::UnknownKey));
        assert_eq!(last, 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let claims = claims();
            let expected = Expected { audience: &claims.audience, transaction: claims.transaction, buffer_hash: [2; 32], purpose: claims.purpose, now_ms: NOW };
            prop_assert!(verify(native(), &bytes, key(1).public_key(), &expected, &mut 0).is_err());
            let _ = EvidenceClaims::decode(&bytes);
        }

        #[test]
        fn any_flipped_bit_is_refused(position in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let claims = claims();
            let mut bytes = claims.sign(native(), &key(1)).unwrap();
            let at = position.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let expected = Expected { audience: &claims.audience, transaction: claims.transaction, buffer_hash: [2; 32], purpose: claims.purpose, now_ms: NOW };
            prop_assert!(verify(native(), &bytes, key(1).public_key(), &expected, &mut 0).is_err());
        }
    }
}
