//! What cannot be used, moved out of the way and kept: a file's owner goes on without it, and its person can look at it later.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::folder::Folder;

/// What stands between a file's name and the date when it was set aside.
pub const ASIDE_MARK: &str = ".damaged-";

/// How many things may be set aside under one name in one second.
const MAX_IN_A_SECOND: u32 = 1000;

/// Gives what is at `path`, whatever it is, a dated name of its own beside it (`rules.json.damaged-20261126T173300Z`), and returns
/// that; `None` if there is nothing. Nothing is deleted, and nothing that has such a name already is replaced.
///
/// # Errors
/// The folder's: then everything is where it was.
pub fn set_aside(path: &Path, now: SystemTime) -> io::Result<Option<PathBuf>> {
    let (folder, name) = Folder::of(path)?;
    let date = date(now);
    for attempt in 1..=MAX_IN_A_SECOND {
        let mut aside = OsString::from(name);
        aside.push(ASIDE_MARK);
        aside.push(&date);
        if attempt > 1 {
            aside.push(format!("-{attempt}"));
        }
        match renameat_with(&folder, name, &folder, &aside, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(Some(path.with_file_name(aside))),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A time in UTC as ISO 8601 writes it without marks: `20261126T173300Z`.
fn date(time: SystemTime) -> String {
    const DAYS_PER_ERA: u64 = 146_097;
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // Days since 0000-03-01, so that the day of a leap year comes last (H. Hinnant, "chrono-compatible low-level date algorithms").
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year = (day - day / 1460 + day / 36_524 - day / (DAYS_PER_ERA - 1)) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day_of_month:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;

    const NOW_SECONDS: u64 = 1_795_714_380;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, written) in [
            (0, "19700101T000000Z"),
            (951_827_696, "20000229T123456Z"),
            (1_795_714_380, "20261126T173300Z"),
            (4_107_542_399, "21000228T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), written);
        }
    }

    #[test]
    fn whatever_it_is_gets_a_name_of_its_own_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rules.json");
        let aside = || set_aside(&path, UNIX_EPOCH + Duration::from_secs(NOW_SECONDS)).unwrap();
        assert_eq!(aside(), None);
        fs::write(&path, "first").unwrap();
        let first = aside().unwrap();
        assert_eq!(first, dir.path().join("rules.json.damaged-20261126T173300Z"));
        fs::write(&path, "second").unwrap();
        let second = aside().unwrap();
        fs::create_dir(&path).unwrap();
        let folder = aside().unwrap();
        symlink(&first, &path).unwrap();
        let link = aside().unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        aside().unwrap();
        assert_eq!(aside(), None);
        assert_eq!(fs::read_to_string(&first).unwrap(), "first");
        assert_eq!(fs::read_to_string(&second).unwrap(), "second");
        assert!(folder.is_dir() && link.is_symlink());
    }
}
