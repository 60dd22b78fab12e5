//! An attestation key that the platform supplies, with the certificates that vouch for it (WebAuthn Level 3 §8.2).

use std::fmt;

use thiserror::Error;

use crate::cbor::{Map, Value};
use crate::crypto::der::{self, SEQUENCE};
use crate::crypto::{Algorithm, Crypto, CryptoError, PrivateKey, PublicKey};
use crate::types::Aaguid;

/// Signs attestations: a [`PrivateKey`], or a key that lives elsewhere, for example in a TPM.
pub trait AttestationSigner: Send + Sync {
    /// The public key, which the first certificate carries.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message` in the WebAuthn encoding ([`Crypto::sign`]).
    fn sign(&self, crypto: &dyn Crypto, message: &[u8]) -> Result<Vec<u8>, CryptoError>;
}

impl AttestationSigner for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        Self::public_key(self)
    }

    fn sign(&self, crypto: &dyn Crypto, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        crypto.sign(self, message)
    }
}

/// An attestation key and its certificates, which belong together and say what WebAuthn wants them to say.
pub struct Attester {
    signer: Box<dyn AttestationSigner>,
    chain: Vec<Vec<u8>>,
    aaguid: Aaguid,
}

/// Why a certificate chain cannot attest: the fault of whoever supplied it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an attestation certificate that WebAuthn 8.2.1 does not allow: {0}")]
pub struct Unfit(&'static str);

impl Attester {
    /// Checks the certificates (DER): the first is the signer's and meets WebAuthn Level 3 §8.2.1 for `aaguid`, each
    /// further one carries the name that the one before it was issued by. The root stays out, relying parties have it.
    ///
    /// Signatures and validity times are not checked: relying parties do that, with a clock and roots of their own.
    pub fn new(signer: impl AttestationSigner + 'static, chain: Vec<Vec<u8>>, aaguid: Aaguid) -> Result<Self, Unfit> {
        let (first, rest) = chain.split_first().ok_or(Unfit("there is none"))?;
        let leaf = Certificate::parse(first).ok_or(Unfit("not an X.509 certificate of version 3"))?;
        check_subject(leaf.subject)?;
        check_extensions(leaf.extensions, aaguid)?;
        let key = signer.public_key().to_spki_der();
        if der::only(&key, SEQUENCE) != Some(leaf.key) {
            return Err(Unfit("the first certificate is of another key"));
        }
        let mut issuer = leaf.issuer;
        for certificate in rest {
            let certificate = Certificate::parse(certificate).ok_or(Unfit("not an X.509 certificate of version 3"))?;
            if certificate.subject != issuer {
                return Err(Unfit("the certificates are not in the order of their issuers"));
            }
            issuer = certificate.issuer;
        }
        Ok(Self {
            signer: Box::new(signer),
            chain,
            aaguid,
        })
    }

    /// A packed statement over `signed`, for a credential of the model `aaguid`.
    pub(super) fn attest(&self, crypto: &dyn Crypto, aaguid: Aaguid, signed: &[u8]) -> Result<Map, CryptoError> {
        if self.aaguid != aaguid {
            return Err(CryptoError::InvalidKey("an attestation key of another AAGUID"));
        }
        let signature = self.signer.sign(crypto, signed)?;
        Ok(packed(self.signer.public_key().algorithm(), signature, &self.chain))
    }

    /// Bytes of a statement, at most.
    pub(super) fn longest(&self) -> usize {
        let (_, signature) = self.signer.public_key().algorithm().longest();
        let chain = self.chain.iter().map(|certificate| certificate.len() + 3);
        signature + 3 + chain.sum::<usize>()
    }
}

/// A packed statement with certificates (WebAuthn Level 3 §8.2).
pub(super) fn packed(algorithm: Algorithm, signature: Vec<u8>, chain: &[Vec<u8>]) -> Map {
    let chain: Vec<Value> = chain.iter().map(|certificate| certificate.as_slice().into()).collect();
    Map::new()
        .with("alg", algorithm.cose())
        .with("sig", signature)
        .with("x5c", chain)
}

/// The same key and certificates.
impl PartialEq for Attester {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain && self.aaguid == other.aaguid
    }
}

impl Eq for Attester {}

impl fmt::Debug for Attester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Attester({:?}, {} certificates)",
            self.signer.public_key().algorithm(),
            self.chain.len()
        )
    }
}

/// What of a certificate matters here: the contents of these elements (RFC 5280 §4.1).
struct Certificate<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    key: &'a [u8],
    extensions: &'a [u8],
}

impl<'a> Certificate<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let certificate = der::only(bytes, SEQUENCE)?;
        let (body, rest) = der::expect(certificate, SEQUENCE)?;
        let (_, rest) = der::expect(rest, SEQUENCE)?;
        der::only(rest, der::BIT_STRING)?;
        let (version, body) = der::expect(body, 0xa0)?;
        if version != [der::INTEGER, 1, 2] {
            return None;
        }
        let (_serial, body) = der::expect(body, der::INTEGER)?;
        let (_algorithm, body) = der::expect(body, SEQUENCE)?;
        let (issuer, body) = der::expect(body, SEQUENCE)?;
        let (_validity, body) = der::expect(body, SEQUENCE)?;
        let (subject, body) = der::expect(body, SEQUENCE)?;
        let (key, mut body) = der::expect(body, SEQUENCE)?;
        // Unique identifiers [1] and [2] are of another age, but allowed.
        let mut extensions: &[u8] = &[];
        while !body.is_empty() {
            let (tag, content, rest) = der::any(body)?;
            if tag == 0xa3 {
                extensions = der::only(content, SEQUENCE)?;
            }
            body = rest;
        }
        Some(Self {
            issuer,
            subject,
            key,
            extensions,
        })
    }
}

const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BOOLEAN: u8 = 0x01;

/// Country, organisation, organisational unit and common name (RFC 5280 §A.1).
const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
const UNIT: &[u8] = &[0x55, 0x04, 0x0b];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// `id-ce-basicConstraints`.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// `id-fido-gen-ce-aaguid`, 1.3.6.1.4.1.45724.1.1.4.
const FIDO_AAGUID: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xe5, 0x1c, 0x01, 0x01, 0x04];

/// The subject's four attributes.
fn check_subject(subject: &[u8]) -> Result<(), Unfit> {
    let attribute = |wanted| attribute(subject, wanted);
    if !matches!(attribute(COUNTRY), Some((PRINTABLE_STRING | UTF8_STRING, [_, _]))) {
        return Err(Unfit("the subject's country is not a code of two letters"));
    }
    if !matches!(attribute(ORGANISATION), Some((UTF8_STRING, [_, ..]))) {
        return Err(Unfit("the subject's organisation is not a UTF8String"));
    }
    if attribute(UNIT) != Some((UTF8_STRING, b"Authenticator Attestation")) {
        return Err(Unfit("the subject's unit is not \"Authenticator Attestation\""));
    }
    if !matches!(attribute(COMMON_NAME), Some((UTF8_STRING, [_, ..]))) {
        return Err(Unfit("the subject's common name is not a UTF8String"));
    }
    Ok(())
}

/// Tag and content of the first attribute of a name that has this type.
fn attribute<'a>(mut name: &'a [u8], wanted: &[u8]) -> Option<(u8, &'a [u8])> {
    loop {
        let (mut set, rest) = der::expect(name, SET)?;
        while let Some((pair, more)) = der::expect(set, SEQUENCE) {
            let (kind, value) = der::expect(pair, OBJECT_IDENTIFIER)?;
            if kind == wanted {
                let (tag, content, _) = der::any(value)?;
                return Some((tag, content));
            }
            set = more;
        }
        name = rest;
    }
}

fn check_extensions(extensions: &[u8], aaguid: Aaguid) -> Result<(), Unfit> {
    // `SEQUENCE { }`, or with the default written out, as some do.
    let constraints = extension(extensions, BASIC_CONSTRAINTS).and_then(|(_, value)| der::only(value, SEQUENCE));
    if !matches!(constraints, Some([] | [BOOLEAN, 1, 0])) {
        return Err(Unfit("it does not say that it is no certificate authority"));
    }
    let (critical, value) =
        extension(extensions, FIDO_AAGUID).ok_or(Unfit("it has no id-fido-gen-ce-aaguid extension"))?;
    if critical {
        return Err(Unfit("its id-fido-gen-ce-aaguid extension is critical"));
    }
    if der::only(value, der::OCTET_STRING) != Some(&aaguid.0) {
        return Err(Unfit("its id-fido-gen-ce-aaguid extension names another AAGUID"));
    }
    Ok(())
}

/// Whether the extension is critical, and its value.
fn extension<'a>(mut extensions: &'a [u8], wanted: &[u8]) -> Option<(bool, &'a [u8])> {
    loop {
        let (one, rest) = der::expect(extensions, SEQUENCE)?;
        let (kind, body) = der::expect(one, OBJECT_IDENTIFIER)?;
        if kind == wanted {
            return match der::expect(body, BOOLEAN) {
                Some((critical, body)) => Some((critical != [0], der::only(body, der::OCTET_STRING)?)),
                None => Some((false, der::only(body, der::OCTET_STRING)?)),
            };
        }
        extensions = rest;
    }
}
