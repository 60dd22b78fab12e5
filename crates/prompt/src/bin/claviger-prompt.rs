//! `claviger-prompt`: the window that asks. D-Bus starts it when the broker has something to ask, and it ends when it is idle.

use std::io;
use std::io::Write as _;
use std::process::ExitCode;

use claviger_peer::proves_roles;
use claviger_prompt::prompt::{app, link};
use claviger_prompt::{bus, confinement};

fn main() -> ExitCode {
    let platform = match bus::platform() {
        Ok(platform) => platform,
        Err(error) => return fail(&error),
    };
    // systemd proves the broker; where it cannot, the broker's executable has to be looked at.
    let confinement = confinement::of_the_prompt(!proves_roles(&platform));
    if let Err(error) = confinement::enter(&confinement) {
        return fail(&error);
    }
    // The bus is spoken to while GTK looks for its display.
    match link::attach() {
        Ok(link) => app::run(link),
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    // A standard error that is closed takes no complaint either.
    let _ = writeln!(io::stderr(), "claviger-prompt: {error}");
    ExitCode::FAILURE
}
