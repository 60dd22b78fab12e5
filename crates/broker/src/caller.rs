//! Who is at the other end of a bus connection: taken from the bus and from `/proc`, never from a message.
//!
//! The bus tells the process of a connection; `/proc/PID/stat` tells its parent and when it started, `/proc/PID/exe` what it
//! runs. A process id may be reused between two such questions, so every reading is bracketed: a pidfd comes first, the start time
//! is read before and after, and at the end the pidfd must still be alive and the connection still be that process's.
//!
//! What `/proc/PID/exe` *says* proves nothing: in a mount namespace of its own, which anybody may make, a process puts any file at
//! any path. Programs are therefore recognised by the file that runs ([`Process::file`], read through `/proc/PID/exe` and not by
//! its name), compared with the file that the broker itself finds where the program is installed.
//!
//! Limits, stated so that nobody relies on more: processes of the same user may trace each other unless Yama forbids it, and a
//! program may hand its bus connection to another one. What this module proves is "a connection made by this executable".

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use zbus::fdo::{ConnectionCredentials, DBusProxy};
use zbus::names::{BusName, UniqueName};

/// How many connections are remembered; beyond that all are forgotten and asked for again.
const MAX_REMEMBERED: usize = 256;

/// Browsers that may name a web origin, where the distributions and vendors install them. An entry ending in `/*/…` stands for one
/// path component. They count only while they and the folders above them belong to root and nobody else may write there.
const BROWSERS: &[(&str, &str)] = &[
    ("/usr/lib/chromium/chromium", "Chromium"),
    ("/usr/lib/chromium-browser/chromium-browser", "Chromium"),
    ("/usr/lib64/chromium-browser/chromium-browser", "Chromium"),
    ("/usr/lib64/chromium/chromium", "Chromium"),
    ("/usr/bin/chromium", "Chromium"),
    ("/snap/chromium/*/usr/lib/chromium-browser/chrome", "Chromium"),
    ("/opt/google/chrome/chrome", "Google Chrome"),
    ("/opt/google/chrome-beta/chrome", "Google Chrome Beta"),
    ("/opt/google/chrome-unstable/chrome", "Google Chrome Dev"),
    ("/opt/brave.com/brave/brave", "Brave"),
    ("/snap/brave/*/opt/brave.com/brave/brave", "Brave"),
    ("/opt/microsoft/msedge/msedge", "Microsoft Edge"),
    ("/opt/microsoft/msedge-beta/msedge", "Microsoft Edge Beta"),
    ("/opt/vivaldi/vivaldi-bin", "Vivaldi"),
    ("/usr/lib/x86_64-linux-gnu/opera/opera", "Opera"),
    ("/usr/lib/firefox/firefox", "Firefox"),
    ("/usr/lib/firefox-esr/firefox-esr", "Firefox ESR"),
    ("/usr/lib64/firefox/firefox", "Firefox"),
    ("/snap/firefox/*/usr/lib/firefox/firefox", "Firefox"),
];

/// Why a caller could not be identified, or is not who it must be.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The message has no sender: it did not come over a bus.
    #[error("the message names no sender")]
    NoSender,
    /// The caller left the bus or its process ended.
    #[error("the caller is gone")]
    Gone,
    /// Another user's process.
    #[error("the caller is a process of another user ({0})")]
    OtherUser(u32),
    /// The process does not let itself be looked at (`PR_SET_DUMPABLE=0`, another namespace, a security module).
    #[error("process {0} hides its executable")]
    Hidden(u32),
    /// `/proc` says something that it should not.
    #[error("what /proc says about process {pid} cannot be read: {what}")]
    Proc {
        /// The process.
        pid: u32,
        /// What is wrong.
        what: String,
    },
    /// The bus did not tell who the caller is.
    #[error("the bus does not tell who the caller is: {0}")]
    Bus(String),
    /// The caller runs another program than this interface is for.
    #[error("{} may not use this interface", .0.display())]
    WrongExecutable(PathBuf),
    /// The caller's parent is no browser on the list of privileged callers.
    #[error("{} is not on the list of privileged callers", .0.display())]
    NotPrivileged(PathBuf),
    /// The program was replaced or removed while it runs, so that nothing tells any more what it was.
    #[error("{} was updated while it runs; restart it", .0.display())]
    Replaced(PathBuf),
}

impl From<CallerError> for zbus::fdo::Error {
    fn from(error: CallerError) -> Self {
        Self::AccessDenied(error.to_string())
    }
}

/// Which file an executable is, independent of its name: a replaced program differs, a renamed one does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct FileId {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change of the content, nanoseconds since 1970.
    pub modified_ns: i64,
}

impl FileId {
    /// The file at `path`, symbolic links followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&std::fs::metadata(path)?))
    }
}

impl From<&Metadata> for FileId {
    fn from(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified_ns: meta
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(meta.mtime_nsec()),
        }
    }
}

/// A process at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its parent's id; 0 if it has none here.
    pub parent: u32,
    /// When it started, in clock ticks since boot: together with the id it names a process for good.
    pub started: u64,
    /// What it runs, as `/proc/PID/exe` names it: to be shown, never to be believed. A program that was replaced while it runs ends
    /// in ` (deleted)`.
    pub executable: PathBuf,
    /// Which file that is.
    pub file: FileId,
}

impl Process {
    /// Reads process `pid`; whatever is returned was all true at the same time.
    pub fn read(pid: u32) -> Result<Self, CallerError> {
        let before = Stat::read(pid)?;
        let link = PathBuf::from(format!("/proc/{pid}/exe"));
        let failed = |error: &io::Error| match error.kind() {
            io::ErrorKind::NotFound => CallerError::Gone,
            io::ErrorKind::PermissionDenied => CallerError::Hidden(pid),
            _ => CallerError::Proc {
                pid,
                what: error.to_string(),
            },
        };
        let executable = std::fs::read_link(&link).map_err(|error| failed(&error))?;
        let file = FileId::of(&link).map_err(|error| failed(&error))?;
        if Stat::read(pid)? != before {
            return Err(CallerError::Gone);
        }
        Ok(Self {
            pid,
            parent: before.parent,
            started: before.started,
            executable,
            file,
        })
    }

    /// Whether it runs the file that the broker finds at `path`.
    pub fn runs(&self, path: &Path) -> bool {
        FileId::of(path).is_ok_and(|file| file == self.file)
    }

    /// The parent, which must still be the parent when it has been read.
    pub fn read_parent(&self) -> Result<Self, CallerError> {
        let parent = Self::read(self.parent)?;
        let now = Stat::read(self.pid)?;
        if now.parent == self.parent && now.started == self.started {
            Ok(parent)
        } else {
            Err(CallerError::Gone)
        }
    }
}

/// A browser that may name an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    /// The name to show, "Chromium".
    pub name: String,
    /// Its process.
    pub process: Process,
}

/// The programs that may name a web origin on behalf of a page.
#[derive(Debug, Clone, Default)]
pub struct PrivilegedCallers {
    listed: Vec<PathBuf>,
}

impl PrivilegedCallers {
    /// The built-in list and those named in `files`, one absolute path per line; empty lines, lines that begin with `#` and missing
    /// files are skipped, and so are files that others than root and the user may change.
    pub fn load(files: &[PathBuf]) -> Self {
        let mut listed = Vec::new();
        for file in files {
            let text = match std::fs::read_to_string(file) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    tracing::warn!(file = %file.display(), %error, "the list of privileged callers cannot be read");
                    continue;
                }
            };
            if !only_we_may_change(file) {
                tracing::warn!(file = %file.display(), "others may change this list of privileged callers; it is not used");
                continue;
            }
            for line in text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                let path = Path::new(line);
                if path.is_absolute() {
                    listed.push(path.to_owned());
                } else {
                    tracing::warn!(file = %file.display(), line, "a privileged caller must be an absolute path");
                }
            }
        }
        Self { listed }
    }

    /// The name to show for `process` if it may name an origin: it runs the very file that the broker finds at the path of a known
    /// browser, which only root may change, or at a listed path, which only root and the user may change.
    pub fn name_of(&self, process: &Process) -> Option<String> {
        let claimed = process.executable.to_str()?;
        if let Some((_, name)) = BROWSERS.iter().find(|(pattern, _)| matches(pattern, claimed)) {
            if !process.runs(&process.executable) {
                tracing::warn!(
                    pid = process.pid,
                    executable = claimed,
                    "it runs another file than the one of that name"
                );
            } else if only_root_may_change(&process.executable) {
                return Some((*name).to_owned());
            } else {
                tracing::warn!(
                    executable = claimed,
                    "looks like a browser, but others than root may change it"
                );
            }
        }
        let path = self.listed.iter().find(|path| process.runs(path))?;
        if only_we_may_change(path) {
            let path = path.canonicalize().ok()?;
            Some(path.file_name()?.to_string_lossy().into_owned())
        } else {
            tracing::warn!(path = %path.display(), "listed as a privileged caller, but others may change it");
            None
        }
    }
}

/// Identifies the callers of one bus connection and remembers them, so that a caller's second request costs no round trip.
#[derive(Debug)]
pub struct Identifier {
    bus: DBusProxy<'static>,
    user: u32,
    own: FileId,
    own_folder: PathBuf,
    remembered: Mutex<HashMap<String, (u32, Arc<OwnedFd>)>>,
}

impl Identifier {
    /// For callers on `connection`. `own_executable` is the broker's program: see [`Identifier::require_own`].
    pub async fn new(connection: &zbus::Connection, own_executable: &Path) -> Result<Self, CallerError> {
        let bus = DBusProxy::new(connection)
            .await
            .map_err(|error| CallerError::Bus(error.to_string()))?;
        let own = FileId::of(own_executable).map_err(|error| CallerError::Proc {
            pid: std::process::id(),
            what: error.to_string(),
        })?;
        Ok(Self {
            bus,
            user: rustix::process::getuid().as_raw(),
            own,
            own_folder: own_executable.parent().map(Path::to_owned).unwrap_or_default(),
            remembered: Mutex::default(),
        })
    }

    /// The process that made the connection `sender`. Its executable is read anew at each call: a process may change it.
    pub async fn identify(&self, sender: &UniqueName<'_>) -> Result<Process, CallerError> {
        if let Some((pid, handle)) = self.recall(sender) {
            return read_alive(pid, &handle);
        }
        let first = self.credentials(sender).await?;
        let pid = first
            .process_id()
            .ok_or_else(|| CallerError::Bus("it gives no process id".into()))?;
        let (handle, process) = if let Some(fd) = first.into_process_fd() {
            // Since dbus 1.15.8 the bus says itself which process it means.
            let handle = OwnedFd::from(fd);
            if pidfd_target(&handle) != Some(pid) {
                return Err(CallerError::Gone);
            }
            (handle, Process::read(pid)?)
        } else {
            let number = Pid::from_raw(pid.cast_signed()).ok_or(CallerError::Gone)?;
            let handle = pidfd_open(number, PidfdFlags::empty()).map_err(|_| CallerError::Gone)?;
            let process = Process::read(pid)?;
            // Only now is it known that the handle, opened in between, is of the connection's process.
            if self.credentials(sender).await?.process_id() != Some(pid) {
                return Err(CallerError::Gone);
            }
            (handle, process)
        };
        if !alive(&handle) {
            return Err(CallerError::Gone);
        }
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(sender.as_str().to_owned(), (pid, Arc::new(handle)));
        Ok(process)
    }

    /// Like [`Identifier::identify`], for the sender of a message.
    pub async fn sender(&self, header: &zbus::message::Header<'_>) -> Result<Process, CallerError> {
        self.identify(header.sender().ok_or(CallerError::NoSender)?).await
    }

    /// The sender of a message, if it runs the broker's own program.
    pub async fn require_own(&self, header: &zbus::message::Header<'_>) -> Result<Process, CallerError> {
        let process = self.sender(header).await?;
        if self.is_own(&process) {
            Ok(process)
        } else {
            Err(not_meant_for(process))
        }
    }

    /// The sender of a message, if it runs the broker's own program or the `claviger-prompt` in the same folder.
    pub async fn require_prompt(&self, header: &zbus::message::Header<'_>) -> Result<Process, CallerError> {
        let process = self.sender(header).await?;
        if self.is_own(&process) || is_beside(&process, &self.own_folder.join("claviger-prompt")) {
            Ok(process)
        } else {
            Err(not_meant_for(process))
        }
    }

    /// The browser behind a native host: the sender must run the broker's own program, and its parent must be on the list.
    pub async fn require_browser(
        &self,
        header: &zbus::message::Header<'_>,
        list: &PrivilegedCallers,
    ) -> Result<Browser, CallerError> {
        let host = self.require_own(header).await?;
        let process = host.read_parent()?;
        match (list.name_of(&process), original(&process.executable)) {
            (Some(name), _) => Ok(Browser { name, process }),
            (None, Some(replaced)) => Err(CallerError::Replaced(replaced)),
            (None, None) => Err(CallerError::NotPrivileged(process.executable)),
        }
    }

    /// Whether `process` runs the broker's own program.
    pub fn is_own(&self, process: &Process) -> bool {
        process.file == self.own
    }

    /// Forgets a connection that left the bus. Unique names are not used again, so this only saves memory.
    pub fn forget(&self, sender: &str) {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(sender);
    }

    fn recall(&self, sender: &UniqueName<'_>) -> Option<(u32, Arc<OwnedFd>)> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(sender.as_str()).cloned()
    }

    async fn credentials(&self, sender: &UniqueName<'_>) -> Result<ConnectionCredentials, CallerError> {
        let answer = self
            .bus
            .get_connection_credentials(BusName::Unique(sender.as_ref()))
            .await;
        let credentials = answer.map_err(|error| match error {
            zbus::fdo::Error::NameHasNoOwner(_) => CallerError::Gone,
            other => CallerError::Bus(other.to_string()),
        })?;
        match credentials.unix_user_id() {
            Some(user) if user == self.user => Ok(credentials),
            Some(user) => Err(CallerError::OtherUser(user)),
            None => Err(CallerError::Bus("it gives no user id".into())),
        }
    }
}

/// What of `/proc/PID/stat` matters here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    started: u64,
}

impl Stat {
    fn read(pid: u32) -> Result<Self, CallerError> {
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(text) => Self::parse(&text).ok_or_else(|| CallerError::Proc {
                pid,
                what: "its stat has another form".into(),
            }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => Err(CallerError::Gone),
            // A process that ends while it is read.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                Err(CallerError::Gone)
            }
            Err(error) => Err(CallerError::Proc {
                pid,
                what: error.to_string(),
            }),
        }
    }

    /// proc(5): field 2 is the name in parentheses and may hold anything, parentheses too; 3 state, 4 parent, 22 start time.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        // A zombie has no executable and answers nobody.
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self { parent, started })
    }
}

/// Reads process `pid`, whose handle is `pidfd`. The handle does not keep the id from being used again: what was read is this
/// process's only if it still lives afterwards.
fn read_alive(pid: u32, pidfd: &OwnedFd) -> Result<Process, CallerError> {
    let process = Process::read(pid)?;
    if alive(pidfd) {
        Ok(process)
    } else {
        Err(CallerError::Gone)
    }
}

/// Whether the process of a pidfd still runs: the descriptor becomes readable when it ends.
fn alive(pidfd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut fds, Some(&now)), Ok(0))
}

/// The process id behind a pidfd, from its fdinfo; `None` if it ended.
fn pidfd_target(pidfd: &OwnedFd) -> Option<u32> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_fd().as_raw_fd())).ok()?;
    info.lines()
        .find_map(|line| line.strip_prefix("Pid:"))
        .and_then(|pid| pid.trim().parse().ok())
}

/// Whether `path` is `pattern`, in which a component `*` stands for any one component.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut want, mut have) = (pattern.split('/'), path.split('/'));
    loop {
        match (want.next(), have.next()) {
            (None, None) => return true,
            (Some(want), Some(have)) if want == have || (want == "*" && !have.is_empty()) => {}
            _ => return false,
        }
    }
}

/// Whether `process` runs the program at `path`, which only root and the user may change.
fn is_beside(process: &Process, path: &Path) -> bool {
    process.runs(path) && only_we_may_change(path)
}

/// What to tell a process that runs another program than the one that was asked for.
fn not_meant_for(process: Process) -> CallerError {
    match original(&process.executable) {
        Some(replaced) => CallerError::Replaced(replaced),
        None => CallerError::WrongExecutable(process.executable),
    }
}

/// The path that a program had before it was replaced or removed, if `/proc` says that it was.
fn original(executable: &Path) -> Option<PathBuf> {
    executable.to_str()?.strip_suffix(" (deleted)").map(PathBuf::from)
}

/// Whether the file and every folder above it belong to root and nobody else may write there.
fn only_root_may_change(path: &Path) -> bool {
    path.ancestors()
        .all(|part| std::fs::symlink_metadata(part).is_ok_and(|meta| meta.uid() == 0 && !open_to_others(&meta, None)))
}

/// Whether the file behind `path` and every folder above it belong to root or the user and nobody else may write there. A group
/// may if it is the user's own, as with distributions that give every user a group of the same number.
fn only_we_may_change(path: &Path) -> bool {
    let user = rustix::process::getuid().as_raw();
    path.canonicalize().is_ok_and(|path| {
        path.ancestors().all(|part| {
            std::fs::symlink_metadata(part)
                .is_ok_and(|meta| (meta.uid() == 0 || meta.uid() == user) && !open_to_others(&meta, Some(user)))
        })
    })
}

/// Whether others than the owner may change a file or replace what lies in a folder. A sticky folder lets others add entries, not
/// replace those of another owner. `own_group` may always write.
fn open_to_others(meta: &Metadata, own_group: Option<u32>) -> bool {
    let closed = if own_group == Some(meta.gid()) { 0o002 } else { 0o022 };
    let sticky = meta.is_dir() && meta.mode() & 0o1000 != 0;
    meta.mode() & closed != 0 && !sticky
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn own_process_is_read() {
        let own = Process::read(std::process::id()).unwrap();
        assert_eq!(own.executable, std::env::current_exe().unwrap());
        assert_eq!(own.file, FileId::of(&own.executable).unwrap());
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        assert!(own.started > 0);
    }

    #[test]
    fn child_names_its_parent_until_it_ends() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::read(child.id()).unwrap();
        assert_eq!(process.read_parent().unwrap().pid, std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(matches!(Process::read(child.id()), Err(CallerError::Gone)));
        assert!(process.read_parent().is_err());
    }

    #[test]
    fn ended_process_shows_in_its_handle() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
        let handle = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        assert!(alive(&handle));
        assert_eq!(pidfd_target(&handle), Some(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!alive(&handle));
        assert_eq!(pidfd_target(&handle), None);
    }

    #[test]
    fn an_id_that_is_used_again_names_nobody() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let handle = pidfd_open(Pid::from_raw(child.id().cast_signed()).unwrap(), PidfdFlags::empty()).unwrap();
        assert_eq!(read_alive(child.id(), &handle).unwrap().pid, child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        // As if this process had got the child's id.
        assert!(matches!(
            read_alive(std::process::id(), &handle),
            Err(CallerError::Gone)
        ));
    }

    #[test]
    fn stat_with_a_hostile_name_is_parsed() {
        let stat = "42 (a) R 1 2) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 8192 100 18446744073709551615";
        assert_eq!(
            Stat::parse(stat),
            Some(Stat {
                parent: 7,
                started: 987_654
            })
        );
        assert_eq!(
            Stat::parse("42 (a) Z 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 0"),
            None
        );
        assert_eq!(Stat::parse("42 (a"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn patterns_stand_for_one_component() {
        assert!(matches("/snap/chromium/*/usr/chrome", "/snap/chromium/3000/usr/chrome"));
        assert!(!matches(
            "/snap/chromium/*/usr/chrome",
            "/snap/chromium/3000/home/usr/chrome"
        ));
        assert!(!matches("/snap/chromium/*/usr/chrome", "/snap/chromium//usr/chrome"));
        assert!(!matches("/usr/bin/chromium", "/usr/bin/chromium2"));
    }

    #[test]
    fn a_browser_that_others_may_change_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chromium");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        assert!(!only_root_may_change(&path));
        assert!(only_root_may_change(Path::new("/usr/bin/env")) || Path::new("/usr/bin/env").is_symlink());
    }

    /// A process that says it runs the program at `path` and does, unless a `file` is given.
    fn process(path: &Path, file: Option<FileId>) -> Process {
        Process {
            pid: 1,
            parent: 0,
            started: 1,
            executable: path.to_owned(),
            file: file.unwrap_or_else(|| FileId::of(path).unwrap()),
        }
    }

    /// A program in a new folder, and a list that names it.
    fn listed_program() -> (tempfile::TempDir, PathBuf, PrivilegedCallers) {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().canonicalize().unwrap().join("my-browser");
        std::fs::write(&program, "").unwrap();
        let list = dir.path().join("privileged-callers");
        std::fs::write(&list, format!("# mine\n\n{}\nrelative/browser\n", program.display())).unwrap();
        let callers = PrivilegedCallers::load(&[list, dir.path().join("missing")]);
        (dir, program, callers)
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn listed_files_add_callers() {
        let (_dir, program, callers) = listed_program();
        assert_eq!(callers.name_of(&process(&program, None)).as_deref(), Some("my-browser"));
        assert_eq!(callers.name_of(&process(Path::new("/usr/bin/env"), None)), None);
    }

    #[test]
    fn another_file_at_a_listed_path_is_no_caller() {
        let (dir, program, callers) = listed_program();
        let other = dir.path().join("other");
        std::fs::write(&other, "").unwrap();
        // What a bind mount in a namespace of the process's own looks like from here.
        let impostor = process(&program, Some(FileId::of(&other).unwrap()));
        assert_eq!(callers.name_of(&impostor), None);
        assert!(!is_beside(&impostor, &program));
        assert!(is_beside(&process(&program, None), &program));
    }

    #[test]
    fn another_file_at_a_browsers_path_is_no_browser() {
        let own = Process::read(std::process::id()).unwrap();
        for (pattern, _) in BROWSERS {
            let path = PathBuf::from(pattern.replace('*', "1"));
            assert_eq!(
                PrivilegedCallers::default().name_of(&process(&path, Some(own.file))),
                None
            );
        }
    }

    #[test]
    fn an_installed_browser_is_one() {
        let installed = BROWSERS.iter().find(|(path, _)| only_root_may_change(Path::new(path)));
        // Nothing to see on a machine without a browser.
        if let Some((path, name)) = installed {
            let callers = PrivilegedCallers::default();
            assert_eq!(callers.name_of(&process(Path::new(path), None)).as_deref(), Some(*name));
        }
    }

    #[test]
    fn a_listed_program_that_others_may_change_is_no_caller() {
        let (dir, program, callers) = listed_program();
        let name = || callers.name_of(&process(&program, None));
        for (changed, open, closed) in [(program.as_path(), 0o757, 0o755), (dir.path(), 0o777, 0o700)] {
            set_mode(changed, open);
            assert_eq!(name(), None, "{}", changed.display());
            set_mode(changed, closed);
            assert!(name().is_some(), "{}", changed.display());
        }
        let list = dir.path().join("privileged-callers");
        set_mode(&list, 0o666);
        assert_eq!(PrivilegedCallers::load(&[list]).name_of(&process(&program, None)), None);
    }

    #[test]
    fn a_replaced_program_is_told_from_a_foreign_one() {
        assert_eq!(
            original(Path::new("/usr/lib/chromium/chromium (deleted)")),
            Some("/usr/lib/chromium/chromium".into())
        );
        assert_eq!(original(Path::new("/usr/lib/chromium/chromium")), None);
    }
}
