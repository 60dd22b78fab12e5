//! Arbitrary bytes and arbitrary sequences of commands: no panic, no answer without a status, and the promises about
//! tries and flags hold at every step.

use claviger_ctap::authenticator::device::{Presence, command};
use claviger_ctap::authenticator_config as config;
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::cbor::{Limits, Map, Value};
use claviger_ctap::client_pin::{self, Permissions};
use claviger_ctap::credential_management as management;
use claviger_ctap::large_blobs;
use claviger_ctap::status::Status;
use proptest::prelude::*;

use crate::bed::{Finger, Key, PIN, RP, Token, get, make};

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        cases,
        ..ProptestConfig::default()
    }
}

/// CBOR of the shapes that requests have, with members of any type.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Value::from),
        (-70_i64..70).prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..70).prop_map(Value::from),
        "[a-z.]{0,12}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((0_u64..12, inner.clone()), 0..6).prop_map(|e| e.into_iter().collect::<Map>().into()),
            prop::collection::vec(("rk|up|uv|id|name|type|alg", inner), 0..4)
                .prop_map(|e| e.into_iter().collect::<Map>().into()),
        ]
    })
}

#[derive(Debug, Clone)]
enum Step {
    Raw(Vec<u8>),
    Shaped(u8, Value),
    SetPin,
    RightPin(u8),
    WrongPin,
    Finger(u8),
    Make { with_token: bool, rk: bool, uv: bool },
    Get { with_token: bool, up: bool, uv: bool },
    Next,
    Manage(u8),
    Config(u8),
    Reset,
    Wait(u64),
    PowerCycle,
    Touch(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Raw),
        (0_u8..0x0f, value()).prop_map(|(code, value)| Step::Shaped(code, value)),
        Just(Step::SetPin),
        (0_u8..64).prop_map(Step::RightPin),
        Just(Step::WrongPin),
        (0_u8..5).prop_map(Step::Finger),
        any::<(bool, bool, bool)>().prop_map(|(with_token, rk, uv)| Step::Make { with_token, rk, uv }),
        any::<(bool, bool, bool)>().prop_map(|(with_token, up, uv)| Step::Get { with_token, up, uv }),
        Just(Step::Next),
        (0_u8..9).prop_map(Step::Manage),
        (0_u8..5).prop_map(Step::Config),
        Just(Step::Reset),
        (0_u64..700_000).prop_map(Step::Wait),
        Just(Step::PowerCycle),
        (0_u8..4).prop_map(Step::Touch),
    ]
}

struct Run {
    key: Key,
    token: Option<Token>,
    pin: bool,
}

impl Run {
    fn perform(&mut self, step: &Step) {
        let key = &mut self.key;
        match step {
            Step::Raw(bytes) => drop(key.raw(bytes)),
            Step::Shaped(code, value) => {
                // A shaped reset may go through.
                if key.call(*code, &value.encode()).is_ok() && *code == command::RESET {
                    self.pin = false;
                }
            }
            Step::SetPin => self.pin |= key.set_pin(PIN).is_ok(),
            Step::RightPin(bits) => {
                let token = key.token(PIN, Permissions::from_bits((*bits).into()).unwrap(), Some(RP));
                self.token = token.ok().or(self.token.take());
            }
            Step::WrongPin => {
                let before = key.pin_retries().0;
                assert!(key.token("wrong", Permissions::MAKE_CREDENTIAL, Some(RP)).is_err());
                let after = key.pin_retries().0;
                assert!(after == before || after + 1 == before);
            }
            Step::Finger(kind) => {
                let fingers = [
                    Finger::Right,
                    Finger::Wrong,
                    Finger::Away,
                    Finger::No,
                    Finger::Cancelled,
                ];
                key.world().fingers.push_back(fingers[usize::from(*kind)]);
            }
            Step::Make { with_token, rk, uv } => {
                let mut request = make(b"alice");
                (request.options.rk, request.options.uv) = (*rk, *uv);
                if let Some(token) = self.token.as_ref().filter(|_| *with_token) {
                    token.sign_make(&mut request);
                }
                let always = key.info().options["alwaysUv"];
                let asked = request.pin_uv_auth_param.is_some() || *uv || always;
                if let Ok(response) = key.make(&request) {
                    check(&response.auth_data, true, asked);
                }
            }
            Step::Get { with_token, up, uv } => {
                let mut request = get(&[]);
                (request.options.up, request.options.uv) = (*up, *uv);
                if let Some(token) = self.token.as_ref().filter(|_| *with_token) {
                    token.sign_get(&mut request);
                }
                let always = key.info().options["alwaysUv"] && *up;
                let asked = request.pin_uv_auth_param.is_some() || *uv || always;
                if let Ok(response) = key.get(&request) {
                    // The built-in verifier shows presence, asked for or not.
                    let by_finger = *uv && request.pin_uv_auth_param.is_none();
                    check(&response.auth_data, *up || by_finger, asked);
                }
            }
            Step::Next => drop(key.next()),
            Step::Manage(number) => {
                if let Some(sub) = management::SubCommand::from_number((*number).into()) {
                    let mut request = management::Request::new(sub);
                    if let Some(token) = &self.token {
                        token.sign_manage(&mut request);
                    }
                    let _ = key.manage(&request);
                }
            }
            Step::Config(number) => {
                if let Some(sub) = config::SubCommand::from_number((*number).into()) {
                    let mut request = config::Request::new(sub);
                    if let Some(token) = &self.token {
                        token.sign_config(&mut request);
                    }
                    let _ = key.config(&request);
                }
            }
            Step::Reset => {
                if key.call(command::RESET, &[]).is_ok() {
                    self.pin = false;
                }
            }
            Step::Wait(ms) => key.wait(*ms),
            Step::PowerCycle => key.device.power_cycle().unwrap(),
            Step::Touch(kind) => {
                let touches = [
                    Presence::Given,
                    Presence::Denied,
                    Presence::TimedOut,
                    Presence::Cancelled,
                ];
                key.world().touches.push_back(touches[usize::from(*kind)]);
            }
        }
        assert_eq!(key.info().options["clientPin"], self.pin, "after {step:?}");
    }
}

/// A flag is there because it was asked for; that it was granted rightly is the other tests' matter.
fn check(auth_data: &[u8], up: bool, verification_asked: bool) {
    let flags = AuthenticatorData::parse(auth_data).unwrap().flags;
    assert_eq!(flags.contains(Flags::UP), up);
    assert_eq!(flags.contains(Flags::UV), verification_asked);
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn any_sequence_of_commands_keeps_the_promises(
        with_uv: bool,
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let key = if with_uv { Key::with_uv() } else { Key::new() };
        let mut run = Run { key, token: None, pin: false };
        for step in &steps {
            run.perform(step);
        }
        // Whatever happened, a reset after power-up gives a working device.
        run.key.device.power_cycle().unwrap();
        run.key.world().touches.clear();
        run.key.world().fingers.clear();
        run.key.call(command::RESET, &[]).unwrap();
        run.key.set_pin(PIN).unwrap();
        run.key.made(b"alice");
        run.key.get(&get(&[])).unwrap();
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn any_bytes_get_a_status(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut key = Key::with_uv();
        let _ = key.raw(&bytes);
        key.info();
    }

    #[test]
    fn any_parameters_get_a_status(code in 0_u8..0x10, value in value()) {
        let mut key = Key::new();
        let result = key.call(code, &value.encode());
        prop_assert_ne!(result, Err(Status::Other));
    }

    #[test]
    fn what_a_decoder_accepts_it_writes_back_to_an_equal_message(value in value()) {
        let bytes = value.encode();
        if let Ok(request) = client_pin::Request::from_cbor_within(&bytes, &Limits::CTAP) {
            let again = client_pin::Request::from_cbor_within(&request.to_cbor(), &Limits::CTAP);
            prop_assert!(again.unwrap() == request);
        }
        if let Ok(response) = client_pin::Response::from_cbor(&bytes) {
            prop_assert!(client_pin::Response::from_cbor(&response.to_cbor()).unwrap() == response);
        }
        if let Ok(request) = management::Request::from_cbor_within(&bytes, &Limits::CTAP) {
            let again = management::Request::from_cbor_within(&request.to_cbor(), &Limits::CTAP);
            prop_assert!(again.unwrap() == request);
        }
        if let Ok(request) = large_blobs::Request::from_cbor_within(&bytes, &Limits::CTAP) {
            let again = large_blobs::Request::from_cbor_within(&request.to_cbor(), &Limits::CTAP);
            prop_assert!(again.unwrap() == request);
        }
        if let Ok(request) = config::Request::from_cbor_within(&bytes, &Limits::CTAP) {
            let again = config::Request::from_cbor_within(&request.to_cbor(), &Limits::CTAP);
            prop_assert!(again.unwrap() == request);
        }
        if let Ok(response) = management::Response::from_cbor(&bytes) {
            prop_assert!(management::Response::from_cbor(&response.to_cbor()).unwrap() == response);
        }
    }
}
