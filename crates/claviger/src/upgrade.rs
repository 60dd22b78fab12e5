//! Notices that an upgrade has put another program in the place of the one that runs.
//!
//! The roles know each other by the file that they run. One that started before the upgrade would refuse, and be refused by,
//! whatever started after it, until the next login. So it ends ([`crate::roles`]), and who needs it next starts the new one.

use std::io;
use std::path::{Path, PathBuf};

use claviger_kernel::changes::Changes;
use claviger_peer::FileId;
use rustix::fs::inotify::WatchFlags;

/// The file that a process runs, and where it was found.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    file: FileId,
    changes: Changes,
}

impl Program {
    /// Watches the file of this process. Call it within a tokio runtime that has I/O enabled.
    ///
    /// # Errors
    ///
    /// The machine: the user watches too many things already.
    pub fn own() -> io::Result<Self> {
        Self::watch(&std::env::current_exe()?, FileId::of(Path::new("/proc/self/exe"))?)
    }

    fn watch(path: &Path, file: FileId) -> io::Result<Self> {
        // A new program is renamed to this name, or written under it; before it is whole, nobody could start it.
        let folder = path.parent().unwrap_or(path);
        let changes = Changes::watch(folder, WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            changes,
        })
    }

    /// Waits until another file is where this one was. A program that was removed is not replaced.
    pub async fn replaced(&self) {
        loop {
            if FileId::of(&self.path).is_ok_and(|file| file != self.file) {
                return;
            }
            if self.changes.next().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::pin::pin;

    use super::*;

    /// What holds now, without waiting.
    async fn is_replaced(program: &Program) -> bool {
        let replaced = pin!(program.replaced());
        tokio::select! {
            biased;
            () = replaced => true,
            () = async {} => false,
        }
    }

    #[tokio::test]
    async fn a_program_is_replaced_when_another_file_has_its_name_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claviger");
        fs::write(&path, "old").unwrap();
        let program = Program::watch(&path, FileId::of(&path).unwrap()).unwrap();
        assert!(!is_replaced(&program).await);

        fs::write(folder.path().join("other"), "new").unwrap();
        assert!(!is_replaced(&program).await, "a neighbour");
        fs::rename(&path, folder.path().join("kept")).unwrap();
        assert!(!is_replaced(&program).await, "it was removed");
        let ((), ()) = tokio::join!(program.replaced(), async {
            fs::rename(folder.path().join("other"), &path).unwrap();
        });
    }

    #[tokio::test]
    async fn a_program_that_was_replaced_before_it_looked_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let [path, old] = ["claviger", "old"].map(|name| folder.path().join(name));
        fs::write(&path, "new").unwrap();
        fs::write(&old, "old").unwrap();
        let program = Program::watch(&path, FileId::of(&old).unwrap()).unwrap();
        program.replaced().await;
    }

    #[tokio::test]
    async fn this_process_has_not_been_replaced() {
        assert!(!is_replaced(&Program::own().unwrap()).await);
    }
}
