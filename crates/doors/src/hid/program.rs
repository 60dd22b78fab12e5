//! Which program has the key open, as far as that can be known.
//!
//! The kernel does not say who wrote a report. What it shows is which of this user's processes have the device file open. When that is one
//! program, it is named; when it is none (a process that hides itself, `ssh-sk-helper` for one) or more than one, nobody is. A name is a
//! help for the user and no proof of anything.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use claviger_kernel::uhid::Identity;

use crate::ctap::message::{MAX_NAME_BYTES, MAX_PATH_BYTES, Program};

/// The kernel's list of devices.
const DEVICES: &str = "/sys/class/hidraw";

/// The program that has the door's device open, if it is just one.
pub fn holder() -> Option<Program> {
    let nodes = nodes(Path::new(DEVICES), &Identity::DOOR);
    match holders(Path::new("/proc"), &nodes).as_slice() {
        [one] => of_process(i32::try_from(*one).ok()?),
        _ => None,
    }
}

/// The program that a process runs.
pub fn of_process(pid: i32) -> Option<Program> {
    let executable = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = executable.file_name()?.to_string_lossy();
    // What was replaced by an update still runs.
    let name = name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned();
    let executable = executable.to_str().map(str::to_owned);
    (1..=MAX_NAME_BYTES).contains(&name.len()).then(|| Program {
        name,
        executable: executable.filter(|path| path.len() <= MAX_PATH_BYTES),
        pid: u32::try_from(pid).ok(),
    })
}

/// The device files of keys with this identity.
fn nodes(devices: &Path, identity: &Identity<'_>) -> Vec<PathBuf> {
    let name = format!("HID_NAME={}", identity.name);
    let phys = format!("HID_PHYS={}", identity.phys);
    let entries = fs::read_dir(devices).into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let properties = fs::read_to_string(entry.path().join("device/uevent")).unwrap_or_default();
            let has = |wanted: &str| properties.lines().any(|line| line == wanted);
            has(&name) && has(&phys)
        })
        .map(|entry| Path::new("/dev").join(entry.file_name()))
        .collect()
}

/// One process (the oldest) of each program that has one of the files open. Processes of others, and those that hide, do not show.
fn holders(proc: &Path, nodes: &[PathBuf]) -> Vec<u32> {
    let mut programs = BTreeMap::<PathBuf, u32>::new();
    if nodes.is_empty() {
        return Vec::new();
    }
    for entry in fs::read_dir(proc).into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let opened = fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten();
        let mut opened = opened.filter_map(|file| fs::read_link(file.path()).ok());
        if opened.any(|target| nodes.contains(&target)) {
            let executable = fs::read_link(entry.path().join("exe")).unwrap_or_else(|_| OsStr::new("?").into());
            let oldest = programs.entry(executable).or_insert(pid);
            *oldest = pid.min(*oldest);
        }
    }
    programs.into_values().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn process(proc: &Path, pid: &str, executable: &str, files: &[&str]) {
        let folder = proc.join(pid).join("fd");
        fs::create_dir_all(&folder).unwrap();
        symlink(executable, proc.join(pid).join("exe")).unwrap();
        for (number, file) in files.iter().enumerate() {
            symlink(file, folder.join(number.to_string())).unwrap();
        }
    }

    #[test]
    fn a_program_with_the_device_open_is_found_once() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), "12", "/usr/bin/firefox", &["/dev/null", "/dev/hidraw3"]);
        process(proc.path(), "11", "/usr/bin/firefox", &["/dev/hidraw3"]);
        process(proc.path(), "13", "/usr/bin/cat", &["/dev/hidraw4"]);
        fs::create_dir_all(proc.path().join("sys")).unwrap();
        assert_eq!(holders(proc.path(), &["/dev/hidraw3".into()]), [11]);
        assert_eq!(holders(proc.path(), &[]), [0_u32; 0]);
        process(proc.path(), "14", "/usr/bin/chromium", &["/dev/hidraw3"]);
        assert_eq!(holders(proc.path(), &["/dev/hidraw3".into()]).len(), 2);
    }

    #[test]
    fn only_the_door_s_own_device_files_count() {
        let devices = tempfile::tempdir().unwrap();
        let device = |name: &str, properties: &str| {
            let folder = devices.path().join(name).join("device");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("uevent"), properties).unwrap();
        };
        device("hidraw0", "HID_NAME=Yubico YubiKey\nHID_PHYS=usb-1/input0\n");
        device("hidraw1", "HID_NAME=Claviger\nHID_PHYS=claviger/hid\nHID_UNIQ=\n");
        device(
            "hidraw2",
            "HID_NAME=Claviger virtual key\nHID_PHYS=claviger/virtual-key\n",
        );
        assert_eq!(nodes(devices.path(), &Identity::DOOR), [PathBuf::from("/dev/hidraw1")]);
    }

    #[test]
    fn a_process_is_named_by_its_executable() {
        let own = i32::try_from(std::process::id()).unwrap();
        let program = of_process(own).unwrap();
        let executable = std::env::current_exe().unwrap();
        assert_eq!(program.executable.as_deref(), executable.to_str());
        assert_eq!(program.pid, Some(std::process::id()));
        assert_eq!(of_process(i32::MAX), None);
    }
}
