//! `claviger-virtual-key`: a security key in software, for whoever tests a client or a website.
//!
//! It is a program of its own, so that the platform comes without an authenticator that agrees to everything. [`cli`] is the
//! command line, [`key`] puts the key together. Reports come by a [`wire`], [`front`] speaks CTAPHID and sees to it that each
//! client gets its own answers, and [`engine`] runs the authenticator on a thread of its own, in its [`surroundings`].

mod channels;
mod cli;
mod clock;
mod engine;
mod failure;
mod first_pin;
mod front;
mod journal;
mod key;
mod options;
mod state;
mod surroundings;
mod user;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::cli::Options;
use crate::failure::note;

fn main() -> ExitCode {
    let options = Options::parse();
    start_log();
    match key::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            note(format_args!("claviger-virtual-key: {failure}"));
            failure.exit_code()
        }
    }
}

/// The log goes to standard error. `CLAVIGER_LOG` chooses how much of it, as for `claviger`.
fn start_log() {
    let filter = EnvFilter::try_from_env("CLAVIGER_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
