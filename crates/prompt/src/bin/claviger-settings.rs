//! `claviger-settings [PAGE]`: the settings window, with the page of this name before one (`passkeys`, `providers`, …).

use std::io::Write as _;
use std::process::ExitCode;
use std::{env, io};

use claviger_prompt::confinement;
use claviger_prompt::settings::app;
use claviger_prompt::settings::arguments::{self, Wish};

/// The exit status for arguments that make no sense, as the command line has it.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let place = match arguments::read(env::args_os().skip(1)) {
        Ok(Wish::Show(place)) => place,
        Ok(Wish::Print(text)) => {
            return match io::stdout().write_all(text.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            };
        }
        Err(wrong) => return fail(&wrong, ExitCode::from(USAGE)),
    };
    match confinement::enter(&confinement::of_the_settings()) {
        Ok(()) => app::run(place),
        Err(error) => fail(&error, ExitCode::FAILURE),
    }
}

fn fail(why: &dyn std::fmt::Display, status: ExitCode) -> ExitCode {
    // A standard error that is closed takes no complaint either.
    let _ = writeln!(io::stderr(), "claviger-settings: {why}");
    status
}
