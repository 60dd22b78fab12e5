//! What is asked of one verification, as a value and as CBOR on the bus.

use claviger_ctap::{
    cbor::{Map, Value, decode},
    crypto::ecdh::EcdhPublicKey,
};
use claviger_joint::{ProviderId, TransactionId, evidence::Purpose};

use super::{CodecError, LIMITS, MAX_UNLOCKS, array, field};

/// The operation that evidence is to be made for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EvidenceScope {
    /// The provider that gets the evidence.
    pub audience: ProviderId,
    /// The transaction.
    pub transaction: TransactionId,
    /// SHA-256 of the operation's parameters.
    pub buffer_hash: [u8; 32],
    /// Which operation it is, or what else the user is verified for.
    pub purpose: Purpose,
}

/// A provider to be unlocked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnlockTarget {
    /// The provider whose secret is sealed.
    pub provider: ProviderId,
    /// The transaction that the box is bound to.
    pub transaction: TransactionId,
    /// The key of the provider's process, from its `Describe`.
    pub recipient: EcdhPublicKey,
}

/// What one gesture is to bring about. The default, nothing, only tells whether the PIN is right.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VerifyRequest {
    /// The one operation to make evidence for.
    pub evidence: Option<EvidenceScope>,
    /// Providers to unlock for it, at most [`MAX_UNLOCKS`].
    pub unlock: Vec<UnlockTarget>,
}

impl VerifyRequest {
    /// The transaction that this is part of, by which it can be cancelled; `None` when nothing is to be brought about.
    pub fn transaction(&self) -> Option<TransactionId> {
        let of_evidence = self.evidence.as_ref().map(|operation| operation.transaction);
        of_evidence.or_else(|| self.unlock.first().map(|target| target.transaction))
    }

    /// As it goes to hello: `{1: [{1: audience, 2: transaction, 3: buffer hash, 4: purpose}], 2: [{1: provider, 2: transaction, 3: COSE_Key}]}`.
    pub fn encode(&self) -> Vec<u8> {
        let evidence = self.evidence.iter().map(|operation| {
            let map = Map::new().with(1, operation.audience.as_str());
            Value::from(
                map.with(2, operation.transaction.as_bytes())
                    .with(3, operation.buffer_hash)
                    .with(4, operation.purpose.number()),
            )
        });
        let unlock = self.unlock.iter().map(|target| {
            let map = Map::new().with(1, target.provider.as_str());
            Value::from(
                map.with(2, target.transaction.as_bytes())
                    .with(3, target.recipient.to_cose()),
            )
        });
        Value::from(
            Map::new()
                .with(1, evidence.collect::<Vec<_>>())
                .with(2, unlock.collect::<Vec<_>>()),
        )
        .encode()
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let value = decode(bytes, &LIMITS)?;
        let list = |key| array(&value, key);
        let evidence = match list(1)? {
            [] => None,
            [operation] => Some(EvidenceScope {
                audience: provider(operation)?,
                transaction: transaction(operation)?,
                buffer_hash: field(operation, 3, |hash| hash.as_bytes()?.try_into().ok())?,
                purpose: Purpose::from_number(field(operation, 4, Value::as_unsigned)?),
            }),
            _ => return Err(CodecError::TooMany),
        };
        let targets = list(2)?;
        if targets.len() > MAX_UNLOCKS {
            return Err(CodecError::TooMany);
        }
        let unlock = targets.iter().map(|target| {
            let recipient = field(target, 3, |key| EcdhPublicKey::from_cose(key).ok())?;
            Ok(UnlockTarget {
                provider: provider(target)?,
                transaction: transaction(target)?,
                recipient,
            })
        });
        Ok(Self {
            evidence,
            unlock: unlock.collect::<Result<_, CodecError>>()?,
        })
    }
}

fn provider(value: &Value) -> Result<ProviderId, CodecError> {
    field(value, 1, |id| ProviderId::parse(id.as_text()?).ok())
}

fn transaction(value: &Value) -> Result<TransactionId, CodecError> {
    field(value, 2, |id| TransactionId::from_bytes(id.as_bytes()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use claviger_ctap::crypto::{ecdh::EphemeralKey, native};
    use proptest::prelude::*;

    use super::*;

    fn request(unlocks: usize) -> VerifyRequest {
        let id = ProviderId::parse("org.example.Notebook").unwrap();
        let transaction = TransactionId([4; 16]);
        let recipient = EphemeralKey::generate(native()).unwrap().public().clone();
        let target = UnlockTarget {
            provider: id.clone(),
            transaction,
            recipient,
        };
        VerifyRequest {
            evidence: Some(EvidenceScope {
                audience: id,
                transaction,
                buffer_hash: [5; 32],
                purpose: Purpose::VerifyUser,
            }),
            unlock: vec![target; unlocks],
        }
    }

    #[test]
    fn requests_go_there_and_back() {
        for request in [VerifyRequest::default(), request(0), request(1), request(MAX_UNLOCKS)] {
            assert_eq!(VerifyRequest::decode(&request.encode()), Ok(request));
        }
    }

    #[test]
    fn one_gesture_is_one_operation() {
        let mut map = decode(&request(0).encode(), &LIMITS).unwrap().into_map().unwrap();
        let one = map.int(1).unwrap().as_array().unwrap()[0].clone();
        map.insert(1, vec![one.clone(), one]);
        assert_eq!(
            VerifyRequest::decode(&Value::from(map).encode()),
            Err(CodecError::TooMany)
        );
        assert_eq!(
            VerifyRequest::decode(&request(MAX_UNLOCKS + 1).encode()),
            Err(CodecError::TooMany)
        );
    }

    #[test]
    fn the_transaction_is_the_evidences_or_else_the_first_boxs() {
        let of = |request: &VerifyRequest| request.transaction();
        assert_eq!(of(&VerifyRequest::default()), None);
        assert_eq!(of(&request(2)), Some(TransactionId([4; 16])));
        let unlock_only = VerifyRequest {
            evidence: None,
            ..request(1)
        };
        assert_eq!(of(&unlock_only), Some(TransactionId([4; 16])));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = VerifyRequest::decode(&bytes);
        }

        #[test]
        fn changed_requests_never_panic(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = request(2).encode();
            let at = position.index(bytes.len());
            bytes[at] = byte;
            if let Ok(request) = VerifyRequest::decode(&bytes) {
                prop_assert_eq!(request.encode(), bytes);
            }
        }
    }
}
