//! Names: which provider, which transaction, which credential of which provider.

use std::fmt;

use claviger_ctap::{
    crypto::{Crypto, CryptoError},
    types::CredentialId,
};

/// The name of a provider: reverse DNS, such as `org.example.Notebook`.
///
/// At most 255 bytes; two or more elements divided by dots; an element has ASCII letters, digits, `_` and `-` and does
/// not begin with a digit (the rules of a D-Bus well-known name, so that an id can be one). Ids are compared byte by byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(String);

impl ProviderId {
    /// The most bytes that an id may have.
    pub const MAX_BYTES: usize = 255;

    /// Takes a name that follows the rules above.
    ///
    /// # Errors
    /// The manifest, the request or the caller that brought the name is at fault.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() > Self::MAX_BYTES || !text.contains('.') || !text.split('.').all(is_element) {
            return Err(IdError);
        }
        Ok(Self(text.to_owned()))
    }

    /// What evidence names as its audience when it is for the platform itself and for no provider: `org.claviger.Broker`.
    pub fn platform() -> Self {
        Self("org.claviger.Broker".to_owned())
    }

    /// The id as it stands in manifests and requests.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The name of one request, 16 random bytes made by the platform. It ties together the request, its evidence, its unlock
/// box, its answer and its cancellation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 16]);

impl TransactionId {
    /// What an answer carries when the request could not be read far enough to know its transaction.
    pub const UNKNOWN: Self = Self([0; 16]);

    /// A fresh random id.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub fn random(crypto: &dyn Crypto) -> Result<Self, CryptoError> {
        let mut bytes = [0; 16];
        crypto.random(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Takes exactly 16 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A credential of one provider. An id alone names none: providers choose the ids, and one may choose another's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialRef {
    /// The provider that holds it.
    pub provider: ProviderId,
    /// Its id there.
    pub id: CredentialId,
}

/// The text is not a provider id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a provider id is a reverse DNS name such as org.example.Notebook, of at most 255 bytes")]
pub struct IdError;

fn is_element(element: &str) -> bool {
    let mut bytes = element.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_rules_of_bus_names() {
        for good in ["org.example.Notebook", "a.b", "_x.y-z", "org.claviger.Vault2"] {
            assert_eq!(ProviderId::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "org",
            ".a.b",
            "a..b",
            "a.b.",
            "org.1password",
            "org.exämple",
            "a.b/c",
            "a.b c",
            "-a.b",
        ] {
            assert_eq!(ProviderId::parse(bad), Err(IdError), "{bad}");
        }
        assert!(ProviderId::parse(&format!("a.{}", "b".repeat(253))).is_ok());
        assert!(ProviderId::parse(&format!("a.{}", "b".repeat(254))).is_err());
    }

    #[test]
    fn transactions_are_sixteen_bytes() {
        assert_eq!(TransactionId::from_bytes(&[7; 16]), Some(TransactionId([7; 16])));
        assert_eq!(TransactionId::from_bytes(&[7; 15]), None);
        assert_eq!(TransactionId([0xab; 16]).to_string(), "ab".repeat(16));
    }
}
