//! The command line against the real broker, hello and vault on a private bus.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{CLAVIGER, Platform};

const PIN: &str = "493817";

fn approving() -> String {
    format!(r#"[{{"do":{{"approve":true,"pin":"{PIN}"}}}}]"#)
}

#[test]
fn without_a_platform_a_command_says_so_and_exits_with_3() {
    let nowhere = tempfile::tempdir().unwrap();
    let output = Command::new(CLAVIGER)
        .args(["status", "--json"])
        .env(
            "DBUS_SESSION_BUS_ADDRESS",
            format!("unix:path={}", nowhere.path().join("bus").display()),
        )
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("claviger doctor"));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = &document["error"];
    assert_eq!(
        (&error["code"], &error["fault"]),
        (&"unreachable".into(), &"platform".into())
    );
}

#[test]
fn wrong_usage_exits_with_2() {
    let output = Command::new(CLAVIGER).args(["passkey", "borrow"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_virtual_key_starts_where_it_lies_beside_and_is_named_where_it_is_missing() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = folder.path().join("claviger");
    fs::hard_link(CLAVIGER, &program).unwrap();
    let virtual_key = || {
        let mut command = Command::new(&program);
        command
            .args(["virtual-key", "--transport", "uhid", "--help"])
            .env("PATH", folder.path().join("none"))
            .output()
            .unwrap()
    };
    let missing = virtual_key();
    assert_eq!(missing.status.code(), Some(2));
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(said.contains("--package claviger-virtual-key"), "{said}");

    let beside = folder.path().join("claviger-virtual-key");
    fs::write(&beside, "#!/bin/sh\necho \"$@\"\nexit 7\n").unwrap();
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();
    let started = virtual_key();
    assert_eq!(started.status.code(), Some(7));
    assert_eq!(started.stdout, b"--transport uhid --help\n");
}

#[test]
fn the_manual_and_the_completions_name_every_command_for_people() {
    for arguments in [
        &["man"][..],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["completions", "fish"],
    ] {
        let output = Command::new(CLAVIGER).args(arguments).output().unwrap();
        assert!(output.status.success());
        // roff writes a hyphen with a backslash.
        let text = String::from_utf8(output.stdout).unwrap().replace("\\-", "-");
        for command in [
            "status",
            "doctor",
            "setup",
            "passkey",
            "provider",
            "lock",
            "unlock",
            "audit",
            "prompt",
            "virtual-key",
        ] {
            assert!(text.contains(command), "{arguments:?} does not name {command}");
        }
    }
}

#[test]
fn a_first_start_chooses_a_pin_makes_the_vault_and_shows_in_status_and_audit() {
    let mut platform = Platform::start("--allow-scripted-prompt");
    let before = platform.json(&["status", "--json"]);
    assert_eq!(before["pin"]["set"], false);
    assert_eq!(before["tier"], "software");

    platform.answer_with(&approving());
    platform.ok(&["setup"]);
    let after = platform.json(&["status", "--json"]);
    assert_eq!(after["pin"]["set"], true);
    assert!(platform.path("data/claviger/vault").exists());
    assert!(
        platform.ok(&["status"]).contains("SCRIPT"),
        "a scripted prompt must be shown loudly"
    );

    platform.ok(&["lock"]);
    platform.ok(&["unlock"]);
    assert!(platform.ok(&["audit", "--verify"]).contains("intact"));
    let entries = platform.json(&["audit", "--json"])["entries"].clone();
    let asked = entries
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| !entry["caller"].is_null());
    let standings: Vec<_> = asked.map(|entry| &entry["caller"]["standing"]).collect();
    assert!(!standings.is_empty() && standings.iter().all(|standing| **standing == "unproved"));
    assert!(platform.ok(&["audit"]).contains("Claviger (unproved)"));
}

#[test]
fn a_restored_vault_is_taken_once_when_its_owner_says_so() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = folder.path().join("claviger");
    fs::hard_link(CLAVIGER, &program).unwrap();
    let mut platform = Platform::installed_at(&program, "--allow-scripted-prompt");
    platform.answer_with(&approving());
    platform.ok(&["setup"]);
    let forget = |platform: &mut Platform| {
        platform.end_roles();
        fs::remove_file(platform.path("state/claviger/vault/vault.heads")).unwrap();
        platform.answer_with(&approving());
    };
    forget(&mut platform);
    platform.fails(&["unlock"]);
    // The vault that runs hears it.
    assert!(platform.ok(&["vault", "--accept-restored"]).contains("once"));
    platform.answer_with(&approving());
    platform.ok(&["unlock"]);
    forget(&mut platform);
    platform.fails(&["unlock"]);
}

#[test]
fn a_guessable_pin_is_refused_and_nothing_is_set() {
    let mut platform = Platform::start("--allow-scripted-prompt");
    platform.answer_with(
        r#"[{"when":{"kind":"choose-pin","problem":"none"},"do":{"approve":true,"pin":"123456"}},
            {"do":{"refuse":true}}]"#,
    );
    let (status, error) = platform.fails(&["setup"]);
    assert_eq!(status, 4, "{error}");
    assert_eq!(platform.json(&["status", "--json"])["pin"]["set"], false);
}

#[test]
fn a_scripted_prompt_is_refused_unless_the_broker_was_started_for_it() {
    let platform = Platform::start("");
    let script = platform.path("script.json");
    std::fs::write(&script, approving()).unwrap();
    let (_, error) = platform.fails(&["prompt", "--script", script.to_str().unwrap()]);
    assert!(error.contains("--allow-scripted-prompt"), "{error}");
}

#[test]
fn wrong_pins_lock_out_and_the_right_one_no_longer_helps() {
    let mut platform = Platform::start("--allow-scripted-prompt");
    platform.answer_with(&approving());
    platform.ok(&["setup"]);
    platform.ok(&["lock"]);
    platform.answer_with(
        r#"[{"when":{"kind":"unlock","problem":"none"},"do":{"approve":true,"pin":"860275"}},
            {"when":{"kind":"unlock","problem":"wrong-pin"},"do":{"approve":true,"pin":"860275"}},
            {"do":{"refuse":true}}]"#,
    );
    let (status, _) = platform.fails(&["unlock"]);
    assert_eq!(status, 4);
    let pin = &platform.json(&["status", "--json"])["pin"];
    assert!(
        pin["tries_left"].as_u64().unwrap() < 10,
        "wrong tries must count: {pin}"
    );
    assert!(
        pin["wait_ms"].as_u64().unwrap() > 0,
        "the third wrong PIN must cost time: {pin}"
    );

    platform.answer_with(&format!(
        r#"[{{"when":{{"kind":"unlock"}},"times":1,"do":{{"approve":true,"pin":"{PIN}"}}}},{{"do":{{"refuse":true}}}}]"#
    ));
    let (status, _) = platform.fails(&["unlock"]);
    assert_eq!(status, 4, "even the right PIN must wait");
}

#[test]
fn a_home_that_was_restored_says_why_the_pin_has_to_wait() {
    // A program of its own, so that only this platform's roles are ended.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("claviger");
    fs::copy(CLAVIGER, &program).unwrap();
    let mut platform = Platform::installed_at(&program, "--allow-scripted-prompt");
    platform.answer_with(&approving());
    platform.ok(&["setup"]);
    assert_eq!(platform.json(&["status", "--json"])["pin"]["restored"], false);
    platform.end_roles();

    let (hello, copy) = (platform.path("state/claviger/hello"), platform.path("copy"));
    let copied = Command::new("cp").arg("-r").args([&hello, &copy]).status().unwrap();
    assert!(copied.success());
    fs::remove_dir_all(&hello).unwrap();
    fs::rename(&copy, &hello).unwrap();

    let pin = &platform.json(&["status", "--json"])["pin"];
    assert_eq!((&pin["restored"], &pin["tries_left"]), (&true.into(), &2.into()));
    assert!(platform.ok(&["status"]).contains("put back or moved"));
    let said = platform.run(&["doctor"]);
    assert!(String::from_utf8(said.stdout).unwrap().contains("put back or moved"));
}

#[test]
fn a_vault_that_cannot_open_says_why_in_status_and_doctor() {
    let mut platform = Platform::start("--allow-scripted-prompt");
    platform.answer_with(&approving());
    platform.ok(&["setup"]);
    platform.ok(&["lock"]);
    let heads = platform.path("state/claviger/vault/vault.heads");
    let kept = fs::read(&heads).unwrap();
    fs::remove_file(&heads).unwrap();
    platform.fails(&["unlock"]);
    platform.wait_until("the vault says damaged", |status| {
        status["providers"][0]["trouble"]["kind"] == "damaged"
    });
    assert!(platform.ok(&["status"]).contains("--accept-restored"));
    let doctor = platform.run(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(5));
    assert!(String::from_utf8(doctor.stdout).unwrap().contains("--accept-restored"));

    fs::write(&heads, kept).unwrap();
    platform.ok(&["unlock"]);
    platform.wait_until("all is well again", |status| {
        status["providers"][0]["trouble"].is_null()
    });
}

#[test]
fn an_audit_log_that_was_emptied_or_cut_is_not_intact_while_its_broker_runs() {
    let mut platform = Platform::start("--allow-scripted-prompt");
    platform.answer_with(&approving());
    platform.ok(&["setup"]);
    assert!(platform.ok(&["audit", "--verify"]).contains("intact"));
    let log = platform.path("state/claviger/broker/audit.jsonl");
    let whole = fs::read_to_string(&log).unwrap();
    for cut in ["", whole.split_inclusive('\n').next().unwrap()] {
        fs::write(&log, cut).unwrap();
        let (_, said) = platform.fails(&["audit", "--verify"]);
        assert!(said.contains("cut off, or replaced"), "{said}");
    }
    fs::write(&log, whole).unwrap();
    assert!(platform.ok(&["audit", "--verify"]).contains("intact"));
}

#[test]
fn a_passkey_that_does_not_exist_is_a_usage_error() {
    let platform = Platform::start("");
    assert_eq!(platform.fails(&["passkey", "show", "AAAA"]).0, 2);
    assert!(platform.ok(&["passkey", "list"]).contains("No passkeys"));
}

#[test]
fn with_json_a_failure_is_one_document_with_code_fault_and_sentence() {
    let mut platform = Platform::start("--allow-scripted-prompt");
    let fails = |platform: &Platform, arguments: &[&str]| {
        let output = platform.run(arguments);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = &document["error"];
        let sentence = error["sentence"].as_str().unwrap().to_owned();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!sentence.is_empty() && told.contains("claviger: "), "{told}");
        let [code, fault] = ["code", "fault"].map(|member| error[member].as_str().unwrap().to_owned());
        (output.status.code().unwrap(), code, fault)
    };
    let expect = |status: i32, code: &str, fault: &str| (status, code.to_owned(), fault.to_owned());
    // The broker's own.
    let unknown = fails(&platform, &["provider", "enable", "org.example.Nobody", "--json"]);
    assert_eq!(unknown, expect(1, "unknown-provider", "caller"));
    let no_site = fails(
        &platform,
        &["provider", "rule", "set", "a b", "org.claviger.Vault", "--json"],
    );
    assert_eq!(no_site, expect(2, "invalid-argument", "caller"));
    platform.answer_with(&approving());
    platform.ok(&["setup"]);
    assert_eq!(platform.json(&["lock", "--json"]), serde_json::json!({"done": true}));
    platform.answer_with(r#"[{"do":{"refuse":true}}]"#);
    let refused = fails(&platform, &["unlock", "--json"]);
    assert_eq!(refused, expect(4, "cancelled-by-user", "user"));
    // The command's own.
    let nothing = fails(&platform, &["passkey", "show", "AAAA", "--json"]);
    assert_eq!(nothing, expect(2, "usage", "caller"));
    // What has printed its document prints no second one: this is one, or it could not be read.
    fs::write(platform.path("state/claviger/broker/audit.jsonl"), "").unwrap();
    let output = platform.run(&["audit", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(log["intact"], false);
}

#[test]
fn doctor_names_what_is_missing_with_a_remedy() {
    let platform = Platform::start("");
    let output = platform.run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(5));
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let missing: Vec<_> = findings
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["state"] == "missing")
        .collect();
    assert!(missing.iter().any(|finding| finding["what"] == "PIN"));
    assert!(
        missing.iter().all(|finding| finding["remedy"].is_string()),
        "{missing:?}"
    );
}

#[test]
fn after_an_upgrade_the_running_roles_and_the_prompt_make_room_for_the_new_program() {
    let folder = tempfile::tempdir().unwrap();
    let [program, new] = ["claviger", "claviger.new"].map(|name| folder.path().join(name));
    fs::copy(CLAVIGER, &program).unwrap();
    let mut platform = Platform::installed_at(&program, "--allow-scripted-prompt");
    platform.answer_with(&approving());
    platform.ok(&["setup"]);
    platform.ok(&["unlock"]);
    // The browser's, which stays as long as its input does.
    let mut host = platform.command(&["native-host"]);
    let mut host = host.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut old = platform.processes();
    // A process has its command line a moment after its parent goes on.
    while !old.contains(&host.id()) {
        assert!(Instant::now() < deadline, "the native host does not start");
        old = platform.processes();
    }
    assert_eq!(old.len(), 5, "broker, hello, vault, prompt, native host");

    // As a package manager does it.
    fs::copy(CLAVIGER, &new).unwrap();
    fs::rename(&new, &program).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while platform.processes().iter().any(|pid| old.contains(pid)) {
        assert!(Instant::now() < deadline, "the old program still runs");
    }
    assert!(host.wait().unwrap().success());

    platform.answer_with(&approving());
    platform.ok(&["unlock"]);
    assert_eq!(platform.json(&["status", "--json"])["pin"]["set"], true);
}
