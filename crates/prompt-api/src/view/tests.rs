#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::json;

use super::*;

fn sample() -> View {
    View {
        prompt: 17,
        kind: Kind::SignIn,
        title: Some(Message::SignInTitle {
            site: "example.com".into(),
        }),
        site: Some(SiteView {
            rp_id: "example.com".into(),
            rp_name: None,
            origin: Some("https://example.com".into()),
            top_origin: None,
            related: false,
            offered: false,
        }),
        caller: Some(CallerView {
            name: Some("Chromium".into()),
            executable: "/usr/bin/chromium".into(),
            window: None,
            pid: None,
            door: "browser".into(),
        }),
        account: Some(AccountView {
            name: Some("alice".into()),
            display_name: Some("Alice".into()),
        }),
        choices: vec![Choice {
            id: "c1".into(),
            kind: ChoiceKind::Passkey,
            provider: "org.claviger.Vault".into(),
            provider_name: "Claviger vault".into(),
            label: Message::Account {
                account: Some("alice".into()),
            },
            details: vec![Message::ReplacesPasskey {}],
            locked: true,
        }],
        preselected: Some("c1".into()),
        methods: vec![MethodView {
            method: Method::Pin,
            purpose: Purpose::Verify,
            tries_left: 8,
            wait_ms: 0,
            progress: Progress::TryAgain {
                why: Message::WrongPin { tries_left: 8 },
            },
        }],
        problem: Some(Problem {
            code: "wrong-pin".into(),
            text: Message::WrongPin { tries_left: 8 },
        }),
        expires_ms: Some(1_000),
        ..View::idle(3)
    }
}

#[test]
fn view_has_the_agreed_json_form() {
    let value: serde_json::Value = serde_json::from_str(&sample().to_json()).unwrap();
    assert_eq!(
        value,
        json!({
            "version": 1, "prompt": 17, "revision": 3, "kind": "sign-in", "title": {"code": "sign-in-title", "site": "example.com"},
            "site": {"rp_id": "example.com", "rp_name": null, "origin": "https://example.com", "top_origin": null, "related": false, "offered": false},
            "caller": {"name": "Chromium", "executable": "/usr/bin/chromium", "door": "browser"},
            "account": {"name": "alice", "display_name": "Alice"},
            "choices": [{"id": "c1", "kind": "passkey", "provider": "org.claviger.Vault",
                "provider_name": "Claviger vault", "label": {"code": "account", "account": "alice"}, "details": [{"code": "replaces-passkey"}], "locked": true}],
            "preselected": "c1", "remember": false,
            "methods": [{"method": "pin", "purpose": "verify", "tries_left": 8, "wait_ms": 0,
                "progress": {"state": "try-again", "why": {"code": "wrong-pin", "tries_left": 8}}}],
            "problem": {"code": "wrong-pin", "text": {"code": "wrong-pin", "tries_left": 8}}, "expires_ms": 1000
        })
    );
    assert_eq!(serde_json::from_str::<View>(&sample().to_json()).unwrap(), sample());
}

#[test]
fn a_method_of_a_later_version_stands_beside_the_pin() {
    let mut view = serde_json::to_value(sample()).unwrap();
    for method in ["fingerprint", "method-99"] {
        let progress = json!({"state": if method == "fingerprint" { "waiting" } else { "warming-up" }});
        let further =
            json!({"method": method, "purpose": "verify", "tries_left": 3, "wait_ms": 0, "progress": progress});
        view["methods"].as_array_mut().unwrap().insert(0, further);
    }
    let view: View = serde_json::from_value(view).unwrap();
    let progress: Vec<_> = view.methods.iter().take(2).map(|offered| &offered.progress).collect();
    assert_eq!(progress, [&Progress::Unknown, &Progress::Waiting]);
    assert_eq!(view.methods.len(), 3);
    assert_eq!(view.pin(), sample().pin());
}

#[test]
fn kinds_are_named_alike_in_json_and_in_code() {
    for kind in [
        Kind::Create,
        Kind::SignIn,
        Kind::ChoosePin,
        Kind::EnableProvider,
        Kind::Unlock,
        Kind::Verify,
        Kind::Notice,
        Kind::Idle,
    ] {
        assert_eq!(serde_json::to_value(kind).unwrap(), json!(kind.name()));
    }
    assert_eq!(View::idle(9).kind, Kind::Idle);
    assert_eq!((View::idle(9).prompt, View::idle(9).revision), (0, 9));
}
