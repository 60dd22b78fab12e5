//! The bare signatures of the assembly backends that there were to choose from, and of RustCrypto, with one key and one message.

use aws_lc_rs::signature as aws;
use claviger_ctap::crypto::{Algorithm, Crypto, native, portable};
use graviola::hashing::{Hash, Sha256, Sha384};
use graviola::signing::ecdsa::{Curve, P256, P384, SigningKey};
use graviola::signing::eddsa::Ed25519SigningKey;
use ring::signature as ring;

use super::subjects::SIGNED;
use super::table::{Case, heading, measure};

const MESSAGE: [u8; SIGNED] = [7; SIGNED];

/// Measures ES256, ES384 and EdDSA.
pub fn compare(rounds: usize) {
    ecdsa::<P256, Sha256>(
        rounds,
        Algorithm::Es256,
        &ring::ECDSA_P256_SHA256_ASN1_SIGNING,
        &aws::ECDSA_P256_SHA256_ASN1_SIGNING,
    );
    ecdsa::<P384, Sha384>(
        rounds,
        Algorithm::Es384,
        &ring::ECDSA_P384_SHA384_ASN1_SIGNING,
        &aws::ECDSA_P384_SHA384_ASN1_SIGNING,
    );
    eddsa(rounds);
}

fn ecdsa<C: Curve, H: Hash>(
    rounds: usize,
    algorithm: Algorithm,
    for_ring: &'static ring::EcdsaSigningAlgorithm,
    for_aws: &'static aws::EcdsaSigningAlgorithm,
) {
    let key = native().generate(algorithm).unwrap();
    let der = key.to_pkcs8_der();
    let random = ::ring::rand::SystemRandom::new();
    let aws_random = aws_lc_rs::rand::SystemRandom::new();
    let in_ring = ring::EcdsaKeyPair::from_pkcs8(for_ring, &der, &random).unwrap();
    let in_aws = aws::EcdsaKeyPair::from_pkcs8(for_aws, &der).unwrap();
    let in_graviola = SigningKey::<C>::from_pkcs8_der(&der).unwrap();
    heading(&format!("{algorithm:?}, the bare signature"));
    measure(
        rounds,
        [
            Case::new("  ring", || in_ring.sign(&random, &MESSAGE).unwrap()),
            Case::new("  aws-lc-rs", || in_aws.sign(&aws_random, &MESSAGE).unwrap()),
            Case::new("  graviola", || {
                in_graviola.sign_asn1::<H>(&[&MESSAGE], &mut [0; 128]).unwrap().len()
            }),
            Case::new("  RustCrypto", || portable().sign(&key, &MESSAGE).unwrap()),
        ],
    );
}

fn eddsa(rounds: usize) {
    let key = native().generate(Algorithm::EdDsa).unwrap();
    let der = key.to_pkcs8_der();
    let in_ring = ring::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).unwrap();
    let in_aws = aws::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).unwrap();
    let in_graviola = Ed25519SigningKey::from_pkcs8_der(&der).unwrap();
    heading("EdDsa, the bare signature");
    measure(
        rounds,
        [
            Case::new("  ring", || in_ring.sign(&MESSAGE)),
            Case::new("  aws-lc-rs", || in_aws.sign(&MESSAGE)),
            Case::new("  graviola", || in_graviola.sign(&MESSAGE)),
            Case::new("  RustCrypto (dalek)", || portable().sign(&key, &MESSAGE).unwrap()),
        ],
    );
}
