//! What `claviger doctor` looks at for the virtual security key: kernel, helper, the user's side, the session, and the key itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use claviger_doors::hid::helper::Seats;
use claviger_doors::hid::link;
use claviger_kernel::uhid::{self, Identity, VENDOR};
use rustix::fs::{Access, access};

use super::doctor::Finding;
use super::system::{self, DOOR_UNIT, SOCKET_UNIT};

/// All of it. Where the administrator has not installed the key, that is one finding, and no fault.
pub fn findings() -> Vec<Finding> {
    if !system::is_installed() {
        let what = "virtual security key, for programs and browsers without the extension";
        return vec![Finding::weak(
            what,
            false,
            "let root install it: `sudo claviger setup --system`",
        )];
    }
    let key = key();
    let door_runs = door_runs();
    let is_active = is_active();
    let mut findings = vec![
        Finding::new(
            format!("{}, the kernel's side of the security key", uhid::PATH),
            Path::new(uhid::PATH).exists(),
            "load the module: `sudo modprobe uhid`; a kernel without it needs CONFIG_UHID",
        ),
        Finding::new(
            format!("{}, where the hid helper listens", link::PATH),
            Path::new(link::PATH).exists(),
            &format!("`sudo systemctl enable --now {SOCKET_UNIT}`"),
        ),
        Finding::weak(
            format!("{DOOR_UNIT}, your side of it"),
            door_runs,
            &format!("switch it on: `systemctl --user enable --now {DOOR_UNIT}`"),
        ),
        Finding::weak(
            "your session is the active one at a seat of this machine",
            is_active,
            "only the user who sits at the machine has a security key; from afar there is none",
        ),
    ];
    if door_runs && is_active {
        findings.push(Finding::new(
            "the security key",
            key.is_some(),
            "see why it is refused: `journalctl -u claviger-hid` and `journalctl --user -u claviger-hid-door`",
        ));
    }
    if let Some(key) = key.filter(|_| is_active) {
        findings.push(Finding::new(
            format!("{}, the security key as programs see it, is open to you", key.display()),
            access(&key, Access::READ_OK | Access::WRITE_OK).is_ok(),
            "install the udev rule again, `sudo claviger setup --system`, and log in anew",
        ));
    }
    findings
}

fn is_active() -> bool {
    let uid = rustix::process::getuid().as_raw();
    Seats::watch(Path::new(Seats::DIRECTORY)).is_ok_and(|seats| seats.is_active(uid))
}

fn door_runs() -> bool {
    Command::new("systemctl")
        .args(["--user", "--quiet", "is-active", DOOR_UNIT])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The device node of a key that the helper has made.
fn key() -> Option<PathBuf> {
    let id = format!("HID_ID=0003:{VENDOR:08X}:{:08X}", Identity::DOOR.product);
    fs::read_dir("/sys/class/hidraw").ok()?.flatten().find_map(|entry| {
        let about = fs::read_to_string(entry.path().join("device/uevent")).ok()?;
        let is_ours = about.lines().any(|line| line == id);
        is_ours.then(|| Path::new("/dev").join(entry.file_name()))
    })
}
