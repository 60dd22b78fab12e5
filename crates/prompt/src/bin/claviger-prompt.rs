//! `claviger-prompt`: the window that asks. D-Bus starts it when the broker has something to ask, and it ends when it is idle.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::{env, io};

use claviger_kernel::sandbox::Sandbox;
use claviger_prompt::prompt::{app, link};

/// What GTK draws with, and the one that needs no graphics driver in the process that a PIN is typed into. It is also there first.
const RENDERER: (&str, &str) = ("GSK_RENDERER", "cairo");

fn main() -> ExitCode {
    if env::var_os(RENDERER.0).is_none() {
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

/// Becomes the same program with the renderer in its environment, which nobody may change once there are threads; returns only what
/// went wrong.
fn restart() -> io::Error {
    match env::current_exe() {
        Ok(program) => Command::new(program)
            .args(env::args_os().skip(1))
            .env(RENDERER.0, RENDERER.1)
            .exec(),
        Err(error) => error,
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    // A standard error that is closed takes no complaint either.
    let _ = writeln!(io::stderr(), "claviger-prompt: {error}");
    ExitCode::FAILURE
}
