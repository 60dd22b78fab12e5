//! The two DER structures that other software asks for. Both have one length for each algorithm, so each is a fixed
//! prefix and the key; an ASN.1 library would add code, not safety.

use zeroize::Zeroizing;

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
