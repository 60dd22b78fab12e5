#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use claviger_prompt_api::message::Message;
use claviger_prompt_api::messages::Messages;
use claviger_prompt_api::trouble::Offer;
use claviger_prompt_api::view::{Kind as Screen, View};

use super::*;

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    Missing,
    Empty,
    Garbage,
    Truncated,
    TooLong,
    WrongMode,
    Folder,
    Pipe,
    Link,
}

const HARMS: [Harm; 9] = [
    Harm::Missing,
    Harm::Empty,
    Harm::Garbage,
    Harm::Truncated,
    Harm::TooLong,
    Harm::WrongMode,
    Harm::Folder,
    Harm::Pipe,
    Harm::Link,
];

impl Harm {
    fn to(self, path: &Path) {
        let content = fs::read(path).unwrap();
        if matches!(self, Self::Missing | Self::Folder | Self::Pipe | Self::Link) {
            fs::remove_file(path).unwrap();
        }
        match self {
            Self::Missing => {}
            Self::Empty => fs::write(path, "").unwrap(),
            Self::Garbage => fs::write(path, [0xa5; 700]).unwrap(),
            Self::Truncated => fs::write(path, &content[..content.len() / 2]).unwrap(),
            Self::TooLong => fs::File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(1 << 40)
                .unwrap(),
            Self::WrongMode => fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap(),
            Self::Folder => fs::create_dir(path).unwrap(),
            Self::Pipe => rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap(),
            Self::Link => symlink("/dev/null", path).unwrap(),
        }
    }

    /// What is to be told of it, for a file that must be there.
    fn told(self) -> Damage {
        match self {
            Self::Missing => Damage::Missing,
            Self::Empty | Self::Garbage | Self::Truncated => Damage::Malformed,
            Self::TooLong => Damage::TooLarge,
            Self::WrongMode => Damage::OpenToOthers,
            Self::Folder | Self::Pipe | Self::Link => Damage::NotAFile,
        }
    }
}

fn private(path: &Path, content: impl AsRef<[u8]>) {
    claviger_files::make_folder(path.parent().unwrap()).unwrap();
    claviger_files::replace_private(path, content.as_ref(), claviger_files::Durability::Crash).unwrap();
}

/// The state of a platform that has been used.
fn healthy() -> (tempfile::TempDir, Dirs) {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs {
        config_home: home.path().join("config"),
        data_home: home.path().join("data"),
        state: home.path().join("state/claviger"),
        system_data: Vec::new(),
    };
    let files = Files::of(&dirs);
    let content = [7; 100];
    private(
        &files.hello,
        [content.as_slice(), &native().sha256(&[&content])].concat(),
    );
    let mut database = b"SQLite format 3\0\x10\0".to_vec();
    database.resize(28, 0);
    database.extend_from_slice(&2_u32.to_be_bytes());
    database.resize(8192, 0);
    private(&files.vault, database);
    private(&files.heads, [7; HEADS]);
    private(
        &files.pinned_keys,
        r#"{"version":1,"request_keys":["AQ"],"uv_key":null}"#,
    );
    private(&files.sequence, [0; 16]);
    private(&files.request_key, [0; REQUEST_KEY]);
    private(&files.rules, r#"{"version":1,"sites":{}}"#);
    private(&files.providers, r#"{"version":1,"providers":{}}"#);
    private(&files.cache, [b"claviger-cache-1".as_slice(), &[1; 60]].concat());
    private(&files.cache_key, [3; 32]);
    let mut log = claviger_broker::audit::AuditLog::open(&prepared(&files.audit_log), 1).unwrap();
    let started = claviger_broker::audit::Entry::ok(claviger_broker::audit::AuditEvent::Started);
    log.append(1, &started).unwrap();
    private(&files.doors, "{\"hid\": true}\n");
    private(&files.privileged_callers, "/opt/browser/browser\n");
    (home, dirs)
}

fn prepared(path: &Path) -> PathBuf {
    claviger_files::make_folder(path.parent().unwrap()).unwrap();
    path.to_owned()
}

/// What is expected of a file under a harm, where it is not what is expected of most.
fn expected(what: StateFile, harm: Harm) -> Option<Damage> {
    match (what, harm) {
        // Some may be missing: then there are no rules, no list, all doors, no further callers. A list may be short, even empty. A database
        // grows; zeros behind its end are no harm.
        (StateFile::Rules | StateFile::Cache | StateFile::Doors | StateFile::PrivilegedCallers, Harm::Missing)
        | (StateFile::PrivilegedCallers, Harm::Empty | Harm::Truncated)
        | (StateFile::Vault, Harm::TooLong) => None,
        // They are no line of a log.
        (StateFile::AuditLog, Harm::TooLong) => Some(Damage::Malformed),
        // Longer than it can be is what these are by their own measure.
        (StateFile::CacheKey, Harm::Garbage) => Some(Damage::TooLarge),
        _ => Some(harm.told()),
    }
}

/// What stands on the button that the settings have for it.
fn button(trouble: &Trouble) -> &'static str {
    match trouble.offer() {
        Some(Offer::DecideAnew) => "Open *Providers*",
        Some(Offer::Unlock(_)) => "Unlock",
        None => "none: by hand",
    }
}

/// What the prompt says on its notice, without marks.
fn shown(trouble: &Trouble) -> String {
    let view = View {
        kind: Screen::Notice,
        title: Some(Message::FailedTitle {}),
        troubles: vec![trouble.clone()],
        ..View::idle(1)
    };
    crate::prompt::terminal::draw(&view, &Messages::english()).join("\n")
}

/// Each file under what it is called in the table.
fn named(dirs: &Dirs) -> [(StateFile, PathBuf); 13] {
    let files = Files::of(dirs);
    [
        (StateFile::Hello, files.hello),
        (StateFile::Vault, files.vault),
        (StateFile::Heads, files.heads),
        (StateFile::PinnedKeys, files.pinned_keys),
        (StateFile::Sequence, files.sequence),
        (StateFile::RequestKey, files.request_key),
        (StateFile::Rules, files.rules),
        (StateFile::Providers, files.providers),
        (StateFile::Cache, files.cache),
        (StateFile::CacheKey, files.cache_key),
        (StateFile::AuditLog, files.audit_log),
        (StateFile::Doors, files.doors),
        (StateFile::PrivilegedCallers, files.privileged_callers),
    ]
}

/// The table in `docs/broken-files.md`, a line for each thing that is told.
#[derive(Default)]
struct Table {
    lines: Vec<String>,
}

impl Table {
    /// Holds the trouble to what must be told of any, and notes what is told.
    fn tell(&mut self, trouble: &Trouble) {
        let english = Messages::english();
        let said = trouble.said().map(|message| english.text(&message).trim().to_owned());
        assert!(said.iter().all(|text| text.len() > 20), "{trouble:?}");
        let file = trouble.file.to_string_lossy();
        let told = shown(trouble);
        for text in &said {
            assert!(told.contains(text.as_str()), "the prompt says {text}: {told}");
        }
        assert!(said[0].contains(&*file), "{trouble:?}");
        assert!(!told.contains("internal"), "{told}");
        let said = said.join(" ").replace(&*file, "FILE");
        let mut line = String::new();
        let (what, damage) = (trouble.what.code(), trouble.damage.code());
        write!(line, "| {what} | {damage} | {said} | {} |", button(trouble)).unwrap();
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    fn document(&self) -> String {
        let (head, _) = DOCUMENT.split_once(BEGINS).expect("the table's heading");
        format!("{head}{BEGINS}\n{}\n", self.lines.join("\n"))
    }
}

/// Where the table is for people.
const DOCUMENT: &str = include_str!("../../../../docs/broken-files.md");

/// The last line above the table's own.
const BEGINS: &str = "|---|---|---|---|";

/// The table: each file, each damage; what is told in `doctor`, `status` and the prompt, that there are a remedy and words for what still
/// works, which button the settings have, and that nothing else is told. What a disk refuses is told by the same words.
#[test]
fn every_damage_of_every_file_is_told_with_its_remedy() {
    let mut table = Table::default();
    let (home, dirs) = healthy();
    assert_eq!(troubles(&dirs), []);
    drop(home);
    for index in 0..named(&dirs).len() {
        for harm in HARMS {
            let (_home, dirs) = healthy();
            let (what, path) = &named(&dirs)[index];
            harm.to(path);
            let found = troubles(&dirs);
            let told: Vec<_> = found.iter().map(|trouble| (trouble.what, trouble.damage)).collect();
            let wanted: Vec<_> = expected(*what, harm)
                .map(|damage| (*what, damage))
                .into_iter()
                .collect();
            assert_eq!(told, wanted, "{what:?}, {harm:?}");
            for trouble in found {
                assert_eq!(trouble.file, *path);
                table.tell(&trouble);
            }
        }
        let (what, path) = &named(&dirs)[index];
        let unusable = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem];
        // The log is what needs room before anything is done.
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        let full = full.into_iter().filter(|_| *what == StateFile::AuditLog);
        for refused in unusable.into_iter().chain(full) {
            table.tell(&trouble(*what, damage(&refused.into()), path));
        }
    }
    let (_home, dirs) = healthy();
    let log = Files::of(&dirs).audit_log;
    table.tell(&clock(u64::MAX, 0, &log).unwrap());
    let document = table.document();
    assert!(document == DOCUMENT, "docs/broken-files.md is to be:\n{document}");
}

/// The clock of this machine is right; what was written before says a later time.
#[test]
fn a_clock_that_went_back_is_told_by_the_log_and_by_the_keys() {
    let next_week = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_hours(7 * 24);
    let next_week = u64::try_from(next_week.as_millis()).unwrap();
    let told = |dirs: &Dirs| {
        let found = troubles(dirs);
        let told = found
            .into_iter()
            .map(|trouble| (trouble.what, trouble.damage, trouble.file));
        told.collect::<Vec<_>>()
    };
    let (_home, dirs) = healthy();
    let log = Files::of(&dirs).audit_log;
    let entry = claviger_broker::audit::Entry::ok(claviger_broker::audit::AuditEvent::Started);
    let mut written = claviger_broker::audit::AuditLog::open(&log, 1).unwrap();
    written.append(next_week, &entry).unwrap();
    // What starts with the wrong time writes it down too, and is told all the same.
    written.append(2, &entry).unwrap();
    drop(written);
    assert_eq!(told(&dirs), [(StateFile::Clock, Damage::Behind, log)]);
    let (_home, dirs) = healthy();
    let key = Files::of(&dirs).request_key;
    private(
        &key,
        [[9; REQUEST_KEY - 8].as_slice(), &next_week.to_be_bytes()].concat(),
    );
    assert_eq!(told(&dirs), [(StateFile::Clock, Damage::Behind, key)]);
    // An hour is what people set their clocks by.
    let an_hour_ago = next_week - 7 * 24 * 3600 * 1000 + 3600 * 1000;
    private(
        &Files::of(&dirs).request_key,
        [[9; REQUEST_KEY - 8].as_slice(), &an_hour_ago.to_be_bytes()].concat(),
    );
    assert_eq!(told(&dirs), []);
}

#[test]
fn a_machine_that_has_nothing_yet_misses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs {
        config_home: home.path().join("config"),
        data_home: home.path().join("data"),
        state: home.path().join("state"),
        system_data: Vec::new(),
    };
    assert_eq!(troubles(&dirs), []);
}
