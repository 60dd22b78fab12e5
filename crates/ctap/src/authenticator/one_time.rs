//! Packed attestation by a key that is made for one credential and thrown away.

use super::attester::packed;
use super::certificate;
use crate::cbor::Map;
use crate::crypto::{Algorithm, Crypto, CryptoError};
use crate::types::Aaguid;

/// A packed statement (WebAuthn Level 3 §8.2) over `signed`, authenticator data and client data hash, by a new ES256 key
/// with a certificate of its own, for a credential of the model `aaguid`.
///
/// It proves nothing about the authenticator, as self attestation does not, and no two statements can be linked. It is
/// for clients of security keys that verify a certificate's signature and take no statement without one.
///
/// # Errors
///
/// The operating system gave no random bytes, or the cryptography failed.
pub fn attest_once(crypto: &dyn Crypto, aaguid: Aaguid, signed: &[u8]) -> Result<Map, CryptoError> {
    let key = crypto.generate(Algorithm::Es256)?;
    let certificate = certificate::of_attestation_key(crypto, &key, aaguid)?;
    let signature = crypto.sign(&key, signed)?;
    Ok(packed(Algorithm::Es256, signature, &[certificate]))
}

/// Bytes of a statement, at most: signature, certificate and their lengths.
pub(super) const LONGEST: usize = 800;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::authenticator::Attester;
    use crate::cbor::Value;
    use crate::crypto::portable;

    #[test]
    fn the_certificate_keeps_the_rules_of_webauthn_and_the_statement_its_length() {
        let aaguid = Aaguid(*b"some model or so");
        let key = portable().generate(Algorithm::Es256).unwrap();
        let certificate = certificate::of_attestation_key(portable(), &key, aaguid).unwrap();
        assert!(Attester::new(key, vec![certificate], aaguid).is_ok());

        let statement = attest_once(portable(), aaguid, b"signed").unwrap();
        assert!(Value::from(statement).encode().len() <= LONGEST);
    }

    #[test]
    fn no_two_statements_have_anything_in_common_by_which_they_could_be_linked() {
        let certificate = || {
            let statement = attest_once(portable(), Aaguid::default(), b"signed").unwrap();
            let chain = statement.text("x5c").and_then(Value::as_array).unwrap().to_vec();
            assert_eq!(chain.len(), 1);
            chain[0].as_bytes().unwrap().to_vec()
        };
        let (one, other) = (certificate(), certificate());
        let serial = |certificate: &[u8]| certificate[15..31].to_vec();
        assert_ne!(serial(&one), serial(&other));
        assert_ne!(one, other);
    }
}
