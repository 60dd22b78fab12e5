//! The test vectors of `docs/provider-protocol.md`: computed anew from fixed keys and compared with `tests/vectors/*.json`, byte
//! for byte. After a deliberate change of the protocol, `CLAVIGER_WRITE_VECTORS=1` writes the files instead.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_ctap::{
    authenticator::{Refusal, SecretOf, device::Protection, hmac_secret::HmacSecretInput},
    cbor::{Limits, Map, Value, decode},
    cose::Sign1,
    crypto::{
        Algorithm, Crypto, CryptoError, PrivateKey, PublicKey,
        ecdh::{EcdhPublicKey, EphemeralKey},
        native,
    },
    get_assertion, get_info,
    pin_protocol::{PinUvAuthProtocol, SharedSecret},
    prf::PrfSeed,
    types::{Aaguid, CredentialDescriptor, CredentialId, RpId, UserId},
};
use claviger_joint::{
    KeyId, ProviderId, TransactionId, Trouble, TroubleKind,
    answer::{Answer, LockStatePayload, Status},
    envelope::{self, Caller, Door, Grease, Presentation, Request, SignedRequest},
    evidence::{self, EvidenceClaims, Expected, Method, Purpose, Tier},
    messages::{self, Description, ProviderState, Registration},
    metadata::{Diff, Entry},
    operation::{Cancel, Delete, Operation, Update},
    unlock::{self, UnlockError, UnlockKey, UnlockSecret},
};
use serde_json::{Value as Json, json};

const NOW: u64 = 1_800_000_000_000;
const TRANSACTION: TransactionId = TransactionId([0x11; 16]);

/// 32 bytes that count up from `first`.
fn secret(first: u8) -> [u8; 32] {
    std::array::from_fn(|index| first + u8::try_from(index).unwrap())
}

fn request_key() -> PrivateKey {
    PrivateKey::from_secret(Algorithm::EdDsa, &secret(0x00)).unwrap()
}

fn next_request_key() -> PrivateKey {
    PrivateKey::from_secret(Algorithm::EdDsa, &secret(0x20)).unwrap()
}

fn uv_key() -> PrivateKey {
    PrivateKey::from_secret(Algorithm::EdDsa, &secret(0x40)).unwrap()
}

fn unlock_key() -> EphemeralKey {
    EphemeralKey::from_secret(&secret(0x60)).unwrap()
}

fn ephemeral_key() -> EphemeralKey {
    EphemeralKey::from_secret(&secret(0x80)).unwrap()
}

fn user_key() -> [u8; 32] {
    secret(0xa0)
}

fn provider() -> ProviderId {
    ProviderId::parse("org.example.Notebook").unwrap()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    let digits = bytes.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from_digit(u32::from(digit), 16).unwrap())
        .collect()
}

/// Compares with the stored file, or writes it.
fn check(name: &str, vectors: &Json) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name);
    let text = serde_json::to_string_pretty(vectors).unwrap() + "\n";
    if std::env::var_os("CLAVIGER_WRITE_VECTORS").is_some() {
        std::fs::write(&path, text).unwrap();
    } else {
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            text,
            "{name} differs from what the code computes"
        );
    }
}

fn get_parameters() -> Vec<u8> {
    let mut request = get_assertion::Request::new("example.org", [0xcc; 32]);
    request.allow_list = vec![CredentialDescriptor::new(CredentialId::new(vec![0xdd; 16]).unwrap())];
    request.to_cbor()
}

/// The request that the vectors vary.
fn request() -> Request {
    Request {
        provider: provider(),
        operation: Operation::Get,
        transaction: TRANSACTION,
        sequence: NOW * 1000,
        issued_ms: NOW,
        expires_ms: NOW + 60_000,
        caller: Caller {
            app_id: None,
            name: "Chromium".into(),
            origin: Some("https://example.org".into()),
            top_origin: None,
            door: Door::Browser,
        },
        window: None,
        parameters: get_parameters(),
        evidence: None,
        presentation: Presentation::Silent,
        hint: None,
        unlock_box: None,
    }
}

fn full_request() -> Request {
    Request {
        caller: Caller {
            app_id: Some("org.chromium.Chromium".into()),
            top_origin: Some("https://top.example".into()),
            ..request().caller
        },
        window: Some("wayland:0123456789abcdef".into()),
        evidence: Some(claims().sign(native(), &uv_key()).unwrap()),
        presentation: Presentation::Visible,
        hint: Some("Sign in to example.org".into()),
        unlock_box: Some(unlock_box()),
        ..request()
    }
}

fn claims() -> EvidenceClaims {
    EvidenceClaims {
        audience: provider(),
        transaction: TRANSACTION,
        buffer_hash: native().sha256(&[&get_parameters()]),
        method: Method::Pin,
        tier: Tier::Software,
        time_ms: NOW,
        count: 7,
        purpose: Purpose::Operation(Operation::Get),
    }
}

/// The request with evidence for it.
fn attested(request: Request) -> Request {
    let claims = EvidenceClaims {
        transaction: request.transaction,
        buffer_hash: native().sha256(&[&request.parameters]),
        purpose: Purpose::Operation(request.operation),
        ..claims()
    };
    Request {
        evidence: Some(claims.sign(native(), &uv_key()).unwrap()),
        ..request
    }
}

fn unlock_secret() -> UnlockSecret {
    UnlockSecret::derive(native(), &user_key(), &provider()).unwrap()
}

fn unlock_box() -> Vec<u8> {
    let recipient = unlock_key();
    unlock::seal_with(
        native(),
        &ephemeral_key(),
        recipient.public(),
        &provider(),
        TRANSACTION,
        &unlock_secret(),
    )
    .unwrap()
}

/// Randomness that counts, so that grease comes out the same each time.
struct Dice;

impl Crypto for Dice {
    fn random(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        out.iter_mut()
            .zip(0x29_u8..)
            .for_each(|(byte, number)| *byte = number.wrapping_mul(0x6b));
        Ok(())
    }
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        native().sha256(parts)
    }
    fn hmac_sha256(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        native().hmac_sha256(key, parts)
    }
    fn hkdf_sha256(&self, salt: &[u8], ikm: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        native().hkdf_sha256(salt, ikm, info, out)
    }
    fn generate(&self, algorithm: Algorithm) -> Result<PrivateKey, CryptoError> {
        native().generate(algorithm)
    }
    fn sign(&self, key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        native().sign(key, message)
    }
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        native().verify(key, message, signature)
    }
}

/// The layers of a `COSE_Sign1`, each in hex.
fn layers(message: &[u8], key: &PrivateKey, aad: &[u8]) -> (String, String, String) {
    let payload = Sign1::parse(message)
        .unwrap()
        .verify(native(), key.public_key(), aad)
        .unwrap();
    let protected = decode(message, &Limits::ENVELOPE).unwrap().into_array().unwrap()[0].clone();
    let structure = vec![
        Value::from("Signature1"),
        protected.clone(),
        aad.into(),
        payload.as_slice().into(),
    ];
    (
        hex(protected.as_bytes().unwrap()),
        hex(payload),
        hex(Value::from(structure).encode()),
    )
}

#[test]
fn keys() {
    let signing = |name: &str, key: &PrivateKey| {
        json!({
            "name": name,
            "algorithm": "Ed25519",
            "secret": hex(key.secret_bytes()),
            "cose_key": hex(key.public_key().cose_bytes()),
            "key_id": hex(KeyId::of(native(), key.public_key()).0),
        })
    };
    let agreement = |name: &str, first: u8, key: &EcdhPublicKey| json!({ "name": name, "algorithm": "ECDH P-256", "secret": hex(secret(first)), "cose_key": hex(key.cose_bytes()) });
    check(
        "keys.json",
        &json!({
            "about": "The keys of all vectors. Secrets are the Ed25519 seed or the big-endian P-256 scalar; everything is hex.",
            "provider_id": provider().as_str(),
            "keys": [
                signing("request", &request_key()),
                signing("next_request", &next_request_key()),
                signing("uv", &uv_key()),
                agreement("unlock", 0x60, unlock_key().public()),
                agreement("ephemeral", 0x80, ephemeral_key().public()),
            ],
            "user_key": hex(user_key()),
        }),
    );
}

#[test]
fn requests() {
    let key = request_key();
    let case = |name: &str, request: &Request, grease: &Grease| {
        let envelope = request.sign(native(), &key, grease).unwrap();
        let read = SignedRequest::parse(&envelope)
            .unwrap()
            .verify(native(), key.public_key())
            .unwrap();
        assert_eq!(read, *request);
        let (protected, payload, to_be_signed) = layers(&envelope, &key, envelope::AAD);
        json!({
            "name": name,
            "operation": request.operation.number(),
            "transaction": hex(request.transaction.as_bytes()),
            "sequence": request.sequence,
            "issued_ms": request.issued_ms,
            "expires_ms": request.expires_ms,
            "parameters": hex(&request.parameters),
            "protected_header": protected,
            "payload": payload,
            "to_be_signed": to_be_signed,
            "envelope": hex(envelope),
        })
    };
    let other = |operation, parameters| Request {
        operation,
        parameters,
        ..request()
    };
    let credential = CredentialId::new(vec![0xdd; 16]).unwrap();
    let update = Update {
        credential: credential.clone(),
        user_name: Some("alice@example.org".into()),
        display_name: Some("Alice".into()),
    };
    let (none, grease) = (Grease::none(), Grease::random(&Dice).unwrap());
    check(
        "requests.json",
        &json!({
            "about": "Envelopes that a provider accepts, signed with the key `request`.",
            "external_aad": hex(envelope::AAD),
            "cases": [
                case("get, only what is required", &request(), &none),
                case("get, with everything", &full_request(), &none),
                case("get, greased: unknown keys are passed over", &request(), &grease),
                case("cancel", &other(Operation::Cancel, Cancel { target: TRANSACTION }.encode()), &none),
                case("lock state", &other(Operation::LockState, vec![]), &none),
                case("unlock", &Request { unlock_box: Some(unlock_box()), ..other(Operation::Unlock, vec![]) }, &none),
                case("lock", &other(Operation::Lock, vec![]), &none),
                case("delete", &attested(other(Operation::Delete, Delete { credential }.encode())), &none),
                case("update", &attested(other(Operation::Update, update.encode())), &none),
            ],
        }),
    );
}

#[test]
fn refusals() {
    let floor = NOW * 1000 - 1;
    let case = |name: &str, status: Status, envelope: Vec<u8>| json!({ "name": name, "status": status.number(), "envelope": hex(envelope) });
    let signed = |request: Request| request.sign(native(), &request_key(), &Grease::none()).unwrap();
    let good = signed(request());
    let changed = |change: fn(&mut Request)| {
        let mut request = request();
        change(&mut request);
        signed(request)
    };
    // The same request under another external data, another version, and in non-canonical encodings.
    let kid = KeyId::of(native(), request_key().public_key()).0;
    let payload = Sign1::parse(&good)
        .unwrap()
        .verify(native(), request_key().public_key(), envelope::AAD)
        .unwrap();
    let again = |aad: &[u8], payload: &[u8]| Sign1::sign(native(), &request_key(), &kid, aad, payload).unwrap();
    let mut version = decode(&payload, &Limits::ENVELOPE).unwrap().into_map().unwrap();
    version.insert(1, 2);
    let long_form = [&[0xb8, payload[0] & 0x1f], &payload[1..]].concat();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 0x01;
    let mut tagged = vec![0xd2];
    tagged.extend_from_slice(&good);
    let invalid = Status::InvalidRequest;
    check(
        "refused.json",
        &json!({
            "about": "Envelopes that a provider refuses, each at the given time, with the key `request` pinned, no UV key, and the \
                      sequence numbers up to the last one used; the status is that of the answer.",
            "now_ms": NOW,
            "last_sequence": floor,
            "cases": [
                case("a bad signature", invalid, flipped),
                case("a key that is not pinned", invalid, request().sign(native(), &next_request_key(), &Grease::none()).unwrap()),
                case("a signature for another purpose", invalid, again(evidence::AAD, &payload)),
                case("a payload that is not canonical", invalid, again(envelope::AAD, &long_form)),
                case("a COSE_Sign1 with a tag", invalid, tagged),
                case("bytes after the end", invalid, [good.as_slice(), &[0]].concat()),
                case("no request", invalid, again(envelope::AAD, &Value::from(Map::new()).encode())),
                case("version 2", Status::Unsupported, again(envelope::AAD, &Value::from(version).encode())),
                case("another provider", invalid, changed(|it| it.provider = ProviderId::parse("org.example.Other").unwrap())),
                case("expired", invalid, changed(|it| (it.issued_ms, it.expires_ms) = (NOW - 60_000, NOW))),
                case("from the future", invalid, changed(|it| it.issued_ms = NOW + 5_001)),
                case("expires before it is issued", invalid, changed(|it| (it.issued_ms, it.expires_ms) = (NOW + 2, NOW + 1))),
                case("lives longer than ten minutes", invalid, changed(|it| it.expires_ms = NOW + 600_001)),
                case("the last sequence number again", invalid, changed(|it| it.sequence -= 1)),
                case("a passkey deleted without evidence", invalid, changed(|it| it.operation = Operation::Delete)),
                case("a passkey made without evidence", invalid, changed(|it| it.operation = Operation::Make)),
                case("a sequence number below the window", invalid, changed(|it| it.sequence -= 1000)),
                case("a sequence number more than a day ahead of the clock", invalid,
                    changed(|it| it.sequence = NOW * 1000 + envelope::MAX_SEQUENCE_AHEAD_US + 1)),
                case("the zero transaction", invalid, changed(|it| it.transaction = TransactionId::UNKNOWN)),
                case("evidence under a key that is not pinned", invalid, signed(full_request())),
                case("an unknown operation", Status::Unsupported, changed(|it| it.operation = Operation::Unknown(99))),
            ],
        }),
    );
}

#[test]
fn evidence_vectors() {
    let claims = claims();
    let bytes = claims.sign(native(), &uv_key()).unwrap();
    let expected = Expected {
        audience: &claims.audience,
        transaction: claims.transaction,
        buffer_hash: claims.buffer_hash,
        purpose: claims.purpose,
        now_ms: NOW,
    };
    let verified = evidence::verify(native(), &bytes, uv_key().public_key(), &expected, &mut 6).unwrap();
    assert_eq!(*verified.claims(), claims);
    let (protected, payload, to_be_signed) = layers(&bytes, &uv_key(), evidence::AAD);
    check(
        "evidence.json",
        &json!({
            "about": "Evidence by the key `uv` for the parameters of the get requests.",
            "external_aad": hex(evidence::AAD),
            "transaction": hex(claims.transaction.as_bytes()),
            "buffer": hex(get_parameters()),
            "buffer_hash": hex(claims.buffer_hash),
            "time_ms": claims.time_ms,
            "count": claims.count,
            "purpose": claims.purpose.number(),
            "protected_header": protected,
            "payload": payload,
            "to_be_signed": to_be_signed,
            "evidence": hex(bytes),
        }),
    );
}

#[test]
fn unlock_boxes() {
    let (key, ephemeral) = (unlock_key(), ephemeral_key());
    let shared = key.agree(ephemeral.public());
    let salt = native().sha256(&[&ephemeral.public().cose_bytes(), &key.public().cose_bytes()]);
    let info = [
        &b"claviger-unlock-box-v1"[..],
        provider().as_str().as_bytes(),
        TRANSACTION.as_bytes(),
    ]
    .concat();
    let mut box_key = [0; 32];
    native()
        .hkdf_sha256(&salt, shared.as_slice(), &info, &mut box_key)
        .unwrap();
    let opened = UnlockKey::from_key(unlock_key())
        .open(native(), &provider(), TRANSACTION, &unlock_box())
        .unwrap();
    assert_eq!(opened.expose(), unlock_secret().expose());
    let next = EphemeralKey::from_secret(&secret(0xc0)).unwrap();
    let next_public = next.public().cose_bytes();
    let again = UnlockKey::from_key(next).open(native(), &provider(), TRANSACTION, &unlock_box());
    assert_eq!(again.err(), Some(UnlockError::NotOurs));
    check(
        "unlock.json",
        &json!({
            "about": "A box sealed to the key `unlock` with the key `ephemeral`. The secret is derived from `user_key`.",
            "transaction": hex(TRANSACTION.as_bytes()),
            "unlock_secret": hex(unlock_secret().expose()),
            "ecdh_shared_x": hex(shared.as_slice()),
            "hkdf_salt": hex(salt),
            "hkdf_info": hex(info),
            "box_key": hex(box_key),
            "associated_data": hex([provider().as_str().as_bytes(), TRANSACTION.as_bytes()].concat()),
            "box": hex(unlock_box()),
            "again": {
                "about": "The same box once more, when everything but the lock has been forgotten: the key that Describe announces now is \
                          another one, and the box opens nothing.",
                "announced": hex(next_public),
                "box": hex(unlock_box()),
                "status": Status::InvalidRequest.number(),
            },
        }),
    );
}

#[test]
fn answers() {
    let case = |name: &str, answer: &Answer| {
        assert_eq!(Answer::decode(&answer.encode()), Ok(answer.clone()));
        json!({
            "name": name,
            "status": answer.status().map_or_else(Status::number, |()| 0),
            "payload": answer.result.as_ref().ok().and_then(Option::as_ref).map(hex),
            "reason": answer.result.as_ref().err().and_then(|not_done| not_done.reason.as_ref()),
            "answer": hex(answer.encode()),
        })
    };
    let locked = LockStatePayload { locked: true }.encode();
    check(
        "answers.json",
        &json!({
            "about": "Answers to the requests of requests.json.",
            "cases": [
                case("done, nothing to say", &Answer::ok(TRANSACTION, None)),
                case("lock state: locked", &Answer::ok(TRANSACTION, Some(locked))),
                case("locked", &Answer::failed(TRANSACTION, Status::Locked, "the store is locked")),
                case("cancelled, no reason", &Answer::failed(TRANSACTION, Status::Cancelled, "")),
                case("damaged, for the person", &Answer::failed(TRANSACTION, Status::Damaged, "12 passkeys cannot be read; restore a backup")),
                case("unreadable request", &Answer::failed(TransactionId::UNKNOWN, Status::InvalidRequest, "the key id is not known")),
            ],
        }),
    );
}

#[test]
fn metadata() {
    let full = Entry {
        credential_id: CredentialId::new(vec![0xdd; 16]).unwrap(),
        rp_id: RpId::new("example.org").unwrap(),
        rp_name: Some("Example".into()),
        user_handle: Some(UserId::new(vec![0xee; 8]).unwrap()),
        user_name: Some("alice@example.org".into()),
        display_name: Some("Alice".into()),
        created_ms: Some(NOW),
        last_used_ms: Some(NOW + 1),
        backed_up: true,
        tag: Some("work".into()),
        discoverable: true,
        protection: Protection::Optional,
    };
    let bare = Entry {
        credential_id: CredentialId::new(vec![0x01]).unwrap(),
        rp_id: RpId::new("localhost").unwrap(),
        rp_name: None,
        user_handle: None,
        user_name: None,
        display_name: None,
        created_ms: None,
        last_used_ms: None,
        backed_up: false,
        tag: None,
        discoverable: false,
        protection: Protection::Optional,
    };
    let protected = Entry {
        credential_id: CredentialId::new(vec![0x02]).unwrap(),
        protection: Protection::Required,
        ..bare.clone()
    };
    let case = |name: &str, diff: &Diff| {
        assert_eq!(Diff::decode(&diff.encode()), Ok(diff.clone()));
        json!({ "name": name, "base": diff.base, "new": diff.new, "full": diff.full, "more": diff.more, "diff": hex(diff.encode()) })
    };
    let removed = vec![CredentialId::new(vec![0xdd; 16]).unwrap()];
    check(
        "metadata.json",
        &json!({
            "about": "Metadata diffs that build on each other.",
            "cases": [
                case("everything", &Diff { base: 0, new: 1000, full: true, more: false, upserts: vec![bare.clone(), full], removed: vec![] }),
                case("one gone", &Diff { base: 1000, new: 1001, full: false, more: false, upserts: vec![], removed }),
                case("one of credProtect level 3", &Diff { base: 1001, new: 1002, full: false, more: false, upserts: vec![protected.clone()], removed: vec![] }),
                case("everything anew, in two parts", &Diff { base: 0, new: 1003, full: true, more: true, upserts: vec![bare], removed: vec![] }),
                case("the second and last part", &Diff { base: 1003, new: 1004, full: false, more: false, upserts: vec![protected], removed: vec![] }),
            ],
        }),
    );
}

#[test]
fn extensions() {
    let seed = PrfSeed::from_bytes(&secret(0x20));
    let salts = [secret(0x60), secret(0x80)].concat();
    let case = |name: &str, protocol: PinUvAuthProtocol, count: usize, verified: bool| {
        let length = if protocol == PinUvAuthProtocol::One { 32 } else { 64 };
        let wrap_key = [secret(0x00), secret(0x20)].concat()[..length].to_vec();
        let shared = SharedSecret::from_bytes(protocol, &wrap_key).unwrap();
        let input = HmacSecretInput::new(shared, &salts[..32 * count]).unwrap();
        let mut request = get_assertion::Request::new("example.org", [0xcc; 32]);
        request.options.uv = verified;
        request.extensions = Map::new().with("hmac-secret", input.to_joint(SecretOf::client(verified)));
        let read = get_assertion::Request::from_cbor(&request.to_cbor()).unwrap();
        let (read, whose) = HmacSecretInput::from_joint(read.extensions.text("hmac-secret").unwrap()).unwrap();
        assert_eq!(whose, SecretOf::client(verified));
        let domain = b"claviger hmac-secret without user verification\0".as_slice();
        let evaluated = |salt: &[u8; 32]| {
            if verified {
                *salt
            } else {
                native().sha256(&[domain, salt])
            }
        };
        let output = |salt: &[u8; 32]| Ok::<_, Refusal>(seed.evaluate(native(), &evaluated(salt)));
        let sealed = read.answer(&Dice, output).unwrap();
        let mut iv = [0; 16];
        Dice.random(&mut iv).unwrap();
        let plain: Vec<String> = [Some(read.first()), read.second()]
            .into_iter()
            .flatten()
            .map(|salt| hex(output(salt).unwrap().as_bytes()))
            .collect();
        json!({
            "name": name,
            "verified": verified,
            "protocol": protocol.number(),
            "wrap_key": hex(&wrap_key),
            "salts": hex(&salts[..32 * count]),
            "parameters": hex(request.to_cbor()),
            "outputs": plain,
            "iv": hex(&iv[..if protocol == PinUvAuthProtocol::One { 0 } else { 16 }]),
            "signed_extensions": hex(Value::from(Map::new().with("hmac-secret", sealed)).encode()),
        })
    };
    let salt = native().sha256(&[b"WebAuthn PRF\0", b"hello"]);
    check(
        "extensions.json",
        &json!({
            "about": "The extensions of a security key. All outputs of hmac-secret are of the one seed.",
            "seed": hex(seed.as_bytes()),
            "cases": [
                case("one salt, protocol 1", PinUvAuthProtocol::One, 1, true),
                case("two salts, protocol 2", PinUvAuthProtocol::Two, 2, true),
                case("one salt, protocol 2, not verified, a single seed", PinUvAuthProtocol::Two, 1, false),
            ],
            "prf": { "input": hex(b"hello"), "salt": hex(salt), "output": hex(seed.evaluate(native(), &salt).as_bytes()) },
            "at_creation": {
                "inputs": hex(Value::from(Map::new().with("credProtect", 3).with("hmac-secret", true)).encode()),
                "signed_extensions": hex(Value::from(Map::new().with("credProtect", 3).with("hmac-secret", true)).encode()),
            },
        }),
    );
}

#[test]
fn acquaintance() {
    let mut info = get_info::Response::new(vec!["FIDO_2_1".into()], Aaguid([0xaa; 16]));
    info.extensions = vec!["prf".into()];
    info.algorithms = vec![-7, -8];
    let description = Description {
        get_info: info.to_cbor(),
        sequence_floor: NOW * 1000,
        unlock_key: Some(unlock_key().public().clone()),
        locked: true,
        name: "Notebook".into(),
        trouble: None,
    };
    let damaged = Trouble::new(TroubleKind::Damaged, "12 passkeys cannot be read; restore a backup");
    assert_eq!(Description::decode(&description.encode()), Ok(description.clone()));
    let public = |key: &PrivateKey| key.public_key().clone();
    let registration = |keys: Vec<PublicKey>, uv: Option<PublicKey>| {
        let registration =
            Registration::new(native(), &provider(), ProviderState::Enabled, keys, uv, &request_key()).unwrap();
        assert!(registration.is_endorsed_by(native(), &provider(), &[public(&request_key())]));
        assert_eq!(Registration::decode(&registration.encode()), Ok(registration.clone()));
        hex(registration.encode())
    };
    check(
        "acquaintance.json",
        &json!({
            "about": "Answers of Describe and Register. All registrations are endorsed by the key `request`.",
            "external_aad": hex(messages::ENDORSEMENT_AAD),
            "description": hex(description.encode()),
            "description_damaged": hex(Description { trouble: Some(damaged), ..description.clone() }.encode()),
            "description_never_locked": hex(Description { unlock_key: None, locked: false, ..description }.encode()),
            "registration_without_uv_key": registration(vec![public(&request_key())], None),
            "registration": registration(vec![public(&request_key())], Some(public(&uv_key()))),
            "registration_rotating": registration(
                vec![public(&next_request_key()), public(&request_key())],
                Some(public(&uv_key())),
            ),
        }),
    );
}

#[test]
fn the_document_quotes_the_vectors() {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/provider-protocol.md")).unwrap();
    let quoted = [
        hex(request_key().secret_bytes()),
        hex(request_key().public_key().cose_bytes()),
        hex(uv_key().secret_bytes()),
        hex(request().sign(native(), &request_key(), &Grease::none()).unwrap()),
        hex(claims().sign(native(), &uv_key()).unwrap()),
        hex(unlock_box()),
        hex(Answer::failed(TRANSACTION, Status::Locked, "the store is locked").encode()),
    ];
    for text in quoted {
        assert!(document.contains(&text), "docs/provider-protocol.md lacks {text}");
    }
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(
            document.contains(&format!("`{name}`")),
            "docs/provider-protocol.md does not name {name}"
        );
    }
}
