//! `claviger-prompt`: the window that asks. D-Bus starts it when the broker has something to ask, and it ends when it is idle.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::{env, io};

use claviger_kernel::sandbox::Sandbox;
use claviger_prompt::prompt::{app, link};

/// Has Cairo draw, and GTK look for no graphics driver, which it would otherwise load into the process that a PIN is typed into. The
/// first frame is there sooner, too. GTK before 4.16 knows the second, later ones the third.
const WANTED: [(&str, &str); 3] = [
    ("GSK_RENDERER", "cairo"),
    ("GDK_DEBUG", "gl-disable"),
    ("GDK_DISABLE", "gl,vulkan"),
];

/// With these GTK or its libraries would run other code in this process, or let it be looked into.
const UNWANTED: [&str; 8] = [
    "GTK_MODULES",
    "GTK_PATH",
    "GTK_EXE_PREFIX",
    "GTK_DEBUG",
    "GIO_EXTRA_MODULES",
    "GIO_MODULE_DIR",
    "GDK_PIXBUF_MODULE_FILE",
    "GDK_PIXBUF_MODULEDIR",
];

fn main() -> ExitCode {
    let is_set = |name: &str| env::var_os(name).is_some();
    if !WANTED.iter().all(|(name, _)| is_set(name)) || UNWANTED.iter().any(|name| is_set(name)) {
        return fail(&restart());
    }
    // Before the first thread, and so before GTK.
    let confined = Sandbox {
        owns: Vec::new(),
        knows_peers: true,
        abstract_sockets: false,
    }
    .enter();
    if let Err(error) = confined {
        return fail(&error);
    }
    // The bus is spoken to while GTK looks for its display.
    match link::attach() {
        Ok(link) => app::run(link),
        Err(error) => fail(&error),
    }
}

/// Becomes the same program in an environment that suits it, because a process cannot safely change its own; returns only what went
/// wrong.
fn restart() -> io::Error {
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut same = Command::new(program);
    for name in UNWANTED {
        same.env_remove(name);
    }
    for (name, value) in WANTED {
        // A person's own choice stands.
        same.env(name, env::var_os(name).unwrap_or_else(|| value.into()));
    }
    same.exec()
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    // A standard error that is closed takes no complaint either.
    let _ = writeln!(io::stderr(), "claviger-prompt: {error}");
    ExitCode::FAILURE
}
