//! `claviger-prompt`: the window that asks. D-Bus starts it when the broker has something to ask, and it ends when it is idle.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::{env, io};

use claviger_kernel::sandbox::Sandbox;
use claviger_prompt::prompt::{app, link};

/// What GTK draws with, and the one that needs no graphics driver in the process that a PIN is typed into. It is also there first.
const RENDERER: (&str, &str) = ("GSK_RENDERER", "cairo");

/// With these GTK or GLib would run other code in this process, or let it be looked into.
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
    if env::var_os(RENDERER.0).is_none() || UNWANTED.iter().any(|name| env::var_os(name).is_some()) {
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
    let renderer = env::var_os(RENDERER.0).unwrap_or_else(|| RENDERER.1.into());
    same.env(RENDERER.0, renderer).exec()
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    // A standard error that is closed takes no complaint either.
    let _ = writeln!(io::stderr(), "claviger-prompt: {error}");
    ExitCode::FAILURE
}
