//! What only the inside can arrange: disks that are full, files that cannot be written.

use claviger_ctap::crypto::native;

use super::*;

const SECRET: [u8; 32] = [1; 32];

fn open(dir: &std::path::Path) -> Result<Vault, Error> {
    let options = Options {
        data_dir: dir.join("data"),
        state_dir: dir.join("state"),
    };
    let mut vault = Vault::attach(&options, native())?;
    vault.unlock(&SECRET, 1).map(|()| vault)
}

fn note(title: &str) -> Item {
    Item::new(ItemId::random(native()).unwrap(), title)
}

fn pragma(vault: &Vault, name: &str, value: i64) {
    let db = vault.open.as_ref().unwrap().store.database();
    db.query_row(&format!("PRAGMA {name} = {value}"), [], |_| Ok(()))
        .or_else(|e| match e {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            e => Err(e),
        })
        .unwrap();
}

#[test]
fn a_full_disk_says_so_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    vault.add(note("before"), 1).unwrap();
    pragma(&vault, "max_page_count", 1);
    let mut failed = 0;
    for n in 0..100 {
        match vault.add(note(&n.to_string()), 1) {
            Ok(_) => assert_eq!(failed, 0),
            Err(e) => {
                assert!(matches!(e, Error::DiskFull), "{e}");
                failed += 1;
            }
        }
    }
    assert!(failed > 0);
    assert!(!vault.is_locked(), "reading goes on");
    let kept = 101 - failed;
    assert_eq!(vault.verify().unwrap().items, kept);
    pragma(&vault, "max_page_count", 1 << 20);
    vault.add(note("after"), 1).unwrap();
    drop(vault);
    assert_eq!(open(dir.path()).unwrap().verify().unwrap().items, kept + 1);
}

#[test]
fn a_file_that_cannot_be_written_says_so_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    vault.add(note("before"), 1).unwrap();
    pragma(&vault, "query_only", 1);
    let error = vault.add(note("x"), 1).unwrap_err();
    assert!(matches!(error, Error::ReadOnly(_)), "{error}");
    assert_eq!(vault.verify().unwrap().items, 1);
    pragma(&vault, "query_only", 0);
    vault.add(note("after"), 1).unwrap();
    assert_eq!(vault.verify().unwrap().items, 2);
}

#[test]
fn what_is_no_vault_is_called_so_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data/vault.sqlite3");
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(&file, b"somebody else's file, which is not a database at all").unwrap();
    assert!(matches!(open(dir.path()), Err(Error::NotAVault(_))));
    assert!(std::fs::read(&file).unwrap().starts_with(b"somebody"));

    std::fs::remove_file(&file).unwrap();
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    assert!(matches!(open(dir.path()), Err(Error::NotAVault(_))));
}

#[test]
fn a_corrupt_file_is_called_damaged_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    for n in 0..50 {
        vault.add(note(&n.to_string()), 1).unwrap();
    }
    drop(vault);
    let file = dir.path().join("data/vault.sqlite3");
    let mut bytes = std::fs::read(&file).unwrap();
    for at in (2 * 4096..bytes.len()).step_by(64) {
        bytes[at] ^= 0xff;
    }
    std::fs::write(&file, &bytes).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, Error::Damaged(_)), "{error}");
    assert_eq!(std::fs::read(&file).unwrap().len(), bytes.len());
}

#[test]
fn a_format_of_the_future_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let file = dir.path().join("data/vault.sqlite3");
    rusqlite::Connection::open(&file)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert!(matches!(open(dir.path()), Err(Error::Newer { found: 99, known: 1 })));
}

#[test]
fn a_vault_half_made_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("data")).unwrap();
    std::fs::create_dir_all(dir.path().join("state")).unwrap();
    std::fs::write(dir.path().join("data/vault.new"), b"torn").unwrap();
    std::fs::write(
        dir.path().join("state/vault.heads"),
        b"of the vault that never came to be",
    )
    .unwrap();
    let mut vault = open(dir.path()).unwrap();
    vault.add(note("x"), 1).unwrap();
    assert!(!dir.path().join("data/vault.new").exists());
}
