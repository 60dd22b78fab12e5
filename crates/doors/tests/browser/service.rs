//! `org.claviger.Browser1` on a real bus.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use claviger_broker::caller::PrivilegedCallers;
use claviger_broker::{Cause, CtapRequest, UserVerification, Withdrawal};
use claviger_dev::bus::Bus;
use claviger_doors::browser::native_host::framing::{read_frame, write_frame};
use claviger_doors::browser::native_host::{self, BusUpstream};
use claviger_doors::browser::service::Browser1;
use claviger_doors::browser::verdict::NOT_ALLOWED;
use claviger_webauthn::Unserved;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::stand_in::{Behaviour, CREDENTIAL, Event, StandIn, parent_as_browser};

const NAME: &str = "org.claviger.Broker";
const PATH: &str = "/org/claviger/Broker";
const INTERFACE: &str = "org.claviger.Browser1";

struct Scene {
    stand_in: Arc<StandIn>,
    events: UnboundedReceiver<Event>,
    host: zbus::Connection,
    _broker: zbus::Connection,
    bus: Bus,
}

impl Scene {
    async fn new() -> Self {
        Self::with_browsers(parent_as_browser()).await
    }

    async fn with_browsers(browsers: PrivilegedCallers) -> Self {
        let bus = Bus::start();
        let broker = bus.connect().await;
        let (stand_in, events) = StandIn::new(&broker, browsers).await;
        broker
            .object_server()
            .at(PATH, Browser1::new(stand_in.clone()))
            .await
            .unwrap();
        broker.request_name(NAME).await.unwrap();
        Self {
            stand_in,
            events,
            host: bus.connect().await,
            _broker: broker,
            bus,
        }
    }

    async fn call(&self, kind: &str, request: &str) -> zbus::Result<Value> {
        call(&self.host, kind, request).await
    }

    async fn cancel(&self, id: &str) {
        self.host
            .call_method(Some(NAME), PATH, Some(INTERFACE), "Cancel", &(id,))
            .await
            .unwrap();
    }
}

async fn call(host: &zbus::Connection, kind: &str, request: &str) -> zbus::Result<Value> {
    let reply = host
        .call_method(Some(NAME), PATH, Some(INTERFACE), "Ceremony", &(kind, request))
        .await?;
    let json: String = reply.body().deserialize()?;
    Ok(serde_json::from_str(&json).unwrap())
}

fn request(id: &str, public_key: &Value) -> Value {
    json!({
        "requestId": id,
        "origin": "https://login.example.com",
        "sameOriginWithAncestors": true,
        "publicKey": public_key,
    })
}

/// A message of the extension, in a channel.
fn in_channel(mut message: Value) -> Value {
    message["channel"] = json!("c");
    message
}

fn creation() -> Value {
    json!({
        "rp": {"id": "example.com", "name": "Example"},
        "user": {"id": "dXNlcg", "name": "alice", "displayName": "Alice"},
        "challenge": "AAECAwQFBgcICQoLDA0ODw",
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "timeout": 20000,
        "authenticatorSelection": {"userVerification": "required"},
    })
}

fn sign_in() -> Value {
    json!({"rpId": "example.com", "challenge": "AAECAwQFBgcICQoLDA0ODw"})
}

#[tokio::test]
async fn a_passkey_is_made_and_used() {
    let mut scene = Scene::new().await;
    let made = scene
        .call("create", &request("1", &creation()).to_string())
        .await
        .unwrap();
    assert_eq!(made["ok"]["type"], "public-key");
    assert!(made["ok"]["response"]["attestationObject"].is_string());
    let Some(Event::Asked(asked)) = scene.events.recv().await else {
        panic!("the platform was asked");
    };
    assert_eq!(asked.rp_id().as_str(), "example.com");
    assert_eq!(asked.operation().rp_name(), Some("Example"));
    assert_eq!(asked.origin().unwrap().to_string(), "https://login.example.com");
    assert_eq!(asked.top_origin(), None);
    assert_eq!(asked.user_verification, UserVerification::Required);
    assert_eq!(asked.timeout.as_secs(), 20);
    assert_eq!(asked.caller().pid, std::os::unix::process::parent_id());
    assert!(matches!(asked.operation(), CtapRequest::Make(_)));

    let used = scene.call("get", &request("2", &sign_in()).to_string()).await.unwrap();
    assert_eq!(used["ok"]["response"]["userHandle"], "dXNlcg");
    let Some(Event::Asked(asked)) = scene.events.recv().await else {
        panic!("the platform was asked");
    };
    assert_eq!(asked.user_verification, UserVerification::Preferred);
    assert!(matches!(asked.operation(), CtapRequest::Get(_)));
}

#[tokio::test]
async fn a_page_cannot_tell_failures_apart() {
    let scene = Scene::new().await;
    let mut seen = Vec::new();
    for behaviour in [
        Behaviour::Fail(Cause::CancelledByUser),
        Behaviour::Fail(Cause::NoCredential),
        Behaviour::Fail(Cause::ProviderLocked),
        Behaviour::Fail(Cause::TimedOut),
        Behaviour::Fail(Cause::AnswerRejected(claviger_broker::check::Rejection::Signature)),
        Behaviour::AnswerForAnotherSite,
    ] {
        scene.stand_in.behave(behaviour);
        let reply = scene.call("get", &request("1", &sign_in()).to_string()).await.unwrap();
        seen.push(reply["error"].to_string());
    }
    assert!(seen.iter().all(|error| *error == seen[0]), "{seen:?}");
    assert_eq!(
        seen[0],
        json!({"name": "NotAllowedError", "message": NOT_ALLOWED}).to_string()
    );

    scene.stand_in.behave(Behaviour::Fail(Cause::Excluded));
    let excluded = scene
        .call("create", &request("1", &creation()).to_string())
        .await
        .unwrap();
    assert_eq!(excluded["error"]["name"], "InvalidStateError");
}

#[tokio::test]
async fn what_the_page_did_wrong_is_told_and_noted_and_asks_nobody() {
    let mut scene = Scene::new().await;
    let mut forged = sign_in();
    forged["extensions"] = json!({"remoteDesktopClientOverride": {"origin": "https://bank.example"}});
    for (request, name) in [
        (
            request("1", &json!({"rpId": "com", "challenge": "AA"})),
            "SecurityError",
        ),
        (
            request("1", &json!({"rpId": "co.uk", "challenge": "AA"})),
            "SecurityError",
        ),
        (request("1", &forged), "SecurityError"),
        (request("1", &json!({"rpId": "example.com"})), "TypeError"),
    ] {
        let reply = scene.call("get", &request.to_string()).await.unwrap();
        assert_eq!(reply["error"]["name"], name, "{request}");
        assert!(reply["problem"].is_string());
        let Some(Event::Refused(detail)) = scene.events.recv().await else {
            panic!("it was noted");
        };
        assert!(detail.starts_with("get: https://login.example.com: "), "{detail}");
    }
    let mut insecure = request("1", &sign_in());
    insecure["origin"] = json!("http://login.example.com");
    let reply = scene.call("get", &insecure.to_string()).await.unwrap();
    assert_eq!(reply["error"]["name"], "SecurityError");
}

#[tokio::test]
async fn what_nobody_can_do_is_told_to_the_person_and_not_to_the_page() {
    let mut scene = Scene::new().await;
    let mut problems = zbus::MessageStream::from(&scene.host);
    let mut key = creation();
    key["authenticatorSelection"]["authenticatorAttachment"] = json!("cross-platform");
    let mut blobs = creation();
    blobs["extensions"] = json!({"largeBlob": {"support": "required"}});
    let strange =
        json!({"rpId": "example.com", "challenge": "AA", "allowCredentials": [{"type": "password", "id": "AA"}]});
    let mut framed = request("4", &sign_in());
    framed["sameOriginWithAncestors"] = json!(false);
    for (kind, request, why) in [
        ("create", request("1", &key), Unserved::SecurityKey),
        ("create", request("2", &blobs), Unserved::LargeBlobs),
        ("get", request("3", &strange), Unserved::Credentials),
        ("get", framed, Unserved::Frame),
    ] {
        scene.stand_in.behave(Behaviour::Fail(Cause::Unserved(why)));
        let reply = scene.call(kind, &request.to_string()).await.unwrap();
        assert_eq!(
            reply["error"],
            json!({"name": "NotAllowedError", "message": NOT_ALLOWED})
        );
        let Some(Event::Asked(asked)) = scene.events.recv().await else {
            panic!("the platform shows it");
        };
        // Who keeps large blobs the platform knows, and not the door.
        assert_eq!(asked.requires_large_blobs(), why == Unserved::LargeBlobs);
        assert_eq!(asked.unserved().unwrap_or(Unserved::LargeBlobs), why);
        let (id, problem) = next_problem(&mut problems).await;
        assert_eq!(id, request["requestId"].as_str().unwrap());
        assert_eq!(
            problem,
            reply["problem"].as_str().unwrap(),
            "told at once, and at the end"
        );
        assert!(problem.contains("try again"), "{problem}");
    }
}

/// The next signal `Problem` on this connection.
async fn next_problem(messages: &mut zbus::MessageStream) -> (String, String) {
    loop {
        let message = messages.next().await.unwrap().unwrap();
        if message.header().member().is_some_and(|member| member == "Problem") {
            return message.body().deserialize().unwrap();
        }
    }
}

#[tokio::test]
async fn a_new_passkey_that_reached_no_page_is_told_once_by_its_own_host() {
    let mut scene = Scene::new().await;
    let tell = async |host: &zbus::Connection, method: &str, id: &str| {
        host.call_method(Some(NAME), PATH, Some(INTERFACE), method, &(id,))
            .await
            .unwrap();
    };
    let stranger = scene.bus.connect().await;
    for (id, method) in [("1", "Undelivered"), ("2", "Cancel")] {
        let made = scene
            .call("create", &request(id, &creation()).to_string())
            .await
            .unwrap();
        assert!(made["ok"].is_object());
        assert!(matches!(scene.events.recv().await, Some(Event::Asked(_))));
        tell(&stranger, method, id).await;
        tell(&scene.host, method, "9").await;
        assert!(
            scene.events.try_recv().is_err(),
            "not theirs to say, and nothing of that id"
        );
        tell(&scene.host, method, id).await;
        tell(&scene.host, method, id).await;
        let event = scene.events.try_recv().unwrap();
        assert!(matches!(event, Event::Undelivered(credential) if credential.as_bytes() == CREDENTIAL));
        assert!(scene.events.try_recv().is_err(), "once");
    }
    // What was used was there before: nothing is lost if the page does not hear of it.
    scene.call("get", &request("3", &sign_in()).to_string()).await.unwrap();
    assert!(matches!(scene.events.recv().await, Some(Event::Asked(_))));
    tell(&scene.host, "Undelivered", "3").await;
    assert!(scene.events.try_recv().is_err());
}

#[tokio::test]
async fn without_a_prompt_the_request_waits_and_the_person_hears_what_to_start() {
    let mut scene = Scene::new().await;
    scene.stand_in.behave(Behaviour::WaitForPrompt);
    let mut problems = zbus::MessageStream::from(&scene.host);
    let (host, text) = (scene.host.clone(), request("1", &sign_in()).to_string());
    let waiting = tokio::spawn(async move { call(&host, "get", &text).await });
    assert!(matches!(scene.events.recv().await, Some(Event::Asked(_))));
    let (id, problem) = next_problem(&mut problems).await;
    assert_eq!(id, "1");
    assert!(problem.contains("claviger prompt"), "{problem}");
    assert!(!waiting.is_finished());
    scene.cancel("1").await;
    assert_eq!(waiting.await.unwrap().unwrap()["error"]["name"], "NotAllowedError");
}

#[tokio::test]
async fn silent_mediation_asks_nobody_and_an_offer_is_passed_on_as_one() {
    let mut scene = Scene::new().await;
    let mut silent = request("1", &sign_in());
    silent["mediation"] = json!("silent");
    let reply = scene.call("get", &silent.to_string()).await.unwrap();
    assert_eq!(
        reply["error"],
        json!({"name": "NotAllowedError", "message": NOT_ALLOWED})
    );
    assert!(matches!(scene.events.recv().await, Some(Event::Refused(_))));
    let mut offer = request("2", &creation());
    offer["mediation"] = json!("conditional");
    scene.call("create", &offer.to_string()).await.unwrap();
    let Some(Event::Asked(asked)) = scene.events.recv().await else {
        panic!("the platform was asked");
    };
    assert!(asked.is_offered());
}

#[tokio::test]
async fn a_provider_is_not_asked_for_a_key_that_the_browser_would_throw_away() {
    let mut scene = Scene::new().await;
    let mut asked_for = async |algorithms: &[i64]| {
        let mut creation = creation();
        creation["pubKeyCredParams"] = algorithms
            .iter()
            .map(|algorithm| json!({"type": "public-key", "alg": algorithm}))
            .collect();
        scene
            .call("create", &request("1", &creation).to_string())
            .await
            .unwrap();
        let Some(Event::Asked(asked)) = scene.events.recv().await else {
            panic!("the platform was asked");
        };
        let CtapRequest::Make(make) = asked.operation() else {
            panic!("a passkey is made");
        };
        make.algorithms.clone()
    };
    assert_eq!(asked_for(&[-35, -49, -7]).await, [-49, -7]);
    assert_eq!(asked_for(&[-35]).await, [0_i64; 0]);
}

#[tokio::test]
async fn nonsense_of_the_host_is_a_bus_error() {
    let scene = Scene::new().await;
    for (kind, request) in [
        ("steal", request("1", &sign_in()).to_string()),
        ("get", "{".to_owned()),
        ("get", "{}".to_owned()),
    ] {
        let error = scene.call(kind, &request).await.unwrap_err();
        assert!(error.to_string().contains("InvalidArgs"), "{error}");
    }
}

#[tokio::test]
async fn only_a_listed_browsers_host_may_ask() {
    let scene = Scene::with_browsers(PrivilegedCallers::default()).await;
    let error = scene
        .call("get", &request("1", &sign_in()).to_string())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("AccessDenied"), "{error}");
}

#[tokio::test]
async fn a_host_cancels_its_own_ceremony_only() {
    let mut scene = Scene::new().await;
    scene.stand_in.behave(Behaviour::Wait);
    let (host, text) = (scene.host.clone(), request("1", &sign_in()).to_string());
    let waiting = tokio::spawn(async move { call(&host, "get", &text).await });
    assert!(matches!(scene.events.recv().await, Some(Event::Asked(_))));

    // The same id from another connection, an unknown id, and the same id once more: all harmless.
    let stranger = scene.bus.connect().await;
    stranger
        .call_method(Some(NAME), PATH, Some(INTERFACE), "Cancel", &("1",))
        .await
        .unwrap();
    scene.cancel("2").await;
    let twice = scene
        .call("get", &request("1", &sign_in()).to_string())
        .await
        .unwrap_err();
    assert!(twice.to_string().contains("InvalidArgs"), "{twice}");
    assert!(scene.events.try_recv().is_err());

    scene.cancel("1").await;
    let event = scene.events.recv().await;
    assert!(
        matches!(event, Some(Event::Withdrawn(Withdrawal::Cancelled))),
        "{event:?}"
    );
    assert_eq!(waiting.await.unwrap().unwrap()["error"]["name"], "NotAllowedError");
    // The id is free again.
    scene.stand_in.behave(Behaviour::Answer);
    assert!(scene.call("get", &request("1", &sign_in()).to_string()).await.unwrap()["ok"].is_object());
}

#[tokio::test]
async fn a_cancel_that_follows_at_once_is_not_lost() {
    let mut scene = Scene::new().await;
    scene.stand_in.behave(Behaviour::Wait);
    let text = request("1", &sign_in()).to_string();
    let (reply, ()) = tokio::join!(scene.call("get", &text), scene.cancel("1"));
    assert_eq!(reply.unwrap()["error"]["name"], "NotAllowedError");
    assert!(matches!(scene.events.recv().await, Some(Event::Asked(_))));
    assert!(matches!(
        scene.events.recv().await,
        Some(Event::Withdrawn(Withdrawal::Cancelled))
    ));
}

#[tokio::test]
async fn a_host_that_vanishes_withdraws_its_ceremony() {
    let mut scene = Scene::new().await;
    scene.stand_in.behave(Behaviour::Wait);
    let host = scene.bus.connect().await;
    let text = request("1", &sign_in()).to_string();
    let waiting = tokio::spawn(async move { call(&host, "get", &text).await });
    assert!(matches!(scene.events.recv().await, Some(Event::Asked(_))));
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    let event = scene.events.recv().await;
    assert!(
        matches!(event, Some(Event::Withdrawn(Withdrawal::CallerGone))),
        "{event:?}"
    );
}

#[tokio::test]
async fn one_host_cannot_pile_up_ceremonies() {
    let mut scene = Scene::new().await;
    scene.stand_in.behave(Behaviour::Wait);
    let mut waiting = Vec::new();
    for n in 0..8 {
        let (host, text) = (scene.host.clone(), request(&n.to_string(), &sign_in()).to_string());
        waiting.push(tokio::spawn(async move { call(&host, "get", &text).await }));
        assert!(matches!(scene.events.recv().await, Some(Event::Asked(_))));
    }
    let error = scene
        .call("get", &request("8", &sign_in()).to_string())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("LimitsExceeded"), "{error}");
    for n in 0..8 {
        scene.cancel(&n.to_string()).await;
    }
    for call in waiting {
        assert!(call.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn from_the_browsers_pipe_to_the_platform_and_back() {
    let scene = Scene::new().await;
    let (mut port, pipe) = UnixStream::pair().unwrap();
    let extension = std::thread::spawn(move || {
        let mut ask = |message: Value| -> Value {
            write_frame(&mut port, in_channel(message).to_string().as_bytes()).unwrap();
            serde_json::from_slice(&read_frame(&mut port).unwrap().unwrap()).unwrap()
        };
        let capabilities = ask(json!({"type": "capabilities"}));
        let made = ask(json!({"type": "ceremony", "kind": "create", "request": request("1", &creation())}));
        // Malformed for the service, not for the host: the page gets NotAllowedError and the user a reason.
        let wrong = ask(json!({"type": "ceremony", "kind": "get", "request": {"requestId": "2"}}));
        (capabilities, made, wrong)
    });
    let upstream = BusUpstream::new(&scene.host, &std::env::current_exe().unwrap()).await;
    native_host::run(pipe.try_clone().unwrap(), &pipe, &upstream)
        .await
        .unwrap();
    let (capabilities, made, wrong) = extension.join().unwrap();
    assert_eq!(capabilities["userVerifyingPlatformAuthenticator"], true);
    assert!(capabilities["extensions"].as_array().unwrap().contains(&json!("prf")));
    assert_eq!(made["type"], "response");
    assert_eq!(made["requestId"], "1");
    assert_eq!(made["ok"]["authenticatorAttachment"], "platform");
    assert_eq!(
        wrong["error"],
        json!({"name": "NotAllowedError", "message": NOT_ALLOWED})
    );
    assert!(wrong["problem"].as_str().unwrap().contains("origin"));
}

#[tokio::test]
async fn a_closed_port_withdraws_over_the_bus() {
    let mut scene = Scene::new().await;
    scene.stand_in.behave(Behaviour::Wait);
    let (mut port, pipe) = UnixStream::pair().unwrap();
    let message = json!({"type": "ceremony", "kind": "get", "request": request("1", &sign_in())});
    write_frame(&mut port, in_channel(message).to_string().as_bytes()).unwrap();
    let upstream = BusUpstream::new(&scene.host, &std::env::current_exe().unwrap()).await;
    let host = async {
        native_host::run(pipe.try_clone().unwrap(), &pipe, &upstream)
            .await
            .unwrap();
    };
    let browser = async {
        assert!(matches!(scene.events.recv().await, Some(Event::Asked(_))));
        drop(port);
    };
    tokio::join!(host, browser);
    let event = scene.events.recv().await;
    assert!(
        matches!(event, Some(Event::Withdrawn(Withdrawal::Cancelled))),
        "{event:?}"
    );
}
