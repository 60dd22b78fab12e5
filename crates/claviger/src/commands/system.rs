//! `claviger setup --system`: what root puts into place so that every user can have a virtual security key.
//!
//! The files are those of `packaging/`, so a package and this command install the same. The administrator's command writes below `/etc`
//! and starts things; what a package has installed already it leaves alone. With `--root DIR` the same files go where a package keeps
//! them, below DIR, together with what each user would otherwise get by `claviger setup`, and nothing is started.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::setup::{self, Content, Piece, quoted};
use crate::cli;
use crate::output::{self, Failure, line};

/// The unit that listens for users, enabled by [`run`].
pub const SOCKET_UNIT: &str = "claviger-hid.socket";

/// The unit that each user enables.
pub const DOOR_UNIT: &str = "claviger-hid-door.service";

const SOCKET: &str = include_str!("../../../../packaging/systemd/system/claviger-hid.socket");
const SERVICE: &str = include_str!("../../../../packaging/systemd/system/claviger-hid.service.in");
/// It, as a template.
pub const DOOR: &str = include_str!("../../../../packaging/systemd/user/claviger-hid-door.service.in");
const SYSUSERS: &str = include_str!("../../../../packaging/sysusers.d/claviger.conf");
const UDEV: &str = include_str!("../../../../packaging/udev/70-claviger.rules");
const MODULES: &str = include_str!("../../../../packaging/modules-load.d/claviger.conf");

/// Where a package's program is.
pub const PACKAGED_PROGRAM: &str = "/usr/bin/claviger";

/// Where a package's files of [`pieces`] are.
pub const PACKAGED: &str = "/usr/lib";

/// Runs the command.
pub fn run(options: &cli::Setup) -> Result<(), Failure> {
    let (pieces, live) = match &options.root {
        Some(root) => (package(root), false),
        None => (administrators(options)?, systemd_runs() && !options.no_start),
    };
    let packaged = options.root.is_none() && is_packaged();
    let mut report = Report::default();
    if options.remove {
        if live {
            report.perform(&STOP);
        }
        for piece in &pieces {
            report.file(piece, take_away(piece)?);
        }
    } else {
        for piece in &pieces {
            let state = if piece.is_in_place() {
                "already there"
            } else if options.dry_run {
                "would write"
            } else {
                piece.put()?;
                readable_by_all(piece)?;
                "written"
            };
            report.file(piece, state);
        }
    }
    if live && !options.dry_run {
        // What the package brought goes on.
        report.perform(if options.remove && !packaged {
            &FORGET[..]
        } else {
            &START[..]
        });
    }
    report.print(options)
}

/// Everything that is put into place for `program`, below `base`: `/etc`, or `usr/lib` of a package.
pub fn pieces(base: &Path, program: &Path) -> Vec<Piece> {
    let fill = |template: &str| {
        // What systemd would expand in a path is written twice.
        let program = quoted(program).replace('%', "%%").replace('$', "$$");
        template.replace("@PROGRAM@", &program)
    };
    [
        (
            "systemd/system/claviger-hid.socket",
            "listens for users",
            SOCKET.to_owned(),
        ),
        ("systemd/system/claviger-hid.service", "makes their keys", fill(SERVICE)),
        (
            "systemd/user/claviger-hid-door.service",
            "is each user's side of it",
            fill(DOOR),
        ),
        ("sysusers.d/claviger.conf", "is the helper's user", SYSUSERS.to_owned()),
        (
            "udev/rules.d/70-claviger.rules",
            "says who may open the devices",
            UDEV.to_owned(),
        ),
        (
            "modules-load.d/claviger.conf",
            "loads the kernel's module",
            MODULES.to_owned(),
        ),
    ]
    .into_iter()
    .map(|(path, purpose, text)| Piece {
        purpose: purpose.to_owned(),
        path: base.join(path),
        content: Content::Text(text),
    })
    .collect()
}

/// Everything that a package brings, below `root`.
fn package(root: &Path) -> Vec<Piece> {
    let program = Path::new(PACKAGED_PROGRAM);
    let mut pieces = pieces(
        &root.join(Path::new(PACKAGED).strip_prefix("/").unwrap_or(Path::new(""))),
        program,
    );
    pieces.extend(setup::package(root, program));
    pieces
}

/// Whether a package has put all of [`pieces`] into place.
fn is_packaged() -> bool {
    pieces(Path::new(PACKAGED), Path::new(PACKAGED_PROGRAM))
        .iter()
        .all(Piece::is_in_place)
}

/// Whether the administrator or a package has put the socket unit into place.
pub fn is_installed() -> bool {
    ["/etc", "/usr/local/lib", "/usr/lib", "/lib"]
        .iter()
        .any(|base| Path::new(base).join("systemd/system").join(SOCKET_UNIT).exists())
}

/// The pieces below `/etc`, once it is sure that this command may write them and that systemd may run the program.
fn administrators(options: &cli::Setup) -> Result<Vec<Piece>, Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    if !options.dry_run {
        if !rustix::process::geteuid().is_root() {
            let remove = if options.remove { " --remove" } else { "" };
            return Err(Failure::Failed(format!(
                "this changes the system, so root has to do it: `sudo {} setup --system{remove}`",
                quoted(&program)
            )));
        }
        if let (false, Err(reason)) = (options.remove, belongs_to_root(&program)) {
            return Err(Failure::Failed(format!(
                "{reason}, and whoever changes the program gets what the helper may do. Install a copy that is root's: \
                 `install -m 755 {} /usr/local/bin/claviger`, then `/usr/local/bin/claviger setup --system`",
                quoted(&program)
            )));
        }
    }
    // Files below /etc would hide the package's from its next version.
    let base = if !options.remove && program == Path::new(PACKAGED_PROGRAM) && is_packaged() {
        PACKAGED
    } else {
        "/etc"
    };
    Ok(pieces(Path::new(base), &program))
}

/// Whether nobody but root can change the program or put another one in its place; otherwise who could.
fn belongs_to_root(program: &Path) -> Result<(), String> {
    for path in program.ancestors() {
        let about = fs::symlink_metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if about.uid() != 0 {
            return Err(format!("{} belongs to another user than root", path.display()));
        }
        if about.mode() & 0o022 != 0 {
            return Err(format!("others than root may write to {}", path.display()));
        }
    }
    Ok(())
}

fn systemd_runs() -> bool {
    // sd_booted(3)
    Path::new("/run/systemd/system").is_dir()
}

fn readable_by_all(piece: &Piece) -> Result<(), Failure> {
    // A link has no permissions of its own.
    let Content::Text(_) = piece.content else { return Ok(()) };
    fs::set_permissions(&piece.path, fs::Permissions::from_mode(0o644))
        .map_err(|error| Failure::Failed(format!("{}: {error}", piece.path.display())))
}

fn take_away(piece: &Piece) -> Result<&'static str, Failure> {
    match fs::remove_file(&piece.path) {
        Ok(()) => Ok("removed"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok("not there"),
        Err(error) => Err(Failure::Failed(format!(
            "cannot remove {}: {error}",
            piece.path.display()
        ))),
    }
}

const LOAD_MODULE: &str = "modprobe uhid";
const TAKE_BACK_OWNER: &str = "chown root:root /dev/uhid";
const TAKE_BACK_MODE: &str = "chmod 600 /dev/uhid";
const DELETE_USER: &str = "userdel claviger-hid";

/// What brings the files into effect, in this order.
const START: [&str; 7] = [
    "systemd-sysusers",
    LOAD_MODULE,
    "udevadm control --reload",
    "udevadm trigger --settle --action=change --subsystem-match=misc --sysname-match=uhid",
    "systemctl daemon-reload",
    "systemctl enable --now claviger-hid.socket",
    // One that runs is the old program.
    "systemctl try-restart claviger-hid.service",
];

/// What ends it, before the files go.
const STOP: [&str; 1] = ["systemctl disable --now claviger-hid.socket claviger-hid.service"];

/// What is done after the files have gone.
const FORGET: [&str; 5] = [
    "systemctl daemon-reload",
    "udevadm control --reload",
    // udev gives a device to nobody when its rule has gone: it stays whose it was, who may be somebody else tomorrow.
    TAKE_BACK_OWNER,
    TAKE_BACK_MODE,
    // It owns no file, so nothing can fall to the next user who gets its number.
    DELETE_USER,
];

/// Whether a step of these has something to do.
fn is_needed(step: &str) -> bool {
    match step {
        // A kernel that has it already may have no modules on disk, or none of this name.
        LOAD_MODULE => !Path::new("/sys/class/misc/uhid").exists(),
        TAKE_BACK_OWNER | TAKE_BACK_MODE => Path::new("/dev/uhid").exists(),
        DELETE_USER => fs::read_to_string("/etc/passwd")
            .is_ok_and(|users| users.lines().any(|user| user.starts_with("claviger-hid:"))),
        _ => true,
    }
}

/// What was done.
#[derive(Debug, Default)]
struct Report {
    /// State, path, purpose.
    files: Vec<(&'static str, PathBuf, String)>,
    /// The command, and what went wrong with it.
    steps: Vec<(&'static str, Option<String>)>,
}

impl Report {
    fn file(&mut self, piece: &Piece, state: &'static str) {
        self.files.push((state, piece.path.clone(), piece.purpose.clone()));
    }

    fn perform(&mut self, steps: &[&'static str]) {
        for step in steps {
            self.steps.push((step, perform(step).err()));
        }
    }

    fn print(&self, options: &cli::Setup) -> Result<(), Failure> {
        if options.json {
            output::json(&self.as_value())?;
        } else {
            self.print_text(options)?;
        }
        let failed = self.steps.iter().filter(|(_, error)| error.is_some()).count();
        match failed {
            0 => Ok(()),
            _ => Err(Failure::Failed(format!(
                "{failed} of {} steps failed",
                self.steps.len()
            ))),
        }
    }

    fn print_text(&self, options: &cli::Setup) -> Result<(), Failure> {
        for (state, path, purpose) in &self.files {
            line(format_args!("{state:>13}  {}  ({purpose})", path.display()))?;
        }
        for (step, error) in &self.steps {
            match error {
                None => line(format_args!("{:>13}  {step}", "done"))?,
                Some(error) => line(format_args!("{:>13}  {step}: {error}", "FAILED"))?,
            }
        }
        if options.remove {
            line("Each user's own part stays until that user runs `claviger setup --remove`.")
        } else if options.root.is_none() {
            line(format_args!(
                "Each user switches the key on with `claviger setup`, or `systemctl --user enable --now {DOOR_UNIT}`."
            ))
        } else {
            Ok(())
        }
    }

    fn as_value(&self) -> serde_json::Value {
        let files: Vec<_> = self
            .files
            .iter()
            .map(|(state, path, purpose)| json!({"path": path, "state": state, "purpose": purpose}))
            .collect();
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|(step, error)| json!({"command": step, "done": error.is_none(), "error": error}))
            .collect();
        json!({"files": files, "steps": steps})
    }
}

/// Runs a command that has no word with a space in it. The error is what the command said.
fn perform(step: &str) -> Result<(), String> {
    if !is_needed(step) {
        return Ok(());
    }
    let mut words = step.split(' ');
    let program = words.next().unwrap_or_default();
    let output = Command::new(program)
        .args(words)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(if said.is_empty() {
        output.status.to_string()
    } else {
        said
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_units_start_the_program_at_its_place_and_have_no_placeholder_left() {
        let pieces = pieces(Path::new("/etc"), Path::new("/opt/100% $mine/claviger"));
        for (unit, role) in [
            ("claviger-hid.service", "hid"),
            ("claviger-hid-door.service", "hid-door"),
        ] {
            let piece = pieces.iter().find(|piece| piece.path.ends_with(unit)).unwrap();
            let start = format!("ExecStart=\"/opt/100%% $$mine/claviger\" {role}");
            assert!(matches!(&piece.content, Content::Text(text) if text.lines().any(|line| line == start)));
        }
        for piece in pieces {
            assert!(
                matches!(piece.content, Content::Text(text) if !text.contains('@') || text.contains("=@system-service"))
            );
        }
    }

    #[test]
    fn the_udev_rule_names_the_device_that_the_helper_makes() {
        use claviger_kernel::uhid::{Identity, VENDOR};
        let device = format!("0003:{VENDOR:04X}:{:04X}.*", Identity::DOOR.product);
        assert!(UDEV.contains(&format!("KERNELS==\"{device}\"")), "{device}");
        assert!(SOCKET.contains(&format!("ListenSequentialPacket={}\n", claviger_doors::hid::link::PATH)));
    }

    #[test]
    fn a_program_that_others_can_change_is_not_started_by_the_system() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("claviger");
        fs::write(&program, "").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        // The folder for temporary files is everybody's.
        assert!(belongs_to_root(&program).is_err());
        assert_eq!(belongs_to_root(Path::new("/usr/bin")), Ok(()));
        assert!(belongs_to_root(Path::new("/usr/bin/no such program")).is_err());
    }
}
