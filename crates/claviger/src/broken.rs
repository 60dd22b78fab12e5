//! What of the platform's state is broken, found by looking at the files: the role whose file it is may not run because of it.
//!
//! Each file is looked at as its role would read it, without opening what is sealed: what only its key can tell (a vault whose rows were
//! exchanged) the provider says. Nothing is changed here.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use claviger_broker::state_file::{clock, damage, is_open_to_others, trouble};
use claviger_ctap::crypto::native;
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};
use claviger_vault::provider::PROVIDER_ID;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::dirs::Dirs;

/// The largest of the small files, in bytes.
const MAX_SMALL: u64 = 16 * 1024 * 1024;

/// The largest list of a provider's passkeys, in bytes.
const MAX_CACHE: u64 = 256 * 1024 * 1024;

/// How many of the log's last entries are asked for their time. A clock that is wrong at each start is in the last of them only.
const DATED_ENTRIES: usize = 1000;

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
            is_request_keys,
        ),
        small(StateFile::Rules, &files.rules, Kind::Possible, is_versioned),
        small(
            StateFile::Providers,
            &files.providers,
            expected(&[&files.request_key]),
            is_versioned,
        ),
        look_at_cache(&files.cache),
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
        look_at_clock(&files),
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
    // Some of them are keys.
    let damage = match content.map(|content| content.map(Zeroizing::new)) {
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

/// A list is as long as its provider has passkeys, so only its beginning is read: magic, nonce, tag; or magic, random, and the same after a
/// length.
fn look_at_cache(path: &Path) -> Option<Trouble> {
    const SHORTEST: [(&[u8], u64); 2] = [
        (b"claviger-cache-1", 16 + 24 + 16),
        (b"claviger-cache-2", 32 + 4 + 24 + 16),
    ];
    let broken = |damage| Some(trouble(StateFile::Cache, damage, path));
    let file = match claviger_files::open(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return broken(damage(&error)),
    };
    let length = file.metadata().map(|meta| meta.len()).unwrap_or_default();
    let mut magic = Vec::new();
    if file.take(16).read_to_end(&mut magic).is_err() {
        return broken(Damage::Unusable);
    }
    match SHORTEST.iter().find(|(known, _)| *known == magic) {
        _ if length > MAX_CACHE => broken(Damage::TooLarge),
        Some((_, shortest)) if length >= *shortest => open_to_others(StateFile::Cache, path, Kind::Possible),
        _ => broken(Damage::Malformed),
    }
}

/// The latest time that something was written at, by the log's last entries and by the keys, against the time that it is now.
fn look_at_clock(files: &Files) -> Option<Trouble> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let entries = claviger_broker::audit::last(&files.audit_log, DATED_ENTRIES).unwrap_or_default();
    let logged = entries.iter().filter_map(|entry| entry.get("time")?.as_u64()).max();
    let keys = claviger_files::read(&files.request_key, MAX_SMALL)
        .ok()
        .flatten()
        .map(Zeroizing::new);
    let made = keys.as_ref().filter(|keys| is_request_keys(keys)).and_then(|keys| {
        let times = keys.chunks_exact(REQUEST_KEY).filter_map(|key| key.last_chunk::<8>());
        times.map(|time| u64::from_be_bytes(*time)).max()
    });
    let dated = [(logged, &files.audit_log), (made, &files.request_key)];
    let mut dated = dated.into_iter().filter_map(|(time, file)| Some((time?, file)));
    dated.find_map(|(latest_ms, file)| clock(latest_ms, now_ms, file))
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

/// The current key, and maybe the one before it.
fn is_request_keys(bytes: &[u8]) -> bool {
    [REQUEST_KEY, 2 * REQUEST_KEY].contains(&bytes.len())
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
mod tests;
