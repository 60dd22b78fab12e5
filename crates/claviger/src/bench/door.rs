//! The benchmark's door: asks the broker like a native host, and answers the broker's questions at once.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_pin::{Pin, memfd};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::dbus::{NAME, PATH, Prompt1Proxy};
use claviger_prompt_api::view::{Kind, View};
use serde_json::{Value, json};

use super::processes::PIN;
use crate::output::{self, Failure};
use crate::roles;

/// Runs the hidden `claviger bench door`: prints how long each answer took, in nanoseconds.
pub fn door(count: usize) -> Result<(), Failure> {
    roles::block_on(async {
        let connection = zbus::Connection::session().await.map_err(Failure::failed)?;
        let prompt = Prompt1Proxy::new(&connection).await.map_err(Failure::failed)?;
        prompt.attach("scripted").await.map_err(Failure::failed)?;
        tokio::select! {
            measured = measure(&connection, count) => measured,
            failed = approve_at_once(&prompt) => failed,
        }
    })?
}

/// The origin and the options of the creation for this run. Each has its own site, so that no list grows.
pub fn creation_options(run: usize) -> (String, String) {
    let options = json!({
        "rp": {"id": format!("s{run}.example.org"), "name": "Benchmark"},
        "user": {"id": URL_SAFE_NO_PAD.encode(run.to_string()), "name": format!("user{run}"), "displayName": "User"},
        "challenge": URL_SAFE_NO_PAD.encode([run.to_le_bytes()[0]; 32]),
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
    });
    (format!("https://s{run}.example.org"), options.to_string())
}

/// The origin and the options of the use of that passkey.
pub fn request_options(run: usize, id: &[u8]) -> (String, String) {
    let options = json!({
        "rpId": format!("s{run}.example.org"),
        "challenge": URL_SAFE_NO_PAD.encode([run.to_le_bytes()[0]; 32]),
        "allowCredentials": [{"type": "public-key", "id": URL_SAFE_NO_PAD.encode(id)}],
        "userVerification": "required",
    });
    (format!("https://s{run}.example.org"), options.to_string())
}

async fn measure(connection: &zbus::Connection, count: usize) -> Result<(), Failure> {
    let (mut round_trip, mut create, mut get) = (Vec::new(), Vec::new(), Vec::new());
    let load = vec![7_u8; 800];
    for _ in 0..count {
        let start = Instant::now();
        let reply = connection
            .call_method(Some(NAME), PATH, Some("org.claviger.Bench1"), "Echo", &load)
            .await;
        reply.map_err(Failure::failed)?;
        round_trip.push(nanos(start));
    }
    let mut ids = Vec::new();
    for run in 0..count {
        let (origin, options) = creation_options(run);
        let start = Instant::now();
        let answer = ceremony(connection, "create", run, &origin, &options).await?;
        create.push(nanos(start));
        let id = answer.pointer("/ok/rawId").and_then(Value::as_str).unwrap_or_default();
        ids.push(URL_SAFE_NO_PAD.decode(id).map_err(Failure::failed)?);
    }
    for (run, id) in ids.iter().enumerate() {
        let (origin, options) = request_options(run, id);
        let start = Instant::now();
        ceremony(connection, "get", count + run, &origin, &options).await?;
        get.push(nanos(start));
    }
    output::json_line(&json!({"round_trip": round_trip, "create": create, "get": get}))
}

async fn ceremony(
    connection: &zbus::Connection,
    kind: &str,
    run: usize,
    origin: &str,
    options: &str,
) -> Result<Value, Failure> {
    let options: Value = serde_json::from_str(options).map_err(Failure::failed)?;
    let request = json!({
        "requestId": format!("run-{run}"), "origin": origin, "sameOriginWithAncestors": true, "publicKey": options,
    });
    let body = (kind, request.to_string());
    let reply = connection
        .call_method(Some(NAME), PATH, Some("org.claviger.Browser1"), "Ceremony", &body)
        .await
        .map_err(Failure::failed)?;
    let text: String = reply.body().deserialize().map_err(Failure::failed)?;
    let answer: Value = serde_json::from_str(&text).map_err(Failure::failed)?;
    if answer.get("ok").is_some() {
        Ok(answer)
    } else {
        Err(Failure::Failed(format!("a {kind} failed: {text}")))
    }
}

/// A user who takes no time: approves every view with the PIN. Ends only when that fails.
async fn approve_at_once(prompt: &Prompt1Proxy<'_>) -> Result<(), Failure> {
    let pin = Pin::new(PIN).map_err(Failure::failed)?;
    let pin = memfd::seal(&pin).map_err(Failure::failed)?;
    let action = Action::Approve {
        choice: None,
        remember: false,
    }
    .to_json();
    let (mut known, mut revision) = (0, 0);
    loop {
        let view = prompt.next_view(known, revision).await.map_err(Failure::failed)?;
        let view: View = serde_json::from_str(&view).map_err(Failure::failed)?;
        (known, revision) = (view.prompt, view.revision);
        if view.kind != Kind::Idle {
            prompt
                .act(known, revision, &action, &[(&pin).into()])
                .await
                .map_err(Failure::failed)?;
        }
    }
}

fn nanos(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
