//! Managing the platform over a private bus: providers, passkeys, rules, locks, the audit log; and who may do so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs
)]

mod bed;

use std::sync::{Arc, Mutex};

use bed::*;
use claviger_broker::registry::BUILT_IN;
use claviger_broker::{CancelToken, Cause, CtapRequest, Door, DoorSwitch, UserVerification};
use claviger_joint::evidence::{self, Expected, Purpose};
use claviger_joint::{ProviderId, TransactionId};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::dbus::{Error, Prompt1Proxy};
use claviger_prompt_api::fault::Fault;
use claviger_prompt_api::view::{Kind, Purpose as Typed, View};
use serde_json::Value;

async fn json(answer: impl Future<Output = Result<String, Error>>) -> Value {
    serde_json::from_str(&answer.await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_status_tells_how_things_stand() {
    let bed = Bed::new().await;
    let manage = bed.manage().await;
    bed.broker.door_opened(Door::Browser);
    let status = json(manage.status()).await;
    assert_eq!(status["tier"], "software");
    assert_eq!(status["pin"]["set"], true);
    assert_eq!(status["prompt"]["attached"], false);
    assert_eq!(status["scripted_prompt_allowed"], true);
    assert_eq!(status["doors"], serde_json::json!([Door::Browser.name()]));
    assert_eq!(status["ceremonies_running"], 0);
    assert_eq!(status["audit"]["entries"], 1);
    assert_eq!(status["providers"][0]["state"], "disabled");
    let _prompt = Prompt::attach(&bed, Script::watch()).await;
    let status = json(manage.status()).await;
    assert_eq!(
        status["prompt"],
        serde_json::json!({"attached": true, "kind": "scripted", "scripted": true, "standing": "unproved"})
    );
}

#[tokio::test]
async fn providers_are_enabled_by_the_user_only() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, false).await;
    let manage = bed.manage().await;
    let refusing = Prompt::attach(
        &bed,
        Script::new(|_| Some((Action::Refuse { for_a_while: false }, None))),
    )
    .await;
    assert!(matches!(manage.enable_provider(NOTEBOOK).await, Err(Error::Refused(_))));
    assert_eq!(json(manage.providers()).await[0]["state"], "disabled");
    assert_eq!(refusing.kinds(), [Kind::EnableProvider]);
    // Its name is what its author says; which program it is, is seen.
    let own = std::env::current_exe().unwrap();
    assert_eq!(refusing.views()[0].program.as_deref(), own.to_str());
    refusing.leave().await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    manage.enable_provider(NOTEBOOK).await.unwrap();
    let providers = json(manage.providers()).await;
    assert_eq!(
        (&providers[0]["state"], &providers[0]["running"]),
        (&"enabled".into(), &true.into())
    );
    assert!(matches!(
        manage.enable_provider("org.example.Nobody").await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(manage.disable_provider(SAFE).await, Err(Error::NotReady(_))));
    let audit = json(manage.audit(10)).await;
    assert_eq!(audit["intact"], true);
    let last = audit["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["event"], &last["evidence"]["method"]),
        (&"provider".into(), &"pin".into())
    );
}

#[tokio::test]
async fn the_built_in_vault_needs_no_enabling_and_comes_first() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    bed.add_manifest(BUILT_IN, "Claviger vault");
    let vault = bed.provider(BUILT_IN, Behaviour::Honest, false).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.make_passkey("alice").await.unwrap();
    let view = &prompt.views()[0];
    assert_eq!(view.choices[0].provider, BUILT_IN);
    assert_eq!(view.preselected.as_ref(), Some(&view.choices[0].id));
    // What the user disabled stays so, whatever the vault does.
    bed.manage().await.disable_provider(BUILT_IN).await.unwrap();
    let again = claviger_provider::dbus::Providers1Proxy::new(&vault.connection)
        .await
        .unwrap();
    again.unregister(BUILT_IN).await.unwrap();
    again.register(BUILT_IN).await.unwrap();
    assert_eq!(again.state(BUILT_IN).await.unwrap(), "registered");
}

#[tokio::test]
async fn passkeys_are_listed_renamed_and_deleted() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.make_passkey("alice").await.unwrap();
    let manage = bed.manage().await;
    let list = json(manage.passkeys("")).await;
    let id = list[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&list[0]["rp_id"], &list[0]["provider_name"]),
        (&RP.into(), &"Notebook".into())
    );
    assert_eq!(json(manage.passkeys("nobody")).await, serde_json::json!([]));
    manage.rename_passkey(NOTEBOOK, &id, "Alice at work").await.unwrap();
    assert_eq!(json(manage.passkeys("")).await[0]["user_name"], "Alice at work");
    // Another provider's passkey is not meant, whatever its id.
    assert!(matches!(
        manage.delete_passkey(SAFE, &id).await,
        Err(Error::NotFound(_))
    ));
    manage.delete_passkey(NOTEBOOK, &id).await.unwrap();
    assert_eq!(json(manage.passkeys("")).await, serde_json::json!([]));
    assert_eq!(prompt.kinds()[1..], [Kind::Verify, Kind::Verify]);
    assert_eq!(bed.sign_in().await.unwrap_err(), Cause::NoCredential);
    assert!(matches!(
        manage.delete_passkey(NOTEBOOK, &id).await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        manage.delete_passkey(NOTEBOOK, "!").await,
        Err(Error::InvalidArgument(_))
    ));
    assert!(matches!(
        manage.rename_passkey(NOTEBOOK, &id, "").await,
        Err(Error::InvalidArgument(_))
    ));
}

#[tokio::test]
async fn providers_are_locked_and_unlocked() {
    let bed = Bed::new().await;
    let safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let manage = bed.manage().await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    assert_eq!(json(manage.providers()).await[1]["locked"], true);
    manage.unlock("").await.unwrap();
    assert!(!safe.handle().provider().is_locked_now());
    assert_eq!(json(manage.providers()).await[1]["locked"], false);
    assert_eq!(prompt.kinds(), [Kind::Unlock]);
    manage.unlock("Safe").await.unwrap();
    assert_eq!(prompt.kinds().len(), 1, "it is open already");
    manage.lock("Safe").await.unwrap();
    assert!(safe.handle().provider().is_locked_now());
    // The provider may lock itself at any time.
    manage.unlock("Safe").await.unwrap();
    safe.handle().lock().await.unwrap();
    bed.until(async |bed| json(bed.manage().await.providers()).await[1]["locked"] == true)
        .await;
}

#[tokio::test]
async fn setup_fails_while_the_vault_is_disabled() {
    let bed = Bed::new().await;
    let manage = bed.manage().await;
    bed.add_manifest("org.claviger.Vault", "Claviger vault");
    manage.providers().await.unwrap();
    let _vault = bed.provider("org.claviger.Vault", Behaviour::Honest, true).await;
    manage.setup().await.unwrap();
    manage.disable_provider("org.claviger.Vault").await.unwrap();
    let refused = manage.setup().await.unwrap_err();
    assert!(refused.to_string().contains("provider enable"), "{refused}");
}

#[tokio::test]
async fn setting_up_has_a_pin_chosen() {
    let bed = Bed::without_pin().await;
    let manage = bed.manage().await;
    assert!(matches!(manage.setup().await, Err(Error::NoPrompt(_))));
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    manage.setup().await.unwrap();
    assert_eq!(prompt.kinds(), [Kind::ChoosePin]);
    assert_eq!(json(manage.status()).await["pin"]["set"], true);
    manage.setup().await.unwrap();
    assert_eq!(prompt.kinds().len(), 1, "there is nothing left to do");
}

/// A user who refuses whatever is asked, and so sees what is on offer.
async fn refuses(bed: &Bed) -> Prompt {
    let script = Script::new(|_| Some((Action::Refuse { for_a_while: false }, None)));
    Prompt::attach(bed, script).await
}

#[tokio::test]
async fn rules_and_the_default_decide_who_comes_first() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let _safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let manage = bed.manage().await;
    let prompt = refuses(&bed).await;
    let first = async || {
        bed.make_passkey("alice").await.unwrap_err();
        prompt.views().last().unwrap().choices[0].provider_name.clone()
    };
    manage.set_default_provider("Safe").await.unwrap();
    assert_eq!(first().await, "Safe");
    manage.set_rule(RP, NOTEBOOK).await.unwrap();
    assert_eq!(first().await, "Notebook");
    assert_eq!(
        json(manage.rules()).await,
        serde_json::json!([{"rp_id": RP, "provider": NOTEBOOK}])
    );
    manage.clear_rule(RP).await.unwrap();
    assert_eq!(first().await, "Safe");
    assert!(matches!(manage.clear_rule(RP).await, Err(Error::NotFound(_))));
    assert!(matches!(manage.set_rule(RP, "nobody").await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn providers_are_offered_and_listed_in_the_user_s_order() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let _safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let manage = bed.manage().await;
    let prompt = refuses(&bed).await;
    for order in [[SAFE, NOTEBOOK], [NOTEBOOK, SAFE]] {
        manage.set_provider_order(&order).await.unwrap();
        bed.make_passkey("alice").await.unwrap_err();
        let view = prompt.views().last().unwrap().clone();
        let offered = view.choices.iter().map(|choice| choice.provider.as_str());
        let offered: Vec<_> = offered.filter(|id| order.contains(id)).collect();
        assert_eq!(offered, order);
        let listed = json(manage.providers()).await;
        let listed = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|provider| provider["id"].as_str().unwrap());
        assert_eq!(listed.filter(|id| order.contains(id)).collect::<Vec<_>>(), order);
    }
    let log = json(manage.audit(100)).await;
    let entries = log["entries"].as_array().unwrap();
    let changes = entries
        .iter()
        .filter(|entry| entry["detail"] == "change the order of the providers");
    assert_eq!(changes.count(), 2);
    for never in [&[SAFE, "Safe"][..], &[SAFE; 1_001]] {
        let refused = manage.set_provider_order(never).await;
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
    }
    assert!(matches!(
        manage.set_provider_order(&["nobody"]).await,
        Err(Error::NotFound(_))
    ));
}

#[tokio::test]
async fn an_unlock_that_reached_nobody_is_an_error_and_recorded_as_one() {
    let bed = Bed::new().await;
    let safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let manage = bed.manage().await;
    safe.connection.clone().close().await.unwrap();
    bed.until(async |_| {
        let providers = json(manage.providers()).await;
        providers
            .as_array()
            .unwrap()
            .iter()
            .all(|provider| provider["running"] == false)
    })
    .await;
    let refused = manage.unlock("").await;
    assert!(
        matches!(&refused, Err(Error::Failed(why)) if why.sentence.contains("Safe")),
        "{refused:?}"
    );
    let log = json(manage.audit(1)).await;
    let last = &log["entries"][0];
    assert_eq!(
        (&last["result"], &last["provider"], &last["detail"]),
        (&"failed".into(), &SAFE.into(), &"unlock".into())
    );
}

#[tokio::test]
async fn a_rule_is_for_a_site_that_can_ask() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let manage = bed.manage().await;
    for (typed, site) in [
        ("EXAMPLE.COM", "example.com"),
        ("https://example.com/", "example.com"),
        ("https://Example.com:8443/login?next=/#top", "example.com"),
        (" example.com/ ", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("localhost", "localhost"),
    ] {
        manage.set_rule(typed, NOTEBOOK).await.unwrap();
        let rules = serde_json::json!([{"rp_id": site, "provider": NOTEBOOK}]);
        assert_eq!(json(manage.rules()).await, rules, "{typed}");
        manage.clear_rule(typed).await.unwrap();
    }
    let too_long = format!("{}.example", "a".repeat(300));
    for never in [
        "",
        "https://",
        "example.com.",
        "a b",
        "*.example.com",
        "192.0.2.7",
        "[::1]",
        "user@example.com",
        too_long.as_str(),
    ] {
        let refused = manage.set_rule(never, NOTEBOOK).await;
        assert!(
            matches!(refused, Err(Error::InvalidArgument(_))),
            "{never}: {refused:?}"
        );
    }
    assert_eq!(json(manage.rules()).await, serde_json::json!([]));
}

#[tokio::test]
async fn a_default_that_cannot_run_is_refused() {
    let bed = Bed::new().await;
    let manage = bed.manage().await;
    // Its manifest is there, its program is not.
    for refused in [manage.set_default_provider(SAFE).await, manage.set_rule(RP, SAFE).await] {
        assert!(matches!(refused, Err(Error::NotReady(_))), "{refused:?}");
    }
    let _safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    manage.set_default_provider(SAFE).await.unwrap();
}

#[tokio::test]
async fn a_provider_gets_evidence_that_fits_its_transaction() {
    let bed = Bed::new().await;
    let notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let proxy = claviger_provider::dbus::Providers1Proxy::new(&notebook.connection)
        .await
        .unwrap();
    let bytes = proxy
        .verify_user(NOTEBOOK, &[9; 16], "Show the notes", b"buffer")
        .await
        .unwrap();
    assert_eq!(prompt.kinds(), [Kind::Verify]);
    let (crypto, audience) = (claviger_ctap::crypto::native(), ProviderId::parse(NOTEBOOK).unwrap());
    let key = bed.broker.verifier_status().await.unwrap().uv_key.unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let expected = Expected {
        audience: &audience,
        transaction: TransactionId([9; 16]),
        buffer_hash: crypto.sha256(&[b"buffer"]),
        purpose: Purpose::VerifyUser,
        now_ms: u64::try_from(now).unwrap(),
    };
    evidence::verify(crypto, &bytes, &key, &expected, &mut 0).unwrap();
    // Another connection cannot speak for the provider.
    let stranger = claviger_provider::dbus::Providers1Proxy::new(&bed.connect().await)
        .await
        .unwrap();
    assert!(stranger.verify_user(NOTEBOOK, &[9; 16], "", b"buffer").await.is_err());
    assert!(stranger.register(NOTEBOOK).await.is_err());
    assert!(stranger.unregister(NOTEBOOK).await.is_err());
    assert!(stranger.push_metadata(NOTEBOOK, &[0xa0]).await.is_err());
}

#[tokio::test]
async fn a_provider_that_unregisters_is_forgotten() {
    let bed = Bed::new().await;
    let notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.make_passkey("alice").await.unwrap();
    let proxy = claviger_provider::dbus::Providers1Proxy::new(&notebook.connection)
        .await
        .unwrap();
    proxy.unregister(NOTEBOOK).await.unwrap();
    assert_eq!(proxy.state(NOTEBOOK).await.unwrap(), "unregistered");
    assert_eq!(json(bed.manage().await.passkeys("")).await, serde_json::json!([]));
    assert_eq!(bed.sign_in().await.unwrap_err(), Cause::NoCredential);
}

#[tokio::test]
async fn other_programs_may_neither_manage_nor_prompt() {
    let bed = Bed::new().await;
    for call in [
        vec!["org.claviger.Manage1.Status"],
        vec!["org.claviger.Manage1.Audit", "uint32:5"],
        vec!["org.claviger.Prompt1.Attach", "string:terminal"],
    ] {
        let output = bed.dbus_send(DBUS_SEND.as_ref(), &call).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("org.claviger.Error.NotAllowed"), "{call:?}: {error}");
    }
    let notebook = format!("string:{NOTEBOOK}");
    let state = ["org.claviger.Providers1.State", notebook.as_str()];
    let state = bed.dbus_send(DBUS_SEND.as_ref(), &state).await;
    assert!(
        String::from_utf8_lossy(&state.stdout).contains("unregistered"),
        "anybody may ask for a state"
    );
}

#[tokio::test]
async fn a_failure_comes_with_its_code_and_whose_fault_it_is() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, false).await;
    let manage = bed.manage().await;
    let said = |failed: Result<(), Error>| {
        let why = failed.unwrap_err().reason().unwrap().clone();
        assert!(why.sentence.ends_with('.'), "{why:?}");
        (why.code, why.fault)
    };
    let no_prompt = said(manage.enable_provider(NOTEBOOK).await);
    assert_eq!(no_prompt, ("no-prompt".into(), Some(Fault::Platform)));
    let _refusing = Prompt::attach(
        &bed,
        Script::new(|_| Some((Action::Refuse { for_a_while: false }, None))),
    )
    .await;
    let refused = said(manage.enable_provider(NOTEBOOK).await);
    assert_eq!(refused, ("cancelled-by-user".into(), Some(Fault::User)));
    let unregistered = said(manage.disable_provider(SAFE).await);
    assert_eq!(unregistered, ("not-registered".into(), Some(Fault::Provider)));
    let unknown = said(manage.enable_provider("org.example.Nobody").await);
    assert_eq!(unknown, ("unknown-provider".into(), Some(Fault::Caller)));
    let nothing = said(manage.delete_passkey(NOTEBOOK, "AAAA").await);
    assert_eq!(nothing, ("no-credential".into(), Some(Fault::User)));
    let no_id = said(manage.delete_passkey(NOTEBOOK, "!").await);
    assert_eq!(no_id, ("invalid-argument".into(), Some(Fault::Caller)));
}

#[tokio::test]
async fn a_scripted_prompt_needs_leave() {
    let bed = Bed::with(|config| config.allow_scripted_prompt = false).await;
    let proxy = Prompt1Proxy::new(&bed.connect().await).await.unwrap();
    assert!(matches!(proxy.attach("scripted").await, Err(Error::NotAllowed(_))));
    assert!(matches!(proxy.attach("psychic").await, Err(Error::InvalidArgument(_))));
    assert!(
        matches!(proxy.next_view(0, 0).await, Err(Error::NotAllowed(_))),
        "it is not attached"
    );
    proxy.attach("terminal").await.unwrap();
}

#[tokio::test]
async fn a_newer_prompt_takes_over_what_is_on_show() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let first = Prompt::attach(&bed, Script::watch()).await;
    let old = Prompt1Proxy::new(&bed.connect().await).await.unwrap();
    let ceremony = bed.make_passkey("alice");
    let replace = async {
        first.until(Kind::Create).await;
        Prompt::attach(&bed, Script::approve()).await
    };
    let (made, second) = tokio::join!(ceremony, replace);
    made.unwrap();
    assert_eq!(
        (first.kinds(), second.kinds()),
        (vec![Kind::Create], vec![Kind::Create])
    );
    let view = &first.views()[0];
    let action = Action::Refuse { for_a_while: false }.to_json();
    assert!(matches!(
        old.act(view.prompt, view.revision, &action, &[]).await,
        Err(Error::NotAllowed(_))
    ));
}

#[tokio::test]
async fn an_answer_to_a_view_that_has_changed_does_not_count() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let proxy = Prompt1Proxy::new(&bed.connect().await).await.unwrap();
    proxy.attach("scripted").await.unwrap();
    let token = CancelToken::new();
    let mut request = make_request("alice");
    request.user_verification = UserVerification::Discouraged;
    let ceremony = bed.broker.ceremony(request, token.clone());
    let act = async {
        let view: claviger_prompt_api::view::View = loop {
            let view: claviger_prompt_api::view::View =
                serde_json::from_str(&proxy.next_view(0, 0).await.unwrap()).unwrap();
            if view.kind == Kind::Create {
                break view;
            }
        };
        let approve = Action::Approve {
            choice: None,
            remember: false,
        }
        .to_json();
        for (prompt, revision) in [(view.prompt, view.revision + 1), (view.prompt + 1, view.revision)] {
            assert!(matches!(
                proxy.act(prompt, revision, &approve, &[]).await,
                Err(Error::NotReady(_))
            ));
        }
        assert!(matches!(
            proxy.act(view.prompt, view.revision, "{}", &[]).await,
            Err(Error::InvalidArgument(_))
        ));
        token.cancel();
    };
    let (result, ()) = tokio::join!(ceremony, act);
    assert_eq!(result.unwrap_err(), Cause::CancelledByCaller);
}

/// What is written behind and what the user decides are one file: neither disturbs the other.
#[tokio::test]
async fn decisions_and_what_is_written_behind_are_both_kept() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.make_passkey("alice").await.unwrap();
    let manage = bed.manage().await;
    for round in 0..20 {
        let site = format!("site{round}.example.com");
        let (signed_in, (), set) = tokio::join!(bed.sign_in(), bed.broker.flush(), manage.set_rule(&site, NOTEBOOK));
        signed_in.unwrap();
        set.unwrap();
    }
    bed.broker.flush().await;
    let written = std::fs::read_to_string(bed.audit_path().with_file_name("rules.json")).unwrap();
    for round in 0..20 {
        assert!(written.contains(&format!("site{round}.example.com")), "{written}");
    }
    prompt.leave().await;
}

#[tokio::test]
async fn a_hidden_passkey_is_offered_to_nobody_and_stays() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let made = bed.make_passkey("alice").await.unwrap();
    let manage = bed.manage().await;
    let id = json(manage.passkeys("")).await[0]["id"].as_str().unwrap().to_owned();
    manage.hide_passkey(NOTEBOOK, &id).await.unwrap();
    assert_eq!(json(manage.passkeys("")).await[0]["hidden"], true);
    prompt.leave().await;
    let prompt = Prompt::attach(
        &bed,
        Script::new(|_| Some((Action::Refuse { for_a_while: false }, None))),
    )
    .await;
    assert_eq!(bed.sign_in().await.unwrap_err(), Cause::NoCredential);
    assert!(prompt.kinds().iter().all(|kind| *kind == Kind::Notice));
    prompt.leave().await;
    // There is still one for the account, so a site that excludes it gets no second one.
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    let mut again = make("alice");
    again.exclude_list = vec![allow(&made)];
    let refused = bed
        .broker
        .ceremony(request(CtapRequest::Make(again)), CancelToken::new())
        .await;
    assert_eq!(refused.unwrap_err(), Cause::Excluded);
    assert!(matches!(manage.hide_passkey(SAFE, &id).await, Err(Error::NotFound(_))));
    manage.unhide_passkey(NOTEBOOK, &id).await.unwrap();
    bed.sign_in().await.unwrap();
    let audit = json(manage.audit(20)).await.to_string();
    assert!(
        audit.contains("hide a passkey") && audit.contains("offer a hidden passkey again"),
        "{audit}"
    );
}

#[tokio::test]
async fn the_pin_is_changed_in_the_prompt_by_who_knows_it() {
    let bed = Bed::new().await;
    let manage = bed.manage().await;
    let answers = |present: &'static str| {
        Script::new(move |view: &View| {
            let approve = Action::Approve {
                choice: None,
                remember: false,
            };
            match view.pin()?.purpose {
                Typed::New => Some((approve, Some("other-77"))),
                Typed::Verify if view.problem.is_some() => Some((Action::Refuse { for_a_while: false }, None)),
                Typed::Verify => Some((approve, Some(present))),
            }
        })
    };
    let prompt = Prompt::attach(&bed, answers(WRONG_PIN)).await;
    assert!(matches!(manage.change_pin().await, Err(Error::Refused(_))));
    assert_eq!(prompt.kinds(), [Kind::Verify, Kind::ChoosePin, Kind::Verify]);
    prompt.leave().await;
    let prompt = Prompt::attach(&bed, answers(PIN)).await;
    manage.change_pin().await.unwrap();
    prompt.leave().await;
    // The old one is wrong from now on.
    let _prompt = Prompt::attach(&bed, answers(PIN)).await;
    assert!(matches!(manage.change_pin().await, Err(Error::Refused(_))));
    let audit = json(manage.audit(10)).await.to_string();
    assert!(
        audit.contains("change the PIN") && !audit.contains("other-77"),
        "{audit}"
    );
}

#[tokio::test]
async fn without_a_pin_there_is_none_to_change() {
    let bed = Bed::without_pin().await;
    assert!(matches!(bed.manage().await.change_pin().await, Err(Error::NotReady(_))));
}

/// A switch in memory.
struct Switch(Mutex<std::io::Result<bool>>);

impl DoorSwitch for Switch {
    fn is_on(&self) -> bool {
        self.0.lock().unwrap().as_ref().is_ok_and(|on| *on)
    }

    fn turn(&self, on: bool) -> std::io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.is_err() {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        *state = Ok(on);
        Ok(())
    }
}

#[tokio::test]
async fn the_security_key_door_is_switched_and_the_log_says_so_once() {
    let bed = Bed::with(|config| config.door_switch = Some(Arc::new(Switch(Mutex::new(Ok(true)))))).await;
    let manage = bed.manage().await;
    assert_eq!(json(manage.status()).await["security_key"], true);
    for _ in 0..2 {
        manage.switch_security_key(false).await.unwrap();
        assert_eq!(json(manage.status()).await["security_key"], false);
    }
    manage.switch_security_key(true).await.unwrap();
    let log = json(manage.audit(100)).await;
    let told = |what: &str| {
        let entries = log["entries"].as_array().unwrap().iter();
        entries
            .filter(|entry| entry["detail"] == what && entry["event"] == "manage")
            .count()
    };
    assert_eq!(told("turn off the security-key door"), 1, "{log}");
    assert_eq!(told("turn on the security-key door"), 1, "{log}");
}

#[tokio::test]
async fn a_security_key_door_that_cannot_be_switched_says_why_and_nothing_is_recorded() {
    let bed = Bed::new().await;
    let manage = bed.manage().await;
    assert!(json(manage.status()).await["security_key"].is_null());
    assert!(manage.switch_security_key(false).await.is_err());
    let damaged = Switch(Mutex::new(Err(std::io::ErrorKind::InvalidData.into())));
    let bed = Bed::with(|config| config.door_switch = Some(Arc::new(damaged))).await;
    let manage = bed.manage().await;
    let refused = manage.switch_security_key(true).await.unwrap_err().to_string();
    assert!(refused.contains("settings of the doors"), "{refused}");
    assert_eq!(json(manage.status()).await["audit"]["entries"], 1);
}
