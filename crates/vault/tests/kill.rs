//! `kill -9` at any moment loses no acknowledged write.
//!
//! The parent starts this test binary again as a child that creates passkeys and prints a line for each one that the vault
//! acknowledged; kills it at a random moment; opens the vault; and looks for every passkey of every line, with the whole
//! log verified from the genesis. What was not acknowledged may be there or not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use claviger_ctap::crypto::{PublicKey, native};
use claviger_ctap::types::CredentialId;
use common::{add, open};

const DIRECTORY: &str = "CLAVIGER_TEST_KILL_DIRECTORY";
const KILLS: usize = 220;
/// Kills of one vault before a fresh one is begun, so that vaults are killed while small, new and growing.
const ROUNDS: usize = 20;

/// Not a test by itself: what the child does. Without the variable it has nothing to do.
#[test]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let mut vault = open(Path::new(&directory)).unwrap();
    for n in 0_u64.. {
        let record = add(&mut vault, "a.example", &format!("{}-{n}", std::process::id())).unwrap();
        acknowledge("add", record.id.as_bytes());
        match n % 4 {
            1 => {
                vault
                    .rename_passkey(&record.id, Some("renamed".into()), None, n)
                    .unwrap();
                acknowledge("rename", record.id.as_bytes());
            }
            2 => {
                // Said before, so that a removal whose own line the kill swallowed is no lost write.
                acknowledge("removing", record.id.as_bytes());
                vault.remove_passkey(&record.id, n).unwrap();
                acknowledge("remove", record.id.as_bytes());
            }
            _ => {}
        }
    }
}

/// One write call for one line: a line is there whole or not at all.
fn acknowledge(what: &str, id: &[u8]) {
    let hex: String = id.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    std::io::stdout()
        .write_all(format!("ack {what} {hex}\n").as_bytes())
        .unwrap();
}

#[test]
fn no_acknowledged_write_is_lost() {
    let mut acknowledged_in_all = 0;
    for _ in 0..KILLS / ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let mut acknowledged = BTreeMap::new();
        for _ in 0..ROUNDS {
            acknowledged.extend(run_and_kill(dir.path()));
            let vault = open(dir.path()).unwrap();
            assert_eq!(vault.verify().unwrap().damage, []);
            for (id, last) in &acknowledged {
                let found = vault.passkey(id).map(|info| (info.username, info.public_key));
                match last.as_str() {
                    "add" | "rename" => {
                        let (username, public) = found.unwrap();
                        assert!(last == "add" || username == "renamed", "a rename was lost");
                        let public = PublicKey::from_cose_bytes(&public).unwrap();
                        native()
                            .verify(&public, b"message", &vault.sign(id, b"message").unwrap())
                            .unwrap();
                    }
                    "removing" => {}
                    _ => assert!(found.is_err(), "a deleted passkey came back"),
                }
            }
        }
        acknowledged_in_all += acknowledged.len();
    }
    assert!(
        acknowledged_in_all > KILLS,
        "the children hardly came to write: {acknowledged_in_all}"
    );
}

/// Lets a child write for a random time, kills it, and returns the last line for each passkey.
fn run_and_kill(directory: &Path) -> BTreeMap<CredentialId, String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut random = [0; 3];
    native().random(&mut random).unwrap();
    let [coin, time @ ..] = random;
    // Half of the children are killed from before the vault is open on, half from their first write on, so that writing
    // children are killed on a slow machine too; each some dozens of writes later at most.
    let first = (coin % 2 == 0)
        .then(|| lines.find(|line| line.starts_with("ack ")))
        .flatten();
    std::thread::sleep(Duration::from_micros(u64::from(u16::from_be_bytes(time))));
    child.kill().unwrap();
    let parse = |line: String| {
        let (what, hex) = line.strip_prefix("ack ")?.split_once(' ')?;
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let id: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        Some((CredentialId::new(id).unwrap(), what.to_owned()))
    };
    let acknowledged = first.into_iter().chain(lines).filter_map(parse).collect();
    child.wait().unwrap();
    acknowledged
}
