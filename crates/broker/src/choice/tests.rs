//! Who is offered, in which order, and what is said when nobody is.

use claviger_joint::answer::{NotDone, Status};
use claviger_prompt_api::messages::Messages;

use super::*;

fn id(provider: &str) -> ProviderId {
    ProviderId::parse(&format!("org.example.{provider}")).unwrap()
}

fn credential(number: u8) -> CredentialId {
    CredentialId::new([number]).unwrap()
}

fn user(number: u8) -> UserId {
    UserId::new([number]).unwrap()
}

fn provider(name: &str) -> ProviderSnapshot {
    ProviderSnapshot {
        id: id(name),
        name: ShownName::of(&name.to_uppercase(), id(name).as_str()),
        enabled: true,
        reachable: true,
        lock: Lock::Open,
        algorithms: Some(vec![-7]),
        keeps_protection: true,
        keeps_large_blobs: true,
        prf: false,
        allowed: true,
        metadata_known: true,
        trouble: None,
    }
}

fn passkey(provider: &str, number: u8) -> PasskeySnapshot {
    PasskeySnapshot {
        credential: CredentialRef {
            provider: id(provider),
            id: credential(number),
        },
        rp_id: RpId::new("example.com").unwrap(),
        user_handle: Some(user(number)),
        user_name: Some(format!("user {number}")),
        display_name: None,
        discoverable: true,
        created_ms: None,
        last_used_ms: None,
        confirmed: true,
    }
}

fn make() -> Requirements {
    Requirements::Make {
        algorithms: vec![-8, -7],
        prf: false,
        exclude: Vec::new(),
        user_handle: user(1),
    }
}

fn run(
    need: &Requirements,
    providers: &[ProviderSnapshot],
    passkeys: &[PasskeySnapshot],
    preference: &Preference,
) -> Candidates {
    candidates(
        need,
        &RpId::new("example.com").unwrap(),
        providers,
        passkeys,
        preference,
    )
}

fn plain(need: &Requirements, providers: &[ProviderSnapshot], passkeys: &[PasskeySnapshot]) -> Candidates {
    run(need, providers, passkeys, &Preference::default())
}

fn said(message: &Message) -> String {
    Messages::english().text(message)
}

/// The labels in order, and the preselected index.
fn offered(candidates: Candidates) -> (Vec<String>, Option<usize>) {
    match candidates {
        Candidates::Choose {
            candidates,
            preselected,
        } => (
            candidates.iter().map(|candidate| said(&candidate.label)).collect(),
            preselected,
        ),
        Candidates::Excluded { .. } => panic!("excluded"),
        Candidates::Nothing { cause, .. } => panic!("nothing: {cause}"),
    }
}

fn cause(candidates: Candidates) -> Cause {
    match candidates {
        Candidates::Nothing { cause, .. } => cause,
        _ => panic!("something"),
    }
}

#[test]
fn providers_come_in_the_order_of_rule_last_used_default() {
    let all = ["d", "c", "b", "a"].map(provider);
    let prefer = |remembered: Option<&str>, last_used: Option<&str>, default: Option<&str>| Preference {
        remembered: remembered.map(id),
        last_used: last_used.map(id),
        default_provider: default.map(id),
        order: Order::default(),
    };
    for (preference, order, preselected) in [
        (prefer(None, None, None), "ABCD", None),
        (prefer(None, None, Some("c")), "CABD", Some(0)),
        (prefer(None, Some("b"), Some("c")), "BCAD", Some(0)),
        (prefer(Some("d"), Some("b"), Some("c")), "DBCA", Some(0)),
        (prefer(Some("gone"), None, None), "ABCD", None),
    ] {
        let (labels, first) = offered(run(&make(), &all, &[], &preference));
        assert_eq!((labels.concat().as_str(), first), (order, preselected));
    }
}

#[test]
fn the_user_s_order_counts_where_nothing_else_speaks_for_one_and_preselects_none() {
    let all = ["d", "c", "b", "a"].map(provider);
    let prefer = |last_used: Option<&str>, default: Option<&str>, order: &[&str]| Preference {
        remembered: None,
        last_used: last_used.map(id),
        default_provider: default.map(id),
        order: Order::new(order.iter().map(|name| id(name)).collect()).unwrap(),
    };
    for (preference, order, preselected) in [
        (prefer(None, None, &["c", "d"]), "CDAB", None),
        (prefer(None, Some("b"), &["d", "c", "b", "a"]), "BDCA", Some(0)),
        (prefer(Some("a"), Some("b"), &["gone", "d"]), "ABDC", Some(0)),
    ] {
        let (labels, first) = offered(run(&make(), &all, &[], &preference));
        assert_eq!((labels.concat().as_str(), first), (order, preselected));
    }
}

#[test]
fn only_providers_that_can_serve_are_offered() {
    let unable = ProviderSnapshot {
        algorithms: Some(vec![-257]),
        ..provider("rsa")
    };
    let unknown = ProviderSnapshot {
        algorithms: None,
        ..provider("unknown")
    };
    assert_eq!(
        offered(plain(&make(), &[unable.clone(), unknown, provider("a")], &[])).0,
        ["A", "UNKNOWN"]
    );
    assert_eq!(cause(plain(&make(), &[unable], &[])), Cause::Unsupported);
    let disabled = ProviderSnapshot {
        enabled: false,
        ..provider("a")
    };
    let away = ProviderSnapshot {
        reachable: false,
        ..provider("b")
    };
    let barred = ProviderSnapshot {
        allowed: false,
        ..provider("c")
    };
    assert_eq!(
        cause(plain(&make(), &[barred.clone(), away.clone(), disabled], &[])),
        Cause::ProviderDisabled
    );
    assert_eq!(
        cause(plain(&make(), &[barred.clone(), away], &[])),
        Cause::ProviderUnreachable
    );
    assert_eq!(cause(plain(&make(), &[barred], &[])), Cause::DeniedByPolicy);
    assert_eq!(cause(plain(&make(), &[], &[])), Cause::Unsupported);
}

#[test]
fn prf_narrows_the_choice_but_never_to_nothing() {
    let with = ProviderSnapshot {
        prf: true,
        ..provider("with")
    };
    let need = Requirements::Make {
        algorithms: vec![-7],
        prf: true,
        exclude: Vec::new(),
        user_handle: user(1),
    };
    assert_eq!(offered(plain(&need, &[provider("a"), with], &[])).0, ["WITH"]);
    assert_eq!(
        offered(plain(&need, &[provider("a"), provider("b")], &[])).0,
        ["A", "B"]
    );
}

#[test]
fn the_exclude_list_counts_over_all_providers() {
    let disabled = ProviderSnapshot {
        enabled: false,
        ..provider("b")
    };
    let need = Requirements::Make {
        algorithms: vec![-7],
        prf: false,
        exclude: vec![credential(3)],
        user_handle: user(1),
    };
    let all = [provider("a"), disabled];
    match plain(&need, &all, &[passkey("a", 1), passkey("b", 3)]) {
        Candidates::Excluded { existing } => {
            assert_eq!(existing.len(), 1);
            assert_eq!(
                (existing[0].provider.as_str(), said(&existing[0].details[0]).as_str()),
                ("org.example.b", "B (disabled)")
            );
        }
        _ => panic!("not excluded"),
    }
    let elsewhere = PasskeySnapshot {
        rp_id: RpId::new("other.example").unwrap(),
        ..passkey("a", 3)
    };
    assert_eq!(
        offered(plain(&need, &all, &[elsewhere])).0,
        ["A"],
        "an id counts for its own site only"
    );
}

#[test]
fn a_provider_that_would_replace_a_passkey_says_so() {
    match plain(
        &make(),
        &[provider("a"), provider("b")],
        &[passkey("a", 1), passkey("b", 2)],
    ) {
        Candidates::Choose { candidates, .. } => {
            let details: Vec<_> = candidates.iter().map(|candidate| &candidate.details[..]).collect();
            assert_eq!(details, [&[Message::ReplacesPasskey {}][..], &[]]);
        }
        _ => panic!("no choice"),
    }
}

#[test]
fn passkeys_match_site_allow_list_and_discoverability() {
    let all = [provider("a")];
    let hidden = PasskeySnapshot {
        discoverable: false,
        ..passkey("a", 2)
    };
    let elsewhere = PasskeySnapshot {
        rp_id: RpId::new("other.example").unwrap(),
        ..passkey("a", 3)
    };
    let orphan = passkey("gone", 4);
    let passkeys = [passkey("a", 1), hidden, elsewhere, orphan];
    let get = |allow: &[u8]| Requirements::Get {
        allow: allow.iter().map(|number| credential(*number)).collect(),
    };
    assert_eq!(
        offered(plain(&get(&[]), &all, &passkeys)),
        (vec!["user 1".to_owned()], Some(0))
    );
    assert_eq!(offered(plain(&get(&[2]), &all, &passkeys)).0, ["user 2"]);
    for nothing in [&[3][..], &[4], &[9]] {
        assert_eq!(cause(plain(&get(nothing), &all, &passkeys)), Cause::NoCredential);
    }
}

#[test]
fn passkeys_come_in_the_order_of_rule_last_used_default() {
    let all = [provider("a"), provider("b")];
    let used = |passkey: PasskeySnapshot, ms| PasskeySnapshot {
        last_used_ms: Some(ms),
        ..passkey
    };
    let passkeys = [
        passkey("a", 1),
        used(passkey("a", 2), 50),
        used(passkey("b", 3), 90),
        passkey("b", 4),
    ];
    let get = Requirements::Get { allow: Vec::new() };
    let order = |preference: &Preference| -> Vec<String> {
        let (labels, preselected) = offered(run(&get, &all, &passkeys, preference));
        assert_eq!(preselected, Some(0));
        labels.iter().map(|label| label.replace("user ", "")).collect()
    };
    assert_eq!(order(&Preference::default()), ["3", "2", "1", "4"]);
    let rule = Preference {
        remembered: Some(id("a")),
        ..Preference::default()
    };
    assert_eq!(order(&rule), ["2", "1", "3", "4"]);
    let default = Preference {
        default_provider: Some(id("b")),
        ..Preference::default()
    };
    assert_eq!(order(&default), ["3", "2", "4", "1"]);
}

#[test]
fn a_provider_without_known_passkeys_is_offered_to_look_in() {
    let silent = ProviderSnapshot {
        metadata_known: false,
        lock: Lock::Locked,
        ..provider("silent")
    };
    let get = Requirements::Get {
        allow: vec![credential(1)],
    };
    assert_eq!(
        offered(plain(&get, &[provider("a"), silent.clone()], &[])).0,
        ["Look in SILENT"]
    );
    let (labels, preselected) = offered(plain(&get, &[provider("a"), silent], &[passkey("a", 1)]));
    assert_eq!(
        (labels, preselected),
        (vec!["user 1".to_owned(), "Look in SILENT".to_owned()], Some(0))
    );
}

#[test]
fn only_what_disabled_providers_hold_is_told_so() {
    let disabled = ProviderSnapshot {
        enabled: false,
        ..provider("a")
    };
    let get = Requirements::Get { allow: Vec::new() };
    match plain(&get, &[disabled, provider("b")], &[passkey("a", 1)]) {
        Candidates::Nothing {
            cause,
            provider_name,
            turn_on,
        } => {
            assert_eq!((cause, provider_name.as_deref()), (Cause::ProviderDisabled, Some("A")));
            assert_eq!(turn_on, Some(provider("a").id));
        }
        _ => panic!("something"),
    }
}

#[test]
fn nameless_accounts_get_a_placeholder_and_names_are_sanitised() {
    let nameless = PasskeySnapshot {
        user_name: None,
        ..passkey("a", 1)
    };
    let both = PasskeySnapshot {
        user_name: Some("al\u{202e}ice".to_owned()),
        display_name: Some("Alice\n".to_owned()),
        ..passkey("b", 2)
    };
    match plain(
        &Requirements::Get { allow: Vec::new() },
        &[provider("a"), provider("b")],
        &[nameless, both],
    ) {
        Candidates::Choose { candidates, .. } => {
            let lines: Vec<_> = candidates
                .iter()
                .map(|it| {
                    (
                        said(&it.label),
                        it.details.iter().map(said).collect::<Vec<_>>().join(" · "),
                    )
                })
                .collect();
            let lines: Vec<_> = lines
                .iter()
                .map(|(label, rest)| (label.as_str(), rest.as_str()))
                .collect();
            assert_eq!(lines, [("Account without a name", "A"), ("alice", "Alice · B")]);
        }
        _ => panic!("no choice"),
    }
}

#[test]
fn what_a_damaged_provider_may_have_kept_is_not_called_absent() {
    let damaged = NotDone {
        status: Status::Damaged,
        reason: Some("two pages are torn\u{1b}[2J".to_owned()),
    };
    let trouble = Cause::from(damaged);
    let said = trouble.to_string();
    assert!(said.ends_with("it says “two pages are torn[2J”"), "{said}");
    let torn = ProviderSnapshot {
        trouble: Some(trouble.clone()),
        ..provider("Torn")
    };
    let whole = provider("Whole");
    let nothing_named = Requirements::Get { allow: Vec::new() };
    assert_eq!(
        cause(plain(&nothing_named, &[whole.clone(), torn.clone()], &[])),
        trouble
    );
    // What is there all the same is offered, and a provider that takes no part is not heard.
    assert!(matches!(
        plain(&nothing_named, std::slice::from_ref(&torn), &[passkey("Torn", 1)]),
        Candidates::Choose { .. }
    ));
    let disabled = ProviderSnapshot { enabled: false, ..torn };
    assert_eq!(
        cause(plain(&nothing_named, &[whole, disabled], &[])),
        Cause::NoCredential
    );
}
