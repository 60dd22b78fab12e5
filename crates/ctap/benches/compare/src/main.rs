//! The same ceremonies by claviger-ctap and by passkey-authenticator 0.6, each with its default cryptography, one
//! credential in memory, a user who always agrees and is not verified. In every round each is measured once.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[cfg(feature = "backends")]
mod backends;
#[path = "../../ctap/subjects.rs"]
#[allow(dead_code)]
mod subjects;
#[path = "../../ctap/table.rs"]
mod table;

use claviger_ctap::authenticator::NoUv;
use claviger_ctap::crypto::{Algorithm, native};
use futures_executor::block_on;
use passkey_authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey_crypto::{AvailableBackend, iana};
use passkey_types::{Passkey, ctap2, webauthn};
use subjects::{Key, SIGNED, authenticator, get, get_command, make, make_command};
use table::{Case, heading, measure, rounds};

fn main() {
    let rounds = rounds(std::env::args().any(|argument| argument == "--quick"));
    compare(rounds, Algorithm::Es256, iana::Algorithm::ES256);
    compare(rounds, Algorithm::EdDsa, iana::Algorithm::EdDSA);
    #[cfg(feature = "backends")]
    backends::compare(rounds);
}

fn compare(rounds: usize, algorithm: Algorithm, theirs: iana::Algorithm) {
    heading(&format!("{algorithm:?}, next to passkey-authenticator 0.6"));
    let crypto = native();
    let secret = crypto.generate(algorithm).unwrap();
    let (mut maker, mut getter) = (authenticator(crypto, algorithm), authenticator(crypto, algorithm));
    let (making, getting) = (make(algorithm), get());
    let mut key = Key::new(crypto, algorithm);
    key.process(&make_command(algorithm));
    let command = get_command();
    let (mut their_maker, mut their_getter) = (their_authenticator(theirs), their_authenticator(theirs));
    block_on(their_getter.make_credential(their_make(theirs))).unwrap();
    let [bare, our_get, our_key, their_get, our_make, their_make] = measure(
        rounds,
        [
            Case::new("  bare signature, hashes of message and RP ID", || {
                (
                    crypto.sha256(&[b"example.com"]),
                    crypto.sign(&secret, &[7; SIGNED]).unwrap(),
                )
            }),
            Case::new("  getAssertion, claviger Authenticator", || {
                getter.get_assertion(&getting, None::<NoUv>).unwrap()
            }),
            Case::new("  getAssertion, claviger Device, from and to bytes", || {
                key.process(&command)
            }),
            Case::new("  getAssertion, passkey-authenticator", || {
                block_on(their_getter.get_assertion(their_get())).unwrap()
            }),
            Case::new("  makeCredential, claviger Authenticator", || {
                maker.make_credential(&making, None::<NoUv>, 0).unwrap()
            }),
            Case::new("  makeCredential, passkey-authenticator", || {
                block_on(their_maker.make_credential(their_make(theirs))).unwrap()
            }),
        ],
    );
    println!(
        "  getAssertion is {:.2} (Device: {:.2}) times the bare signature and hashes, and {:.1} (Device: {:.1}) times as fast as passkey-authenticator's;\n  makeCredential is {:.1} times as fast",
        our_get / bare,
        our_key / bare,
        their_get / our_get,
        their_get / our_key,
        their_make / our_make,
    );
}

/// Their user agrees, too.
struct Agrees;

#[async_trait::async_trait]
impl UserValidationMethod for Agrees {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> Result<UserCheck, ctap2::Ctap2Error> {
        Ok(UserCheck { presence, verification })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

type Theirs = Authenticator<Option<Passkey>, Agrees, AvailableBackend>;

fn their_authenticator(algorithm: iana::Algorithm) -> Theirs {
    let aaguid = ctap2::Aaguid::from(*b"benchmark device");
    let mut authenticator = Authenticator::new(aaguid, None, Agrees, AvailableBackend);
    authenticator.set_algorithms(&[algorithm]).unwrap();
    authenticator
}

fn their_make(alg: iana::Algorithm) -> ctap2::make_credential::Request {
    ctap2::make_credential::Request {
        client_data_hash: vec![1; 32].into(),
        rp: ctap2::make_credential::PublicKeyCredentialRpEntity {
            id: "example.com".to_owned(),
            name: Some("Example".to_owned()),
        },
        user: webauthn::PublicKeyCredentialUserEntity {
            id: vec![1; 16].into(),
            name: "alice@example.com".to_owned(),
            display_name: "Alice".to_owned(),
        },
        pub_key_cred_params: vec![webauthn::PublicKeyCredentialParameters {
            ty: webauthn::PublicKeyCredentialType::PublicKey,
            alg,
        }],
        exclude_list: None,
        extensions: None,
        options: ctap2::make_credential::Options {
            rk: true,
            up: true,
            uv: false,
        },
        pin_auth: None,
        pin_protocol: None,
    }
}

fn their_get() -> ctap2::get_assertion::Request {
    ctap2::get_assertion::Request {
        rp_id: "example.com".to_owned(),
        client_data_hash: vec![2; 32].into(),
        allow_list: None,
        extensions: None,
        options: ctap2::get_assertion::Options { up: true, uv: false },
        pin_auth: None,
        pin_protocol: None,
    }
}
