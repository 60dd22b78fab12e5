//! The PIN at the terminal prompt (A11): nothing of it is ever to be read there, whatever a page does meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::Platform;
use crate::support::page::{Request, be_a_browser};
use crate::support::pty::Terminal;

const PIN: &str = "493817";
const SITE: &str = "example.com";

fn create(name: &str) -> Value {
    json!({
        "challenge": URL_SAFE_NO_PAD.encode([3; 32]),
        "rp": {"id": SITE, "name": "Example"},
        "user": {"id": URL_SAFE_NO_PAD.encode(name), "name": name, "displayName": name},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "timeout": 60_000,
    })
}

/// A platform with a PIN and a terminal prompt.
fn prompted() -> (Platform, Terminal) {
    let mut platform = Platform::start("--allow-scripted-prompt");
    be_a_browser(&platform);
    platform.answer_with(&format!(r#"[{{"do":{{"approve":true,"pin":"{PIN}"}}}}]"#));
    platform.ok(&["setup"]);
    platform.stop_prompt();
    let terminal = Terminal::start(&platform, &["prompt"], &[]);
    platform.wait_until("the prompt is attached", |status| {
        status["prompt"]["kind"] == "terminal"
    });
    (platform, terminal)
}

#[test]
fn a_page_that_asks_again_while_the_pin_is_typed_makes_none_of_it_readable() {
    let (platform, mut terminal) = prompted();
    let first = Request::send(&platform, "create", SITE, &create("alice"));
    let mut at = terminal.sees("Go on?", 0);
    terminal.types("y\n");
    at = terminal.sees("PIN:", at);
    terminal.types("493");
    drop(first);
    let second = Request::send(&platform, "create", SITE, &create("mallory"));
    at = terminal.sees("mallory", at);
    // The fingers go on, and what they type is neither shown nor an answer.
    terminal.types("817\ny\n");
    at = terminal.sees("Go on?", at);
    terminal.types("n\n");
    assert_eq!(second.answer()["error"]["name"], "NotAllowedError");
    terminal.sees("Waiting for", at);
    let seen = String::from_utf8(terminal.seen()).unwrap();
    assert!(!seen.contains("493") && !seen.contains("817"), "{seen}");
    assert_eq!(
        seen.matches("PIN:").count(),
        1,
        "nothing that was typed agreed to the second question: {seen}"
    );
}

#[test]
fn a_prompt_that_is_ended_in_the_middle_of_a_pin_leaves_none_of_it_to_the_shell() {
    let (platform, mut terminal) = prompted();
    let _request = Request::send(&platform, "create", SITE, &create("alice"));
    let at = terminal.sees("Go on?", 0);
    terminal.types("y\n");
    terminal.sees("PIN:", at);
    // Ctrl-C ends the prompt, and the fingers go on.
    terminal.types("493\u{3}");
    terminal.types("817");
    let seen = String::from_utf8(terminal.end()).unwrap();
    assert!(!seen.contains("493") && !seen.contains("817"), "{seen}");
}

#[test]
fn a_pin_that_is_typed_where_a_choice_is_asked_for_is_not_shown() {
    let (platform, mut terminal) = prompted();
    let request = Request::send(&platform, "create", SITE, &create("alice"));
    let mut at = terminal.sees("Go on?", 0);
    terminal.types("493817\n");
    at = terminal.sees("Please answer", at);
    at = terminal.sees("Go on?", at);
    terminal.types("y\n");
    at = terminal.sees("PIN:", at);
    terminal.types("493817\n");
    assert!(request.answer().pointer("/ok/rawId").is_some());
    terminal.sees("Waiting for", at);
    assert!(!String::from_utf8(terminal.seen()).unwrap().contains("493817"));
}
