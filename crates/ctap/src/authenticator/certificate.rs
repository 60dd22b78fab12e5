//! The certificates that a software authenticator makes for itself.
//!
//! It has no key that vouches for it, but U2F and some clients of security keys want a certificate all the same. So each
//! registration brings one of its own, signed by the key that it certifies: it proves nothing, and no two registrations
//! can be linked by it.

use crate::crypto::der::{BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, element};
use crate::crypto::{Crypto, CryptoError, PrivateKey};
use crate::types::Aaguid;

/// The certificate that a U2F registration must carry (FIDO U2F Raw Message Formats §4.3), of the new credential's own
/// ES256 key.
pub(super) fn of_u2f_key(crypto: &dyn Crypto, key: &PrivateKey) -> Result<Vec<u8>, CryptoError> {
    let name = name(&[(COMMON_NAME, UTF8_STRING, NAME)]);
    self_signed(crypto, key, &[1], &name, &[])
}

/// The certificate of an ES256 key that attests for the model `aaguid` (WebAuthn Level 3 §8.2.1).
pub(super) fn of_attestation_key(
    crypto: &dyn Crypto,
    key: &PrivateKey,
    aaguid: Aaguid,
) -> Result<Vec<u8>, CryptoError> {
    let name = name(&[
        (COUNTRY, PRINTABLE_STRING, NO_COUNTRY),
        (ORGANISATION, UTF8_STRING, b"Claviger"),
        (UNIT, UTF8_STRING, b"Authenticator Attestation"),
        (COMMON_NAME, UTF8_STRING, NAME),
    ]);
    // Critical, and "no certificate authority" by the default of its one member.
    let constraints = [CRITICAL, &element(OCTET_STRING, &[&element(SEQUENCE, &[])])].concat();
    let model = element(OCTET_STRING, &[&element(OCTET_STRING, &[&aaguid.0])]);
    let extensions = [
        element(SEQUENCE, &[BASIC_CONSTRAINTS, &constraints]),
        element(SEQUENCE, &[FIDO_AAGUID, &model]),
    ]
    .concat();
    let extensions = element(EXTENSIONS, &[&element(SEQUENCE, &[&extensions])]);
    // Positive, 16 bytes long, and another one for each key (RFC 5280 §4.1.2.2).
    let hash = crypto.sha256(&[&key.public_key().to_spki_der()]);
    let mut serial = [0; 16];
    for (to, from) in serial.iter_mut().zip(hash) {
        *to = from;
    }
    serial[0] = serial[0] & 0x7f | 0x40;
    self_signed(crypto, key, &serial, &name, &extensions)
}

const NAME: &[u8] = b"Self-signed security key";

/// `SEQUENCE { ecdsa-with-SHA256 }` (RFC 5758 §3.2).
const ECDSA_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// `id-at-commonName` and its like (RFC 5280 §A.1).
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
const COUNTRY: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x06];
const ORGANISATION: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x0a];
const UNIT: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x0b];

/// The code that ISO 3166-1 leaves to its users, and which they take for *none*.
const NO_COUNTRY: &[u8] = b"ZZ";

/// `id-ce-basicConstraints`.
const BASIC_CONSTRAINTS: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x13];

/// `id-fido-gen-ce-aaguid`, 1.3.6.1.4.1.45724.1.1.4.
const FIDO_AAGUID: &[u8] = &[
    0x06, 0x0b, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xe5, 0x1c, 0x01, 0x01, 0x04,
];

/// `BOOLEAN TRUE`.
const CRITICAL: &[u8] = &[0x01, 1, 0xff];

/// From 2000 to the end: RFC 5280 §4.1.2.5 gives 99991231235959Z to what has no well-defined end.
const NOT_BEFORE: &[u8] = b"000101000000Z";
const NOT_AFTER: &[u8] = b"99991231235959Z";

const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// A distinguished name of these attributes: type, kind of string, value.
fn name(attributes: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
    let one = |(kind, string, value): &(&[u8], u8, &[u8])| {
        element(SET, &[&element(SEQUENCE, &[kind, &element(*string, &[value])])])
    };
    element(SEQUENCE, &[&attributes.iter().map(one).collect::<Vec<_>>().concat()])
}

/// An X.509 certificate of version 3 in DER (RFC 5280 §4.1) of an ES256 key, signed with it.
fn self_signed(
    crypto: &dyn Crypto,
    key: &PrivateKey,
    serial: &[u8],
    name: &[u8],
    extensions: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let not_before = element(UTC_TIME, &[NOT_BEFORE]);
    let not_after = element(GENERALIZED_TIME, &[NOT_AFTER]);
    let content = element(
        SEQUENCE,
        &[
            &element(VERSION, &[&element(INTEGER, &[&[2]])]),
            &element(INTEGER, &[serial]),
            ECDSA_SHA256,
            name,
            &element(SEQUENCE, &[&not_before, &not_after]),
            name,
            &key.public_key().to_spki_der(),
            extensions,
        ],
    );
    let signature = crypto.sign(key, &content)?;
    // No unused bits.
    let signature = element(BIT_STRING, &[&[0], &signature]);
    Ok(element(SEQUENCE, &[&content, ECDSA_SHA256, &signature]))
}
