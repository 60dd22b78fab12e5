//! Whoever can write the file and has no key: everything they can do to it shows. One test for each attack, named after
//! the class it belongs to (reference: managers.md, section 1.2, *vault integrity* and *rollback*).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::{Path, PathBuf};

use claviger_account as account;
use claviger_account::ids::ItemId;
use claviger_account::item::Item;
use claviger_ctap::crypto::native;
use claviger_vault::{Damage, Error, ItemFault, RESTORED_WORD, Vault};
use common::{SECRET, add, open, options};
use rusqlite::Connection;
use tempfile::TempDir;

fn file(directory: &Path) -> PathBuf {
    directory.join("data/vault.sqlite3")
}

/// A vault with three passkeys, one of them renamed, closed.
fn closed() -> (TempDir, Vec<ItemId>) {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let users = ["alice", "bob", "carol"];
    let records: Vec<_> = users
        .iter()
        .map(|user| add(&mut vault, "a.example", user).unwrap())
        .collect();
    vault
        .rename_passkey(&records[0].id, Some("alice2".into()), None, 2)
        .unwrap();
    let items = records.iter().map(|r| vault.passkey(&r.id).unwrap().item).collect();
    (dir, items)
}

fn attack(dir: &TempDir, sql: &str) {
    Connection::open(file(dir.path())).unwrap().execute_batch(sql).unwrap();
}

fn hex(item: ItemId) -> String {
    format!("{:032x}", u128::from_be_bytes(item.0))
}

/// The vault opens, serves all but `item`, and says what is wrong with that one.
fn loses_only(dir: &TempDir, expected: &[(ItemId, ItemFault)]) {
    let vault = open(dir.path()).unwrap();
    let mut damage = vault.damage().unwrap().to_vec();
    let mut expected: Vec<_> = expected
        .iter()
        .map(|&(item, fault)| Damage::Item { item, fault })
        .collect();
    damage.sort_by_key(ToString::to_string);
    expected.sort_by_key(ToString::to_string);
    assert_eq!(damage, expected);
    assert_eq!(vault.verify().unwrap().damage.len(), expected.len());
    let known = expected.iter().filter(|d| !d.to_string().contains("inserted")).count();
    assert_eq!(vault.find("a.example").unwrap().len(), 3 - known);
}

fn refused(dir: &TempDir) -> Error {
    open(dir.path()).unwrap_err()
}

#[test]
fn fields_swapped_between_items() {
    for field in ["body", "wrapped_key", "header", "item"] {
        let (dir, items) = closed();
        let (a, b) = (hex(items[1]), hex(items[2]));
        attack(
            &dir,
            &format!(
                "CREATE TEMP TABLE t AS SELECT item i, {field} f FROM items;
                 UPDATE items SET item = zeroblob(16) WHERE item = x'{a}' AND '{field}' = 'item';
                 UPDATE items SET {field} = (SELECT f FROM t WHERE i = x'{a}') WHERE item = x'{b}';
                 UPDATE items SET {field} = (SELECT f FROM t WHERE i = x'{b}')
                     WHERE item = CASE '{field}' WHEN 'item' THEN zeroblob(16) ELSE x'{a}' END;"
            ),
        );
        loses_only(&dir, &[(items[1], ItemFault::Altered), (items[2], ItemFault::Altered)]);
    }
}

#[test]
fn an_old_revision_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let record = add(&mut vault, "a.example", "alice").unwrap();
    add(&mut vault, "a.example", "bob").unwrap();
    add(&mut vault, "a.example", "carol").unwrap();
    let item = vault.passkey(&record.id).unwrap().item;
    vault.lock();
    let old: (Vec<u8>, Vec<u8>, Vec<u8>) = Connection::open(file(dir.path()))
        .unwrap()
        .query_row(
            "SELECT header, wrapped_key, body FROM items WHERE item = ?",
            [&item.0[..]],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    vault.unlock(&SECRET, 1).unwrap();
    vault
        .rename_passkey(&record.id, Some("alice2".into()), None, 2)
        .unwrap();
    drop(vault);
    Connection::open(file(dir.path()))
        .unwrap()
        .execute(
            "UPDATE items SET header = ?1, wrapped_key = ?2, body = ?3 WHERE item = ?4",
            rusqlite::params![old.0, old.1, old.2, &item.0[..]],
        )
        .unwrap();
    loses_only(&dir, &[(item, ItemFault::Altered)]);
}

#[test]
fn a_row_deleted_and_a_row_inserted() {
    let (dir, items) = closed();
    attack(&dir, &format!("DELETE FROM items WHERE item = x'{}'", hex(items[1])));
    loses_only(&dir, &[(items[1], ItemFault::Missing)]);

    let (dir, _) = closed();
    attack(
        &dir,
        "INSERT INTO items SELECT x'00112233445566778899aabbccddeeff', header, wrapped_key, body FROM items LIMIT 1",
    );
    let item = ItemId([
        0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
    ]);
    loses_only(&dir, &[(item, ItemFault::Unknown)]);
}

#[test]
fn a_damaged_item_cannot_be_overwritten_by_an_edit() {
    let (dir, items) = closed();
    attack(
        &dir,
        &format!(
            "UPDATE items SET body = zeroblob(1064) WHERE item = x'{}'",
            hex(items[1])
        ),
    );
    let mut vault = open(dir.path()).unwrap();
    assert!(matches!(vault.item(items[1]), Err(Error::Damaged(_))));
    assert!(matches!(vault.remove(items[1], 1), Err(Error::Damaged(_))));
    add(&mut vault, "a.example", "dave").unwrap();
}

#[test]
fn the_log_cut_off() {
    // Only the log: the items that it no longer explains show too, but the head is what says it.
    let (dir, _) = closed();
    attack(&dir, "DELETE FROM log WHERE sequence = 4");
    assert!(matches!(refused(&dir), Error::RolledBack { seen: 4, found: 3 }));

    // The log and everything that its last change did: in itself a perfect vault, one change younger.
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    add(&mut vault, "a.example", "alice").unwrap();
    let record = add(&mut vault, "a.example", "bob").unwrap();
    let item = vault.passkey(&record.id).unwrap().item;
    drop(vault);
    attack(
        &dir,
        &format!(
            "DELETE FROM log WHERE sequence = 2; DELETE FROM items WHERE item = x'{}'",
            hex(item)
        ),
    );
    assert!(matches!(refused(&dir), Error::RolledBack { seen: 2, found: 1 }));
}

#[test]
fn the_log_reordered_thinned_or_altered() {
    let broken = |sql: &str, at: u64| {
        let (dir, _) = closed();
        attack(&dir, sql);
        match refused(&dir) {
            Error::Damaged(Damage::Account(account::Damage::Log { sequence, .. })) => assert_eq!(sequence, at, "{sql}"),
            other => panic!("{sql}: {other}"),
        }
    };
    broken(
        "UPDATE log SET sequence = 99 WHERE sequence = 2; UPDATE log SET sequence = 2 WHERE sequence = 3;
         UPDATE log SET sequence = 3 WHERE sequence = 99",
        2,
    );
    broken("DELETE FROM log WHERE sequence = 2", 2);
    broken(
        "UPDATE log SET change = (SELECT change FROM log WHERE sequence = 1) WHERE sequence = 3",
        3,
    );
    broken("UPDATE log SET change = x'00' WHERE sequence = 1", 1);
    broken("INSERT INTO log SELECT 5, change FROM log WHERE sequence = 4", 5);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The user's word for the next unlock.
fn say_it_is_meant(dir: &TempDir) {
    std::fs::write(word(dir), "").unwrap();
}

fn word(dir: &TempDir) -> std::path::PathBuf {
    dir.path().join("state").join(RESTORED_WORD)
}

#[test]
fn the_whole_file_rolled_back_is_refused_until_the_user_says_so() {
    let (dir, _) = closed();
    let backup = dir.path().join("backup");
    copy(&dir.path().join("data"), &backup);
    let mut vault = open(dir.path()).unwrap();
    add(&mut vault, "a.example", "dave").unwrap();
    drop(vault);
    copy(&backup, &dir.path().join("data"));
    let older = refused(&dir);
    assert!(matches!(older, Error::RolledBack { seen: 5, found: 4 }));
    assert!(older.to_string().contains("lacks the last change"), "{older}");

    // The same length, another history: a fork.
    let heads = std::fs::read(dir.path().join("state/vault.heads")).unwrap();
    say_it_is_meant(&dir);
    let mut vault = Vault::attach(&options(dir.path()), native()).unwrap();
    assert!(matches!(vault.unlock(&[9; 32], 1), Err(Error::WrongSecret)));
    vault.unlock(&SECRET, 1).unwrap();
    assert_eq!(vault.find("a.example").unwrap().len(), 3);
    add(&mut vault, "a.example", "erin").unwrap();
    drop(vault);
    assert_eq!(
        open(dir.path()).unwrap().find("a.example").unwrap().len(),
        4,
        "accepted once, good from then on"
    );
    std::fs::write(dir.path().join("state/vault.heads"), heads).unwrap();
    let fork = refused(&dir);
    assert!(matches!(fork, Error::RolledBack { seen: 5, found: 5 }));
    assert!(fork.to_string().contains("other changes"), "{fork}");
}

#[test]
fn the_record_of_heads_gone_torn_or_another_vaults() {
    let (dir, _) = closed();
    let heads = dir.path().join("state/vault.heads");
    let good = std::fs::read(&heads).unwrap();

    // One slot torn: the other one is a change behind, and that is all.
    let mut torn = good.clone();
    torn[3] ^= 1;
    std::fs::write(&heads, torn).unwrap();
    open(dir.path()).unwrap();
    assert_eq!(std::fs::read(&heads).unwrap().len(), good.len());

    std::fs::remove_file(&heads).unwrap();
    assert!(matches!(refused(&dir), Error::HeadsMissing(_)));
    let (other, _) = closed();
    std::fs::copy(other.path().join("state/vault.heads"), &heads).unwrap();
    assert!(matches!(refused(&dir), Error::HeadsMissing(_)));
    std::fs::write(&heads, good).unwrap();
    open(dir.path()).unwrap();
}

#[test]
fn another_vaults_ledger_member_or_key() {
    let (dir, _) = closed();
    let (other, _) = closed();
    let table = |table: &str| {
        let (copy, _) = closed();
        for name in ["data/vault.sqlite3", "state/vault.heads"] {
            std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        attack(
            &copy,
            &format!(
                "ATTACH '{}' AS other; UPDATE {table} SET {column} = (SELECT {column} FROM other.{table})",
                file(other.path()).display(),
                column = if table == "ledger" { "entry" } else { "sealed" },
            ),
        );
        refused(&copy)
    };
    // The account's id is its genesis, and the member record is bound to it.
    assert!(matches!(table("ledger"), Error::WrongSecret));
    assert!(matches!(table("members"), Error::WrongSecret));
    assert!(matches!(
        table("vault_keys"),
        Error::Damaged(Damage::Account(account::Damage::Record("vault key")))
    ));
}

#[test]
fn a_snapshot_altered_or_of_another_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let record = add(&mut vault, "a.example", "alice").unwrap();
    for n in 0..300_u64 {
        vault.rename_passkey(&record.id, Some(n.to_string()), None, n).unwrap();
    }
    drop(vault);
    attack(&dir, "UPDATE snapshot SET state = zeroblob(56)");
    assert!(matches!(
        refused(&dir),
        Error::Damaged(Damage::Account(account::Damage::Snapshot))
    ));
    // Without it, everything is verified from the genesis.
    attack(&dir, "DELETE FROM snapshot");
    assert_eq!(open(dir.path()).unwrap().find("a.example").unwrap()[0].username, "299");
}

#[test]
fn the_file_deleted_is_not_quietly_replaced_by_an_empty_vault() {
    let (dir, _) = closed();
    let aside = dir.path().join("aside");
    std::fs::rename(file(dir.path()), &aside).unwrap();
    assert!(matches!(refused(&dir), Error::Gone(_)));
    assert!(!file(dir.path()).exists());
    std::fs::rename(&aside, file(dir.path())).unwrap();
    assert_eq!(open(dir.path()).unwrap().find("a.example").unwrap().len(), 3);

    std::fs::remove_file(file(dir.path())).unwrap();
    say_it_is_meant(&dir);
    let mut vault = open(dir.path()).unwrap();
    assert!(vault.find("a.example").unwrap().is_empty());
    say_it_is_meant(&dir);
    vault.unlock(&SECRET, 1).unwrap();
    assert!(!word(&dir).exists(), "said to an open vault it is not kept for later");
}

#[test]
fn among_many_items_exactly_the_damaged_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path()).unwrap();
    let ids: Vec<_> = (0..2000).map(|_| ItemId::random(native()).unwrap()).collect();
    vault
        .import(ids.iter().map(|&id| Item::new(id, "x")).collect(), 1)
        .unwrap();
    let records: Vec<_> = (0..3)
        .map(|n| add(&mut vault, "a.example", &n.to_string()).unwrap())
        .collect();
    let passkey = vault.passkey(&records[0].id).unwrap().item;
    drop(vault);
    attack(
        &dir,
        &format!(
            "DELETE FROM items WHERE item = x'{}'; UPDATE items SET body = zeroblob(9) WHERE item IN (x'{}', x'{}')",
            hex(ids[3]),
            hex(ids[1999]),
            hex(passkey),
        ),
    );
    let expected = [
        (ids[3], ItemFault::Missing),
        (ids[1999], ItemFault::Altered),
        (passkey, ItemFault::Altered),
    ];
    let vault = open(dir.path()).unwrap();
    let damage = vault.damage().unwrap();
    assert_eq!(damage.len(), 3);
    assert!(
        expected
            .iter()
            .all(|&(item, fault)| damage.contains(&Damage::Item { item, fault }))
    );
    assert_eq!(vault.find("a.example").unwrap().len(), 2);
    assert_eq!(vault.verify().unwrap().items, 2000);
}
