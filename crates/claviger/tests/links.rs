//! State below symbolic links: folders may be behind them, as `/home` is on systems that have it in `/var`, and no file is one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use support::Platform;

fn approving() -> &'static str {
    r#"[{"do":{"approve":true,"pin":"493817"}}]"#
}

/// Moves what is at `place` into `elsewhere`, and puts a link to it there.
fn put_behind_a_link(place: &Path, elsewhere: &Path) {
    let moved = elsewhere.join(place.file_name().unwrap());
    for folder in [place, elsewhere] {
        claviger_files::make_folder(folder).unwrap();
    }
    fs::rename(place, &moved).unwrap();
    symlink(&moved, place).unwrap();
}

/// As a person uses it: sets up, ends every role, signs in to what is there.
fn works(platform: &mut Platform) {
    platform.answer_with(approving());
    platform.ok(&["setup"]);
    platform.ok(&["lock"]);
    platform.ok(&["unlock"]);
    platform.ok(&["door", "disable", "hid"]);
    platform.ok(&["door", "enable", "hid"]);
    assert!(platform.ok(&["audit", "--verify"]).contains("intact"));
    let status = platform.json(&["status", "--json"]);
    assert_eq!(status["pin"]["set"], true);
    assert_eq!(status["providers"][0]["locked"], false, "{status}");
}

#[test]
fn every_role_works_where_the_base_directories_are_links() {
    let mut platform = Platform::start("--allow-scripted-prompt");
    for base in ["config", "data", "state"] {
        put_behind_a_link(&platform.path(base), &platform.path("var"));
    }
    works(&mut platform);
    assert!(platform.path("var/data/claviger/vault/vault.sqlite3").is_file());
}

#[test]
fn every_role_works_where_its_own_folder_is_a_link() {
    let mut platform = Platform::start("--allow-scripted-prompt");
    for own in [
        "data/claviger/vault",
        "data/claviger",
        "state/claviger/hello",
        "state/claviger/broker",
        "state/claviger/vault",
        "state/claviger/providers/org.claviger.Vault",
        "config/claviger",
    ] {
        put_behind_a_link(
            &platform.path(own),
            &platform.path(&format!("var/{}", own.replace('/', "-"))),
        );
    }
    works(&mut platform);
}

#[test]
fn a_link_in_the_place_of_the_vault_is_neither_opened_nor_replaced() {
    let mut platform = Platform::start("--allow-scripted-prompt");
    platform.answer_with(approving());
    platform.ok(&["setup"]);
    platform.ok(&["lock"]);
    let vault = platform.path("data/claviger/vault/vault.sqlite3");
    let elsewhere = platform.path("elsewhere");
    fs::rename(&vault, &elsewhere).unwrap();
    symlink(&elsewhere, &vault).unwrap();
    platform.fails(&["unlock"]);
    assert!(vault.is_symlink());
    fs::remove_file(&vault).unwrap();
    fs::rename(&elsewhere, &vault).unwrap();
    platform.ok(&["unlock"]);
}
