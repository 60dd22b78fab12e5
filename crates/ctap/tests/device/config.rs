//! authenticatorConfig: alwaysUv, and the shortest PIN.

use claviger_ctap::authenticator::device::command;
use claviger_ctap::authenticator_config::{MinPinLength, Request, SubCommand};
use claviger_ctap::client_pin::Permissions;
use claviger_ctap::status::Status;

use crate::bed::{Key, PIN, RP, Reply, get, id_of, make};

const ACFG: Permissions = Permissions::AUTHENTICATOR_CONFIGURATION;

fn toggle(key: &mut Key, pin: Option<&str>) -> Reply<()> {
    let mut request = Request::new(SubCommand::ToggleAlwaysUv);
    if let Some(pin) = pin {
        key.token(pin, ACFG, None)?.sign_config(&mut request);
    }
    key.config(&request)
}

pub fn min_pin(key: &mut Key, pin: Option<&str>, change: impl FnOnce(&mut MinPinLength)) -> Reply<()> {
    let mut params = MinPinLength::default();
    change(&mut params);
    let mut request = Request::new(SubCommand::SetMinPinLength);
    request.params = Some(params.to_map());
    if let Some(pin) = pin {
        key.token(pin, ACFG, None)?.sign_config(&mut request);
    }
    key.config(&request)
}

#[test]
fn always_uv_lets_nothing_through_without_verification_but_a_silent_probe() {
    let mut key = Key::with_pin();
    let id = key.made(b"alice");
    toggle(&mut key, Some(PIN)).unwrap();
    let options = key.info().options;
    assert!(options["alwaysUv"] && !options["makeCredUvNotRqd"]);

    assert_eq!(key.get(&get(&[&id])).err(), Some(Status::PuatRequired));
    let mut request = make(b"bobby");
    request.options.rk = false;
    assert_eq!(key.make(&request).err(), Some(Status::PuatRequired));
    let mut silent = get(&[&id]);
    silent.options.up = false;
    key.get(&silent).unwrap();
    let token = key.token(PIN, Permissions::MAKE_CREDENTIAL, Some(RP)).unwrap();
    token.sign_make(&mut request);
    key.make(&request).unwrap();

    toggle(&mut key, Some(PIN)).unwrap();
    key.get(&get(&[&id])).unwrap();
}

#[test]
fn without_unverified_creation_a_pin_is_asked_for_at_every_creation_and_at_no_other_time() {
    let mut key = Key::new();
    key.device = key.device.without_unverified_creation();
    let mut request = make(b"alice");
    request.options.rk = false;
    assert!(key.info().options["makeCredUvNotRqd"], "there is no PIN to ask for");
    key.make(&request).unwrap();

    key.set_pin(PIN).unwrap();
    assert!(!key.info().options["makeCredUvNotRqd"]);
    assert_eq!(key.make(&request).err(), Some(Status::PuatRequired));
    let token = key.token(PIN, Permissions::MAKE_CREDENTIAL, Some(RP)).unwrap();
    token.sign_make(&mut request);
    let id = id_of(&key.make(&request).unwrap());
    key.get(&get(&[&id])).unwrap();
}

#[test]
fn a_reader_without_a_pin_is_no_reason_to_refuse_who_does_not_know_how_to_use_it() {
    let mut key = Key::with_uv();
    key.device = key.device.without_unverified_creation();
    let mut request = make(b"alice");
    request.options.rk = false;
    assert!(key.info().options["makeCredUvNotRqd"]);
    key.make(&request).unwrap();
}

#[test]
fn with_a_reader_always_uv_uses_it() {
    let mut key = Key::with_uv();
    let mut request = Request::new(SubCommand::ToggleAlwaysUv);
    key.token_by_uv(ACFG, None).unwrap().sign_config(&mut request);
    key.config(&request).unwrap();
    key.world().asked.clear();
    key.make(&make(b"alice")).unwrap();
    key.get(&get(&[])).unwrap();
    assert!(key.world().asked.iter().all(|asked| asked.starts_with("finger")));
    assert_eq!(key.world().asked.len(), 2);
}

#[test]
fn a_device_without_a_pin_can_be_configured_and_turned_back() {
    let mut key = Key::new();
    toggle(&mut key, None).unwrap();
    assert_eq!(key.make(&make(b"alice")).err(), Some(Status::PuatRequired));
    assert_eq!(min_pin(&mut key, None, |_| ()), Err(Status::PuatRequired));
    toggle(&mut key, None).unwrap();
    key.make(&make(b"alice")).unwrap();
}

#[test]
fn the_shortest_pin_only_grows_and_is_held() {
    let mut key = Key::new();
    min_pin(&mut key, None, |p| p.new_min_pin_length = Some(8)).unwrap();
    assert_eq!(key.info().min_pin_length, Some(8));
    assert_eq!(key.set_pin("1234567"), Err(Status::PinPolicyViolation));
    for shorter in [7, 0, 64, 1 << 40] {
        let refused = min_pin(&mut key, None, |p| p.new_min_pin_length = Some(shorter));
        assert_eq!(refused, Err(Status::PinPolicyViolation));
    }
    key.set_pin("12345678").unwrap();
    key.call(command::RESET, &[]).unwrap();
    assert_eq!(key.info().min_pin_length, Some(4));
}

#[test]
fn a_pin_that_became_too_short_must_be_changed() {
    let mut key = Key::with_pin();
    min_pin(&mut key, Some(PIN), |p| p.new_min_pin_length = Some(4)).unwrap();
    assert_eq!(key.info().force_pin_change, Some(false));
    min_pin(&mut key, Some(PIN), |p| p.new_min_pin_length = Some(6)).unwrap();
    must_be_changed(&mut key, "123456");
}

#[test]
fn a_pin_can_be_made_to_be_changed() {
    let mut key = Key::with_pin();
    min_pin(&mut key, Some(PIN), |p| p.force_change_pin = true).unwrap();
    assert_eq!(key.change_pin(PIN, PIN), Err(Status::PinPolicyViolation));
    must_be_changed(&mut key, "4321");
}

fn must_be_changed(key: &mut Key, new: &str) {
    assert_eq!(key.info().force_pin_change, Some(true));
    key.device.power_cycle().unwrap();
    // A wrong PIN is a wrong PIN first.
    assert_eq!(key.token("9999", ACFG, None).err(), Some(Status::PinInvalid));
    assert_eq!(key.pin_retries().0, 7);
    assert_eq!(key.token(PIN, ACFG, None).err(), Some(Status::PinPolicyViolation));
    assert_eq!(key.old_token(PIN).err(), Some(Status::PinInvalid));
    assert_eq!(key.pin_retries().0, 8);
    key.change_pin(PIN, new).unwrap();
    assert_eq!(key.info().force_pin_change, Some(false));
    key.token(new, ACFG, None).unwrap();
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut key = Key::new();
    let refused = min_pin(&mut key, None, |p| {
        p.new_min_pin_length = Some(6);
        p.force_change_pin = true;
    });
    assert_eq!(refused, Err(Status::PinNotSet));
    let refused = min_pin(&mut key, None, |p| {
        p.new_min_pin_length = Some(6);
        p.rp_ids = Some(vec![RP.to_owned(); 9]);
    });
    assert_eq!(refused, Err(Status::KeyStoreFull));
    let refused = min_pin(&mut key, None, |p| {
        p.new_min_pin_length = Some(6);
        p.rp_ids = Some(vec!["x".repeat(254)]);
    });
    assert_eq!(refused, Err(Status::LimitExceeded));
    assert_eq!(key.info().min_pin_length, Some(4));
}

#[test]
fn the_mac_covers_the_subcommand_and_its_parameters() {
    let mut key = Key::with_pin();
    let token = key.token(PIN, ACFG, None).unwrap();
    let mut request = Request::new(SubCommand::ToggleAlwaysUv);
    token.sign_config(&mut request);
    request.sub_command = SubCommand::SetMinPinLength.number();
    assert_eq!(key.config(&request).err(), Some(Status::PinAuthInvalid));
}
