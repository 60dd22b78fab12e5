//! The operations of the joint and the parameters of those that are not CTAP's.
//!
//! Make and get carry the CTAP request (`authenticatorMakeCredential`, `authenticatorGetAssertion`) without its command byte.

use claviger_ctap::{
    cbor::{Limits, Map, Value},
    types::CredentialId,
};

use crate::{
    fields::{Fields, MessageError},
    ident::TransactionId,
};

/// The most bytes that a user name or display name may have in an update.
pub const MAX_NAME_BYTES: usize = 256;

const LIMITS: Limits = Limits {
    max_bytes: 4096,
    max_depth: 4,
    max_items: 64,
    other_simple: false,
};

/// What the platform asks of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// 1: make a credential.
    Make,
    /// 2: get an assertion.
    Get,
    /// 3: give up another transaction ([`Cancel`]).
    Cancel,
    /// 4: say whether the provider is locked. No parameters.
    LockState,
    /// 5: unlock with the box of the request. No parameters.
    Unlock,
    /// 6: lock. No parameters.
    Lock,
    /// 7: delete a credential ([`Delete`]).
    Delete,
    /// 8: change the names of a credential ([`Update`]).
    Update,
    /// Any other number: to be refused, after the request has been checked and its sequence number used up.
    Unknown(u64),
}

impl Operation {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::Make => 1,
            Self::Get => 2,
            Self::Cancel => 3,
            Self::LockState => 4,
            Self::Unlock => 5,
            Self::Lock => 6,
            Self::Delete => 7,
            Self::Update => 8,
            Self::Unknown(number) => number,
        }
    }

    /// Whether it is done only with evidence for it. An assertion needs some when it is to say that the user was verified, or gives secrets
    /// of the verified; which its parameters tell.
    pub fn needs_evidence(self) -> bool {
        matches!(self, Self::Make | Self::Delete | Self::Update)
    }

    /// The operation with this number.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Make,
            2 => Self::Get,
            3 => Self::Cancel,
            4 => Self::LockState,
            5 => Self::Unlock,
            6 => Self::Lock,
            7 => Self::Delete,
            8 => Self::Update,
            other => Self::Unknown(other),
        }
    }
}

/// Parameters of [`Operation::Cancel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancel {
    /// The transaction to give up.
    pub target: TransactionId,
}

impl Cancel {
    /// The canonical map `{1: target}`.
    pub fn encode(&self) -> Vec<u8> {
        Value::from(Map::new().with(1, self.target.as_bytes())).encode()
    }

    /// Reads the map.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode(bytes, &LIMITS)?;
        Ok(Self {
            target: TransactionId::from_bytes(fields.bytes(1)?).ok_or(MessageError::Value(1))?,
        })
    }
}

/// Parameters of [`Operation::Delete`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// The credential to delete.
    pub credential: CredentialId,
}

impl Delete {
    /// The canonical map `{1: credential id}`.
    pub fn encode(&self) -> Vec<u8> {
        Value::from(Map::new().with(1, self.credential.as_bytes())).encode()
    }

    /// Reads the map.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode(bytes, &LIMITS)?;
        Ok(Self {
            credential: credential_id(&fields, 1)?,
        })
    }
}

/// Parameters of [`Operation::Update`]. A name that is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The credential whose names change.
    pub credential: CredentialId,
    /// The new user name, at most 256 bytes.
    pub user_name: Option<String>,
    /// The new display name, at most 256 bytes.
    pub display_name: Option<String>,
}

impl Update {
    /// The canonical map `{1: credential id, 2?: user name, 3?: display name}`.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new()
            .with(1, self.credential.as_bytes())
            .maybe(2, self.user_name.as_deref())
            .maybe(3, self.display_name.as_deref());
        Value::from(map).encode()
    }

    /// Reads the map.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::decode(bytes, &LIMITS)?;
        Ok(Self {
            credential: credential_id(&fields, 1)?,
            user_name: fields.optional_text(2, MAX_NAME_BYTES)?,
            display_name: fields.optional_text(3, MAX_NAME_BYTES)?,
        })
    }
}

pub(crate) fn credential_id(fields: &Fields, key: i64) -> Result<CredentialId, MessageError> {
    CredentialId::new(fields.bytes(key)?.to_vec()).map_err(|_| MessageError::Value(key))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_come_back() {
        let cancel = Cancel {
            target: TransactionId([8; 16]),
        };
        assert_eq!(Cancel::decode(&cancel.encode()), Ok(cancel));
        let delete = Delete {
            credential: CredentialId::new(vec![1; 1023]).unwrap(),
        };
        assert_eq!(Delete::decode(&delete.encode()), Ok(delete.clone()));
        let update = Update {
            credential: delete.credential,
            user_name: Some("a".into()),
            display_name: Some("b".repeat(256)),
        };
        assert_eq!(Update::decode(&update.encode()), Ok(update.clone()));
        let long = Update {
            display_name: Some("b".repeat(257)),
            ..update
        };
        assert_eq!(Update::decode(&long.encode()), Err(MessageError::Value(3)));
        assert_eq!(Delete::decode(&[0xa1, 0x01, 0x40]), Err(MessageError::Value(1)));
        assert_eq!(Cancel::decode(&[0xa0]), Err(MessageError::Missing(1)));
    }

    #[test]
    fn operation_numbers_are_stable() {
        for number in 0..20 {
            assert_eq!(Operation::from_number(number).number(), number);
        }
        assert_eq!(Operation::from_number(9), Operation::Unknown(9));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = (Cancel::decode(&bytes), Delete::decode(&bytes), Update::decode(&bytes));
        }
    }
}
