//! How both windows' programs begin: in an environment that loads no other code, and confined before GTK starts.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::{env, io};

use claviger_kernel::sandbox::{Sandbox, SandboxError};
use claviger_peer::OTHER_CODE;
use thiserror::Error;

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

/// Starts the program again where its environment does not suit it, and confines it: no socket but Unix ones, no new program, no other
/// process. Call it before the first thread, and so before GTK.
///
/// # Errors
/// See [`ConfineError`]; the program must not go on.
pub fn enter() -> Result<(), ConfineError> {
    let is_set = |name: &str| env::var_os(name).is_some();
    if !WANTED.iter().all(|(name, _)| is_set(name)) || unwanted().any(is_set) {
        return Err(ConfineError::Restart(restart()));
    }
    Sandbox {
        owns: Vec::new(),
        knows_peers: true,
        abstract_sockets: false,
    }
    .enter()?;
    Ok(())
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
