//! How both windows' programs begin: in an environment that loads no other code, and confined before GTK starts: no socket but Unix
//! ones, no new program, no other process.
//!
//! Of files the window that asks keeps the system's, and what a person may have changed about how windows look: themes, fonts, icons,
//! settings. Nothing else of the home can be read, and nothing at all be written but the switch by which dconf tells of changes.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::{env, io};

use claviger_kernel::sandbox::{Sandbox, SandboxError};
use claviger_peer::OTHER_CODE;
use thiserror::Error;

use crate::data_dirs;

/// Has Cairo draw, and GTK look for no graphics driver, which it would otherwise load into the process that a PIN is typed into. The
/// first frame is there sooner, too. GTK before 4.16 knows the second, later ones the third.
const WANTED: [(&str, &str); 3] = [
    ("GSK_RENDERER", "cairo"),
    ("GDK_DEBUG", "gl-disable"),
    ("GDK_DISABLE", "gl,vulkan"),
];

/// With this GTK lets the process be looked into.
const INSPECTOR: &str = "GTK_DEBUG";

/// Why a window's program does not start.
#[derive(Debug, Error)]
pub enum ConfineError {
    /// It could not be started again in an environment that suits it.
    #[error("it cannot be started again: {0}")]
    Restart(io::Error),
    /// It could not be confined.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// Starts the program again where its environment does not suit it, and confines it. Call it before the first thread, and so before GTK.
///
/// # Errors
/// See [`ConfineError`]; the program must not go on.
pub fn enter(sandbox: &Sandbox) -> Result<(), ConfineError> {
    let is_set = |name: &str| env::var_os(name).is_some();
    if !WANTED.iter().all(|(name, _)| is_set(name)) || unwanted().any(is_set) {
        return Err(ConfineError::Restart(restart()));
    }
    Ok(sandbox.enter()?)
}

/// That of the window that asks, without Landlock where it has to look at the executables of other processes.
pub fn of_the_prompt(knows_peers: bool) -> Sandbox {
    Sandbox {
        owns: dir("XDG_RUNTIME_DIR", None)
            .map(|runtime| runtime.join("dconf"))
            .into_iter()
            .collect(),
        reads: looks(),
        knows_peers,
        // A display may listen on one, and the bus.
        abstract_sockets: true,
    }
}

/// That of the settings, which look at the broker's executable and write what a person exports where they wish, so without Landlock.
pub fn of_the_settings() -> Sandbox {
    Sandbox {
        owns: Vec::new(),
        reads: Vec::new(),
        knows_peers: true,
        abstract_sockets: false,
    }
}

/// Where the looks of windows are kept.
fn looks() -> Vec<PathBuf> {
    let of = |base: Option<PathBuf>, names: &'static [&'static str]| {
        let base = base.into_iter();
        base.flat_map(move |base| names.iter().map(move |name| base.join(name)))
    };
    let home = env::home_dir();
    let mut looks = data_dirs::system();
    looks.extend(of(
        dir("XDG_CONFIG_HOME", Some(".config")),
        &["gtk-4.0", "fontconfig", "dconf", "glib-2.0/settings"],
    ));
    looks.extend(of(
        dir("XDG_DATA_HOME", Some(".local/share")),
        &["fonts", "icons", "themes"],
    ));
    looks.extend(of(dir("XDG_CACHE_HOME", Some(".cache")), &["fontconfig"]));
    looks.extend(of(home, &[".fonts", ".icons", ".themes", ".Xauthority"]));
    looks.extend(env::var_os("XAUTHORITY").map(PathBuf::from));
    looks.push("/var/cache/fontconfig".into());
    looks
}

/// A base directory, named by the environment or else below the home (Base Directory Specification 0.8).
fn dir(variable: &str, below_home: Option<&str>) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from).filter(|dir| dir.is_absolute());
    named.or_else(|| Some(env::home_dir()?.join(below_home?)))
}

/// Becomes the same program in an environment that suits it, because a process cannot safely change its own; returns only what went
/// wrong.
fn restart() -> io::Error {
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut same = Command::new(program);
    same.args(env::args_os().skip(1));
    for name in unwanted() {
        same.env_remove(name);
    }
    for (name, value) in WANTED {
        // A person's own choice stands.
        same.env(name, env::var_os(name).unwrap_or_else(|| value.into()));
    }
    same.exec()
}

/// What takes the program's code or its secrets out of its hands.
fn unwanted() -> impl Iterator<Item = &'static str> {
    OTHER_CODE.into_iter().chain([INSPECTOR])
}
