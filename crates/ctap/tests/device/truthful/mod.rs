//! getInfo never lies: whatever it tells is looked up here and done, over many configurations, and what it does not tell
//! is refused. A version, extension, option or member that has no check fails the test.

mod extensions;
mod members;
mod options;

use std::collections::BTreeMap;

use claviger_ctap::authenticator::device::{BuiltInUv, Description, Device, Numbers, command};
use claviger_ctap::authenticator_config as config;
use claviger_ctap::cbor::{Limits, Map, decode};
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::crypto::Algorithm;
use claviger_ctap::get_info::Response as Info;
use claviger_ctap::make_credential::{self, Request as Make};
use claviger_ctap::status::Status;
use proptest::prelude::*;

use crate::bed::{Key, RP, Reply, Token, settings, world};

/// One way to set up and to use a key.
#[derive(Debug, Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, and every combination is a device"
)]
pub struct Configuration {
    numbers: Numbers,
    algorithms: Vec<Algorithm>,
    u2f: bool,
    uv: BuiltInUv,
    pin: bool,
    always_uv: bool,
    unverified_creation: bool,
    enterprise: bool,
    description: Description,
}

impl Configuration {
    /// A new key, set up so.
    pub fn key(&self) -> Key {
        let mut world = world();
        world.uv = self.uv;
        let mut settings = settings();
        settings.algorithms.clone_from(&self.algorithms);
        settings.enterprise = self.enterprise.then(|| crate::attestation::enterprise(RP));
        let device = Device::new(world, settings, self.numbers).unwrap();
        let mut device = device.describe(self.description.clone());
        if !self.unverified_creation {
            device = device.without_unverified_creation();
        }
        let mut key = Key::new();
        key.device = if self.u2f { device } else { device.without_u2f() };
        if self.pin {
            key.set_pin(&self.pin()).unwrap();
        }
        if self.always_uv {
            let mut request = config::Request::new(config::SubCommand::ToggleAlwaysUv);
            if self.pin {
                let token = key.token(&self.pin(), Permissions::AUTHENTICATOR_CONFIGURATION, None);
                token.unwrap().sign_config(&mut request);
            } else if self.uv == BuiltInUv::Configured {
                let token = key.token_by_uv(Permissions::AUTHENTICATOR_CONFIGURATION, None);
                token.unwrap().sign_config(&mut request);
            }
            key.config(&request).unwrap();
        }
        key
    }

    /// The same with a PIN: clientPin says that one can be set.
    pub fn key_with_pin(&self) -> Key {
        let mut key = self.key();
        if !self.pin {
            key.set_pin(&self.pin()).unwrap();
        }
        key
    }

    /// A PIN of the shortest length.
    pub fn pin(&self) -> String {
        "1".repeat(self.numbers.min_pin_length.into())
    }

    /// A token by PIN.
    pub fn token(&self, key: &mut Key, permissions: Permissions) -> Token {
        let for_site = Permissions::MAKE_CREDENTIAL | Permissions::GET_ASSERTION;
        let site = permissions.intersects(for_site).then_some(RP);
        key.token(&self.pin(), permissions, site).unwrap()
    }

    /// makeCredential, authorised by PIN.
    pub fn make(&self, key: &mut Key, mut request: Make) -> Reply<make_credential::Response> {
        self.token(key, Permissions::MAKE_CREDENTIAL).sign_make(&mut request);
        key.make(&request)
    }
}

/// What getInfo says: parsed, and the map as it came.
pub fn told(key: &mut Key) -> (Info, Map) {
    let body = key.call(command::GET_INFO, &[]).unwrap();
    let map = decode(&body, &Limits::CTAP).unwrap().into_map().unwrap();
    let info = Info::from_cbor(&body).unwrap();
    assert_eq!(info.to_cbor(), body, "a member that the platform's side does not know");
    (info, map)
}

fn configuration() -> impl Strategy<Value = Configuration> {
    let numbers = (
        1100_usize..=7609,
        2_usize..6,
        4_u8..12,
        32_usize..64,
        1024_usize..5000,
        1_usize..9,
    )
        .prop_map(
            |(max_message_bytes, max_credentials, min_pin_length, blob, blobs, rp_ids)| Numbers {
                max_message_bytes,
                max_credentials,
                min_pin_length,
                max_name_bytes: 64,
                max_cred_blob_bytes: blob,
                max_large_blob_bytes: blobs,
                max_min_pin_rp_ids: rp_ids,
                ..Numbers::default()
            },
        );
    let algorithms = prop_oneof![
        Just(vec![Algorithm::Es256, Algorithm::EdDsa]),
        Just(vec![Algorithm::EdDsa]),
        Just(vec![Algorithm::Es256]),
        Just(Algorithm::ALL.to_vec()),
    ];
    let uv = prop_oneof![
        Just(BuiltInUv::None),
        Just(BuiltInUv::NotConfigured),
        Just(BuiltInUv::Configured)
    ];
    let description = any::<(bool, bool)>().prop_map(|(fido_2_3, product)| Description {
        fido_2_3,
        firmware_version: product.then_some(0x0001_0203),
        uv_modality: product.then_some(2),
        certifications: product.then(|| ("FIDO".to_owned(), 1)).into_iter().collect(),
    });
    (numbers, algorithms, uv, any::<[bool; 5]>(), description).prop_map(
        |(numbers, algorithms, uv, [u2f, pin, always_uv, unverified_creation, enterprise], description)| {
            Configuration {
                // Long keys, and certificates, need long messages.
                numbers: Numbers {
                    max_message_bytes: if enterprise || algorithms.len() > 2 {
                        numbers.max_message_bytes.max(7000)
                    } else {
                        numbers.max_message_bytes
                    },
                    ..numbers
                },
                algorithms,
                u2f,
                uv,
                pin,
                always_uv,
                unverified_creation,
                enterprise,
                description,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn what_get_info_tells_works_and_what_it_does_not_tell_does_not(setup in configuration()) {
        let (info, map) = told(&mut setup.key());
        versions(&setup, &info);
        extensions::check(&setup, &info);
        options::check(&setup, &info);
        members::check(&setup, &info, &map);
    }
}

/// Each version has what it asks for; and no other is told.
fn versions(setup: &Configuration, info: &Info) {
    let mut u2f = false;
    for version in &info.versions {
        match version.as_str() {
            "FIDO_2_0" => drop(setup.key_with_pin().old_token(&setup.pin()).unwrap()),
            // §9.
            "FIDO_2_1" | "FIDO_2_3" => {
                for extension in ["hmac-secret", "credProtect", "minPinLength"] {
                    assert!(info.supports_extension(extension));
                }
                for option in ["rk", "credMgmt", "pinUvAuthToken", "setMinPINLength"] {
                    assert_eq!(info.options.get(option), Some(&true));
                }
                assert!(info.pin_uv_auth_protocols.contains(&2));
            }
            "U2F_V2" => u2f = true,
            other => panic!("{other} is none that this engine implements"),
        }
    }
    assert_eq!(
        info.versions.contains(&"FIDO_2_3".to_owned()),
        setup.description.fido_2_3
    );
    let answer = setup.key().device.process_u2f(&[0, 3, 0, 0]);
    assert_eq!(answer == b"U2F_V2\x90\x00", u2f);

    // What is told nowhere.
    for code in [0x03, 0x05, 0x09, 0x0e, 0x40, 0x42] {
        assert_eq!(setup.key().call(code, &[0xa0]).err(), Some(Status::InvalidCommand));
    }
    let absent: BTreeMap<_, _> = info
        .options
        .iter()
        .filter(|(name, _)| name.contains("ioEnroll"))
        .collect();
    assert!(absent.is_empty());
    let refused = setup
        .key_with_pin()
        .token(&setup.pin(), Permissions::BIO_ENROLLMENT, None)
        .err();
    assert_eq!(refused, Some(Status::UnauthorizedPermission));
}
