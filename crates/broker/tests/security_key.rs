//! What comes through the security-key door, over a private bus: ceremonies without an origin, hmac-secret, credProtect, silent probes,
//! the choice of a key, and credential management.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs
)]

mod bed;

use std::time::Duration;

use bed::*;
use claviger_broker::{
    Caller, CancelToken, Cause, CeremonyAnswer, CeremonyRequest, CtapRequest, Door, DoorTraits, Requester,
    SecurityKeyCaller, UserVerification, audit,
};
use claviger_ctap::authenticator::SecretOf;
use claviger_ctap::authenticator::hmac_secret::HmacSecretInput;
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::cbor::Map;
use claviger_ctap::crypto::{PublicKey, native};
use claviger_ctap::pin_protocol::{PinUvAuthProtocol, SharedSecret};
use claviger_ctap::prf::{self, PrfAnswer, PrfInput, PrfSalts};
use claviger_ctap::types::{CredentialDescriptor, CredentialId, UserEntity, UserId};
use claviger_ctap::{get_assertion, make_credential};
use claviger_peer::Standing;
use claviger_pin::{ClientPin, Pin, memfd};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::manage::Passkey;
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::view::{Kind, View};
use claviger_provider::dbus::Providers1Proxy;

const VERIFIED: UserVerification = UserVerification::Required;
const CONSENTED: UserVerification = UserVerification::Discouraged;

/// A program at a door that is like the security key's. It has another name: what a door states of itself decides, not its name.
fn program() -> Caller {
    Caller {
        door: Door::Portal,
        traits: DoorTraits {
            names_origins: false,
            hides_protected: true,
            tells_unsupported: true,
            waits_for_prompt: Duration::ZERO,
        },
        standing: Standing::Unproved,
        app_id: None,
        name: "ssh".into(),
        executable: "/usr/bin/ssh".into(),
        pid: 7,
        window: String::new(),
    }
}

fn at_the_door(operation: CtapRequest, uv: UserVerification) -> CeremonyRequest {
    CeremonyRequest::new(program(), Requester::Program, operation, uv, Duration::from_mins(1)).unwrap()
}

fn make(user: &str, extensions: Map, uv: UserVerification) -> CeremonyRequest {
    make_with(user, uv, |make| make.extensions = extensions)
}

fn make_with(user: &str, uv: UserVerification, change: impl FnOnce(&mut make_credential::Request)) -> CeremonyRequest {
    let mut make = bed::make(user);
    change(&mut make);
    at_the_door(CtapRequest::Make(make), uv)
}

fn assertion(allow: Option<&CredentialId>, extensions: Map) -> get_assertion::Request {
    let mut get = get_assertion::Request::new(RP, [0x42; 32]);
    get.allow_list = allow.cloned().map(CredentialDescriptor::new).into_iter().collect();
    get.extensions = extensions;
    get
}

fn get(allow: Option<&CredentialId>, extensions: Map, uv: UserVerification) -> CeremonyRequest {
    at_the_door(CtapRequest::Get(assertion(allow, extensions)), uv)
}

async fn run(bed: &Bed, request: CeremonyRequest) -> Result<AuthenticatorData, Cause> {
    let data = match bed.broker.ceremony(request, CancelToken::new()).await? {
        CeremonyAnswer::Made(response) => response.auth_data,
        CeremonyAnswer::Got(response) => response.auth_data,
    };
    Ok(AuthenticatorData::parse(&data).unwrap())
}

async fn made(bed: &Bed, request: CeremonyRequest) -> (CredentialId, PublicKey) {
    let attested = run(bed, request).await.unwrap().attested.unwrap();
    (attested.id, attested.public_key)
}

fn from() -> SecurityKeyCaller {
    SecurityKeyCaller {
        caller: program(),
        ticket: None,
        cancel: CancelToken::new(),
    }
}

fn secret() -> SharedSecret {
    let key: Vec<u8> = (0..64).collect();
    SharedSecret::from_bytes(PinUvAuthProtocol::Two, &key).unwrap()
}

/// As the door asks for it.
fn salted(salt: [u8; 32], uv: UserVerification) -> Map {
    let whose = SecretOf::client(uv != CONSENTED);
    Map::new().with(
        "hmac-secret",
        HmacSecretInput::new(secret(), &salt).unwrap().to_joint(whose),
    )
}

async fn hmac_secret(bed: &Bed, id: &CredentialId, salt: [u8; 32], uv: UserVerification) -> (Vec<u8>, Flags) {
    let data = run(bed, get(Some(id), salted(salt, uv), uv)).await.unwrap();
    let signed = data.extensions.unwrap();
    let sealed = signed.text("hmac-secret").unwrap().as_bytes().unwrap();
    (secret().decrypt(sealed).unwrap().to_vec(), data.flags)
}

/// The headline of a view as the user reads it.
fn said(view: &View) -> String {
    Messages::english().text(view.title.as_ref().unwrap())
}

#[tokio::test]
async fn a_program_is_named_and_no_origin_is_invented() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let data = run(&bed, make("alice", Map::new(), VERIFIED)).await.unwrap();
    assert!(data.flags.contains(Flags::UP | Flags::UV));
    let data = run(&bed, get(None, Map::new(), CONSENTED)).await.unwrap();
    assert!(data.flags.contains(Flags::UP) && !data.flags.contains(Flags::UV));
    let views = prompt.views();
    assert_eq!(
        said(&views[0]),
        "A program (ssh) asks to create a passkey for example.org"
    );
    assert_eq!(said(&views[1]), "A program (ssh) asks to sign in to example.org");
    for view in &views {
        assert_eq!(view.caller.as_ref().unwrap().door, Door::Portal.name());
        assert_eq!(view.site.as_ref().unwrap().origin, None);
    }
    assert!(views[1].pin().is_none());
    let last = &audit::last(&bed.audit_path(), 1).unwrap()[0];
    assert_eq!(
        (&last["caller"]["door"], &last["rp_id"]),
        (&Door::Portal.name().into(), &RP.into())
    );
}

#[tokio::test]
async fn an_algorithm_that_nobody_does_is_refused_before_anybody_is_asked() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let foreign = make_with("alice", CONSENTED, |make| make.algorithms = vec![-257]);
    assert_eq!(run(&bed, foreign).await.unwrap_err(), Cause::Unsupported);
    assert!(prompt.views().is_empty());
}

#[tokio::test]
async fn hmac_secret_is_the_websites_prf_and_does_not_depend_on_the_lock() {
    let bed = Bed::new().await;
    let _safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    let asked = Map::new().with("hmac-secret", true);
    let (id, _) = made(&bed, make("alice", asked, VERIFIED)).await;

    // A page's input, by way of the browser's door.
    let salt = native().sha256(&[b"WebAuthn PRF\0", b"disk"]);
    let eval = PrfSalts {
        first: salt.into(),
        second: None,
    };
    let input = PrfInput {
        eval: Some(eval),
        ..PrfInput::default()
    };
    let page = request(CtapRequest::Get(assertion(
        Some(&id),
        Map::new().with(prf::NAME, input.to_value()),
    )));
    let CeremonyAnswer::Got(response) = bed.broker.ceremony(page, CancelToken::new()).await.unwrap() else {
        panic!("another answer")
    };
    let outputs = response.unsigned_extension_outputs.unwrap();
    let (at_the_browser, _) = PrfAnswer::from_unsigned_outputs(&outputs)
        .unwrap()
        .unwrap()
        .results
        .unwrap();

    let (verified, flags) = hmac_secret(&bed, &id, salt, VERIFIED).await;
    assert_eq!(verified, at_the_browser.as_bytes());
    assert!(flags.contains(Flags::UV));

    let (open, flags) = hmac_secret(&bed, &id, salt, CONSENTED).await;
    assert!(!flags.contains(Flags::UV));
    assert_ne!(open, verified);
    // Now the same screen takes the PIN, to unlock, and still the answer is that for unverified users.
    bed.manage().await.lock("").await.unwrap();
    let (locked, flags) = hmac_secret(&bed, &id, salt, CONSENTED).await;
    assert!(!flags.contains(Flags::UV));
    assert_eq!(locked, open);
}

#[tokio::test]
async fn cred_protect_hides_from_programs_that_verify_nobody() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let (id, _) = made(&bed, make("alice", Map::new().with("credProtect", 3), VERIFIED)).await;
    for allow in [None, Some(&id)] {
        let hidden = run(&bed, get(allow, Map::new(), CONSENTED)).await.unwrap_err();
        assert_eq!(hidden, Cause::NoCredential);
        run(&bed, get(allow, Map::new(), VERIFIED)).await.unwrap();
    }
    let probe = bed.broker.probe(&program(), &assertion(Some(&id), Map::new())).await;
    assert_eq!(probe.unwrap_err(), Cause::NoCredential);
    // A website that forgets to ask has the user verified all the same.
    let mut page = request(CtapRequest::Get(assertion(None, Map::new())));
    page.user_verification = CONSENTED;
    assert!(run(&bed, page).await.unwrap().flags.contains(Flags::UV));
    assert!(prompt.views().last().unwrap().pin().is_some());

    let (second, _) = made(&bed, make("bob", Map::new().with("credProtect", 2), VERIFIED)).await;
    let unnamed = run(&bed, get(None, Map::new(), CONSENTED)).await.unwrap_err();
    assert_eq!(unnamed, Cause::NoCredential);
    run(&bed, get(Some(&second), Map::new(), CONSENTED)).await.unwrap();
}

async fn last_used(bed: &Bed) -> serde_json::Value {
    let list: serde_json::Value = serde_json::from_str(&bed.manage().await.passkeys("").await.unwrap()).unwrap();
    list[0]["last_used_ms"].clone()
}

#[tokio::test]
async fn a_probe_asks_nobody_and_finds_what_is_named() {
    let bed = Bed::new().await;
    let safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let (id, key) = made(&bed, make("alice", Map::new(), VERIFIED)).await;
    let (screens, used) = (prompt.views().len(), last_used(&bed).await);
    let other = CredentialId::new(vec![9; 32]).unwrap();
    let mut named = assertion(Some(&other), Map::new());
    named.allow_list.push(CredentialDescriptor::new(id.clone()));

    let signed = |response: &get_assertion::Response| {
        let message = [response.auth_data.as_slice(), &[0x42; 32]].concat();
        native().verify(&key, &message, &response.signature).is_ok()
    };
    let found = bed.broker.probe(&program(), &named).await.unwrap();
    let flags = AuthenticatorData::parse(&found.auth_data).unwrap().flags;
    assert!(!flags.contains(Flags::UP) && !flags.contains(Flags::UV));
    assert!(found.credential.id == id && found.user.is_none() && signed(&found));

    bed.manage().await.lock("").await.unwrap();
    let found = bed.broker.probe(&program(), &named).await.unwrap();
    let data = AuthenticatorData::parse(&found.auth_data).unwrap();
    assert_eq!(data.rp_id_hash, native().sha256(&[RP.as_bytes()]));
    assert!(!data.flags.contains(Flags::UP) && found.credential.id == id && !signed(&found));
    assert!(safe.handle().provider().is_locked_now(), "it stays locked");

    for absent in [assertion(Some(&other), Map::new()), assertion(None, Map::new())] {
        let nothing = bed.broker.probe(&program(), &absent).await.unwrap_err();
        assert_eq!(nothing, Cause::NoCredential);
    }
    assert_eq!(prompt.views().len(), screens);
    assert_eq!(last_used(&bed).await, used, "looking is no use");
}

#[tokio::test]
async fn a_key_is_chosen_by_consent_alone() {
    let bed = Bed::without_pin().await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.broker.select(from()).await.unwrap();
    assert_eq!(prompt.kinds(), [Kind::Verify]);
    assert_eq!(
        said(&prompt.views()[0]),
        "A program (ssh) asks for a security key. Use Claviger?"
    );
    assert!(prompt.views()[0].pin().is_none());
    prompt.leave().await;
    let _prompt = Prompt::attach(
        &bed,
        Script::new(|_| Some((Action::Refuse { for_a_while: false }, None))),
    )
    .await;
    assert_eq!(bed.broker.select(from()).await.unwrap_err(), Cause::CancelledByUser);
    let last = &audit::last(&bed.audit_path(), 1).unwrap()[0];
    assert_eq!(
        (&last["event"], &last["cause"]),
        (&"manage".into(), &"cancelled-by-user".into())
    );
}

#[tokio::test]
async fn credentials_are_listed_changed_and_deleted_after_consent() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let (id, key) = made(&bed, make("alice", Map::new().with("credProtect", 2), VERIFIED)).await;
    // One that only its id finds is not listed.
    let hidden = make_with("bob", VERIFIED, |make| make.options.rk = false);
    made(&bed, hidden).await;

    let list = bed.broker.list_credentials(from()).await.unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].rp_id.as_str(), &list[0].credential), (RP, &id));
    assert_eq!((&list[0].public_key, list[0].protection as u8), (&Some(key), 2));
    assert_eq!(list[0].user.id.as_bytes(), b"alice");
    let view = prompt.views().last().unwrap().clone();
    assert_eq!(said(&view), "A program (ssh) asks to see the list of all your passkeys");
    assert!(view.pin().is_some());

    let user = UserEntity {
        id: UserId::new(*b"alice").unwrap(),
        name: Some("alice@work".into()),
        display_name: None,
    };
    let alices = bed.broker.credential(&id).unwrap();
    assert_eq!(alices.provider.as_str(), NOTEBOOK);
    bed.broker.update_credential(from(), &alices, &user).await.unwrap();
    let list = bed.broker.list_credentials(from()).await.unwrap();
    assert_eq!(list[0].user.name.as_deref(), Some("alice@work"));
    bed.broker.delete_credential(from(), &alices).await.unwrap();
    assert!(bed.broker.list_credentials(from()).await.unwrap().is_empty());
    let gone = bed.broker.delete_credential(from(), &alices).await.unwrap_err();
    assert_eq!(gone, Cause::NoCredential);
}

#[tokio::test]
async fn an_id_that_two_providers_have_means_neither() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::choose("Notebook")).await;
    let (id, _) = made(&bed, make("alice", Map::new(), VERIFIED)).await;
    let proxy = Providers1Proxy::new(&safe.connection).await.unwrap();
    proxy.push_metadata(SAFE, &claim(&id)).await.unwrap();

    let screens = prompt.views().len();
    assert_eq!(bed.broker.credential(&id).unwrap_err(), Cause::Ambiguous);
    assert_eq!(prompt.views().len(), screens, "nobody is asked about what is not clear");
    let manage = bed.manage().await;
    let listed: Vec<Passkey> = serde_json::from_str(&manage.passkeys("").await.unwrap()).unwrap();
    let mut keepers: Vec<&str> = listed.iter().map(|passkey| passkey.provider.as_str()).collect();
    keepers.sort_unstable();
    assert_eq!(keepers, [NOTEBOOK, SAFE], "both are named");
    assert!(listed.iter().all(|passkey| passkey.id == listed[0].id));

    // With its provider it is clear again, and the other one's stays.
    manage.delete_passkey(NOTEBOOK, &listed[0].id).await.unwrap();
    assert_eq!(bed.broker.credential(&id).unwrap().provider.as_str(), SAFE);
}

#[tokio::test]
async fn a_ticket_lists_with_consent_only() {
    let bed = Bed::new().await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let hash = memfd::seal_client_pin(&ClientPin::of(native(), &Pin::new(PIN).unwrap())).unwrap();
    let Ok(ticket) = bed.broker.check_client_pin(&program(), hash).await.unwrap() else {
        panic!("a wrong PIN")
    };
    let caller = SecurityKeyCaller {
        ticket: Some(ticket),
        ..from()
    };
    bed.broker.list_credentials(caller).await.unwrap();
    assert!(prompt.views()[0].pin().is_none());
    bed.broker.list_credentials(from()).await.unwrap();
    assert!(prompt.views()[1].pin().is_some());
}
