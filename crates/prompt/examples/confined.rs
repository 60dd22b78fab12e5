//! Says what the confinement of the window that asks leaves: each argument is a file, which is read; or, after `--run`, a program, which is
//! started; or, after `--write`, a file, which is written. For tests.

use std::fs;
use std::io::{Write as _, stdout};
use std::process::Command;

use claviger_prompt::confinement;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    confinement::of_the_prompt(false).enter()?;
    while let Some(argument) = arguments.next() {
        let done = match argument.as_str() {
            "--run" => Command::new(arguments.next().unwrap_or_default()).status().is_ok(),
            "--write" => fs::write(arguments.next().unwrap_or_default(), "").is_ok(),
            file => fs::read(file).is_ok(),
        };
        writeln!(stdout(), "{}", if done { "done" } else { "refused" })?;
    }
    Ok(())
}
