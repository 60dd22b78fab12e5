//! What of the platform's state is broken, found by looking at the files: the role whose file it is may not run because of it.
//!
//! Each file is looked at as its role would read it, without opening what is sealed: what only its key can tell (a vault whose rows were
//! exchanged) the provider says. Nothing is changed here.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use claviger_broker::state_file::{damage, is_open_to_others, trouble};
use claviger_ctap::crypto::native;
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};
use claviger_vault::provider::PROVIDER_ID;
use serde_json::Value;

use crate::dirs::Dirs;

/// The largest of the small files, in bytes.
const MAX_SMALL: u64 = 16 * 1024 * 1024;

/// The largest list of a provider's passkeys, in bytes.
const MAX_CACHE: u64 = 256 * 1024 * 1024;

/// A request key with the time it was made, in bytes; the file holds one or two.
const REQUEST_KEY: usize = 40;

/// The longest file of sequence numbers, in bytes, as the SDK reads it.
const MAX_SEQUENCE: usize = 64;

/// How long the vault's record is, in bytes.
const HEADS: usize = 256;

/// The files of one user's platform.
struct Files {
    hello: PathBuf,
    vault: PathBuf,
    heads: PathBuf,
    pinned_keys: PathBuf,
    sequence: PathBuf,
    request_key: PathBuf,
    rules: PathBuf,
    providers: PathBuf,
    cache: PathBuf,
    cache_key: PathBuf,
    audit_log: PathBuf,
    doors: PathBuf,
    privileged_callers: PathBuf,
}

impl Files {
    fn of(dirs: &Dirs) -> Self {
        let broker = dirs.broker_state();
        Self {
            hello: dirs.hello_state().join("hello.state"),
            vault: dirs.vault().join("vault.sqlite3"),
            heads: dirs.state.join("vault/vault.heads"),
            pinned_keys: dirs.vault_state().join("keys.json"),
            sequence: dirs.vault_state().join("sequence"),
            request_key: broker.join(format!("providers/{PROVIDER_ID}.keys")),
            rules: broker.join("rules.json"),
            providers: broker.join("providers/providers.json"),
            cache: broker.join(format!("metadata/{PROVIDER_ID}.cache")),
            cache_key: broker.join("metadata/cache.key"),
            audit_log: broker.join("audit.jsonl"),
            doors: dirs.doors(),
            privileged_callers: dirs.config().join("privileged-callers"),
        }
    }
}

/// Whether a file may be missing, and who may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The user's alone, and there.
    Expected,
    /// The user's alone, if it is there.
    Possible,
    /// For everybody to read, if it is there, and maybe a link.
    Setting,
}

/// Everything that is broken, by what the files look like.
pub fn troubles(dirs: &Dirs) -> Vec<Trouble> {
    let files = Files::of(dirs);
    // What is there tells what must be there too: keys tell of a registration, a vault of the PIN that it opens by.
    let expected = |tells: &[&PathBuf]| {
        if tells.iter().any(|file| file.symlink_metadata().is_ok()) {
            Kind::Expected
        } else {
            Kind::Possible
        }
    };
    let registered = [&files.pinned_keys, &files.request_key];
    let small = |what, path: &Path, kind, is_whole: fn(&[u8]) -> bool| look(what, path, MAX_SMALL, kind, is_whole);
    [
        small(
            StateFile::Hello,
            &files.hello,
            expected(&[&files.vault, &files.heads]),
            has_checksum,
        ),
        look_at_vault(&files.vault, expected(&[&files.heads])),
        small(StateFile::Heads, &files.heads, expected(&[&files.vault]), |bytes| {
            bytes.len() == HEADS
        }),
        small(
            StateFile::PinnedKeys,
            &files.pinned_keys,
            expected(&registered),
            |bytes| json(bytes).is_some_and(|keys| keys.get("request_keys").and_then(Value::as_array).is_some()),
        ),
        small(StateFile::Sequence, &files.sequence, expected(&registered), |bytes| {
            (16..=MAX_SEQUENCE).contains(&bytes.len())
        }),
        small(
            StateFile::RequestKey,
            &files.request_key,
            expected(&registered),
            |bytes| {
                matches!(bytes.len().checked_div(REQUEST_KEY), Some(1 | 2)) && bytes.len().is_multiple_of(REQUEST_KEY)
            },
        ),
        small(StateFile::Rules, &files.rules, Kind::Possible, is_versioned),
        small(
            StateFile::Providers,
            &files.providers,
            expected(&[&files.request_key]),
            is_versioned,
        ),
        look(StateFile::Cache, &files.cache, MAX_CACHE, Kind::Possible, |bytes| {
            // Magic, nonce, tag; or magic, random, and the same after a length.
            let shortest = [
                (b"claviger-cache-1", 16 + 24 + 16),
                (b"claviger-cache-2", 32 + 4 + 24 + 16),
            ];
            let mut known = shortest.into_iter();
            known.any(|(magic, shortest)| bytes.starts_with(magic) && bytes.len() >= shortest)
        }),
        look(
            StateFile::CacheKey,
            &files.cache_key,
            32,
            expected(&[&files.cache]),
            |bytes| bytes.len() == 32,
        ),
        look_at_log(&files.audit_log, expected(&[&files.request_key])),
        small(StateFile::Doors, &files.doors, Kind::Setting, |bytes| {
            json(bytes).is_some_and(|doors| doors.is_object())
        }),
        small(
            StateFile::PrivilegedCallers,
            &files.privileged_callers,
            Kind::Setting,
            |bytes| std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0')),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn look(what: StateFile, path: &Path, limit: u64, kind: Kind, is_whole: fn(&[u8]) -> bool) -> Option<Trouble> {
    let content = if kind == Kind::Setting {
        claviger_files::read_followed(path, limit)
    } else {
        claviger_files::read(path, limit)
    };
    let damage = match content {
        Ok(None) if kind == Kind::Expected => Damage::Missing,
        Ok(None) => return None,
        Ok(Some(content)) if !is_whole(&content) => Damage::Malformed,
        Ok(Some(_)) => return open_to_others(what, path, kind),
        Err(error) => damage(&error),
    };
    Some(trouble(what, damage, path))
}

/// The vault is as large as its user has items, so only its beginning is read (SQLite's file format, section 1.3).
fn look_at_vault(path: &Path, kind: Kind) -> Option<Trouble> {
    let file = match claviger_files::open(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return (kind == Kind::Expected).then(|| trouble(StateFile::Vault, Damage::Missing, path));
        }
        Err(error) => return Some(trouble(StateFile::Vault, damage(&error), path)),
    };
    let length = file.metadata().map(|meta| meta.len()).unwrap_or_default();
    let mut header = Vec::new();
    let read = file.take(100).read_to_end(&mut header);
    if read.is_err() || pages(&header).is_none_or(|pages| pages > length) {
        return Some(trouble(StateFile::Vault, Damage::Malformed, path));
    }
    open_to_others(StateFile::Vault, path, kind)
}

/// How many bytes a database has by its own words.
fn pages(header: &[u8]) -> Option<u64> {
    let rest = header.strip_prefix(b"SQLite format 3\0")?;
    let size = match u16::from_be_bytes(*rest.first_chunk()?) {
        // The largest page does not fit into two bytes.
        1 => 65_536,
        size => u64::from(size),
    };
    let count = u32::from_be_bytes(*header.get(28..)?.first_chunk()?);
    (size >= 512 && header.len() == 100).then(|| size * u64::from(count))
}

/// Of the log, which may be long, only the ends are looked at; `claviger audit --verify` checks the whole.
fn look_at_log(path: &Path, kind: Kind) -> Option<Trouble> {
    let damage = match claviger_broker::audit::last(path, 1) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return (kind == Kind::Expected).then(|| trouble(StateFile::AuditLog, Damage::Missing, path));
        }
        Err(error) => damage(&error),
        Ok(lines) if !lines.last().is_some_and(Value::is_object) => Damage::Malformed,
        Ok(_) => return open_to_others(StateFile::AuditLog, path, kind),
    };
    Some(trouble(StateFile::AuditLog, damage, path))
}

fn open_to_others(what: StateFile, path: &Path, kind: Kind) -> Option<Trouble> {
    let open = match kind {
        Kind::Setting => std::fs::metadata(path)
            .is_ok_and(|meta| std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o022 != 0),
        Kind::Expected | Kind::Possible => is_open_to_others(path),
    };
    open.then(|| trouble(what, Damage::OpenToOthers, path))
}

fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

fn is_versioned(bytes: &[u8]) -> bool {
    json(bytes).is_some_and(|file| file.get("version").is_some_and(Value::is_u64))
}

/// Hello's file ends in a SHA-256 of what comes before it.
fn has_checksum(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk::<32>()
        .is_some_and(|(content, checksum)| !content.is_empty() && native().sha256(&[content]) == *checksum)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use claviger_prompt_api::messages::Messages;

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
        private(&files.request_key, [9; REQUEST_KEY]);
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
            // These may be missing: then there are no rules, no list, all doors, no further callers.
            (StateFile::Rules | StateFile::Cache | StateFile::Doors | StateFile::PrivilegedCallers, Harm::Missing) => {
                None
            }
            // A list may be short, even empty. A database grows; zeros behind its end are no harm.
            (StateFile::PrivilegedCallers, Harm::Empty | Harm::Truncated) | (StateFile::Vault, Harm::TooLong) => None,
            // They are no line of a log.
            (StateFile::AuditLog, Harm::TooLong) => Some(Damage::Malformed),
            // Longer than it can be is what these are by their own measure.
            (StateFile::CacheKey, Harm::Garbage) => Some(Damage::TooLarge),
            _ => Some(harm.told()),
        }
    }

    /// The table: each file, each damage; what is told, that there are a remedy and words for what still works, and that nothing else is
    /// told.
    #[test]
    fn every_damage_of_every_file_is_told_with_its_remedy() {
        let english = Messages::english();
        let (home, dirs) = healthy();
        assert_eq!(troubles(&dirs), []);
        drop(home);
        let names = |dirs: &Dirs| {
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
        };
        for index in 0..names(&dirs).len() {
            for harm in HARMS {
                let (_home, dirs) = healthy();
                let (what, path) = &names(&dirs)[index];
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
                    for text in [trouble.found(), trouble.remedy(), trouble.still_works()] {
                        assert!(english.text(&text).len() > 20, "{what:?}, {harm:?}");
                    }
                }
            }
        }
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
}
