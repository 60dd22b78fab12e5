//! `claviger-prompt`: the window that asks. D-Bus starts it when the broker has something to ask, and it ends when it is idle.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::{env, io};

use claviger_peer::{OTHER_CODE, proves_roles};
use claviger_prompt::prompt::{app, link};
use claviger_prompt::{bus, confinement};

/// Has Cairo draw, and GTK look for no graphics driver, which it would otherwise load into the process that a PIN is typed into. The
/// first frame is there sooner, too. GTK before 4.16 knows the second, later ones the third.
const WANTED: [(&str, &str); 3] = [
    ("GSK_RENDERER", "cairo"),
    ("GDK_DEBUG", "gl-disable"),
    ("GDK_DISABLE", "gl,vulkan"),
];

/// With this GTK lets the process be looked into.
const INSPECTOR: &str = "GTK_DEBUG";

fn main() -> ExitCode {
    let is_set = |name: &str| env::var_os(name).is_some();
    if !WANTED.iter().all(|(name, _)| is_set(name)) || unwanted().any(is_set) {
        return fail(&restart());
    }
    let platform = match bus::platform() {
        Ok(platform) => platform,
        Err(error) => return fail(&error),
    };
    // Before the first thread, and so before GTK. systemd proves the broker; where it cannot, the broker's executable has to be looked at.
    if let Err(error) = confinement::of_the_prompt(!proves_roles(&platform)).enter() {
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

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    // A standard error that is closed takes no complaint either.
    let _ = writeln!(io::stderr(), "claviger-prompt: {error}");
    ExitCode::FAILURE
}
