//! `claviger hid` and `claviger setup --system`, as far as a machine without `/dev/uhid` and without root can show them. The rest is the
//! virtual machine's (`./test vm`).

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const CLAVIGER: &str = env!("CARGO_BIN_EXE_claviger");

/// What a package brings: six files for the security key, and what users would otherwise get by `claviger setup`.
const FILES: usize = 17;

fn claviger(arguments: &[&str]) -> Output {
    Command::new(CLAVIGER).args(arguments).output().unwrap()
}

fn setup(root: &Path, more: &[&str]) -> serde_json::Value {
    let root = root.to_str().unwrap();
    let output = claviger(&[&["setup", "--system", "--json", "--root", root], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn states(report: &serde_json::Value) -> Vec<&str> {
    let files = report["files"].as_array().unwrap();
    files.iter().map(|file| file["state"].as_str().unwrap()).collect()
}

#[test]
fn a_package_gets_every_file_once_and_removes_what_it_got() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(states(&setup(root.path(), &["--dry-run"])), ["would write"; FILES]);
    assert_eq!(
        fs::read_dir(root.path()).unwrap().count(),
        0,
        "a dry run writes nothing"
    );

    let report = setup(root.path(), &[]);
    assert_eq!(states(&report), ["written"; FILES]);
    assert_eq!(
        report["steps"],
        serde_json::json!([]),
        "nothing is started for a package"
    );
    for file in report["files"].as_array().unwrap() {
        let path = Path::new(file["path"].as_str().unwrap());
        assert!(
            ["usr/lib", "usr/share", "etc"]
                .iter()
                .any(|base| path.starts_with(root.path().join(base))),
            "{path:?}"
        );
        let about = fs::symlink_metadata(path).unwrap();
        assert!(
            about.is_symlink() || about.permissions().mode() & 0o777 == 0o644,
            "{path:?}"
        );
    }
    let service = root.path().join("usr/lib/systemd/system/claviger-hid.service");
    assert!(
        fs::read_to_string(&service)
            .unwrap()
            .contains("ExecStart=\"/usr/bin/claviger\" hid\n")
    );

    let host = root.path().join("usr/lib/claviger/claviger-native-host");
    assert_eq!(fs::read_link(&host).unwrap(), Path::new("../../bin/claviger"));
    let manifest = fs::read_to_string(
        root.path()
            .join("etc/chromium/native-messaging-hosts/org.claviger.browser.json"),
    );
    assert!(manifest.unwrap().contains("\"/usr/lib/claviger/claviger-native-host\""));

    assert_eq!(states(&setup(root.path(), &[])), ["already there"; FILES]);
    fs::write(&service, "changed").unwrap();
    assert_eq!(
        states(&setup(root.path(), &[]))
            .iter()
            .filter(|state| **state == "written")
            .count(),
        1,
        "only what differs is written"
    );
    let other = root.path().join("usr/lib/systemd/system/other.service");
    fs::write(&other, "").unwrap();
    assert_eq!(states(&setup(root.path(), &["--remove"])), ["removed"; FILES]);
    assert_eq!(states(&setup(root.path(), &["--remove"])), ["not there"; FILES]);
    assert!(other.exists());
}

#[test]
fn the_units_are_good_for_systemd() {
    let root = tempfile::tempdir().unwrap();
    setup(root.path(), &[]);
    let units = root.path().join("usr/lib/systemd/system");
    // Only the program is not where the units say, on this machine.
    let service = units.join("claviger-hid.service");
    let text = fs::read_to_string(&service).unwrap();
    fs::write(&service, text.replace("/usr/bin/claviger", CLAVIGER)).unwrap();
    // Of Debian's package systemd; it needs no running systemd.
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&service)
        .arg(units.join("claviger-hid.socket"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let about_us: Vec<_> = said.lines().filter(|line| line.contains("claviger")).collect();
    assert!(output.status.success() && about_us.is_empty(), "{said}");
}

#[test]
fn options_of_the_system_need_it() {
    for wrong in [&["setup", "--root", "/tmp"][..], &["setup", "--json"]] {
        assert_eq!(claviger(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn the_helper_says_what_it_is_for_or_what_is_missing() {
    let output = claviger(&["hid"]);
    let said = String::from_utf8(output.stderr).unwrap();
    if Path::new("/dev/uhid").exists() {
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains("claviger setup --system"), "{said}");
    } else {
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains("modprobe uhid"), "{said}");
    }
}
