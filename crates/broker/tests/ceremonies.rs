//! Ceremonies over a private bus: the daemon, the real hello, providers on the real SDK, a prompt played by the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    dead_code,
    missing_docs
)]

mod bed;

use std::time::Duration;

use bed::*;
use claviger_broker::{
    Broker, CancelToken, Cause, CeremonyAnswer, CeremonyRequest, CtapRequest, UserVerification, audit,
};
use claviger_ctap::authenticator_data::{AuthenticatorData, Flags};
use claviger_ctap::crypto::native;
use claviger_ctap::types::{CredentialId, RpId};
use claviger_prompt_api::action::Action;
use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::view::{Kind, TURN_ON, View};
use zbus::names::UniqueName;

#[tokio::test]
async fn a_passkey_is_made_and_used_with_one_screen_each() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let made = bed.make_passkey("alice").await.unwrap();
    let data = AuthenticatorData::parse(&made.auth_data).unwrap();
    assert!(data.flags.contains(Flags::UP | Flags::UV));
    let key = data.attested.unwrap().public_key;

    let got = bed.sign_in().await.unwrap();
    let message = [got.auth_data.as_slice(), &[0x42; 32]].concat();
    native().verify(&key, &message, &got.signature).unwrap();
    assert!(
        AuthenticatorData::parse(&got.auth_data)
            .unwrap()
            .flags
            .contains(Flags::UV)
    );
    assert_eq!(got.user.unwrap().id.as_bytes(), b"alice");
    assert_eq!(prompt.kinds(), [Kind::Create, Kind::SignIn]);
    let view = &prompt.views()[1];
    assert_eq!(Messages::english().text(&view.choices[0].label), "alice");
    assert_eq!(view.caller.as_ref().unwrap().name.as_deref(), Some("Chromium"));

    let entries = audit::last(&bed.audit_path(), 2).unwrap();
    assert_eq!(
        (&entries[0]["event"], &entries[1]["event"]),
        (&"create".into(), &"get".into())
    );
    for entry in &entries {
        assert_eq!(entry["result"], "ok");
        assert_eq!(entry["provider"], NOTEBOOK);
        assert_eq!(entry["rp_id"], RP);
        assert_eq!(entry["caller"]["name"], "Chromium");
        assert_eq!(entry["evidence"]["method"], "pin");
        assert_eq!(entry["evidence"]["tier"], "software");
    }
    audit::verify(&bed.audit_path()).unwrap();
}

#[tokio::test]
async fn without_verification_there_is_no_pin_and_no_flag() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let made = bed.make_passkey("alice").await.unwrap();
    let mut request = get_request();
    request.user_verification = UserVerification::Discouraged;
    let Ok(CeremonyAnswer::Got(got)) = bed.broker.ceremony(request, CancelToken::new()).await else {
        panic!()
    };
    let flags = AuthenticatorData::parse(&got.auth_data).unwrap().flags;
    assert!(flags.contains(Flags::UP) && !flags.contains(Flags::UV));
    assert!(prompt.views()[1].pin().is_none());
    assert_eq!(got.credential.id, allow(&made).id);
}

#[tokio::test]
async fn a_passkey_is_made_with_verification_whatever_the_site_asked() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let mut request = make_request("alice");
    request.user_verification = UserVerification::Discouraged;
    let Ok(CeremonyAnswer::Made(made)) = bed.broker.ceremony(request, CancelToken::new()).await else {
        panic!()
    };
    assert!(prompt.views()[0].pin().is_some());
    let flags = AuthenticatorData::parse(&made.auth_data).unwrap().flags;
    assert!(flags.contains(Flags::UP | Flags::UV));
}

#[tokio::test]
async fn the_first_ceremony_has_a_pin_chosen_and_weak_ones_refused() {
    let bed = Bed::without_pin().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, false).await;
    let mut pins = ["1234", PIN, PIN, PIN].into_iter();
    let script = Script::new(move |view| {
        Some(approve(
            view,
            None,
            if view.pin().is_some() {
                pins.next().unwrap()
            } else {
                PIN
            },
        ))
    });
    let prompt = Prompt::attach(&bed, script).await;
    bed.manage().await.enable_provider(NOTEBOOK).await.unwrap();
    assert_eq!(prompt.kinds(), [Kind::ChoosePin, Kind::ChoosePin, Kind::EnableProvider]);
    assert_eq!(prompt.views()[1].problem.as_ref().unwrap().code, "weak-pin");
    // The provider registered before there was a key for evidence; it learns it now.
    bed.make_passkey("alice").await.unwrap();
}

#[tokio::test]
async fn a_wrong_pin_is_told_and_may_be_tried_again() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let mut pins = [WRONG_PIN, PIN].into_iter();
    let prompt = Prompt::attach(
        &bed,
        Script::new(move |view| Some(approve(view, None, pins.next().unwrap()))),
    )
    .await;
    bed.make_passkey("alice").await.unwrap();
    let views = prompt.views();
    assert_eq!(views.len(), 2);
    assert_eq!(views[1].problem.as_ref().unwrap().code, "wrong-pin");
    assert_eq!(
        views[1].pin().unwrap().tries_left + 1,
        views[0].pin().unwrap().tries_left
    );
    let tries = status(&bed).await["pin"]["tries_left"].as_u64().unwrap();
    assert_eq!(
        tries,
        u64::from(views[0].pin().unwrap().tries_left),
        "the right PIN gave them back"
    );
    let entries = audit::last(&bed.audit_path(), 2).unwrap();
    assert_eq!(
        (&entries[0]["event"], &entries[0]["cause"]),
        (&"verification".into(), &"wrong-pin".into())
    );
}

#[tokio::test]
async fn the_user_chooses_among_providers_and_accounts() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let _safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::choose("Safe")).await;
    bed.make_passkey("alice").await.unwrap();
    assert_eq!(prompt.views()[0].choices.len(), 2);
    prompt.leave().await;
    let prompt = Prompt::attach(&bed, Script::choose("Notebook")).await;
    bed.make_passkey("bob").await.unwrap();
    prompt.leave().await;
    let _prompt = Prompt::attach(&bed, Script::choose("alice")).await;
    assert_eq!(bed.sign_in().await.unwrap().user.unwrap().id.as_bytes(), b"alice");
    assert_eq!(audit::last(&bed.audit_path(), 1).unwrap()[0]["provider"], SAFE);
}

#[tokio::test]
async fn a_locked_provider_is_opened_by_the_same_pin_entry() {
    let bed = Bed::new().await;
    let safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.make_passkey("alice").await.unwrap();
    bed.manage().await.lock("").await.unwrap();
    assert!(safe.handle().provider().is_locked_now());
    let mut request = get_request();
    request.user_verification = UserVerification::Discouraged;
    bed.broker.ceremony(request, CancelToken::new()).await.unwrap();
    assert_eq!(prompt.kinds(), [Kind::Create, Kind::SignIn]);
    assert!(prompt.views()[1].choices[0].locked);
    assert!(!safe.handle().provider().is_locked_now());
}

#[tokio::test]
async fn an_excluded_passkey_is_met_before_anything_is_made() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    let made = bed.make_passkey("alice").await.unwrap();
    let mut excluding = make("alice");
    excluding.exclude_list.push(allow(&made));
    let request = request(CtapRequest::Make(excluding));
    assert_eq!(
        bed.broker.ceremony(request, CancelToken::new()).await.unwrap_err(),
        Cause::Excluded
    );
}

#[tokio::test]
async fn the_user_may_refuse() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let _prompt = Prompt::attach(
        &bed,
        Script::new(|_| Some((Action::Refuse { for_a_while: false }, None))),
    )
    .await;
    assert_eq!(bed.make_passkey("alice").await.unwrap_err(), Cause::CancelledByUser);
    assert_eq!(
        audit::last(&bed.audit_path(), 1).unwrap()[0]["cause"],
        "cancelled-by-user"
    );
}

#[tokio::test]
async fn a_cancelled_request_takes_its_view_along() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::watch()).await;
    let token = CancelToken::new();
    let ceremony = bed.broker.ceremony(make_request("alice"), token.clone());
    let cancel = async {
        prompt.until(Kind::Create).await;
        token.cancel();
    };
    let (result, ()) = tokio::join!(ceremony, cancel);
    assert_eq!(result.unwrap_err(), Cause::CancelledByCaller);
    prompt.until(Kind::Idle).await;
}

#[tokio::test]
async fn a_caller_that_leaves_the_bus_ends_its_ceremony_and_the_providers_work() {
    let bed = Bed::new().await;
    let notebook = bed.provider(NOTEBOOK, Behaviour::Hang, true).await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    let connection = bed.connect().await;
    let token = CancelToken::new();
    let name: UniqueName<'_> = connection.unique_name().unwrap().as_ref();
    let _attendance = bed.broker.attend(&name, &token);
    let ceremony = bed.broker.ceremony(make_request("alice"), token.clone());
    let leave = async {
        notebook.asked.notified().await;
        connection.clone().close().await.unwrap();
    };
    let (result, ()) = tokio::join!(ceremony, leave);
    assert_eq!(result.unwrap_err(), Cause::CallerGone);
    tokio::time::timeout(Duration::from_secs(10), notebook.dropped.notified())
        .await
        .expect("it was not cancelled");
}

#[tokio::test]
async fn a_crash_of_the_provider_is_reported_at_once() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Crash, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let started = std::time::Instant::now();
    assert_eq!(bed.make_passkey("alice").await.unwrap_err(), Cause::ProviderCrashed);
    assert!(started.elapsed() < Duration::from_secs(20), "it waited for a deadline");
    assert_eq!(prompt.kinds(), [Kind::Create, Kind::Notice]);
    let entry = audit::last(&bed.audit_path(), 1).unwrap().remove(0);
    assert_eq!(
        (&entry["cause"], &entry["provider"]),
        (&"provider-crashed".into(), &NOTEBOOK.into())
    );
}

#[tokio::test]
async fn a_hanging_provider_is_given_up() {
    let bed = Bed::with(|config| config.deadlines.execute = Duration::from_secs(1)).await;
    let notebook = bed.provider(NOTEBOOK, Behaviour::Hang, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    assert_eq!(bed.make_passkey("alice").await.unwrap_err(), Cause::ProviderHung);
    assert_eq!(prompt.kinds(), [Kind::Create, Kind::Notice]);
    tokio::time::timeout(Duration::from_secs(10), notebook.dropped.notified())
        .await
        .expect("it was not cancelled");
}

#[tokio::test]
async fn a_hanging_provider_holds_up_nobody() {
    let bed = Bed::new().await;
    let notebook = bed.provider(NOTEBOOK, Behaviour::Hang, true).await;
    let _safe = bed.provider(SAFE, Behaviour::Honest, true).await;
    let mut choices = ["Notebook", "Safe"].into_iter();
    let script = Script::new(move |view: &View| Some(approve(view, choices.next(), PIN)));
    let _prompt = Prompt::attach(&bed, script).await;
    let token = CancelToken::new();
    let hanging = bed.broker.ceremony(make_request("alice"), token.clone());
    let other = async {
        notebook.asked.notified().await;
        // The first one still hangs when this one is through: nothing but the cancellation ends it.
        bed.make_passkey("bob").await.unwrap();
        token.cancel();
    };
    let (hung, ()) = tokio::join!(hanging, other);
    assert_eq!(hung.unwrap_err(), Cause::CancelledByCaller);
}

#[tokio::test]
async fn forged_and_unverified_answers_never_reach_the_caller() {
    let bed = Bed::new().await;
    let notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.make_passkey("alice").await.unwrap();
    for behaviour in [Behaviour::Forge, Behaviour::IgnoreEvidence] {
        notebook.behave(behaviour);
        let cause = bed.sign_in().await.unwrap_err();
        assert!(matches!(cause, Cause::AnswerRejected(_)), "{behaviour:?}: {cause}");
    }
    assert_eq!(
        prompt.kinds().iter().filter(|kind| **kind == Kind::Notice).count(),
        2,
        "the user is told"
    );
    notebook.behave(Behaviour::Honest);
    bed.sign_in().await.unwrap();
}

#[tokio::test]
async fn a_disabled_provider_is_not_asked() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.make_passkey("alice").await.unwrap();
    bed.manage().await.disable_provider("Notebook").await.unwrap();
    assert_eq!(bed.sign_in().await.unwrap_err(), Cause::ProviderDisabled);
    bed.manage().await.enable_provider(NOTEBOOK).await.unwrap();
    bed.sign_in().await.unwrap();
}

#[tokio::test]
async fn a_disabled_provider_is_turned_on_from_its_notice_with_the_pin_and_the_request_goes_on() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let turns_on = |view: &View, then: Reaction| match &view.turn_on {
        Some(_) => {
            let choice = Some(TURN_ON.to_owned());
            let remember = false;
            Some((Action::Approve { choice, remember }, None))
        }
        None => then,
    };
    let prompt = Prompt::attach(
        &bed,
        Script::new(move |view| turns_on(view, Some(approve(view, None, PIN)))),
    )
    .await;
    bed.make_passkey("alice").await.unwrap();
    bed.manage().await.disable_provider(NOTEBOOK).await.unwrap();
    bed.sign_in().await.unwrap();
    let mut kinds = prompt.kinds();
    kinds.dedup();
    assert!(
        kinds.ends_with(&[Kind::Notice, Kind::EnableProvider, Kind::SignIn]),
        "{kinds:?}"
    );
    prompt.leave().await;

    // Who does not prove to be the user has turned on nothing.
    bed.manage().await.disable_provider(NOTEBOOK).await.unwrap();
    let refuses = move |view: &View| {
        let refused = Action::Refuse { for_a_while: false };
        let answer = if view.kind == Kind::EnableProvider {
            refused
        } else {
            approve(view, None, PIN).0
        };
        turns_on(view, Some((answer, None)))
    };
    let _prompt = Prompt::attach(&bed, Script::new(refuses)).await;
    assert_eq!(bed.sign_in().await.unwrap_err(), Cause::ProviderDisabled);
}

#[tokio::test]
async fn a_new_passkey_that_its_page_never_got_is_marked_until_it_is_used() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    let made = bed.make_passkey("alice").await.unwrap();
    let asker = &audit::last(&bed.audit_path(), 1).unwrap()[0]["caller"];
    assert_eq!(
        (&asker["name"], &asker["standing"]),
        (&"Chromium".into(), &"unproved".into())
    );
    let id = AuthenticatorData::parse(&made.auth_data).unwrap().attested.unwrap().id;
    let manage = bed.manage().await;
    let confirmed = async || {
        let list: serde_json::Value = serde_json::from_str(&manage.passkeys("").await.unwrap()).unwrap();
        list[0]["confirmed"].clone()
    };
    assert_eq!(confirmed().await, true);

    let rp_id = RpId::new(RP).unwrap();
    let other = CredentialId::new([9; 16]).unwrap();
    bed.broker.undelivered(&caller(), &rp_id, &other);
    assert_eq!(confirmed().await, true, "nobody has one of that id");
    bed.broker.undelivered(&caller(), &rp_id, &id);
    assert_eq!(confirmed().await, false);
    let entry = &audit::last(&bed.audit_path(), 1).unwrap()[0];
    assert_eq!(
        (&entry["event"], &entry["cause"]),
        (&"create".into(), &"undelivered".into())
    );
    bed.broker.flush().await;
    let kept = std::fs::read_to_string(bed.audit_path().with_file_name("unconfirmed.json")).unwrap();
    assert!(kept.contains(NOTEBOOK), "it outlives the broker");

    let marked = || {
        let view = prompt.views().pop().unwrap();
        assert_eq!((view.kind, view.choices.len()), (Kind::SignIn, 1));
        view.choices[0].details.contains(&Message::NeverConfirmed {})
    };
    bed.sign_in().await.unwrap();
    assert!(
        marked(),
        "whoever chooses an account sees that the site may not know it"
    );
    assert_eq!(confirmed().await, true, "the site asked for it, so it knows it");
    bed.sign_in().await.unwrap();
    assert!(!marked());
}

#[tokio::test]
async fn without_a_prompt_nothing_happens() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    assert_eq!(bed.make_passkey("alice").await.unwrap_err(), Cause::NoPrompt);
}

#[tokio::test]
async fn at_a_door_that_waits_for_a_prompt_one_that_comes_late_asks() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let mut patient = caller();
    patient.traits.waits_for_prompt = Duration::from_mins(1);
    let minute = Duration::from_mins(1);
    let origin = page("https://example.org", None);
    let make = CtapRequest::Make(make("alice"));
    let request = CeremonyRequest::new(patient, origin, make, UserVerification::Required, minute).unwrap();
    let broker = bed.broker.clone();
    let waiting = tokio::spawn(async move { broker.ceremony(request, CancelToken::new()).await });
    // By then it is known that no prompt can be started.
    bed.broker.prompt_missing().await;
    assert!(!waiting.is_finished());
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    assert!(waiting.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_door_gives_up_when_its_patience_is_over() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let mut patient = caller();
    patient.traits.waits_for_prompt = Duration::from_millis(50);
    let minute = Duration::from_mins(1);
    let origin = page("https://example.org", None);
    let make = CtapRequest::Make(make("alice"));
    let request = CeremonyRequest::new(patient, origin, make, UserVerification::Required, minute).unwrap();
    let ended = bed.broker.ceremony(request, CancelToken::new()).await;
    assert_eq!(ended.unwrap_err(), Cause::NoPrompt);
}

#[tokio::test]
async fn time_runs_out() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::watch()).await;
    let mut request = make_request("alice");
    request.timeout = Duration::from_secs(2);
    assert_eq!(
        bed.broker.ceremony(request, CancelToken::new()).await.unwrap_err(),
        Cause::TimedOut
    );
    assert_eq!(prompt.kinds(), [Kind::Create]);
}

#[tokio::test]
async fn one_page_cannot_keep_the_others_of_its_browser_out() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::watch()).await;
    let token = CancelToken::new();
    let start = |request: claviger_broker::CeremonyRequest| {
        let (broker, token) = (bed.broker.clone(), token.clone());
        tokio::spawn(async move { broker.ceremony(request, token).await.map(drop) })
    };
    let mut waiting: Vec<_> = (0..2).map(|_| start(make_request("alice"))).collect();
    prompt.until(Kind::Create).await;
    bed.until(async |bed| status(bed).await["ceremonies_running"] == 2)
        .await;
    assert_eq!(bed.make_passkey("alice").await.unwrap_err(), Cause::Busy);
    let frame = page("https://frame.example.org", Some("https://example.org"));
    let frame = request_of(frame, CtapRequest::Make(make("alice")));
    assert_eq!(
        bed.broker.ceremony(frame, CancelToken::new()).await.unwrap_err(),
        Cause::Busy,
        "a frame counts as its page"
    );
    let other = page("https://other.example.org", None);
    let other = request_of(other, CtapRequest::Make(make("alice")));
    waiting.push(start(other));
    bed.until(async |bed| status(bed).await["ceremonies_running"] == 3)
        .await;
    token.cancel();
    for ceremony in waiting {
        assert_eq!(ceremony.await.unwrap().unwrap_err(), Cause::CancelledByCaller);
    }
}

#[tokio::test]
async fn a_page_cannot_fill_the_log_without_the_user() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let path = bed.audit_path();
    let before = audit::verify(&path).unwrap().seq;
    let caller = caller();
    for _ in 0..50 {
        bed.broker
            .refused_at_door(&caller, audit::AuditEvent::Create, None, "https://a.example: no");
        // Nobody can be asked.
        bed.broker
            .ceremony(make_request("alice"), CancelToken::new())
            .await
            .unwrap_err();
    }
    // Five of each cause, so that one that is rare is not hidden by one that is common.
    assert_eq!(audit::verify(&path).unwrap().seq - before, 10);
    bed.broker.shut_down().await;
    let last = audit::last(&path, 3).unwrap();
    for counted in &last[..2] {
        assert_eq!(counted["cause"], "repeated");
        assert!(counted["detail"].as_str().unwrap().starts_with("45 more requests"));
    }
    assert_eq!(last[2]["event"], "stopped");
}

#[tokio::test]
async fn what_was_learnt_survives_a_restart_of_the_broker() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let prompt = Prompt::attach(&bed, Script::approve()).await;
    bed.make_passkey("alice").await.unwrap();
    prompt.leave().await;
    bed.broker.shut_down().await;
    bed.broker_connection.clone().close().await.unwrap();
    // The lock on the log goes with the last handle of the first broker.
    let directory = bed.bus.folder();
    std::fs::rename(directory.join("state"), directory.join("moved")).unwrap();
    copy(&directory.join("moved"), &directory.join("state"));
    let again = Broker::start(bed.connect().await, config(directory)).await.unwrap();
    let manage = bed.manage().await;
    let passkeys: serde_json::Value = serde_json::from_str(&manage.passkeys("ALI").await.unwrap()).unwrap();
    assert_eq!(
        (&passkeys[0]["user_name"], &passkeys[0]["algorithm"]),
        (&"alice".into(), &(-7).into())
    );
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    assert!(again.ceremony(get_request(), CancelToken::new()).await.is_ok());
    let entry = audit::last(&bed.audit_path(), 1).unwrap().remove(0);
    assert!(
        entry.get("detail").is_none(),
        "the key is still known, so the signature was checked: {entry}"
    );
    audit::verify(&bed.audit_path()).unwrap();
}

#[tokio::test]
async fn an_envelope_that_is_sent_again_is_refused() {
    use futures_util::StreamExt;
    let bed = Bed::new().await;
    let notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let _prompt = Prompt::attach(&bed, Script::approve()).await;
    let monitor = bed.connect().await;
    let proxy = zbus::fdo::MonitoringProxy::new(&monitor).await.unwrap();
    let rule = zbus::MatchRule::try_from("type='method_call',member='Execute'").unwrap();
    proxy.become_monitor(&[rule], 0).await.unwrap();
    let mut overheard = zbus::MessageStream::from(&monitor);
    bed.make_passkey("alice").await.unwrap();
    let message = loop {
        let message = overheard.next().await.unwrap().unwrap();
        if message
            .header()
            .member()
            .is_some_and(|member| member.as_str() == "Execute")
        {
            break message;
        }
    };
    let envelope: Vec<u8> = message.body().deserialize().unwrap();
    let attacker = claviger_provider::dbus::Provider1Proxy::builder(&bed.connect().await)
        .destination(notebook.connection.unique_name().unwrap().clone())
        .build()
        .await
        .unwrap();
    let answer = attacker.execute(&envelope).await.unwrap();
    let answer = claviger_joint::answer::Answer::decode(&answer).unwrap();
    assert_eq!(answer.status(), Err(claviger_joint::answer::Status::InvalidRequest));
}

#[tokio::test]
async fn the_log_holds_no_secret() {
    let bed = Bed::new().await;
    let _notebook = bed.provider(NOTEBOOK, Behaviour::Honest, true).await;
    let mut pins = [WRONG_PIN, PIN, PIN].into_iter();
    let _prompt = Prompt::attach(
        &bed,
        Script::new(move |view| Some(approve(view, None, pins.next().unwrap()))),
    )
    .await;
    let made = bed.make_passkey("alice").await.unwrap();
    let got = bed.sign_in().await.unwrap();
    bed.broker.shut_down().await;
    let log = std::fs::read_to_string(bed.audit_path()).unwrap();
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .concat()
    };
    let base64 = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
    let credential = allow(&made).id;
    for secret in [
        PIN.as_bytes(),
        WRONG_PIN.as_bytes(),
        &got.signature,
        &[0x42; 32],
        credential.as_bytes(),
        b"alice",
    ] {
        for form in [
            hex(secret),
            base64(secret),
            String::from_utf8_lossy(secret).into_owned(),
        ] {
            assert!(!log.contains(&form), "{form}");
        }
    }
    audit::verify(&bed.audit_path()).unwrap();
}

async fn status(bed: &Bed) -> serde_json::Value {
    serde_json::from_str(&bed.manage().await.status().await.unwrap()).unwrap()
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
