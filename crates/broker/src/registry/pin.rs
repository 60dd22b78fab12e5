//! Which program a provider is.
//!
//! What is pinned is the file that a process runs, as `/proc/PID/exe` shows it: its identity for a quick comparison, its content for
//! a reinstalled one. Where that file runs what others give it (an interpreter, a loader, a sandbox's starter), the pin reaches no
//! further, and whoever enables such a provider is told: see [`Pin::host`].

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use claviger_ctap::crypto::Crypto;
use claviger_peer::{FileId, Process};
use claviger_prompt_api::manage::ProgramHost;
use serde::{Deserialize, Serialize};

use crate::audit::hex;

const CHUNK_BYTES: u64 = 1024 * 1024;

/// The largest program that is pinned, in bytes: several times the largest that exist.
pub const MAX_PROGRAM: u64 = 1024 * 1024 * 1024;

/// How many programs' digests are remembered.
const MAX_DIGESTS: usize = 16;

/// Programs that run what others give them, by the beginnings of their names.
const HOSTS: [(&str, ProgramHost); 34] = [
    ("python", ProgramHost::Interpreter),
    ("pypy", ProgramHost::Interpreter),
    ("perl", ProgramHost::Interpreter),
    ("ruby", ProgramHost::Interpreter),
    ("node", ProgramHost::Interpreter),
    ("deno", ProgramHost::Interpreter),
    ("bun", ProgramHost::Interpreter),
    ("gjs", ProgramHost::Interpreter),
    ("php", ProgramHost::Interpreter),
    ("lua", ProgramHost::Interpreter),
    ("tclsh", ProgramHost::Interpreter),
    ("guile", ProgramHost::Interpreter),
    ("bash", ProgramHost::Interpreter),
    ("dash", ProgramHost::Interpreter),
    ("busybox", ProgramHost::Interpreter),
    ("zsh", ProgramHost::Interpreter),
    ("fish", ProgramHost::Interpreter),
    ("java", ProgramHost::Interpreter),
    ("mono", ProgramHost::Interpreter),
    ("dotnet", ProgramHost::Interpreter),
    ("qemu-", ProgramHost::Interpreter),
    ("wine", ProgramHost::Interpreter),
    ("electron", ProgramHost::Interpreter),
    ("gdb", ProgramHost::Interpreter),
    ("ld-linux", ProgramHost::Loader),
    ("ld-musl", ProgramHost::Loader),
    ("ld.so", ProgramHost::Loader),
    ("ld-2.", ProgramHost::Loader),
    ("bwrap", ProgramHost::Sandbox),
    ("flatpak", ProgramHost::Sandbox),
    ("snap", ProgramHost::Sandbox),
    ("firejail", ProgramHost::Sandbox),
    ("xdg-dbus-proxy", ProgramHost::Sandbox),
    ("systemd-nspawn", ProgramHost::Sandbox),
];

/// The program that a provider is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Its path when it was pinned.
    pub path: PathBuf,
    /// The file, for a quick comparison.
    pub file: FileId,
    /// When the kernel last saw the file change (ctime), nanoseconds since 1970: nobody can put that back after a change in place.
    /// Absent in pins of the time before, which count by their content.
    #[serde(default)]
    pub changed_ns: Option<i64>,
    /// SHA-256 over the SHA-256 of each MiB of the file, in hexadecimal; empty for the broker's own executable, which is
    /// recognised by [`FileId`].
    pub digest: String,
}

impl Pin {
    /// Pins what `process` runs. Reads the whole file, unless `digests` remember it: not for the hot path.
    ///
    /// # Errors
    /// The kernel's; the process runs another program by now, or one that is larger than [`MAX_PROGRAM`] or changes.
    pub fn of(process: &Process, crypto: &dyn Crypto, digests: &Digests) -> io::Result<Self> {
        let file = File::open(format!("/proc/{}/exe", process.pid))?;
        let meta = file.metadata()?;
        // A process that runs another program since must not have that one's content under its own file.
        if FileId::from(&meta) != process.file {
            return Err(io::Error::other("the process runs another program by now"));
        }
        if meta.len() > MAX_PROGRAM {
            return Err(io::Error::other("the program is larger than any"));
        }
        let changed_ns = changed_ns(&meta);
        let digest = digests.of((process.file, changed_ns), || {
            let digest = digest(&file, crypto)?;
            if changed_ns != self::changed_ns(&file.metadata()?) {
                return Err(io::Error::other("the program changes while it is read"));
            }
            Ok(digest)
        })?;
        Ok(Self {
            path: process.executable.clone(),
            file: process.file,
            changed_ns: Some(changed_ns),
            digest,
        })
    }

    /// Whether `process` runs this very file, unchanged since, judged without reading it.
    pub(super) fn is_run_by(&self, process: &Process) -> bool {
        let now = || std::fs::metadata(format!("/proc/{}/exe", process.pid)).ok();
        self.file == process.file
            && self.changed_ns.is_some()
            && now().is_some_and(|meta| FileId::from(&meta) == self.file && Some(changed_ns(&meta)) == self.changed_ns)
    }

    /// Whether this is the same program: the same file, unchanged, or the same content (reinstalled).
    pub(super) fn is_same_program(&self, seen: &Self) -> bool {
        let unchanged = self.file == seen.file && self.changed_ns.is_some() && self.changed_ns == seen.changed_ns;
        let same_content = !self.digest.is_empty() && self.digest == seen.digest;
        unchanged || (same_content && (self.path == seen.path || self.file == seen.file))
    }

    /// What the program is, where it runs what others give it: then any script, library or program that it can be given stands for the
    /// provider.
    pub fn host(&self) -> Option<ProgramHost> {
        let name = self.path.file_name()?.to_str()?;
        let is_shell = matches!(name, "sh" | "ash" | "ksh");
        let listed = HOSTS.iter().find(|(begins, _)| name.starts_with(begins));
        listed
            .map(|(_, host)| *host)
            .or(is_shell.then_some(ProgramHost::Interpreter))
    }
}

/// Digests of programs that were read of late, so that nobody has the broker read one again and again. One is read at a time.
#[derive(Debug, Default)]
pub struct Digests(Mutex<VecDeque<(Version, String)>>);

/// A file, and when it last changed.
type Version = (FileId, i64);

impl Digests {
    fn of(&self, version: Version, read: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, digest)) = known.iter().find(|(of, _)| *of == version) {
            return Ok(digest.clone());
        }
        let digest = read()?;
        known.truncate(MAX_DIGESTS - 1);
        known.push_front((version, digest.clone()));
        Ok(digest)
    }
}

fn digest(mut file: &File, crypto: &dyn Crypto) -> io::Result<String> {
    let (mut digests, mut chunk) = (Vec::new(), Vec::new());
    loop {
        chunk.clear();
        if Read::by_ref(&mut file).take(CHUNK_BYTES).read_to_end(&mut chunk)? == 0 {
            return Ok(hex(&crypto.sha256(&[&digests])));
        }
        digests.extend_from_slice(&crypto.sha256(&[&chunk]));
    }
}

fn changed_ns(meta: &std::fs::Metadata) -> i64 {
    meta.ctime()
        .saturating_mul(1_000_000_000)
        .saturating_add(meta.ctime_nsec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::process::{Child, Command};

    use claviger_ctap::crypto::native;

    use super::*;

    /// A program of its own that runs until it is dropped.
    struct Running(Child);

    impl Running {
        fn of(program: &std::path::Path) -> (Self, Process) {
            let child = Command::new(program).arg("1000").spawn().unwrap();
            let process = loop {
                // Until it has executed the program it shows its parent's.
                let process = Process::read(child.id()).unwrap();
                if process.executable == program {
                    break process;
                }
                std::thread::yield_now();
            };
            (Self(child), process)
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    fn sleeper() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().canonicalize().unwrap().join("provider");
        std::fs::copy("/usr/bin/sleep", &program).unwrap();
        (dir, program)
    }

    #[test]
    fn content_is_taken_only_from_the_file_that_was_seen() {
        let own = Process::read(std::process::id()).unwrap();
        let digests = Digests::default();
        let pin = Pin::of(&own, native(), &digests).unwrap();
        assert_eq!(pin.file, own.file);
        assert!(pin.is_run_by(&own));
        let elsewhere = Process {
            file: FileId::of(std::path::Path::new("/")).unwrap(),
            ..own
        };
        assert!(Pin::of(&elsewhere, native(), &digests).is_err());
        assert!(!pin.is_run_by(&elsewhere));
    }

    /// Patched in place, as long as before, with its old time of change put back.
    #[test]
    fn a_patch_under_the_old_mtime_shows() {
        let (_dir, program) = sleeper();
        let digests = Digests::default();
        let (running, process) = Running::of(&program);
        let pin = Pin::of(&process, native(), &digests).unwrap();
        drop(running);
        let modified = std::fs::metadata(&program).unwrap().modified().unwrap();
        let mut bytes = std::fs::read(&program).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let file = File::options().write(true).open(&program).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
        file.set_modified(modified).unwrap();
        drop(file);
        let (_running, process) = Running::of(&program);
        assert_eq!(process.file, pin.file, "nothing else tells");
        assert!(!pin.is_run_by(&process));
        assert!(!pin.is_same_program(&Pin::of(&process, native(), &digests).unwrap()));
    }

    #[test]
    fn the_same_content_reinstalled_is_the_same_program_and_old_pins_are_read() {
        let (dir, program) = sleeper();
        let digests = Digests::default();
        let (running, process) = Running::of(&program);
        let pin = Pin::of(&process, native(), &digests).unwrap();
        drop(running);
        std::fs::rename(&program, dir.path().join("before")).unwrap();
        std::fs::copy(dir.path().join("before"), &program).unwrap();
        let (_running, process) = Running::of(&program);
        assert!(!pin.is_run_by(&process));
        assert!(pin.is_same_program(&Pin::of(&process, native(), &digests).unwrap()));
        let mut old = serde_json::to_value(&pin).unwrap();
        old.as_object_mut().unwrap().remove("changed_ns");
        let old: Pin = serde_json::from_value(old).unwrap();
        assert!(old.is_same_program(&pin), "by its content");
    }

    #[test]
    fn a_huge_program_is_refused_and_none_is_read_twice() {
        let (_dir, program) = sleeper();
        let digests = Digests::default();
        let (running, process) = Running::of(&program);
        let pin = Pin::of(&process, native(), &digests).unwrap();
        let again = digests.of((pin.file, pin.changed_ns.unwrap()), || panic!("it is read again"));
        assert_eq!(again.unwrap(), pin.digest);
        drop(running);
        // A hole at its end makes a program no other, but longer.
        let file = File::options().write(true).open(&program).unwrap();
        file.set_len(100 << 30).unwrap();
        drop(file);
        let (_running, process) = Running::of(&program);
        assert!(Pin::of(&process, native(), &digests).is_err());
    }

    #[test]
    fn programs_that_run_others_are_told_apart() {
        let host = |path: &str| {
            let pin = Pin {
                path: path.into(),
                file: FileId::of(std::path::Path::new("/")).unwrap(),
                changed_ns: None,
                digest: String::new(),
            };
            pin.host()
        };
        assert_eq!(host("/usr/bin/python3.11"), Some(ProgramHost::Interpreter));
        assert_eq!(host("/usr/bin/sh"), Some(ProgramHost::Interpreter));
        assert_eq!(host("/lib64/ld-linux-x86-64.so.2"), Some(ProgramHost::Loader));
        assert_eq!(host("/usr/bin/bwrap"), Some(ProgramHost::Sandbox));
        assert_eq!(host("/usr/bin/shade"), None);
        assert_eq!(host("/opt/manager/manager"), None);
    }
}
