//! The table of error codes: for each command, every status that the specification names for it, and what provokes it.
//! Each row is a test; after it the device must still do what it can.

mod get;
mod make;
mod manage;
mod pin;
mod settings;

use claviger_ctap::authenticator::device::{Numbers, Presence, command};
use claviger_ctap::cbor::{Map, Value};
use claviger_ctap::client_pin::{self, Permissions, SubCommand};
use claviger_ctap::credential_management::{Request as Manage, SubCommand as Managing};
use claviger_ctap::crypto::portable;
use claviger_ctap::status::Status;

use crate::bed::{self, Finger, Key, PIN, RP, padded, pin_hash, world};
use crate::management::{hash, request as managing};

pub struct Row {
    pub command: u8,
    pub status: Status,
    pub why: &'static str,
    pub provoke: fn() -> (Key, Result<(), Status>),
}

const MC: u8 = command::MAKE_CREDENTIAL;
const GA: u8 = command::GET_ASSERTION;
const GN: u8 = command::GET_NEXT_ASSERTION;
const GI: u8 = command::GET_INFO;
const CP: u8 = command::CLIENT_PIN;
const RS: u8 = command::RESET;
const SE: u8 = command::SELECTION;
const CM: u8 = command::CREDENTIAL_MANAGEMENT;
const LB: u8 = command::LARGE_BLOBS;
const CF: u8 = command::CONFIG;

const fn row(command: u8, status: Status, why: &'static str, provoke: fn() -> (Key, Result<(), Status>)) -> Row {
    Row {
        command,
        status,
        why,
        provoke,
    }
}

/// A request's map with one member changed; `None` takes it out.
fn edited(encoded: &[u8], key: i64, value: Option<Value>) -> Vec<u8> {
    use claviger_ctap::cbor::{Limits, decode};
    let mut map = decode(encoded, &Limits::CTAP).unwrap().into_map().unwrap();
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove_int(key)),
    }
    Value::from(map).encode()
}

fn sent(mut key: Key, code: u8, parameters: &[u8]) -> (Key, Result<(), Status>) {
    let result = key.call(code, parameters).map(drop);
    (key, result)
}

/// makeCredential with one member changed.
fn making(member: i64, value: Option<Value>) -> (Key, Result<(), Status>) {
    sent(Key::new(), MC, &edited(&bed::make(b"alice").to_cbor(), member, value))
}

/// getAssertion with one member changed.
fn getting(member: i64, value: Option<Value>) -> (Key, Result<(), Status>) {
    let mut key = Key::new();
    key.made(b"alice");
    sent(key, GA, &edited(&bed::get(&[]).to_cbor(), member, value))
}

fn touched(touch: Presence, code: u8, parameters: &[u8]) -> (Key, Result<(), Status>) {
    let mut key = Key::new();
    key.made(b"alice");
    key.world().touches.push_back(touch);
    sent(key, code, parameters)
}

fn fingered(finger: Finger, code: u8, parameters: &[u8]) -> (Key, Result<(), Status>) {
    let mut key = Key::with_uv();
    key.world().fingers.extend([finger; 3]);
    sent(key, code, parameters)
}

/// After so many wrong fingers that none is looked at any more.
fn worn_out(code: u8, parameters: &[u8]) -> (Key, Result<(), Status>) {
    let mut key = Key::with_uv();
    key.world().fingers.extend([Finger::Wrong; 5]);
    for _ in 0..2 {
        let _ = key.call(code, parameters);
    }
    sent(key, code, parameters)
}

/// With alwaysUv on, and neither PIN nor finger set up. The parameters are those of a request with a MAC and, as one
/// more member, its protocol.
fn always_uv(code: u8, parameters: &[u8]) -> (Key, Result<(), Status>) {
    use claviger_ctap::authenticator_config::{Request, SubCommand};
    let mut key = Key::new();
    key.config(&Request::new(SubCommand::ToggleAlwaysUv)).unwrap();
    let protocol = if code == MC { 9 } else { 7 };
    let parameters = edited(parameters, protocol, Some(2.into()));
    let (mut key, result) = sent(key, code, &parameters);
    key.device.power_cycle().unwrap();
    (key, result)
}

fn uv_make() -> Vec<u8> {
    let mut request = bed::make(b"alice");
    request.options.uv = true;
    request.to_cbor()
}

fn uv_get() -> Vec<u8> {
    let mut request = bed::get(&[]);
    request.options.uv = true;
    request.to_cbor()
}

/// A clientPIN request that would succeed on a key with a PIN, changed.
fn pinned(change: fn(&mut client_pin::Request)) -> (Key, Result<(), Status>) {
    let mut key = Key::with_pin();
    let (mut request, secret) = key.agreed(SubCommand::GetTokenUsingPin);
    request.pin_hash_enc = Some(secret.encrypt(portable(), &pin_hash(PIN)).unwrap());
    request.permissions = Some(Permissions::MAKE_CREDENTIAL.bits().into());
    request.rp_id = Some(RP.to_owned());
    change(&mut request);
    let result = key.pin(&request).map(drop);
    (key, result)
}

/// A setPIN request that would succeed on a new key, changed.
fn setting(change: fn(&mut client_pin::Request)) -> (Key, Result<(), Status>) {
    let mut key = Key::new();
    let (mut request, secret) = key.agreed(SubCommand::SetPin);
    let new_pin_enc = secret.encrypt(portable(), &padded(PIN)).unwrap();
    request.pin_uv_auth_param = Some(secret.authenticate(portable(), &[&new_pin_enc]));
    request.new_pin_enc = Some(new_pin_enc);
    change(&mut request);
    let result = key.pin(&request).map(drop);
    (key, result)
}

fn managed(sub_command: Managing, params: Option<Map>, change: fn(&mut Manage)) -> (Key, Result<(), Status>) {
    let mut key = Key::with_pin();
    key.made(b"alice");
    let token = key.token(PIN, Permissions::CREDENTIAL_MANAGEMENT, None).unwrap();
    let mut request = managing(sub_command, params, &token);
    change(&mut request);
    let result = key.manage(&request).map(drop);
    (key, result)
}

fn wrong_pins(count: usize) -> (Key, Result<(), Status>) {
    let mut key = Key::with_pin();
    let mut result = Ok(());
    for n in 0..count {
        if n % 3 == 0 {
            key.device.power_cycle().unwrap();
        }
        result = key.token("wrong", Permissions::MAKE_CREDENTIAL, Some(RP)).map(drop);
    }
    (key, result)
}

/// The whole table.
fn table() -> Vec<Row> {
    let rows = [make::rows(), get::rows(), pin::rows(), manage::rows(), settings::rows()];
    rows.into_iter().flatten().collect()
}

fn token_by(fingers: &[Finger]) -> (Key, Result<(), Status>) {
    let mut key = Key::with_uv();
    key.world().fingers.extend(fingers);
    let mut result = Ok(());
    // Three tries make one command; what is left of the fingers is for the next.
    while result.is_ok() || key.world().fingers.front().is_some() {
        result = key.token_by_uv(Permissions::MAKE_CREDENTIAL, Some(RP)).map(drop);
    }
    (key, result)
}

#[test]
fn every_row_gets_its_status_and_the_next_good_request_works() {
    for Row {
        command,
        status,
        why,
        provoke,
    } in table()
    {
        let (mut key, result) = provoke();
        assert_eq!(result, Err(status), "command {command:#04x}: {why}");
        assert!(!key.world().failures.is_empty(), "the log hears of it: {why}");
        key.world().touches.clear();
        key.world().fingers.clear();
        key.call(command::SELECTION, &[]).unwrap();
        key.info();
    }
}

#[test]
fn an_empty_command_has_an_invalid_length() {
    assert_eq!(Key::new().raw(&[]), Err(Status::InvalidLength));
}

/// The statuses that CTAP 2.1 to 2.3 §6 name for each command, of those that this device can have a reason for.
#[test]
fn the_table_has_every_status_that_the_specification_names() {
    use Status as S;
    let touch = [S::OperationDenied, S::UserActionTimeout, S::KeepaliveCancel];
    let message = [
        S::InvalidCbor,
        S::CborUnexpectedType,
        S::MissingParameter,
        S::InvalidParameter,
    ];
    let making = [
        S::UnsupportedAlgorithm,
        S::InvalidOption,
        S::PuatRequired,
        S::PinAuthInvalid,
        S::PinNotSet,
        S::PinInvalid,
        S::LimitExceeded,
        S::CredentialExcluded,
        S::KeyStoreFull,
        S::RequestTooLarge,
        S::PinBlocked,
    ];
    let getting = [
        S::UnsupportedOption,
        S::InvalidOption,
        S::PuatRequired,
        S::PinAuthInvalid,
        S::PinNotSet,
        S::PinInvalid,
        S::LimitExceeded,
        S::NoCredentials,
        S::PinBlocked,
    ];
    let pin = [
        S::InvalidSubcommand,
        S::PinInvalid,
        S::PinAuthBlocked,
        S::PinBlocked,
        S::PinNotSet,
        S::PinAuthInvalid,
        S::PinPolicyViolation,
        S::UvInvalid,
        S::UvBlocked,
        S::NotAllowed,
        S::UnauthorizedPermission,
    ];
    let managing = [
        S::InvalidSubcommand,
        S::PuatRequired,
        S::PinAuthInvalid,
        S::NoCredentials,
        S::NotAllowed,
    ];
    let blobs = [
        S::InvalidLength,
        S::InvalidSeq,
        S::LargeBlobStorageFull,
        S::IntegrityFailure,
        S::PuatRequired,
        S::PinAuthInvalid,
    ];
    let configuring = [
        S::PuatRequired,
        S::PinAuthInvalid,
        S::PinPolicyViolation,
        S::PinNotSet,
        S::KeyStoreFull,
    ];
    let named = [
        (MC, [&message[..], &touch, &making].concat()),
        (GA, [&message[..], &touch, &getting].concat()),
        (GN, vec![S::NotAllowed]),
        (CP, [&message[..], &touch, &pin].concat()),
        (RS, [&[S::NotAllowed][..], &touch].concat()),
        (SE, touch.to_vec()),
        (CM, [&message[..], &managing].concat()),
        (LB, [&message[..], &blobs].concat()),
        (CF, [&message[..], &configuring].concat()),
    ];
    let table = table();
    for (command, statuses) in named {
        for status in statuses {
            assert!(
                table.iter().any(|row| row.command == command && row.status == status),
                "no row for command {command:#04x} and {status}"
            );
        }
    }
}
