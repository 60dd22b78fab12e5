//! The platform's own files, read so that a damaged one stops nothing: it is set aside, noted, and gone on without.
//!
//! What to go on with is for the file's owner to say; it errs on the side of asking the user once more.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use claviger_files::Unfit;
use claviger_prompt_api::trouble::{Damage, StateFile, Trouble};
use zeroize::Zeroizing;

/// A day in milliseconds.
const A_DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Reads a file of at most `limit` bytes. `None` if there is none, or none that can be used: then it is set aside and noted.
pub(crate) fn load<T>(
    what: StateFile,
    path: &Path,
    limit: u64,
    troubles: &mut Vec<Trouble>,
    parse: impl FnOnce(&[u8]) -> Result<T, Damage>,
) -> Option<T> {
    let content = match claviger_files::read(path, limit) {
        // It may be a key.
        Ok(content) => Zeroizing::new(content?),
        Err(error) => {
            troubles.push(set_aside(what, damage(&error), path));
            return None;
        }
    };
    match parse(&content) {
        Ok(value) => {
            if is_open_to_others(path) {
                troubles.push(noted(trouble(what, Damage::OpenToOthers, path)));
            }
            Some(value)
        }
        Err(damage) => {
            troubles.push(set_aside(what, damage, path));
            None
        }
    }
}

/// Makes a folder for the user only, in the place of whatever else is there.
pub(crate) fn make_folder(path: &Path, troubles: &mut Vec<Trouble>) -> io::Result<()> {
    match claviger_files::make_folder(path) {
        Err(_) if std::fs::symlink_metadata(path).is_ok() && !path.is_dir() => {
            troubles.push(set_aside(StateFile::Folder, Damage::NotAFile, path));
            claviger_files::make_folder(path)
        }
        made => made,
    }
}

/// Moves what is at `path` out of the way. Where that fails it stays, and cannot be replaced either.
pub(crate) fn set_aside(what: StateFile, damage: Damage, path: &Path) -> Trouble {
    let set_aside = claviger_files::set_aside(path, SystemTime::now()).unwrap_or_else(|error| {
        tracing::error!(path = %path.display(), %error, "a damaged file cannot be moved out of the way");
        None
    });
    noted(Trouble {
        set_aside,
        ..trouble(what, damage, path)
    })
}

/// What is wrong with a file that stays where it is.
pub fn trouble(what: StateFile, damage: Damage, path: &Path) -> Trouble {
    Trouble {
        what,
        damage,
        file: path.to_owned(),
        provider: None,
        set_aside: None,
    }
}

/// Whether the clock has gone back: a file has the time `latest_ms` in it, and it is `now_ms` (Unix milliseconds). People correct a
/// clock by hours, and those who travel by a day.
pub fn clock(latest_ms: u64, now_ms: u64, file: &Path) -> Option<Trouble> {
    let has_gone_back = latest_ms > now_ms.saturating_add(A_DAY_MS);
    has_gone_back.then(|| trouble(StateFile::Clock, Damage::Behind, file))
}

/// Says it in the log too.
pub(crate) fn noted(trouble: Trouble) -> Trouble {
    tracing::error!("{trouble}");
    trouble
}

/// What an error of reading or writing says of the file.
pub fn damage(error: &io::Error) -> Damage {
    match Unfit::of(error) {
        Some(Unfit::NotAFile) => Damage::NotAFile,
        Some(Unfit::TooLarge) => Damage::TooLarge,
        None if matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        ) =>
        {
            Damage::NoSpace
        }
        None => Damage::Unusable,
    }
}

/// Whether others than the user may read or change a file.
pub fn is_open_to_others(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.mode() & 0o077 != 0)
}
