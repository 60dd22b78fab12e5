//! `claviger-settings [PAGE]`: the settings window, with the page of this name before one (`passkeys`, `providers`, …).

use std::env;
use std::process::ExitCode;

use claviger_prompt::settings::app;
use claviger_prompt::settings::model::page::Place;

fn main() -> ExitCode {
    let place = env::args().nth(1).and_then(|name| Place::named(&name));
    app::run(place.unwrap_or(Place::Passkeys))
}
