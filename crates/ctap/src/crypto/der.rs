//! The few DER structures that other software exchanges, and the elements that they are made of (X.690). An ASN.1
//! library would add code, not safety.

use zeroize::Zeroizing;

use super::Algorithm;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const SEQUENCE: u8 = 0x30;

/// `OCTET STRING (32)`: the head of an Ed25519 seed inside a private key (RFC 8410 §7).
pub(super) const ED25519_SEED: &[u8] = &[OCTET_STRING, 32];

/// `[0] (32)`: the head of an ML-DSA seed inside a private key (RFC 9881 §6).
#[cfg(feature = "ml-dsa")]
pub(super) const ML_DSA_SEED: &[u8] = &[0x80, 32];

/// The content of the `AlgorithmIdentifier` of a key.
fn identifier(algorithm: Algorithm) -> &'static [u8] {
    match algorithm {
        // id-ecPublicKey with prime256v1 (RFC 5480 §2.1.1).
        Algorithm::Es256 => &[
            0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
            0x07,
        ],
        // id-Ed25519 (RFC 8410 §3).
        Algorithm::EdDsa => &[0x06, 0x03, 0x2b, 0x65, 0x70],
        // id-ecPublicKey with secp384r1.
        #[cfg(feature = "es384")]
        Algorithm::Es384 => &[
            0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22,
        ],
        // id-ml-dsa-44 and id-ml-dsa-65 (RFC 9881 §2).
        #[cfg(feature = "ml-dsa")]
        Algorithm::MlDsa44 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11],
        #[cfg(feature = "ml-dsa")]
        Algorithm::MlDsa65 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12],
        // rsaEncryption with NULL (RFC 3279 §2.3.1).
        #[cfg(feature = "rs256")]
        Algorithm::Rs256 => &[
            0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
        ],
    }
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1).
pub(super) fn spki(algorithm: Algorithm, key: &[u8]) -> Vec<u8> {
    let identifier = element(SEQUENCE, &[identifier(algorithm)]);
    element(SEQUENCE, &[&identifier, &element(BIT_STRING, &[&[0], key])])
}

/// `RSAPublicKey` (RFC 8017 §A.1.1), from numbers without leading zeros.
#[cfg(feature = "rs256")]
pub(super) fn rsa_public(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let sign: &[u8] = if number.first().is_some_and(|byte| *byte >= 0x80) {
            &[0]
        } else {
            &[]
        };
        element(INTEGER, &[sign, number])
    };
    element(SEQUENCE, &[&integer(modulus), &integer(exponent)])
}

/// `PrivateKeyInfo` (RFC 5958 §2) around the parts of a private key. The bytes are written once, into the place that is
/// zeroised.
pub(super) fn pkcs8(algorithm: Algorithm, private_key: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let before = [
        &[INTEGER, 1, 0],
        element(SEQUENCE, &[identifier(algorithm)]).as_slice(),
        &head(OCTET_STRING, private_key),
    ]
    .concat();
    let parts: Vec<&[u8]> = [before.as_slice()]
        .into_iter()
        .chain(private_key.iter().copied())
        .collect();
    let head = head(SEQUENCE, &parts);
    let mut out = Zeroizing::new(Vec::with_capacity(head.len() + total(&parts)));
    out.extend_from_slice(&head);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// The same with an `ECPrivateKey` (RFC 5915 §3) that has its public key.
pub(super) fn ec_pkcs8(algorithm: Algorithm, secret: &[u8], point: &[u8]) -> Zeroizing<Vec<u8>> {
    let before = [&[INTEGER, 1, 1], head(OCTET_STRING, &[secret]).as_slice()].concat();
    let public = element(0xa1, &[&element(BIT_STRING, &[&[0], point])]);
    let sequence = head(SEQUENCE, &[&before, secret, &public]);
    pkcs8(algorithm, &[&sequence, &before, secret, &public])
}

/// Reads `PrivateKeyInfo` or `OneAsymmetricKey` (RFC 5958 §2): the algorithm and the secret bytes. Attributes and
/// public keys are passed over.
pub(super) fn parse_pkcs8(der: &[u8]) -> Option<(Algorithm, &[u8])> {
    let (body, []) = expect(der, SEQUENCE)? else {
        return None;
    };
    let (version, body) = expect(body, INTEGER)?;
    if !matches!(version, [0 | 1]) {
        return None;
    }
    let (found, body) = expect(body, SEQUENCE)?;
    let (private_key, rest) = expect(body, OCTET_STRING)?;
    // Attributes [0] and, in version 2, the public key [1].
    well_formed(rest)?;
    let algorithm = Algorithm::ALL.iter().copied().find(|one| identifier(*one) == found)?;
    let secret = match algorithm {
        Algorithm::Es256 => ec_secret(private_key)?,
        #[cfg(feature = "es384")]
        Algorithm::Es384 => ec_secret(private_key)?,
        Algorithm::EdDsa => only(private_key, OCTET_STRING)?,
        #[cfg(feature = "ml-dsa")]
        Algorithm::MlDsa44 | Algorithm::MlDsa65 => ml_dsa_seed(private_key)?,
        #[cfg(feature = "rs256")]
        Algorithm::Rs256 => private_key,
    };
    Some((algorithm, secret))
}

/// `ECPrivateKey` (RFC 5915 §3): version 1, the scalar, then optional parameters [0] and public key [1].
fn ec_secret(private_key: &[u8]) -> Option<&[u8]> {
    let ([1], body) = expect(only(private_key, SEQUENCE)?, INTEGER)? else {
        return None;
    };
    let (secret, rest) = expect(body, OCTET_STRING)?;
    well_formed(rest)?;
    Some(secret)
}

/// `ML-DSA-PrivateKey` (RFC 9881 §6): the seed, or the seed and the expanded key, which follows from it. An expanded
/// key alone is refused: it has no short form.
#[cfg(feature = "ml-dsa")]
fn ml_dsa_seed(private_key: &[u8]) -> Option<&[u8]> {
    if let Some(seed) = only(private_key, 0x80) {
        return Some(seed);
    }
    let (seed, rest) = expect(only(private_key, SEQUENCE)?, OCTET_STRING)?;
    only(rest, OCTET_STRING)?;
    Some(seed)
}

/// An element of less than 64 KiB.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = head(tag, parts);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// Tag and length of an element with this content.
fn head(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let [.., high, low] = total(parts).to_be_bytes();
    match (high, low) {
        (0, 0..=0x7f) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    }
}

fn total(parts: &[&[u8]]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

/// The content of the first element, which must have this tag, and what follows it.
pub(crate) fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any(bytes)?;
    (found == tag).then_some((content, rest))
}

/// The content of the one element that these bytes are, which must have this tag.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    match expect(bytes, tag)? {
        (content, []) => Some(content),
        _ => None,
    }
}

/// Whether nothing but whole elements is left.
pub(crate) fn well_formed(mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        bytes = any(bytes)?.2;
    }
    Some(())
}

/// Tag, content and rest of the first element. Lengths in their shortest form, up to 65535 (X.690 §10.1).
pub(crate) fn any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
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
