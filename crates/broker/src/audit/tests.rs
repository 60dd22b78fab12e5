#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use claviger_joint::envelope::Door;
use claviger_peer::Standing;

use super::entry::MAX_FIELD;
use super::*;
use crate::types::Cause;

fn entry(detail: &str) -> Entry {
    Entry {
        caller: Some(Who {
            door: Door::Browser,
            name: "Chromium".into(),
            executable: "/usr/bin/chromium".into(),
            standing: Standing::Unproved,
        }),
        rp_id: Some("example.org".into()),
        ..Entry::failed(AuditEvent::Get, Cause::NoCredential).detail(detail)
    }
}

fn log(lines: u64) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let mut audit = AuditLog::open(&path, 1).unwrap();
    for number in 0..lines {
        audit.append(number, &entry("a \"quoted\",\"hash\":\" cause")).unwrap();
    }
    (dir, path)
}

#[test]
fn chain_verifies_across_reopening() {
    let (_dir, path) = log(5);
    let head = {
        let mut audit = AuditLog::open(&path, 9).unwrap();
        audit.append(10, &Entry::ok(AuditEvent::Started)).unwrap();
        audit.head()
    };
    assert_eq!(head.seq, 6);
    assert_eq!(verify(&path).unwrap(), head);
}

#[test]
fn a_log_without_the_entry_that_its_writer_knows_is_not_intact() {
    let (_dir, path) = log(5);
    let head = verify(&path).unwrap();
    let before = {
        let mut audit = AuditLog::open(&path, 9).unwrap();
        audit.append(10, &entry("later")).unwrap();
        head.clone()
    };
    assert_eq!(
        verify_with(&path, &before).unwrap().seq,
        6,
        "what was written since is no fault"
    );
    let whole = std::fs::read_to_string(&path).unwrap();
    for kept in 0..5 {
        let cut: String = whole.split_inclusive('\n').take(kept).collect();
        std::fs::write(&path, cut).unwrap();
        assert!(verify(&path).is_ok());
        let refused = verify_with(&path, &before).unwrap_err();
        assert!(
            matches!(refused, VerifyError::OtherHead { known: 5 }),
            "{kept}: {refused}"
        );
    }
    // As long, and another one.
    std::fs::remove_file(&path).unwrap();
    let mut forged = AuditLog::open(&path, 9).unwrap();
    for number in 0..7 {
        forged.append(number, &entry("forged")).unwrap();
    }
    assert!(matches!(
        verify_with(&path, &before),
        Err(VerifyError::OtherHead { .. })
    ));
}

#[test]
fn a_second_broker_is_refused() {
    let (_dir, path) = log(1);
    let _first = AuditLog::open(&path, 1).unwrap();
    assert!(matches!(AuditLog::open(&path, 1), Err(AuditError::InUse(_))));
}

#[test]
fn the_folder_may_be_behind_a_link_and_the_log_is_none() {
    let (dir, path) = log(2);
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(dir.path(), &link).unwrap();
    let behind = link.join("audit.jsonl");
    AuditLog::open(&behind, 9).unwrap().append(9, &entry("x")).unwrap();
    assert_eq!(verify(&behind).unwrap().seq, 3);
    assert_eq!(last(&behind, 9).unwrap().len(), 3);

    std::os::unix::fs::symlink(&path, dir.path().join("other")).unwrap();
    assert!(verify(&dir.path().join("other")).is_err());
    assert!(last(&dir.path().join("other"), 9).is_err());
    let new = AuditLog::open(&dir.path().join("other"), 9).unwrap();
    assert_eq!(new.head().seq, 1, "a new log begins by telling of the link");
    assert_eq!(verify(&path).unwrap().seq, 3, "what is behind the link stays as it was");
}

#[test]
fn torn_line_is_cut_off_and_recorded_wherever_it_tore() {
    let (_dir, path) = log(3);
    let whole = std::fs::read(&path).unwrap();
    let second_end = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0 + 1;
    for end in second_end + 1..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        assert!(matches!(verify(&path), Err(VerifyError::Damaged { line: 3, .. })));
        drop(AuditLog::open(&path, 7).unwrap());
        assert_eq!(verify(&path).unwrap().seq, 3);
        assert_eq!(last(&path, 1).unwrap()[0]["event"], "repaired");
    }
}

#[test]
fn every_changed_byte_shows() {
    let (_dir, path) = log(3);
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x01;
        std::fs::write(&path, &changed).unwrap();
        assert!(verify(&path).is_err(), "byte {at}");
    }
}

#[test]
fn removed_swapped_and_repeated_lines_show() {
    let (_dir, path) = log(4);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for order in [vec![0, 2, 3], vec![0, 2, 1, 3], vec![0, 1, 1, 2, 3], vec![1, 2, 3]] {
        let changed: Vec<&str> = order.iter().map(|n| lines[*n]).collect();
        std::fs::write(&path, changed.join("\n") + "\n").unwrap();
        assert!(
            matches!(verify(&path), Err(VerifyError::ChainBroken { .. })),
            "{order:?}"
        );
    }
}

#[test]
fn damage_at_the_end_stays_visible() {
    let (_dir, path) = log(2);
    let text = std::fs::read_to_string(&path)
        .unwrap()
        .replacen("Chromium", "chromium", 2);
    std::fs::write(&path, text).unwrap();
    let mut audit = AuditLog::open(&path, 7).unwrap();
    audit.append(8, &Entry::ok(AuditEvent::Started)).unwrap();
    assert_eq!(last(&path, 2).unwrap()[0]["event"], "broken");
    assert!(verify(&path).is_err());
}

#[test]
fn long_fields_are_cut_and_control_characters_cannot_end_a_line() {
    let (_dir, path) = log(0);
    let mut audit = AuditLog::open(&path, 1).unwrap();
    audit.append(1, &entry(&format!("\n{}", "ä".repeat(5000)))).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    assert_eq!(
        last(&path, 9).unwrap()[0]["detail"].as_str().unwrap().chars().count(),
        MAX_FIELD + 1
    );
    assert_eq!(verify(&path).unwrap().seq, 1);
}

#[test]
fn last_reads_only_the_end() {
    let (_dir, path) = log(500);
    let lines = last(&path, 3).unwrap();
    assert_eq!(
        lines
            .iter()
            .map(|line| line["seq"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [498, 499, 500]
    );
}

#[test]
fn a_failure_tells_its_cause_and_whose_fault_it_is() {
    let (_dir, path) = log(1);
    let line = &last(&path, 1).unwrap()[0];
    assert_eq!(
        (&line["cause"], &line["fault"]),
        (&"no-credential".into(), &"user".into())
    );
    let mut audit = AuditLog::open(&path, 1).unwrap();
    audit.append(2, &Entry::ok(AuditEvent::Started)).unwrap();
    let line = &last(&path, 1).unwrap()[0];
    assert!(line.get("cause").is_none() && line.get("fault").is_none());
}
