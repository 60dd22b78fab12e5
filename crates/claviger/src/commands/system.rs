//! `claviger setup --system`: what root puts into place so that every user can have a virtual security key.
//!
//! The files are those of `packaging/`, so a package and this command install the same. The administrator's command writes below `/etc`
//! and starts things; with `--root DIR` the same files go where a package keeps them, below DIR, and nothing is started.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::setup::{Content, Piece, quoted};
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
const PACKAGED_PROGRAM: &str = "/usr/bin/claviger";

/// Runs the command.
pub fn run(options: &cli::Setup) -> Result<(), Failure> {
    let (pieces, live) = match &options.root {
        Some(root) => (pieces(&root.join("usr/lib"), Path::new(PACKAGED_PROGRAM)), false),
        None => (administrators(options)?, systemd_runs() && !options.no_start),
    };
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
                readable_by_all(&piece.path)?;
                "written"
            };
            report.file(piece, state);
        }
    }
    if live && !options.dry_run {
        report.perform(if options.remove { &FORGET } else { &START });
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
    Ok(pieces(Path::new("/etc"), &program))
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

fn readable_by_all(path: &Path) -> Result<(), Failure> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
        .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
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

/// What brings the files into effect, in this order.
const START: [&str; 7] = [
    "systemd-sysusers",
    LOAD_MODULE,
    "udevadm control --reload",
    "udevadm trigger --action=change --subsystem-match=misc --sysname-match=uhid",
    "systemctl daemon-reload",
    "systemctl enable --now claviger-hid.socket",
    // One that runs is the old program.
    "systemctl try-restart claviger-hid.service",
];

/// What ends it, before the files go.
const STOP: [&str; 1] = ["systemctl disable --now claviger-hid.socket claviger-hid.service"];

/// What is done after the files have gone.
const FORGET: [&str; 3] = [
    "systemctl daemon-reload",
    "udevadm control --reload",
    "udevadm trigger --action=change --subsystem-match=misc --sysname-match=uhid",
];

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
            line("The user claviger-hid stays, as users of systemd-sysusers do; `userdel claviger-hid` removes it.")
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
    // A kernel that has it already may have no modules on disk, or none of this name.
    if step == LOAD_MODULE && Path::new("/sys/class/misc/uhid").exists() {
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
        use claviger_doors::hid::uhid::{Identity, VENDOR};
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
