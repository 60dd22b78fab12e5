//! The certificate that a U2F registration must carry (FIDO U2F Raw Message Formats §4.3).
//!
//! A software authenticator has no key that vouches for it. So each registration brings a certificate of its own,
//! signed by the new key itself: it proves nothing, and no two registrations can be linked by it.

use crate::crypto::der::{BIT_STRING, INTEGER, SEQUENCE, element};
use crate::crypto::{Crypto, CryptoError, PrivateKey};

/// `SEQUENCE { ecdsa-with-SHA256 }` (RFC 5758 §3.2).
const ECDSA_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// `id-at-commonName`.
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];

const NAME: &[u8] = b"Self-signed security key";

/// From 2000 to the end: RFC 5280 §4.1.2.5 gives 99991231235959Z to what has no well-defined end.
const NOT_BEFORE: &[u8] = b"000101000000Z";
const NOT_AFTER: &[u8] = b"99991231235959Z";

const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// An X.509 certificate in DER (RFC 5280 §4.1) of an ES256 key, signed with it.
pub(super) fn self_signed(crypto: &dyn Crypto, key: &PrivateKey) -> Result<Vec<u8>, CryptoError> {
    let attribute = element(SEQUENCE, &[COMMON_NAME, &element(UTF8_STRING, &[NAME])]);
    let name = element(SEQUENCE, &[&element(SET, &[&attribute])]);
    let not_before = element(UTC_TIME, &[NOT_BEFORE]);
    let not_after = element(GENERALIZED_TIME, &[NOT_AFTER]);
    let content = element(
        SEQUENCE,
        &[
            // Version 3, serial number 1.
            &element(VERSION, &[&element(INTEGER, &[&[2]])]),
            &element(INTEGER, &[&[1]]),
            ECDSA_SHA256,
            &name,
            &element(SEQUENCE, &[&not_before, &not_after]),
            &name,
            &key.public_key().to_spki_der(),
        ],
    );
    let signature = crypto.sign(key, &content)?;
    // No unused bits.
    let signature = element(BIT_STRING, &[&[0], &signature]);
    Ok(element(SEQUENCE, &[&content, ECDSA_SHA256, &signature]))
}
