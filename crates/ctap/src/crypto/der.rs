//! The two DER structures that other software exchanges. Written, each is a fixed prefix and the key; read, a key file
//! is a handful of nested elements. An ASN.1 library would add code, not safety.

use zeroize::Zeroizing;

use super::Algorithm;

/// `SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING (66) }` (RFC 5480 §2).
const P256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// `SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING (33) }` (RFC 8410 §4).
const ED25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// `SEQUENCE { 0, SEQUENCE { id-ecPublicKey, prime256v1 }, OCTET STRING { SEQUENCE { 1, OCTET STRING (32)` (RFC 5915).
const P256_PKCS8: &[u8] = &[
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
];

/// `[1] { BIT STRING (66) } } } }`: the public key after the secret of [`P256_PKCS8`].
const P256_PKCS8_PUBLIC: &[u8] = &[0xa1, 0x44, 0x03, 0x42, 0x00];

/// `SEQUENCE { 0, SEQUENCE { id-Ed25519 }, OCTET STRING { OCTET STRING (32)` (RFC 8410 §7).
const ED25519_PKCS8: &[u8] = &[
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

pub(super) fn p256_spki(point: &[u8; 65]) -> Vec<u8> {
    [P256_SPKI, point].concat()
}

pub(super) fn ed25519_spki(key: &[u8; 32]) -> Vec<u8> {
    [ED25519_SPKI, key].concat()
}

pub(super) fn p256_pkcs8(secret: &[u8; 32], point: &[u8; 65]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([P256_PKCS8, secret, P256_PKCS8_PUBLIC, point].concat())
}

pub(super) fn ed25519_pkcs8(secret: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([ED25519_PKCS8, secret].concat())
}

/// Reads `PrivateKeyInfo` or `OneAsymmetricKey` (RFC 5958 §2). Attributes and public keys are passed over.
pub(super) fn parse_pkcs8(der: &[u8]) -> Option<(Algorithm, Zeroizing<[u8; 32]>)> {
    let (body, []) = element(der, SEQUENCE)? else {
        return None;
    };
    let (version, body) = element(body, INTEGER)?;
    if !matches!(version, [0 | 1]) {
        return None;
    }
    let (identifier, body) = element(body, SEQUENCE)?;
    let (private_key, rest) = element(body, OCTET_STRING)?;
    // Attributes [0] and, in version 2, the public key [1].
    well_formed(rest)?;
    let (algorithm, secret) = match identifier {
        EC_P256 => {
            // ECPrivateKey (RFC 5915 §3): version 1, the scalar, then optional parameters [0] and public key [1].
            let (body, []) = element(private_key, SEQUENCE)? else {
                return None;
            };
            let ([1], body) = element(body, INTEGER)? else {
                return None;
            };
            let (secret, rest) = element(body, OCTET_STRING)?;
            well_formed(rest)?;
            (Algorithm::Es256, secret)
        }
        ED25519 => {
            let (secret, []) = element(private_key, OCTET_STRING)? else {
                return None;
            };
            (Algorithm::EdDsa, secret)
        }
        _ => return None,
    };
    Some((algorithm, Zeroizing::new(secret.try_into().ok()?)))
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The content of the `AlgorithmIdentifier` for P-256 (RFC 5480 §2.1.1).
const EC_P256: &[u8] = &[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];

/// The content of the `AlgorithmIdentifier` for Ed25519 (RFC 8410 §3).
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// The content of the first element, which must have this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any_element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Whether nothing but whole elements is left.
fn well_formed(mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        bytes = any_element(bytes)?.2;
    }
    Some(())
}

/// Tag, content and rest of the first element. Lengths in their shortest form, up to 65535 (X.690 §10.1).
fn any_element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (length, tag, rest) = match *bytes {
        [tag, length @ ..=0x7f, ref rest @ ..] | [tag, 0x81, length @ 0x80..=0xff, ref rest @ ..] => {
            (usize::from(length), tag, rest)
        }
        [tag, 0x82, high @ 1..=0xff, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), tag, rest),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}
