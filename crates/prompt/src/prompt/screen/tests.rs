#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use claviger_joint::evidence::Method;
use claviger_prompt_api::logo::{Format, Logo};
use claviger_prompt_api::text;
use claviger_prompt_api::trouble::{Damage, StateFile};
use claviger_prompt_api::view::{AccountView, Choice, Progress, Purpose, SiteView};

use super::*;

fn words() -> Words {
    Words::in_language("en")
}

fn screen(view: &View) -> Screen {
    Screen::of(view, &words()).expect("a screen")
}

/// The text without the marks that keep its parts apart.
fn bare(text: &str) -> String {
    text.replace(['\u{200e}', '\u{2066}', '\u{2068}', '\u{2069}'], "")
}

fn site(rp_id: &str, origin: Option<&str>) -> SiteView {
    SiteView {
        rp_id: rp_id.to_owned(),
        rp_name: None,
        origin: origin.map(str::to_owned),
        top_origin: None,
        related: false,
        offered: false,
    }
}

fn passkey(id: &str, account: &str) -> Choice {
    Choice {
        id: id.to_owned(),
        kind: ChoiceKind::Passkey,
        provider: "org.claviger.Vault".to_owned(),
        provider_name: "Claviger vault".to_owned(),
        label: Message::Account {
            account: Some(account.to_owned()),
        },
        details: vec![Message::NeverConfirmed {}],
        locked: true,
    }
}

fn pin(wait_ms: u64) -> MethodView {
    MethodView {
        method: Method::Pin,
        purpose: Purpose::Verify,
        tries_left: 8,
        wait_ms,
        progress: Progress::Ready,
    }
}

fn sign_in() -> View {
    View {
        prompt: 1,
        kind: Kind::SignIn,
        title: Some(Message::SignInTitle {
            site: "login.example.co.uk".to_owned(),
        }),
        site: Some(site("login.example.co.uk", Some("https://login.example.co.uk"))),
        caller: Some(CallerView {
            name: Some("Chromium".to_owned()),
            executable: "/usr/bin/chromium".to_owned(),
            window: None,
            pid: None,
            door: "browser".to_owned(),
        }),
        choices: vec![passkey("c1", "alice"), passkey("c2", "bob")],
        preselected: Some("c2".to_owned()),
        methods: vec![pin(0)],
        ..View::idle(1)
    }
}

#[test]
fn a_sign_in_says_where_who_and_as_whom() {
    let screen = screen(&sign_in());
    assert_eq!(bare(&screen.title), "Sign in to login.example.co.uk");
    let site = screen.site.unwrap();
    assert_eq!(
        (site.before.as_str(), site.domain.as_str()),
        ("login.", "example.co.uk")
    );
    assert!(site.is_host && site.punycode.is_none());
    let asker = screen.asker.unwrap();
    assert_eq!(bare(&asker.name), "Chromium");
    assert_eq!(
        (asker.executable.as_deref(), asker.warning),
        (Some("/usr/bin/chromium"), None)
    );
    // The page is the site's own, which is said already.
    assert_eq!(screen.facts, []);
    let choices = screen.choices.unwrap();
    assert_eq!((choices.preselected, choices.search), (Some(1), None));
    assert_eq!(bare(&choices.items[0].title), "alice");
    assert_eq!(
        bare(&choices.items[0].details),
        "Never confirmed by the site, which may not know it · Claviger vault, locked"
    );
    assert_eq!(screen.agree.unwrap().label, "Sign in");
    assert_eq!(bare(&screen.pin.unwrap().tries.unwrap()), "8 attempts left");
}

#[test]
fn the_idle_view_has_no_screen() {
    assert_eq!(Screen::of(&View::idle(1), &words()), None);
}

#[test]
fn a_site_that_a_program_names_is_nobodys_word() {
    let mut view = sign_in();
    view.site = Some(site("example.com (checked)", None));
    view.caller.as_mut().unwrap().door = "hid".to_owned();
    let screen = screen(&view);
    let site = screen.site.unwrap();
    assert_eq!((site.domain.as_str(), site.is_host), ("example.com (checked)", false));
    let asker = screen.asker.unwrap();
    assert!(asker.warning.unwrap().contains("not a web page"));
    assert!(bare(&asker.name).ends_with("by the security-key door"));
}

#[test]
fn a_name_in_other_letters_stands_beside_how_it_is_written() {
    for (rp_id, before, domain, punycode) in [
        ("xn--80ak6aa92e.com", "", "аррӏе.com", true),
        ("login.xn--mller-kva.de", "login.", "müller.de", true),
        ("xn--e1awd7f.bank.example", "xn--e1awd7f.", "bank.example", true),
        ("example.com", "", "example.com", false),
        ("localhost", "", "localhost", false),
        // What is no name in any letters stays as it is.
        ("xn--zzzzzzzz.com", "", "xn--zzzzzzzz.com", false),
    ] {
        let mut view = sign_in();
        view.site = Some(site(rp_id, Some("https://x")));
        let shown = screen(&view).site.unwrap();
        let expected = if before.starts_with("xn--") {
            "еріс."
        } else {
            before
        };
        assert!(shown.before == expected || shown.before == before, "{shown:?}");
        assert_eq!(shown.domain, domain);
        assert_eq!(shown.punycode.as_deref(), punycode.then_some(rp_id), "{rp_id}");
    }
}

#[test]
fn pages_that_are_not_the_sites_own_are_named() {
    let mut view = sign_in();
    let origin = Some("https://shop.example.org:8443".to_owned());
    view.site.as_mut().unwrap().origin.clone_from(&origin);
    view.site.as_mut().unwrap().top_origin = Some("https://top.example".to_owned());
    let facts = screen(&view).facts;
    let facts: Vec<_> = facts
        .iter()
        .map(|fact| (fact.name.as_str(), fact.value.as_str()))
        .collect();
    assert_eq!(
        facts,
        [("Page", origin.as_deref().unwrap()), ("Inside", "https://top.example")]
    );
}

#[test]
fn a_create_says_for_whom_and_where_the_passkey_goes() {
    let mut view = sign_in();
    view.kind = Kind::Create;
    view.account = Some(AccountView::of(Some("alice@example.com"), Some("Alice")));
    view.choices = vec![Choice {
        kind: ChoiceKind::Provider,
        label: Message::Provider {
            provider: Some("Claviger vault".to_owned()),
        },
        details: Vec::new(),
        ..passkey("c1", "")
    }];
    let screen = screen(&view);
    let account = &screen.facts[0];
    assert_eq!(bare(&account.value), "alice@example.com");
    assert_eq!(account.more.as_deref(), Some("Alice"));
    let choices = screen.choices.unwrap();
    assert_eq!((choices.heading.as_str(), choices.preselected), ("Kept in", Some(0)));
    assert_eq!(bare(&choices.items[0].details), "Claviger vault, locked");
    assert_eq!(screen.agree.unwrap().label, "Create passkey");
}

#[test]
fn each_kind_of_screen_has_its_own_button() {
    let delete = Message::DeleteTitle {
        account: None,
        site: "example.com".to_owned(),
    };
    for (kind, title, label, dangerous) in [
        (Kind::ChoosePin, Message::ChoosePinTitle {}, "Set PIN", false),
        (Kind::Unlock, Message::ConfirmPinTitle {}, "Unlock", false),
        (Kind::Verify, delete, "Delete", true),
        (Kind::Verify, Message::ConfirmPinTitle {}, "Continue", false),
        (Kind::Create, Message::ExcludedTitle { site: None }, "Continue", false),
    ] {
        let view = View {
            kind,
            title: Some(title),
            ..sign_in()
        };
        let label = label.to_owned();
        assert_eq!(
            screen(&view).agree,
            Some(Button {
                label,
                dangerous,
                choice: None
            })
        );
    }
    let notice = View {
        kind: Kind::Notice,
        problem: Some(text::problem("no-credential", Message::PinLocked {})),
        ..sign_in()
    };
    let screen = screen(&notice);
    assert_eq!((screen.agree, screen.refuse.as_str()), (None, "Close"));
    assert_eq!(screen.problem.unwrap().tone, Tone::Plain);
}

#[test]
fn waiting_counts_down_in_the_pins_field_only() {
    let mut view = sign_in();
    view.methods = vec![pin(30_000)];
    view.problem = Some(text::wait(30_000));
    let screen = screen(&view);
    assert_eq!(screen.problem, None);
    let field = screen.pin.unwrap();
    let left = |ms| {
        field
            .waiting(Duration::from_millis(ms), &words())
            .map(|text| bare(&text))
    };
    assert_eq!(
        left(0).unwrap(),
        "Too many wrong attempts. Wait 30 seconds before the next one."
    );
    assert_eq!(
        left(29_001).unwrap(),
        "Too many wrong attempts. Wait one second before the next one."
    );
    assert_eq!(left(30_000), None);
}

#[test]
fn a_new_pin_is_typed_twice() {
    let mut view = sign_in();
    view.methods[0].purpose = Purpose::New;
    let field = screen(&view).pin.unwrap();
    assert_eq!(
        (field.label.as_str(), field.again.as_deref()),
        ("New PIN", Some("The same PIN again"))
    );
    assert_eq!(field.tries, None);
}

#[test]
fn methods_that_are_known_here_are_said_with_their_progress() {
    let mut view = sign_in();
    let offered = |method, progress| MethodView {
        method,
        progress,
        ..pin(0)
    };
    let why = Message::WrongPin { tries_left: 2 };
    view.methods.extend([
        offered(Method::Fingerprint, Progress::Waiting),
        offered(Method::Face, Progress::Unknown),
        offered(Method::SecurityKey, Progress::TryAgain { why }),
        offered(Method::Other(99), Progress::Ready),
    ]);
    let methods: Vec<String> = screen(&view).methods.iter().map(|said| bare(said)).collect();
    assert_eq!(
        methods,
        [
            "Touch the fingerprint reader now, if you like",
            "Or look into the camera",
            "That PIN is wrong. 2 attempts are left."
        ]
    );
}

#[test]
fn many_choices_can_be_searched() {
    let mut view = sign_in();
    view.choices = (0..500)
        .map(|n| passkey(&format!("c{n}"), &format!("user {n}")))
        .collect();
    let choices = screen(&view).choices.unwrap();
    assert_eq!((choices.items.len(), choices.preselected), (500, Some(2)));
    assert_eq!(choices.search.unwrap().label, "Search");
}

#[test]
fn who_waits_behind_changes_nothing_of_the_question() {
    let view = sign_in();
    let more = View {
        waiting: 2,
        revision: 9,
        ..view.clone()
    };
    let (one, other) = (screen(&view), screen(&more));
    assert_eq!(bare(other.waiting.as_ref().unwrap()), "2 more requests are waiting");
    assert!(one.asks_the_same_as(&other));
    let wrong = View {
        problem: Some(text::wrong_pin(3)),
        ..view
    };
    assert!(!one.asks_the_same_as(&screen(&wrong)));
}

#[test]
fn whoever_makes_the_view_brings_no_trick_to_the_screen() {
    let trick = "a\u{202e}b\u{1b}[2Jc\u{200b}\nd\u{e0041}".to_owned()
        + &"e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}".repeat(3000);
    let view = View {
        title: Some(Message::SignInTitle { site: trick.clone() }),
        site: Some(site(&trick, Some(&trick))),
        caller: Some(CallerView {
            name: Some(trick.clone()),
            executable: trick.clone(),
            window: None,
            pid: None,
            door: trick.clone(),
        }),
        account: Some(AccountView {
            name: Some(trick.clone()),
            display_name: Some(trick.clone()),
        }),
        claim: Some(Message::ProviderSays {
            provider: trick.clone(),
            words: trick.clone(),
        }),
        program: Some(trick.clone()),
        choices: vec![Choice {
            provider_name: trick.clone(),
            details: vec![Message::DisplayName { name: trick.clone() }],
            ..passkey("c1", &trick)
        }],
        ..sign_in()
    };
    let drawn = screen(&view);
    let site = drawn.site.unwrap();
    let asker = drawn.asker.unwrap();
    let choices = drawn.choices.unwrap();
    let mut texts = vec![
        drawn.title,
        site.domain,
        asker.name,
        asker.executable.unwrap(),
        drawn.claim.unwrap(),
    ];
    texts.extend(
        drawn
            .facts
            .into_iter()
            .flat_map(|fact| [Some(fact.value), fact.more])
            .flatten(),
    );
    texts.extend(choices.items.into_iter().flat_map(|item| [item.title, item.details]));
    for text in texts {
        assert!(text.chars().count() < 700, "{} characters", text.chars().count());
        let left = bare(&text);
        let hidden = |it: char| it.is_control() || claviger_prompt_api::sanitise::is_hidden(it);
        assert!(!left.contains(hidden), "{left:?}");
        assert!(!left.contains("\u{301}\u{301}\u{301}\u{301}\u{301}"));
    }
}

#[test]
fn a_logo_stands_with_each_choice_of_its_provider_and_with_no_other() {
    let mut view = sign_in();
    let logos = Logos {
        light: Some(Logo::new(Format::Svg, b"<svg/>")),
        dark: None,
    };
    let mut other = view.choices[0].clone();
    other.provider = "org.example.Other".into();
    view.choices.push(other);
    view.logos = [("org.claviger.Vault".to_owned(), logos.clone())].into();
    let choices = screen(&view).choices.expect("choices");
    assert_eq!(choices.items[0].logos.as_deref(), Some(&logos));
    assert_eq!(choices.items[1].logos.as_deref(), Some(&logos));
    assert_eq!(choices.items[2].logos, None);
}

#[test]
fn what_is_broken_is_said_with_its_file_and_its_remedy() {
    let mut view = sign_in();
    view.troubles = vec![Trouble {
        what: StateFile::AuditLog,
        damage: Damage::NoSpace,
        file: "/state/\u{202e}audit.jsonl".into(),
        provider: None,
        set_aside: None,
    }];
    let screen = screen(&view);
    assert_eq!(
        bare(&screen.troubles[0]),
        "The audit log (/state/audit.jsonl): the disk is full, or your part of it. Make room on the disk, or in your part of it, for \
         /state/audit.jsonl. Meanwhile: what must be recorded is refused; reading, listing and locking work."
    );
    // Nothing else is the less for it.
    assert!(screen.agree.is_some() && screen.problem.is_none());
}

#[test]
fn a_notice_of_a_disabled_provider_offers_to_turn_it_on() {
    let mut view = View {
        kind: Kind::Notice,
        ..sign_in()
    };
    assert_eq!(screen(&view).agree, None);
    view.turn_on = Some("Notebook\u{202e}".to_owned());
    let agree = screen(&view).agree.unwrap();
    assert_eq!(
        (bare(&agree.label).as_str(), agree.choice),
        ("Turn on Notebook …", Some(TURN_ON))
    );
}

#[test]
fn a_forgotten_pin_a_locked_one_and_a_file_put_back_lead_to_the_recovery_code() {
    let asked = |view: View| screen(&View { recovery: true, ..view }).recovery.unwrap();
    let forgotten = asked(sign_in());
    assert_eq!(forgotten.label, "I forgot my PIN …");
    assert!(!forgotten.is_the_way);
    let put_back = asked(View {
        methods: vec![pin(3_600_000)],
        ..sign_in()
    });
    assert!(put_back.is_the_way, "no PIN can be typed for an hour");
    let locked = asked(View {
        kind: Kind::Notice,
        problem: Some(text::locked_out()),
        ..sign_in()
    });
    assert_eq!(
        (locked.label.as_str(), locked.is_the_way, locked.outcome),
        ("Use the recovery code …", true, Outcome::None)
    );
    let form = *locked.form;
    let fields = [
        form.code.unwrap().label,
        form.pin.as_ref().unwrap().label.clone(),
        form.pin.unwrap().again.unwrap(),
    ];
    assert_eq!(fields, ["Recovery code", "New PIN", "The same PIN again"]);
    assert_eq!(
        (
            form.agree.unwrap().label.as_str(),
            form.refuse.as_str(),
            form.for_a_while
        ),
        ("Set PIN", "Back", None)
    );
    assert_eq!(screen(&sign_in()).recovery, None, "there is no code");
}

#[test]
fn what_became_of_a_code_is_told_from_what_was_wrong_before() {
    let outcome = |problem| {
        let view = View {
            recovery: true,
            problem: Some(problem),
            ..sign_in()
        };
        screen(&view).recovery.unwrap().outcome
    };
    assert_eq!(outcome(text::wrong_pin(3)), Outcome::None);
    assert_eq!(outcome(text::pin_set()), Outcome::PinSet);
    let wrong = outcome(text::wrong_recovery_code());
    assert!(
        matches!(&wrong, Outcome::NotTaken(told) if told.tone == Tone::Error),
        "{wrong:?}"
    );
    let set = screen(&View {
        problem: Some(text::pin_set()),
        ..sign_in()
    });
    assert_eq!(set.problem.unwrap().tone, Tone::Success);
}

#[test]
fn what_should_be_known_some_time_is_a_line_of_its_own() {
    let noted = screen(&View {
        note: Some(Message::NoRecoveryCode {}),
        ..sign_in()
    });
    assert!(noted.note.unwrap().starts_with("A forgotten PIN loses your passkeys."));
    assert!(noted.problem.is_none());
}
