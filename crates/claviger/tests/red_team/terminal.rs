//! Text from outside in a real terminal (A1): names that hold escape sequences come out of no command as such.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::Platform;
use crate::support::page::{Request, be_a_browser};
use crate::support::pty::Terminal;

const PIN: &str = "493817";
const SITE: &str = "example.com";

/// What a name does to a terminal that takes it raw: the window's title, the clipboard, hidden text, a question whose answer is
/// typed, the same in C1 controls.
const DRIVES: &str = "\u{1b}]0;owned\u{7}\u{1b}]52;c;cm0gLXJm\u{7}\u{1b}[8m\u{1b}[c\u{9b}31m\u{9d}0;x\u{9c}";

/// Another direction, nothing to see, and a line of its own.
const DECEIVES: &str = "mallory\u{202e}txt\u{2066}\u{200b}\u{feff}\u{e0041}\r\nKept by:      me\u{2028}\u{85}end";

/// A platform with a PIN and one passkey, of a page that chose every name of it for the terminal.
fn with_a_hostile_passkey() -> Platform {
    let mut platform = Platform::start("--allow-scripted-prompt");
    be_a_browser(&platform);
    platform.answer_with(&format!(r#"[{{"do":{{"approve":true,"pin":"{PIN}"}}}}]"#));
    platform.ok(&["setup"]);
    let request = json!({
        "challenge": URL_SAFE_NO_PAD.encode([3; 32]),
        "rp": {"id": SITE, "name": format!("{DRIVES}Example{DECEIVES}")},
        "user": {
            "id": URL_SAFE_NO_PAD.encode([7]),
            "name": format!("alice{DRIVES}"),
            "displayName": format!("{DECEIVES}{DRIVES}"),
        },
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    });
    let answer = Request::send(&platform, "create", SITE, &request).answer();
    assert!(answer.pointer("/ok/rawId").is_some(), "{answer}");
    platform
}

/// What the command writes to a terminal, which is all words.
fn words(platform: &Platform, arguments: &[&str]) -> String {
    harmless(Terminal::start(platform, arguments, &[]).end(), arguments)
}

fn harmless(written: Vec<u8>, arguments: &[&str]) -> String {
    let text = String::from_utf8(written).unwrap();
    for character in text.replace("\r\n", "\n").chars() {
        let alien = character.is_control() && character != '\n'
            || matches!(character, '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
        assert!(!alien, "claviger {arguments:?} wrote {character:?} in {text:?}");
    }
    text
}

#[test]
fn the_names_that_a_page_chose_come_out_of_every_command_as_words() {
    let platform = with_a_hostile_passkey();
    let passkeys = platform.json(&["passkey", "list", "--json"]);
    let id = passkeys[0]["id"].as_str().unwrap().to_owned();
    assert!(passkeys[0]["user_name"].as_str().unwrap().starts_with("alice"));

    let list = words(&platform, &["passkey", "list"]);
    assert!(list.contains("alice]0;owned"), "{list}");
    assert_eq!(list.lines().count(), 2, "a row is a line: {list}");
    let show = words(&platform, &["passkey", "show", &id]);
    assert_eq!(
        show.matches("\nKept by:").count(),
        1,
        "no name makes a line of its own: {show}"
    );
    assert!(show.contains("“alice]0;owned"), "what a site says is quoted: {show}");
    for arguments in [
        &["status"][..],
        &["audit"],
        &["doctor"],
        &["provider", "list"],
        &["provider", "rule", "list"],
    ] {
        words(&platform, arguments);
    }
    // For programs the document says what is, in characters that a terminal can take.
    for arguments in [
        &["passkey", "list", "--json"][..],
        &["passkey", "show", "--json", &id],
        &["audit", "--json"],
    ] {
        let document: Value = serde_json::from_str(&words(&platform, arguments)).unwrap();
        assert!(!document.is_null());
    }
    let document: Value = serde_json::from_str(&words(&platform, &["passkey", "list", "--json"])).unwrap();
    assert_eq!(document, passkeys);
}

#[test]
fn errors_and_the_log_hold_what_others_said_as_words() {
    let platform = Platform::start("");
    for arguments in [
        &["passkey", "show", DRIVES][..],
        &["passkey", "delete", DECEIVES],
        &["provider", "enable", DRIVES],
        &["provider", "default", DECEIVES],
        &["provider", "rule", "set", DRIVES, "org.claviger.Vault"],
        &["provider", "rule", "clear", DECEIVES],
        &["unlock", DRIVES],
    ] {
        words(&platform, arguments);
    }
    // A folder's name gets into the log.
    let config = platform.path(&format!("config{DRIVES}"));
    let doors = config.join("claviger/doors.json");
    fs::create_dir_all(doors.parent().unwrap()).unwrap();
    fs::write(&doors, "{").unwrap();
    let door = Terminal::start(
        &platform,
        &["hid-door", "--transport", "unix:none"],
        &[("XDG_CONFIG_HOME", config.to_str().unwrap())],
    );
    door.sees("stays shut", 0);
    harmless(door.seen(), &["hid-door"]);
}

#[test]
fn a_provider_whose_name_drives_a_terminal_or_turns_a_line_around_is_none() {
    let platform = Platform::start("");
    let folder = platform.path("data/claviger/providers");
    for (id, name) in [
        ("org.example.A", DRIVES),
        ("org.example.B", DECEIVES),
        ("org.example.C", "Vau\u{200b}lt"),
    ] {
        let name = name.replace(['\r', '\n'], " ");
        let manifest = format!("[Provider]\nId={id}\nName={name}\nDBusName={id}\nVersions=1;\n");
        fs::write(folder.join(format!("{id}.provider")), manifest).unwrap();
    }
    let list = words(&platform, &["provider", "list"]);
    assert!(
        list.contains("org.claviger.Vault") && !list.contains("org.example"),
        "{list}"
    );
    let problems = platform.json(&["status", "--json"])["manifest_problems"].clone();
    assert_eq!(problems.as_array().unwrap().len(), 3, "{problems}");
}
