//! `claviger setup`: the files that make the platform start by itself and let browsers find it.
//!
//! Everything goes below the user's own directories, every file is written whole or not at all, and `--remove` takes
//! away what was written and nothing else: passkeys, the PIN and the audit log stay. A package brings the same files for
//! all users; then one link is left to write, which switches the security-key door on.

mod pieces;

use std::fs;
use std::io;

pub use self::pieces::{Content, Piece, extension_folder, is_packaged, package, pieces, pieces_beside_package, quoted};
use crate::dirs::Dirs;
use crate::output::{Failure, line};

/// Runs the command up to, not including, the choice of a PIN.
pub fn install(dirs: &Dirs, dry_run: bool) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let pieces = if is_packaged(&program) {
        line("The package has installed what all users share.")?;
        pieces_beside_package(dirs)
    } else {
        pieces(dirs, &program)
    };
    for piece in pieces {
        let state = if piece.is_in_place() {
            "already there"
        } else if dry_run {
            "would write"
        } else {
            piece.put()?;
            "written"
        };
        line(format_args!(
            "{state:>13}  {}  ({})",
            piece.path.display(),
            piece.purpose
        ))?;
    }
    line("")?;
    line("Load the extension once in each browser: open chrome://extensions, switch on \"Developer mode\",")?;
    line(format_args!(
        "choose \"Load unpacked\" and the folder {}.",
        extension_folder(&program).display()
    ))
}

/// Takes away what [`install`] wrote.
pub fn remove(dirs: &Dirs) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    for piece in pieces(dirs, &program) {
        match fs::remove_file(&piece.path) {
            Ok(()) => line(format_args!("removed  {}", piece.path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Failure::Failed(format!(
                    "cannot remove {}: {error}",
                    piece.path.display()
                )));
            }
        }
    }
    line("Your passkeys, your PIN and the audit log are untouched.")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;

    pub(super) fn dirs(root: &Path) -> Dirs {
        Dirs {
            config_home: root.join("config"),
            data_home: root.join("data"),
            state: root.join("state/claviger"),
            system_data: Vec::new(),
        }
    }

    #[test]
    fn setup_is_idempotent_and_remove_takes_away_exactly_what_it_wrote() {
        let root = tempfile::tempdir().unwrap();
        let dirs = dirs(root.path());
        let strangers = dirs.config_home.join("chromium/NativeMessagingHosts/org.example.json");
        fs::create_dir_all(strangers.parent().unwrap()).unwrap();
        fs::write(&strangers, "{}").unwrap();
        install(&dirs, false).unwrap();
        let program = std::env::current_exe().unwrap();
        assert!(pieces(&dirs, &program).iter().all(Piece::is_in_place));
        install(&dirs, false).unwrap();
        remove(&dirs).unwrap();
        assert!(pieces(&dirs, &program).iter().all(|piece| !piece.path.exists()));
        assert!(strangers.exists());
    }

    #[test]
    fn a_dry_run_writes_nothing() {
        let root = tempfile::tempdir().unwrap();
        install(&dirs(root.path()), true).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
