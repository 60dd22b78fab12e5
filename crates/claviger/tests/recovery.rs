//! The recovery code from the command line: made in a terminal, typed back, tried, and used.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};

use support::Platform;
use support::pty::Terminal;

const PIN: &str = "493817";
const NEW: &str = "other-77";

fn approving(pin: &str) -> String {
    format!(r#"[{{"do":{{"approve":true,"pin":"{pin}"}}}}]"#)
}

/// A platform with a PIN.
fn set_up() -> Platform {
    let mut platform = Platform::start("--allow-scripted-prompt");
    platform.answer_with(&approving(PIN));
    platform.ok(&["setup"]);
    platform
}

/// Makes a code in a terminal and types its ends back.
fn make(platform: &Platform, arguments: &[&str]) -> String {
    let arguments = [&["verify", "recovery-code"], arguments].concat();
    let mut terminal = Terminal::start(platform, &arguments, &[]);
    terminal.sees("first and the last group:", 0);
    let seen = String::from_utf8(terminal.seen()).unwrap();
    let code = seen.split_whitespace().find(|word| word.matches('-').count() == 6);
    let code = code.expect("the code is shown").to_owned();
    terminal.types("0000 0000\n");
    terminal.sees("This is not your recovery code", 0);
    terminal.types(&format!("{} {}\n", &code[..4], &code[30..]).to_lowercase());
    let seen = String::from_utf8(terminal.end()).unwrap();
    assert!(seen.contains("your recovery code from now on"), "{seen}");
    assert_eq!(seen.matches(&code).count(), 1, "it is shown once");
    assert_eq!(
        seen.to_lowercase().matches(&code[..4].to_lowercase()).count(),
        1,
        "nothing typed is shown"
    );
    code
}

/// Runs a command to its end, and types this.
fn typing(platform: &Platform, arguments: &[&str], typed: &str) -> Output {
    let mut command = platform.command(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

#[test]
fn a_code_is_made_typed_back_tried_and_sets_a_new_pin() {
    let mut platform = set_up();
    assert_eq!(platform.json(&["status", "--json"])["recovery_code"], "none");
    assert!(platform.ok(&["status"]).contains("a forgotten PIN loses your passkeys"));
    let doctor = platform.run(&["doctor"]);
    assert!(said(&doctor).contains("weak     recovery code"), "{}", said(&doctor));
    let page = platform.path("page.pdf");
    let code = make(&platform, &["--pdf", page.to_str().unwrap()]);
    assert_eq!(fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&page).unwrap();
    assert!(bytes.starts_with(b"%PDF-1.4") && bytes.windows(code.len()).any(|found| found == code.as_bytes()));
    assert_eq!(
        platform.json(&["verify", "list", "--json"])["recovery_code"],
        "confirmed"
    );

    let drill = typing(&platform, &["verify", "drill", "--json"], &format!("{code}\n"));
    assert!(drill.status.success(), "{}", said(&drill));
    let slip = if code.starts_with('0') { "1" } else { "0" };
    let mistyped = format!("{slip}{}", &code[1..]);
    let recovered = typing(
        &platform,
        &["verify", "recover"],
        &format!("{mistyped}\n{code}\n1234\n1234\n{NEW}\n{NEW}\n"),
    );
    assert!(recovered.status.success(), "{}", said(&recovered));
    assert!(said(&recovered).contains("Look at group 1."), "{}", said(&recovered));

    platform.answer_with(&approving(NEW));
    platform.ok(&["lock"]);
    platform.ok(&["unlock"]);
    let log = platform.ok(&["audit", "--json"]);
    for entry in [
        "a recovery code was made",
        "the recovery code was typed back",
        "the recovery code was tried",
        "a new PIN was set with the recovery code",
    ] {
        assert!(log.contains(entry), "{entry}: {log}");
    }
    assert!(!log.contains(&code[..9]) && !log.contains(NEW));
}

#[test]
fn a_code_that_is_not_the_one_is_refused_and_one_that_was_replaced_too() {
    let platform = set_up();
    let none = typing(&platform, &["verify", "drill"], "0000-0000-0000-0000-0000-0000-0000\n");
    assert_eq!(none.status.code(), Some(1), "{}", said(&none));
    let (first, second) = (make(&platform, &[]), make(&platform, &[]));
    let replaced = typing(&platform, &["verify", "drill"], &format!("{first}\n"));
    assert_eq!(replaced.status.code(), Some(4), "{}", said(&replaced));
    let too_soon = typing(&platform, &["verify", "drill"], &format!("{second}\n"));
    assert!(
        too_soon.status.success() || said(&too_soon).contains("before the next try"),
        "{}",
        said(&too_soon)
    );
}

#[test]
fn a_code_goes_to_a_terminal_and_no_page_is_overwritten() {
    let platform = set_up();
    let (status, said) = platform.fails(&["verify", "recovery-code"]);
    assert!(status == 2 && said.contains("on a terminal only"), "{said}");
    assert_eq!(platform.json(&["status", "--json"])["recovery_code"], "none");
    let page = platform.path("page.pdf");
    fs::write(&page, "mine").unwrap();
    let terminal = Terminal::start(
        &platform,
        &["verify", "recovery-code", "--pdf", page.to_str().unwrap()],
        &[],
    );
    let seen = String::from_utf8(terminal.end()).unwrap();
    assert!(seen.contains("cannot write"), "{seen}");
    assert_eq!(fs::read(&page).unwrap(), b"mine");
    assert_eq!(platform.json(&["status", "--json"])["recovery_code"], "none");
}

#[test]
fn the_same_mistake_twice_is_told_twice_and_asked_about_again() {
    let platform = Platform::start("");
    let mut terminal = Terminal::start(&platform, &["prompt"], &[]);
    platform.wait_until("the prompt is attached", |status| {
        status["prompt"]["kind"] == "terminal"
    });
    let mut setup = platform.command(&["setup"]).stdout(Stdio::null()).spawn().unwrap();
    let mut at = 0;
    for pin in ["1234", "2345", "3456", NEW] {
        at = terminal.sees("Go on?", at);
        terminal.types(&format!("y\n{pin}\n{pin}\n"));
        if pin != NEW {
            at = terminal.sees("This PIN is a sequence", at);
        }
    }
    platform.wait_until("the PIN is set", |status| status["pin"]["set"] == true);
    setup.kill().unwrap();
    setup.wait().unwrap();
}
